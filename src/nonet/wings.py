"""The names of the wings: all that the front doors know of them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

__all__ = ["WINGS", "Wing", "present"]


@dataclass(frozen=True)
class Wing:
    """One system.

    Attributes:
        name: its package below ``nonet`` and its word on the command line.
        summary: what it does for a user, one line.
        served: what ``nonet serve --NAME`` takes, or None where its page needs nothing.
    """

    name: str
    summary: str
    served: str | None

    def room(self, room: str) -> ModuleType:
        """One of the wing's modules, imported now."""
        return importlib.import_module(f"nonet.{self.name}.{room}")

    def has(self, room: str) -> bool:
        """Whether the wing has that module (found without importing it)."""
        return find_spec(f"nonet.{self.name}") is not None and find_spec(f"nonet.{self.name}.{room}") is not None


WINGS = (
    Wing(
        "align",
        "image-text embeddings from noisy alt text; search pictures by words and pictures",
        "an index folder",
    ),
    Wing("cxc", "judge any embedding against graded human similarity (Crisscrossed Captions)", "pairs to rate"),
    Wing("felix", "fast text editing by tagging and insertion", "an editor folder"),
    Wing("cka", "which layers of one or two networks compute the same thing", "a report folder"),
    Wing("gaze", "eye tracking with a plain camera", "a gaze model folder"),
    Wing("recsim", "simulated recommender ecosystems", "a run folder"),
    Wing("rendezvous", "robots that agree where to meet without talking", "a team folder"),
    Wing("optim", "L-BFGS with strong Wolfe, with and without constraints", None),
    Wing("eigen", "eigenvalues of 2x2 matrices from mean and product", None),
)


def present(room: str) -> list[Wing]:
    """The wings that have the room ``room``, in the order of the house."""
    return [wing for wing in WINGS if wing.has(room)]
