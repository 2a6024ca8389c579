"""``nonet align study``: the article's claims, re-made."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__all__ = ["study"]


def study(
    out: Path,
    labelled: Path | None = None,
    scale: Literal["minutes", "hours"] = "minutes",
    seeds: int = 3,
    cache: Path | None = None,
    parts: tuple[Literal["data", "width", "temperature", "negatives", "arithmetic", "zero-shot"], ...] = (),
) -> None:
    """Re-make the article's claims on drawings: data, width, temperature, negatives, arithmetic, zero-shot.

    Example: nonet align study --out study/ --labelled cifar10/

    Args:
        out: a folder for the drawings and the report.
        labelled: a folder with train/ and test/, each with a folder for each class, for zero-shot against a probe.
        scale: minutes trains 10 epochs of each setting, hours 60.
        seeds: trainings of each setting.
        cache: where features are kept; the user's cache by default.
        parts: which claims, all by default; trainings that are done stay in the folder until all are.
    """
    from datetime import date

    from nonet.align.study import PARTS, StudyConfig
    from nonet.align.study import study as run
    from nonet.foundation import console
    from nonet.foundation.errors import UsageError

    if seeds < 1:
        raise UsageError(f"{seeds} seeds are none.", where="--seeds", fix="Choose 3 for error bars.")
    made = run(StudyConfig(out, labelled, scale, seeds, cache, parts or PARTS), made=date.today().isoformat())
    made.show()
    console.note(f"Report: {made.save(out)}")
