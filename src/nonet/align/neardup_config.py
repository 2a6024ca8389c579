"""The options of near-duplicate removal; the defaults are the article's (appendix A)."""

from __future__ import annotations

from dataclasses import dataclass

from nonet.foundation.errors import UsageError

__all__ = ["NearDuplicates"]


@dataclass(frozen=True)
class NearDuplicates:
    """What counts as a near-duplicate."""

    cosine: float = 0.975
    """Two pictures above it are near-duplicates."""
    cells: int = 4000
    """Cells of k-means; at most a quarter of the pictures to train on."""
    nearest: int = 10
    """Cells that a picture belongs to."""
    together: int = 3
    """Cells that two pictures must share to be compared."""

    def __post_init__(self) -> None:
        if not 0 < self.cosine < 1:
            raise UsageError("It must be above 0 and below 1.", where="cosine")
        if not 1 <= self.together <= self.nearest <= 16 or self.cells < 1:
            raise UsageError("A picture belongs to 1 to 16 cells, and shares at most as many.", where="nearest")
        if self.cells**self.together >= 2**63:
            raise UsageError("So many buckets cannot be numbered.", where="cells", fix="Choose fewer cells.")
