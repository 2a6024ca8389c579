"""Kills long jobs at random moments, and looks for what they had promised to keep; `killing_servers` does servers."""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from children import exit_status, start

__all__ = ["JOBS", "Job", "Torment", "torment"]


@dataclass(frozen=True)
class Job:
    """A command that goes on when it is given again.

    Attributes:
        name: of the command.
        prepare: makes what it reads, in a folder.
        work: the command, with everything in that folder.
        kept: how much is finished, as far as the files say; it must never become less.
        result: what a run that was killed must have in common with one that was not.
    """

    name: str
    prepare: Callable[[Path], None]
    work: Callable[[Path], None]
    kept: Callable[[Path], int]
    result: Callable[[Path], Any]


@dataclass(frozen=True)
class Torment:
    """What came of it.

    Attributes:
        name: of the job or server.
        kills: how often it was killed before its end.
        kept: what was acknowledged and still there.
        lost: what was acknowledged and is not.
        same: whether the result is that of an undisturbed run.
    """

    name: str
    kills: int
    kept: int
    lost: int
    same: bool = True


def torment(job: Job, folder: Path, *, kills: int, seed: int) -> Torment:
    """Runs a job undisturbed, then kills it again and again, and compares.

    Args:
        job: what runs.
        folder: a new one.
        kills: how often; a run that is faster than its end begins anew.
        seed: of the moments.
    """
    chance = random.Random(seed)
    whole, broken = folder / "whole", folder / "broken"
    _prepare(job, whole)
    began = time.monotonic()
    assert exit_status(lambda: job.work(whole)) == 0, f"{job.name} does not run"
    usual, wanted = time.monotonic() - began, job.result(whole)
    _prepare(job, broken)
    killed, kept, lost, same = 0, 0, 0, True
    while killed < kills:
        process = start(lambda: job.work(broken))
        process.join(chance.uniform(0, usual))
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
            process.join()
            killed += 1
            now = job.kept(broken)
            lost, kept = lost + max(0, kept - now), max(kept, now)
        else:
            assert process.exitcode == 0, f"{job.name} does not go on after {killed} kills"
            same = same and job.result(broken) == wanted
            _prepare(job, broken)
            kept = 0
    assert exit_status(lambda: job.work(broken)) == 0, f"{job.name} does not go on after {killed} kills"
    return Torment(job.name, killed, job.kept(broken), lost, same and job.result(broken) == wanted)


def _prepare(job: Job, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    job.prepare(folder)


def _train(folder: Path) -> None:
    from safetensors.torch import save_file

    from foundation.regression import CONFIG, Regression, train

    network = Regression()
    train(folder / "run", CONFIG, network)
    save_file(network.state_dict(), folder / "result.safetensors")


def _steps(folder: Path) -> int:
    found = [int(path.name.rpartition("-")[2]) for path in folder.glob("run/checkpoints/step-*")]
    return max(found, default=0)


def _paint(folder: Path) -> None:
    from align.tiny import paint_captioned, tiny
    from nonet.foundation.artifact import Card

    paint_captioned(folder / "pictures", copies=4)
    tiny().save(folder / "model", Card("tiny"))


def _index(folder: Path) -> None:
    from nonet.align.indexing import open_or_create, update
    from nonet.align.listing import list_pictures
    from nonet.align.model import DualEncoder

    model = DualEncoder.load(folder / "model")
    index = open_or_create(folder / "index", model, folder / "model")
    update(index, model, list_pictures(folder / "pictures"), commit=3, batch=3)


def _indexed(folder: Path) -> dict[str, bytes]:
    from nonet.align.index import Index

    if not Index.is_at(folder / "index"):
        return {}
    found = {}
    for segment in Index.open(folder / "index").snapshot().live_segments():
        for batch in segment.batches():
            for path, vector in zip(batch.rows["path"].to_pylist(), batch.vectors, strict=True):
                found[Path(path).name] = np.ascontiguousarray(vector).tobytes()
    return found


def _teach(folder: Path) -> None:
    from reliability.loaders import loaders_of

    loaders_of("felix")["felix/pairs"].make(folder / "pairs")
    loaders_of("felix")["felix/encoder"].make(folder / "encoder")


def _edit(folder: Path) -> None:
    from nonet.cli import run

    options = ["--encoder", str(folder / "encoder" / "it"), "--steps", "30", "--batch-size", "4"]
    assert run(["felix", "train", str(folder / "pairs" / "it"), "--out", str(folder / "editor"), *options]) == 0


def _taught(folder: Path) -> int:
    found = [int(path.name.rpartition("-")[2]) for path in folder.glob("editor/training/tagger/checkpoints/step-*")]
    return 10**6 if (folder / "editor" / "config.json").exists() else max(found, default=0)


def _simulate(folder: Path) -> None:
    from nonet.cli import run

    world = ["--users", "20", "--providers", "4", "--horizon", "8", "--runs", "6"]
    assert run(["recsim", "run", "ecosystem", *world, "--out", str(folder / "run")]) == 0


def _series(folder: Path) -> Any:
    from nonet.recsim.results import load_run

    return load_run(folder / "run").series.to_pydict()


def _study(folder: Path) -> None:
    from nonet.recsim.study import StudyConfig, study

    config = StudyConfig(users=10, horizon=8, short=2, runs=6)
    study(config, checkpoint=folder / "checkpoint").save(folder / "report")


def _studied(folder: Path) -> int:
    return len(list(folder.glob("checkpoint/**/portion-*.npz"))) + 10**6 * (folder / "report").exists()


def _meet(folder: Path) -> None:
    from nonet.rendezvous.config import LidarConfig, PolicyConfig, PredictorConfig, TrainConfig, WorldConfig
    from nonet.rendezvous.team import save_team
    from nonet.rendezvous.train import train

    config = TrainConfig(
        world=WorldConfig(lidar=LidarConfig(beams=8)),
        policy=PolicyConfig(maps=10, goals=3, rounds=2, steps=50),
        predictor=PredictorConfig(episodes=40, epochs=2),
    )
    save_team(folder / "team", train(config, kept=folder / "stages"))


def _met(folder: Path) -> int:
    return len(list(folder.glob("stages/*.npz"))) + 10**6 * (folder / "team" / "config.json").exists()


JOBS = {
    "training": Job(
        "training", lambda folder: None, _train, _steps, lambda folder: (folder / "result.safetensors").read_bytes()
    ),
    "align index": Job("align index", _paint, _index, lambda folder: len(_indexed(folder)), _indexed),
    "felix train": Job(
        "felix train", _teach, _edit, _taught, lambda folder: (folder / "editor" / "model.safetensors").read_bytes()
    ),
    "recsim run": Job(
        "recsim run",
        lambda folder: None,
        _simulate,
        lambda folder: len(list(folder.glob("run.checkpoint/portion-*.npz"))) + 10**6 * (folder / "run").exists(),
        _series,
    ),
    "recsim study": Job(
        "recsim study",
        lambda folder: None,
        _study,
        _studied,
        lambda folder: json.loads((folder / "report" / "report.json").read_text()),
    ),
    "rendezvous train": Job(
        "rendezvous train",
        lambda folder: None,
        _meet,
        _met,
        lambda folder: (folder / "team" / "model.safetensors").read_bytes(),
    ),
}
