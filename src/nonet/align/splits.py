"""Which split a group belongs to: decided by a hash, so that it never depends on what else is there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from nonet.foundation.errors import UsageError

__all__ = ["Shares"]


@dataclass(frozen=True)
class Shares:
    """How much of the groups each split gets.

    A group keeps its split when other groups are added or removed.

    Attributes:
        validation: share of the groups held out for choosing settings, in [0, 1).
        test: share of the groups held out for the final figure, in [0, 1).
        seed: another seed gives other splits.
    """

    validation: float = 0.1
    test: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.validation < 1 and 0 <= self.test < 1 and self.validation + self.test < 1):
            raise UsageError(
                f"A share of {self.validation} for validation and {self.test} for test leaves nothing to train on.",
                fix="Choose shares from 0 to 1 with a sum below 1, for example 0.1 each.",
            )

    def split(self, concept: str) -> str:
        """The split of the group ``concept``."""
        digest = hashlib.blake2b(f"{self.seed}:{concept}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        position = int.from_bytes(digest) / 2**64
        if position < self.test:
            return "test"
        return "validation" if position < self.test + self.validation else "train"
