"""What of a network and of its pictures is looked at; several commands are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from nonet.cka.loading import Source

__all__ = ["Shown"]


@dataclass(frozen=True)
class Shown:
    """What is looked at."""

    layers: tuple[str, ...] = ()
    """Names or globs of modules; by default every leaf."""
    split: Literal["train", "test", "all"] = "test"
    """Which part of the pictures."""
    batch_size: int = 256
    """Examples in a batch of pictures."""
    side: int | None = None
    """Average the pictures to squares of that many pixels."""
    crop: int | None = None
    """Take the middle square of the pictures first."""
    limit: int = 0
    """At most so many pictures; 0 for all."""

    def source(self, data: str) -> Source:
        """The pictures, or the loader that the words name."""
        from nonet.cka.loading import open_data

        return open_data(
            data, split=self.split, batch_size=self.batch_size, side=self.side, crop=self.crop, limit=self.limit
        )
