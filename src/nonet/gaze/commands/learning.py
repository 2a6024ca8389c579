"""Networks: train, judge, write them for other runtimes; the study of the articles' claims."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tyro

from nonet.foundation.engine import Engine
from nonet.gaze.commands.common import saved
from nonet.gaze.config import CaptureRecipe, Learning, Synthesis

__all__ = ["evaluate", "onnx", "study", "train"]

Source = tyro.conf.Positional


def train(
    data: Source[Path | None] = None,
    *,
    out: Path,
    synthetic: bool = False,
    synthesis: Synthesis = Synthesis(),  # noqa: B008
    learning: Learning = Learning(),  # noqa: B008
    recipe: CaptureRecipe = CaptureRecipe(),  # noqa: B008
    workers: int = 0,
) -> None:
    """Train a base network, on rendered participants or on GazeCapture.

    Example: nonet gaze train --synthetic --out model/

    Args:
        data: the folder of GazeCapture in its official layout; not needed with --synthetic.
        out: the network's folder.
        synthetic: learn from rendered participants.
        synthesis: who they are.
        learning: how to learn from them.
        recipe: how to learn from GazeCapture.
        workers: processes that render; 0 for one per core.
    """
    from nonet.foundation.errors import UsageError
    from nonet.gaze import making

    if synthetic == (data is not None):
        raise UsageError(
            "Name the folder of GazeCapture, or choose --synthetic, and not both.",
            fix="For example: nonet gaze train --synthetic --out model/",
        )
    if data is None:
        making.from_synthesis(synthesis, learning, out, Engine(workers=workers))
    else:
        making.from_capture(data, recipe, out)


def evaluate(
    model: Source[Path],
    *,
    people: int = 60,
    frames: int = 40,
    seed: int = 0,
    workers: int = 0,
    out: Path | None = None,
    json: bool = False,
) -> None:
    """Judge a network on new rendered people: by skin tone, eye colour and glasses.

    Example: nonet gaze evaluate model/

    Args:
        model: a network's folder.
        people: how many to render.
        frames: pictures of each.
        seed: decides who they are; none of them was learnt from.
        workers: processes that render; 0 for one per core.
        out: a folder for report.html; no report is written without it.
        json: print for other programs.
    """
    from nonet.foundation import console
    from nonet.gaze import fairness
    from nonet.gaze.model import load

    engine = Engine(workers=workers)
    report = fairness.fairness(load(model), people=people, frames=frames, seed=seed, engine=engine)
    report.publish(out, console.command_line(), as_json=json)


def onnx(model: Source[Path], *, out: Path) -> None:
    """Write a network as ONNX, for other runtimes.

    Example: nonet gaze onnx model/ --out gaze.onnx

    Args:
        model: a network's folder.
        out: the file.
    """
    from nonet.gaze.deploy import export_onnx
    from nonet.gaze.model import load

    export_onnx(load(model), out)
    saved(out)


def study(
    *,
    out: Path,
    scale: Literal["minutes", "hours"] = "minutes",
    seed: int = 0,
    data: Path | None = None,
    model: Path | None = None,
    people: int | None = None,
    workers: int = 0,
    json: bool = False,
) -> None:
    """Re-make the articles' claims with simulated participants.

    Example: nonet gaze study --out report/ --model model/

    Args:
        out: a folder for report.html; a network is trained in it if none is given.
        scale: `minutes`, or `hours` for more people and the article's network.
        seed: decides everything random.
        data: a folder of real data sets; this study needs none.
        model: a network made by `nonet gaze train --synthetic`.
        people: how many participants; in minutes 6 are rendered and 12 simulated, in hours 40.
        workers: processes; 0 for one per core.
        json: print for other programs.
    """
    from nonet.foundation import console
    from nonet.gaze.study import StudyConfig
    from nonet.gaze.study import study as run

    config = StudyConfig(out=out, model=model, scale=scale, people=people, seed=seed, workers=workers)
    run(config).publish(out, console.command_line(), as_json=json)
