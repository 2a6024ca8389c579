"""What the study of this wing can be told."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StudyConfig"]


@dataclass(frozen=True)
class StudyConfig:
    """How much the study measures.

    Attributes:
        count: matrices of each hard class, at least 1.
        seed: of the random matrices.
        batch: matrices in the batch that is timed, at least 1.
        rounds: repetitions of each timing, of which the fastest counts, at least 1.
    """

    count: int = 300
    seed: int = 0
    batch: int = 1_000_000
    rounds: int = 5
