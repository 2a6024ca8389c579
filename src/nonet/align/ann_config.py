"""The options of approximate search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nonet.foundation.errors import UsageError

__all__ = ["AnnConfig", "Coding"]

Coding = Literal["sq8", "rabitq"]

_EXACT_BELOW = 200_000
_ONE_BIT_ABOVE = 10_000_000


@dataclass(frozen=True)
class AnnConfig:
    """How an index is made fast."""

    recall: float = 0.95
    """Share of the ten best results that an average query must find."""
    exact_below: int = _EXACT_BELOW
    """Segments with fewer pictures are searched exactly."""
    coding: Literal["auto", "sq8", "rabitq"] = "auto"
    """One byte a number, or one bit a number with more ranked again; auto takes the latter above ten million."""
    cells: int = 0
    """Cells that the vectors are divided into; 0 for twice the square root of their number."""
    memory_mb: int = 4096
    """Codes held in memory while building, in megabytes; more are put down on disk."""
    seed: int = 0
    """Decides which vectors the cells are learnt from."""

    def __post_init__(self) -> None:
        if not 0 < self.recall < 1:
            raise UsageError("It must be above 0 and below 1.", where="recall")
        if min(self.exact_below, self.cells) < 0 or self.memory_mb < 1:
            raise UsageError("Counts are at least 0, and some memory is needed.", where="memory_mb")

    def coding_for(self, rows: int) -> Coding:
        """How so many vectors are coded."""
        if self.coding != "auto":
            return self.coding
        return "rabitq" if rows > _ONE_BIT_ABOVE else "sq8"

    def cells_for(self, rows: int) -> int:
        """How many cells so many vectors are divided into."""
        return self.cells or max(1, round(2 * math.sqrt(rows)))
