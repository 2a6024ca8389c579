"""``nonet gaze …``: the wing on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from nonet.gaze.config import CaptureRecipe, Learning, Personal, Synthesis

if TYPE_CHECKING:
    from nonet.gaze.store import Store

__all__ = ["COMMANDS"]

Source = tyro.conf.Positional


def train(
    data: Source[Path | None] = None,
    *,
    out: Path,
    synthetic: bool = False,
    synthesis: Synthesis = Synthesis(),  # noqa: B008
    learning: Learning = Learning(),  # noqa: B008
    recipe: CaptureRecipe = CaptureRecipe(),  # noqa: B008
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
    """
    from nonet.foundation.errors import UsageError
    from nonet.gaze import making

    if synthetic == (data is not None):
        raise UsageError(
            "Name the folder of GazeCapture, or choose --synthetic, and not both.",
            fix="For example: nonet gaze train --synthetic --out model/",
        )
    if data is None:
        making.from_synthesis(synthesis, learning, out)
    else:
        making.from_capture(data, recipe, out)


def evaluate(
    model: Source[Path], *, people: int = 60, frames: int = 40, seed: int = 1, out: Path | None = None
) -> None:
    """Judge a network on new rendered people: by skin tone, eye colour and glasses.

    Example: nonet gaze evaluate model/

    Args:
        model: a network's folder.
        people: how many to render.
        frames: pictures of each.
        seed: decides them.
        out: a folder for report.html.
    """
    from nonet.gaze import fairness
    from nonet.gaze.model import load

    report = fairness.fairness(load(model), people=people, frames=frames, seed=seed)
    report.show()
    if out:
        _saved(report.save(out))


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
    _saved(out)


def setup(
    folder: Source[Path],
    *,
    model: Path,
    pictures: Path | None = None,
    tasks: tuple[str, ...] = ("saccade", "pursuit", "search", "viewing", "reading"),
    quick: bool = False,
    seed: int | None = None,
) -> None:
    """Make a study's folder: a study.json to edit, and a store beside it.

    Example: nonet gaze setup study/ --model model/ --tasks saccade pursuit

    Args:
        folder: to make.
        model: a network's folder.
        pictures: a folder of pictures for free viewing.
        tasks: in their order: saccade, pursuit, search, viewing, reading, proofreading, tracking.
        quick: few and short trials, for trying it out.
        seed: the same trials for everybody; drawn for each session if not given.
    """
    from nonet.gaze.settings import StudySettings, write_settings
    from nonet.gaze.tasks.stages import Pace

    settings = StudySettings(
        model=model.resolve(),
        tasks=tasks,
        pictures=pictures and pictures.resolve(),
        pace=Pace.quick() if quick else Pace(),
        seed=seed,
        store=Path("store"),
    )
    _saved(write_settings(folder, settings))


def calibrate(
    model: Source[Path],
    session: Source[str],
    *,
    store: Path | None = None,
    finetune: bool = False,
    personal: Personal = Personal(),  # noqa: B008
) -> None:
    """Fit a session's calibration again, with other options or with fine-tuning.

    Example: nonet gaze calibrate model/ s-k3vq7m2xw4ht6bnp

    Args:
        model: the network that the session was recorded with.
        session: its id, or its folder.
        store: where recordings are; the user's data folder if not given.
        finetune: train the whole network on; needs kept pictures.
        personal: options of the fit.
    """
    from nonet.foundation import console
    from nonet.gaze.recalibrate import recalibrate

    fit = recalibrate(_store(store).session(session), model, personal, finetuned=finetune)
    rows = [(rung, error, rung == fit.rung) for rung, error in fit.errors_cm.items()]
    console.table(("fit", "error on dots left out, cm", "used"), rows, right=("error on dots left out, cm",))


def report(session: Source[str], *, store: Path | None = None, out: Path | None = None) -> None:
    """Report a session: error per dot, task measures, plots.

    Example: nonet gaze report s-k3vq7m2xw4ht6bnp

    Args:
        session: its id, or its folder.
        store: where recordings are; the user's data folder if not given.
        out: a folder for report.html; the session's own if not given.
    """
    from nonet.gaze.reporting import session_report

    opened = _store(store).session(session)
    made = session_report(opened)
    made.show()
    page = made.save(out or opened.folder)
    if out is None:
        for name in ("report.html", "report.json"):
            (opened.folder / name).chmod(0o600)
    _saved(page)


