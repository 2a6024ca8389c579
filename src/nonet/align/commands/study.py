"""``nonet align study``: the article's claims, re-made."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__all__ = ["study"]


def study(
    *,
    out: Path,
    scale: Literal["minutes", "hours"] = "minutes",
    seed: int = 0,
    data: Path | None = None,
    labelled: Path | None = None,
    seeds: int | None = None,
    cache: Path | None = None,
    parts: tuple[Literal["data", "width", "temperature", "negatives", "arithmetic", "zero-shot"], ...] = (),
    json: bool = False,
) -> None:
    """Re-make the article's claims on drawings: data, width, temperature, negatives, arithmetic, zero-shot.

    Example: nonet align study --out study/ --labelled cifar10/

    Args:
        out: a folder for the drawings and the report.
        scale: minutes trains 10 epochs of each setting, hours 60.
        seed: the first of the seeds.
        data: a folder of real data sets, with cifar10/ or cifar10-jpg.tar.xz in it, for zero-shot against a probe.
        labelled: other labelled pictures for that: a folder with train/ and test/, each with a folder for each class.
        seeds: trainings of each setting; 2 in minutes and 3 in hours if not given.
        cache: where features are kept; the user's cache by default.
        parts: which claims, all by default; trainings that are done stay in the folder until all are.
        json: print for other programs.
    """
    from nonet.align.labelled import sample_in
    from nonet.align.study import PARTS, StudyConfig
    from nonet.align.study import study as run
    from nonet.foundation import console
    from nonet.foundation.errors import DataError, UsageError

    seeds = (2 if scale == "minutes" else 3) if seeds is None else seeds
    if seeds < 1:
        raise UsageError(f"{seeds} seeds are none.", where="--seeds", fix="Choose 3 for error bars.")
    chosen = parts or PARTS
    if labelled is not None:
        for part in (labelled / "train", labelled / "test"):
            if not part.is_dir():
                raise DataError(
                    "There is no such folder.", where=part, fix="Name a folder with train/ and test/ in it."
                )
    if labelled is None and data is not None and "zero-shot" in chosen:
        labelled = sample_in(data, "cifar10", out / "labelled")
    config = StudyConfig(out, labelled, scale, seed, seeds, cache, chosen)
    run(config).publish(out, console.command_line(), as_json=json)
