"""How the base network learns, and how it is fitted to one person."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.optim import Adam

from nonet.foundation.errors import DataError
from nonet.foundation.files import replace_file
from nonet.foundation.training import History, Rows, TrainingConfig, fit
from nonet.gaze.config import PRESETS, CaptureRecipe, Learning, NetConfig, Personal
from nonet.gaze.data import CaptureFrames
from nonet.gaze.evaluate import distances
from nonet.gaze.model import GazeNet, Seen, as_input
from nonet.gaze.synthetic.dataset import Pictures

__all__ = ["finetune", "infer", "train", "train_on_capture"]

_CROP_FROM = 138 / 128  # size, against the crop's, that training pictures are enlarged to before a random crop
_FINETUNE_BATCH = 32  # pictures a step: a calibration has few


class _Learner(nn.Module):
    """The network as the training loop sees it: a batch goes in, mean squared distance comes out."""

    def __init__(self, net: GazeNet, augment: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.net, self.augment = net, augment

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        left, right = batch["left"], batch["right"]
        if self.training and self.augment is not None:
            left, right = self.augment(left), self.augment(right)
        seen = self.net(as_input(left), as_input(right), batch["corners"])
        squares = (seen.gaze_cm - batch["target_cm"]).square().sum(1)
        return squares.mean(), {"error_cm": squares.detach().sqrt().mean()}


def train(pictures: Pictures, validation: Pictures, config: Learning, *, folder: Path) -> tuple[GazeNet, History]:
    """Trains a base network; of the epochs' networks the one that is best on held-out people is kept.

    Args:
        pictures: to learn from.
        validation: of other people.
        config: the options.
        folder: of this run; an interrupted run goes on from there.
    Returns:
        The network, and what was measured while it learnt.
    """
    centre = pictures.target_cm.mean(0).tolist()
    net = _new_net(config, (centre[0], centre[1]))
    plain = _options(config, len(pictures))
    options = replace(plain, warmup_steps=plain.steps // 10, weight_decay=config.weight_decay)
    best = _Best(net, validation, folder)
    history = fit(
        _Learner(net),
        _rows(pictures),
        options,
        folder=folder,
        evaluate=best.measure,
        fingerprint=_fingerprint(pictures, net.config),
    )
    return best.restore(), history


def train_on_capture(
    pictures: CaptureFrames, validation: CaptureFrames, config: CaptureRecipe, *, folder: Path
) -> tuple[GazeNet, History]:
    """Trains with the recipe of the replications: Adam, staircase decay, random crops.

    Args:
        pictures: of GazeCapture's training split.
        validation: of its validation split.
        config: the recipe.
        folder: of this run.
    """
    net = _new_net(config, (0.0, -6.0))
    options = replace(_options(config, len(pictures)), schedule="constant")
    best = _Best(net, validation, folder)
    history = fit(
        _Learner(net, _random_crop),
        pictures,
        options,
        folder=folder,
        optimizer=lambda groups: _Staircase(groups, config),
        evaluate=best.measure,
        fingerprint=_fingerprint(pictures, net.config),
    )
    return best.restore(), history


def _new_net(config: Learning | CaptureRecipe, centre_cm: tuple[float, float]) -> GazeNet:
    """A network that looks at a point whatever it sees; the caller's randomness stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return GazeNet(PRESETS[config.preset], centre_cm)


