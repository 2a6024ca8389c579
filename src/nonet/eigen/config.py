"""What the study of this wing can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SCALES", "StudyConfig"]


@dataclass(frozen=True)
class StudyConfig:
    """How much the study measures.

    Attributes:
        count: matrices of each hard class, at least 1.
        seed: of the random matrices.
        batch: matrices in the batch that is timed, at least 1.
        rounds: repetitions of each timing, of which the fastest counts, at least 1.
        scale: its name on the command line.
    """

    count: int = 300
    seed: int = 0
    batch: int = 1_000_000
    rounds: int = 3
    scale: Literal["minutes", "hours"] = "minutes"


SCALES = {"minutes": StudyConfig(), "hours": StudyConfig(count=20_000, rounds=20, scale="hours")}
"""How much, by name."""
