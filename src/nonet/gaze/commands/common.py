"""What several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nonet.gaze.store import Store

__all__ = ["open_store", "saved"]


def open_store(folder: Path | None) -> Store:
    """The store that is named, or the user's own; it must be there."""
    from nonet.gaze.store import default_store
    from nonet.gaze.store.shelf import require_store

    return require_store(folder or default_store())


def saved(path: Path) -> None:
    """Says where something was written."""
    from nonet.foundation import console

    console.wrote(path)
