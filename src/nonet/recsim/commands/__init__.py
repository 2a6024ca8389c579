"""``nonet recsim``: simulate stories, fit them to logs, infer what is hidden, train recommenders."""

from __future__ import annotations

from collections.abc import Callable

from nonet.recsim.commands.learning import fit, infer, study, train, value
from nonet.recsim.commands.simulation import compare, export, list_stories, run

__all__ = ["COMMANDS"]

COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_stories,
    "run": run,
    "compare": compare,
    "fit": fit,
    "infer": infer,
    "value": value,
    "train": train,
    "study": study,
    "export": export,
}