def list_(*, store: Path | None = None) -> None:
    """List participants and their sessions, by their random ids.

    Example: nonet gaze list

    Args:
        store: where recordings are; the user's data folder if not given.
    """
    from nonet.foundation import console

    shelf = _store(store)
    rows = [
        (s.record.participant, s.record.session, s.record.started, s.record.settings["source"], s.record.stage)
        for s in shelf.sessions()
    ]
    console.table(("participant", "session", "started", "source", "stages done"), rows)


def forget(participant: Source[str], *, store: Path | None = None) -> None:
    """Delete everything about a participant, search for traces, and write a receipt.

    Example: nonet gaze forget p-k3vq7m2xw4ht6bnp

    Args:
        participant: the random id.
        store: where recordings are; the user's data folder if not given.
    """
    from datetime import UTC, datetime

    from nonet.foundation import console
    from nonet.gaze.store import forget as delete

    receipt = delete(_store(store), participant, datetime.now(UTC))
    console.summary(
        "Deleted; no trace is left.",
        {"receipt": receipt.receipt, "files": receipt.files, "rows of reports": receipt.rows},
    )


def expire(*, store: Path | None = None, delete: bool = False) -> None:
    """List participants whose data is due for deletion; delete it with --delete.

    Example: nonet gaze expire --delete

    Args:
        store: where recordings are; the user's data folder if not given.
        delete: forget them.
    """
    from datetime import UTC, datetime

    from nonet.foundation import console
    from nonet.gaze.store import expired
    from nonet.gaze.store import forget as remove

    shelf, now = _store(store), datetime.now(UTC)
    due = expired(shelf, now.date())
    for participant in due:
        console.say(f"{participant}  {'deleted, ' + remove(shelf, participant, now).receipt if delete else 'due'}")
    console.note(f"{len(due)} participants are due.")


def data(participant: Source[str], *, out: Path, store: Path | None = None) -> None:
    """Give a participant everything that is stored about them, as a zip archive.

    Example: nonet gaze data p-k3vq7m2xw4ht6bnp --out mine.zip

    Args:
        participant: the random id.
        out: the archive.
        store: where recordings are; the user's data folder if not given.
    """
    from nonet.gaze.store import export
    from nonet.gaze.store.private import write_private

    write_private(out, export(_store(store), participant))
    _saved(out)


def convert(
    session: Source[str],
    *,
    out: Path,
    to: Literal["bids", "parquet"] = "bids",
    store: Path | None = None,
) -> None:
    """Write a session's gaze for other tools: BIDS eye tracking, or Parquet.

    Example: nonet gaze convert s-k3vq7m2xw4ht6bnp --to parquet --out gaze.parquet

    Args:
        session: its id, or its folder.
        out: a folder for BIDS, a file for Parquet.
        to: the format.
        store: where recordings are; the user's data folder if not given.
    """
    from nonet.gaze import exports

    opened = _store(store).session(session)
    _saved(exports.to_bids(opened, out) if to == "bids" else exports.to_parquet(opened, out))


def study(
    *, out: Path, model: Path | None = None, scale: Literal["minutes", "hours"] = "minutes", seed: int = 0
) -> None:
    """Re-make the articles' claims with simulated participants.

    Example: nonet gaze study --out report/ --model model/

    Args:
        out: a folder for report.html; a network is trained in it if none is given.
        model: a network made by `nonet gaze train --synthetic`.
        scale: `minutes`, or `hours` for more people and the article's network.
        seed: decides everything random.
    """
    from nonet.gaze.study import StudyConfig
    from nonet.gaze.study import study as run

    made = run(StudyConfig(out=out, model=model, scale=scale, seed=seed))
    made.show()
    _saved(made.save(out))


def _store(folder: Path | None) -> Store:
    from nonet.gaze.store import default_store
    from nonet.gaze.store.shelf import require_store

    return require_store(folder or default_store())


def _saved(path: Path) -> None:
    from nonet.foundation import console

    console.note(f"Wrote {path}")


COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "onnx": onnx,
    "setup": setup,
    "list": list_,
    "calibrate": calibrate,
    "report": report,
    "convert": convert,
    "data": data,
    "forget": forget,
    "expire": expire,
    "study": study,
}
