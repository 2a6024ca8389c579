"""Everything of nonet that reads a file or folder, with a small valid sample of each."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["WINGS", "Loader", "loaders_of"]

WINGS = ("foundation", "align", "cxc", "felix", "cka", "gaze", "recsim", "rendezvous", "numerics")


@dataclass(frozen=True)
class Loader:
    """A way in.

    Attributes:
        name: what is read, such as ``align/pairs``.
        make: writes a valid sample below a new folder and returns the path to load.
        load: reads it as a user's command does, to the end: what is read lazily is asked for.
    """

    name: str
    make: Callable[[Path], Path]
    load: Callable[[Path], object]


@cache
def loaders_of(wing: str) -> dict[str, Loader]:
    """The loaders of a wing by name."""
    listed: list[Loader] = importlib.import_module(f"reliability.loaders.{wing}").LOADERS
    return {loader.name: loader for loader in listed}
