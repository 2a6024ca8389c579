"""Which pairs the rules make, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["RuleConfig", "Task"]

Task = Literal["fuse", "split", "voice", "disfluency", "compress"]


@dataclass(frozen=True)
class RuleConfig:
    """What the rules make of plain English text."""

    task: tuple[Task, ...] = ("fuse",)
    """`fuse`: two sentences to one; `split`: the reverse; `voice`: passive to active and active to passive;
    `disfluency`: hesitations and corrections taken out; `compress`: appositions dropped."""
    most: int = 20_000
    """Pairs at most."""
    per_connective: float = 0.1
    """The largest share of the pairs that one connective may have, so that the set is balanced."""
    unchanged: float = 0.1
    """Share of neighbours that are not to be fused, so that an editor learns when to keep."""
    documents: int = 0
    """Documents read at most; 0 for all."""
    seed: int = 0
    """Decides what is drawn, and the splits by document."""
