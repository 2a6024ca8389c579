"""People to render: what differs from one to the next and stays the same from picture to picture."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["EYE_COLOURS", "TONES", "People", "draw_people"]

TONES = ("very light", "light", "medium", "olive", "brown", "dark")
EYE_COLOURS = ("dark brown", "brown", "hazel", "green", "blue", "grey")

_SKIN = torch.tensor(
    [[.95, .80, .72], [.88, .70, .58], [.78, .58, .45], [.66, .48, .36], [.45, .31, .22], [.26, .17, .12]]
)  # fmt: skip
_IRIS = torch.tensor(
    [[.12, .07, .05], [.28, .17, .10], [.38, .29, .16], [.30, .36, .22], [.30, .42, .55], [.45, .48, .50]]
)  # fmt: skip


@dataclass(frozen=True)
class People:
    """One row a person; a second dimension of 2 is right eye, left eye.

    Attributes:
        tone: skin, 0 (very light) to 5 (dark), (p,).
        skin: its colour, RGB in [0, 1], (p, 3).
        eye_colour: index into `EYE_COLOURS`, (p,).
        iris: its colour, (p, 3).
        glasses: 1 for those who wear them, (p,).
        ipd: distance of the eyeballs, cm, (p,).
        width: of an eye between its corners, cm, (p,).
        radius: of the eyeball, cm, (p,).
        iris_radius: cm, (p,).
        kappa: visual against optical axis, nasal and upward, degrees, (p, 2 eyes, 2).
        offset: of the eyeball's centre from its usual place behind the corners, cm, (p, 2 eyes, 3).
        openness: of the lids, around 1, (p,).
        lashes: darkness of the lashes, 0 to 1, (p,).
        brow: height of the brow over the eye in half eye widths, (p,).
        slant: outer corner above the inner, cm, (p,).
        texture: phases of the skin's texture, (p, 2 eyes, 5, 3).
    """

    tone: Float[Tensor, " p"]
    skin: Float[Tensor, "p 3"]
    eye_colour: Int[Tensor, " p"]
    iris: Float[Tensor, "p 3"]
    glasses: Float[Tensor, " p"]
    ipd: Float[Tensor, " p"]
    width: Float[Tensor, " p"]
    radius: Float[Tensor, " p"]
    iris_radius: Float[Tensor, " p"]
    kappa: Float[Tensor, "p 2 2"]
    offset: Float[Tensor, "p 2 3"]
    openness: Float[Tensor, " p"]
    lashes: Float[Tensor, " p"]
    brow: Float[Tensor, " p"]
    slant: Float[Tensor, " p"]
    texture: Float[Tensor, "p 2 5 3"]

    def __len__(self) -> int:
        return len(self.tone)

    def rows(self, index: Int[Tensor, " n"]) -> People:
        """The people `index`, one a picture."""
        return People(**{item.name: getattr(self, item.name)[index] for item in fields(self)})


def draw_people(count: int, seed: int, *, kappa_sd: float = 3.2, offset_sd_mm: float = 0.9) -> People:
    """People at random; skin from light to dark, eye colours and glasses evenly spread.

    Kappa is about 5° nasal and 1.5° up on average. Its person-to-person part is shared by both eyes in half of its
    variance.

    Args:
        count: how many.
        seed: the same seed draws the same people.
        kappa_sd: spread of kappa, degrees.
        offset_sd_mm: spread of the eyeball's centre in each direction, millimetres.
    """
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=rng)

    tone = uniform(0, 5)
    colour = torch.randint(len(EYE_COLOURS), (count,), generator=rng)
    shared = 0.5**0.5 * normal(count, 1, 2) + 0.5**0.5 * normal(count, 2, 2)
    below = tone.floor().long().clamp(max=len(TONES) - 2)
    share = (tone - below)[:, None]
    skin = _SKIN[below] * (1 - share) + _SKIN[below + 1] * share
    return People(
        tone=tone,
        skin=(skin * (1 + 0.05 * normal(count, 3))).clamp(0.05, 1),
        eye_colour=colour,
        iris=(_IRIS[colour] * (1 + 0.12 * normal(count, 3))).clamp(0.02, 0.9),
        glasses=(uniform(0, 1) < 0.3).float(),
        ipd=6.3 + 0.32 * normal(count),
        width=3.0 + 0.12 * normal(count),
        radius=1.2 + 0.03 * normal(count),
        iris_radius=0.59 + 0.015 * normal(count),
        kappa=torch.tensor([5.0, 1.5]) + kappa_sd * shared,
        offset=0.1 * offset_sd_mm * normal(count, 2, 3),
        openness=(1 + 0.12 * normal(count)).clamp(0.7, 1.35),
        lashes=uniform(0.2, 0.9),
        brow=uniform(1.0, 1.5),
        slant=0.1 + 0.1 * normal(count),
        texture=normal(count, 2, 5, 3),
    )
