"""A study and its sessions: set up, calibrate again, report, convert, follow fatigue."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tyro

from nonet.gaze.commands.common import open_store, saved
from nonet.gaze.config import Personal

__all__ = ["calibrate", "convert", "fatigue", "list_", "report", "setup"]

Source = tyro.conf.Positional


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
    saved(write_settings(folder, settings))


def list_(*, store: Path | None = None, json: bool = False) -> None:
    """List participants and their sessions, by their random ids.

    Example: nonet gaze list

    Args:
        store: where recordings are; the user's data folder if not given.
        json: print for other programs.
    """
    from nonet.foundation import console

    shelf = open_store(store)
    rows = [
        (s.record.participant, s.record.session, s.record.started, s.record.settings["source"], s.record.stage)
        for s in shelf.sessions()
    ]
    console.table(("participant", "session", "started", "source", "stages done"), rows, as_json=json)


def calibrate(
    model: Source[Path],
    session: Source[str],
    *,
    store: Path | None = None,
    finetune: bool = False,
    personal: Personal = Personal(),  # noqa: B008
    json: bool = False,
) -> None:
    """Fit a session's calibration again, with other options or with fine-tuning.

    Example: nonet gaze calibrate model/ s-k3vq7m2xw4ht6bnp

    Args:
        model: the network that the session was recorded with.
        session: its id, or its folder.
        store: where recordings are; the user's data folder if not given.
        finetune: train the whole network on; needs kept pictures.
        personal: options of the fit.
        json: print for other programs.
    """
    from nonet.foundation import console
    from nonet.gaze.recalibrate import recalibrate

    fit = recalibrate(open_store(store).session(session), model, personal, finetuned=finetune)
    rows = [(rung, error, rung == fit.rung) for rung, error in fit.errors_cm.items()]
    console.table(("fit", "error on dots left out, cm", "used"), rows, as_json=json)


def report(session: Source[str], *, store: Path | None = None, out: Path | None = None, json: bool = False) -> None:
    """Report a session: error per dot, task measures, plots.

    Example: nonet gaze report s-k3vq7m2xw4ht6bnp

    Args:
        session: its id, or its folder.
        store: where recordings are; the user's data folder if not given.
        out: a folder for report.html; the session's own if not given.
        json: print for other programs.
    """
    from nonet.foundation import console
    from nonet.gaze.reporting import session_report

    opened = open_store(store).session(session)
    session_report(opened).publish(out or opened.folder, console.command_line(), as_json=json)
    if out is None:
        for name in ("report.html", "report.json"):
            (opened.folder / name).chmod(0o600)


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

    opened = open_store(store).session(session)
    saved(exports.to_bids(opened, out) if to == "bids" else exports.to_parquet(opened, out))


def fatigue(
    *,
    store: Path | None = None,
    out: Path | None = None,
    permutations: int = 100,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Fatigue over time on task, from all sessions with blocks of tracking or proofreading.

    The blocks go to reports/fatigue.csv in the store, where `forget` takes a participant's rows out again.

    Example: nonet gaze fatigue --out fatigue/

    Args:
        store: where recordings are; the user's data folder if not given.
        out: a folder for report.html, which names participants by letters only; no report is written without it.
        permutations: of the test against chance; the smallest p is one in so many and one.
        seed: decides the permutations of the test against chance.
        json: print for other programs.
    """
    from nonet.foundation import console
    from nonet.gaze.fatigue import TASKS, fatigue_report, recorded_blocks, write_blocks

    shelf = open_store(store)
    sessions = shelf.sessions()
    parts = [recorded_blocks(sessions, task) for task in TASKS]
    report = fatigue_report(parts, sessions, permutations=permutations, seed=seed)
    saved(write_blocks(shelf, parts))
    report.publish(out, console.command_line(), as_json=json)