def _options(config: Learning | CaptureRecipe, pictures: int) -> TrainingConfig:
    """A training of whole epochs, judged and kept at the end of each."""
    batch = min(config.batch_size, pictures)
    epoch = max(1, pictures // batch)
    return TrainingConfig(
        steps=epoch * config.epochs,
        batch_size=batch,
        learning_rate=config.learning_rate,
        evaluate_every=epoch,
        checkpoint_every=epoch,
        seed=config.seed,
        device=config.device,
    )


@torch.inference_mode()
def infer(net: GazeNet, pictures: Pictures | CaptureFrames, batch_size: int = 256) -> Seen:
    """Gaze and features of many pictures."""
    net.eval()
    parts = []
    for index in torch.arange(len(pictures)).split(batch_size):
        some = pictures.rows(index)
        parts.append(net(as_input(some.left), as_input(some.right), some.corners))
    if not parts:
        raise DataError("There are no pictures to look at.")
    return Seen(*(torch.cat(column) for column in zip(*parts, strict=True)))


def finetune(net: GazeNet, pictures: Pictures, config: Personal) -> GazeNet:
    """A copy of the network, all of it trained on with one participant's calibration.

    Args:
        net: the base network; it stays as it is.
        pictures: of the calibration, with the dots as targets.
        config: steps, epochs at most, and rate.
    """
    tuned = copy.deepcopy(net).train()
    epoch = max(1, len(pictures) // _FINETUNE_BATCH)
    steps = max(1, min(config.finetune_steps, config.finetune_epochs * epoch))
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=config.finetune_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.finetune_rate, total_steps=steps)
    rng = torch.Generator().manual_seed(config.seed)
    learner = _Learner(tuned)
    order = torch.randperm(len(pictures), generator=rng)
    for step in range(steps):
        if step * _FINETUNE_BATCH % len(pictures) < _FINETUNE_BATCH:
            order = torch.randperm(len(pictures), generator=rng)
        index = order[(step * _FINETUNE_BATCH) % len(pictures) :][:_FINETUNE_BATCH]
        loss, _ = learner({name: column[index] for name, column in _columns(pictures).items()})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return tuned.eval()


class _Best:
    """Keeps the weights of the epoch that was best on held-out people; on disk, so that a resumed run has them."""

    def __init__(self, net: GazeNet, validation: Pictures | CaptureFrames, folder: Path) -> None:
        self.net, self.validation, self.path = net, validation, folder / "best.safetensors"

    def measure(self, learner: nn.Module, step: int) -> dict[str, float]:
        """The error on held-out people after a step; its weights are kept if it is the smallest so far."""
        error = float(distances(infer(self.net, self.validation).gaze_cm, self.validation.target_cm).mean())
        if error < self._smallest(step):
            content = save_tensors(dict(self.net.state_dict()), {"error": repr(error), "step": str(step)})
            replace_file(self.path, content)
        return {"validation_cm": error}

    def restore(self) -> GazeNet:
        """The network with the weights that were kept."""
        self.net.load_state_dict(load_file(self.path))
        return self.net.to("cpu").eval()

    def _smallest(self, step: int) -> float:
        """The error of the kept weights, unless they are of a later step, so of a run that was given up."""
        if not self.path.exists():
            return math.inf
        with safe_open(self.path, "pt") as held:
            about = held.metadata()
        return float(about["error"]) if int(about["step"]) < step else math.inf


class _Staircase(Adam):
    """Adam whose rate falls by a factor every so many steps; the loop sets the rate, this scales it."""

    def __init__(self, groups: list[dict], config: CaptureRecipe) -> None:
        super().__init__([{**group, "weight_decay": 0.0} for group in groups], lr=config.learning_rate, eps=1e-7)
        self.recipe, self.done = config, 0

    def step(self, closure=None):  # type: ignore[override]
        factor = self.recipe.decay ** (self.done // self.recipe.decay_steps)
        for group in self.param_groups:
            group["lr"] = self.recipe.learning_rate * factor
        self.done += 1
        return super().step(closure)


def _random_crop(crops: Tensor) -> Tensor:
    """Enlarges by a thirteenth and cuts the former size out again, the same place for a whole batch."""
    side = crops.shape[-1]
    large = round(side * _CROP_FROM)
    drawn = nn.functional.interpolate(crops.float(), size=(large, large), mode="bilinear", align_corners=False)
    x, y = torch.randint(large - side + 1, (2,)).tolist()
    return drawn[..., y : y + side, x : x + side]


def _columns(pictures: Pictures) -> dict[str, Tensor]:
    return {name: getattr(pictures, name) for name in ("left", "right", "corners", "target_cm")}


def _rows(pictures: Pictures) -> Rows:
    return Rows(**_columns(pictures))


def _fingerprint(pictures: Pictures | CaptureFrames, config: NetConfig) -> str:
    digest = hashlib.blake2b(repr(config).encode(), digest_size=16)
    digest.update(pictures.target_cm.numpy().tobytes())
    digest.update(pictures.rows(torch.arange(0, len(pictures), max(1, len(pictures) // 64))).left.numpy().tobytes())
    return digest.hexdigest()
