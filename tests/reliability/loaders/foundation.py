"""Artifacts, checkpoints, logs of trainings and archives of data packages."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nonet.foundation import artifact, checkpoint, packaged, training_log
from nonet.foundation.artifact import Card
from nonet.foundation.report import Claim, Estimate, Figure, Link, Report, Table
from nonet.tour.showing import tour_report
from nonet.tour.state import Tally, TourState, WingState, read_state
from reliability.loaders import Loader


@dataclass(frozen=True)
class _Settings:
    width: int = 3
    names: tuple[str, ...] = ("a", "b")
    rate: float | None = 0.5


def _artifact(folder: Path) -> Path:
    tensors = {"weight": np.ones((3, 2), np.float32), "count": np.arange(4)}
    card = Card("A thing")
    artifact.save(folder / "it", kind="thing", config=_Settings(), tensors=tensors, card=card, files={"a/b.txt": b"x"})
    return folder / "it"


def _module(folder: Path) -> Path:
    tensors = torch.nn.Linear(2, 3).state_dict()
    artifact.save(folder / "it", kind="thing", config=_Settings(), tensors=tensors, card=Card("A network"))
    return folder / "it"


def _load_module(path: Path) -> None:
    artifact.load_module(path, kind="thing", build=lambda config: torch.nn.Linear(2, config["width"]))


def _checkpoint(folder: Path) -> Path:
    module = torch.nn.Linear(2, 3)
    optimiser = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    state = {"model": module.state_dict(), "optimiser": optimiser.state_dict()}
    checkpoint.write(folder / "run", checkpoint.Checkpoint(1, {"steps": 3}, state))
    (folder / "run" / "log.jsonl").write_text(
        "".join(json.dumps({"event": "train", "step": step, "loss": 0.5, "rate": None}) + "\n" for step in (1, 2))
    )
    return folder / "run"


def _load_checkpoint(path: Path) -> None:
    training_log.read(path)
    checkpoint.latest(path, {"steps": 3})


def _zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "it.zip", "w") as archive:
        archive.writestr("a/model.bin", bytes(100))
        archive.writestr("b.txt", "text")
    return folder / "it.zip"


def _report(folder: Path) -> Path:
    import plotly.graph_objects as go

    claim = Claim("it works", "Table 1", Estimate(1.0, 0.5, 2.0, "cm", "95 %"), True, "by counting")
    figure = Figure("Curve", go.Figure(go.Scatter(y=[1, 2])), "rises")
    table = Table("Rows", ["a", "b"], [[1, Link("x", "y.html")], [2.5, None]])
    part = Report("Part", claims=[claim], figures=[figure])
    Report("Whole", [claim], [figure], [table], "Short.", {"seed": 0}, sections=[part]).save(folder / "it")
    return folder / "it"


def _load_report(path: Path) -> None:
    report = Report.load(path)
    report.to_html()
    report.show()


def _tour(folder: Path) -> Path:
    wing = WingState("eigen", "done", 1.0, 1.0, 30.0, Tally(1, 0, 2), "", "eigen/report.html", "nonet eigen study")
    TourState("minutes", "2026-01-01T00:00:00+00:00", (wing, WingState("optim"))).write(folder)
    return folder


def _load_tour(path: Path) -> None:
    state = read_state(path)
    state.to_dict()
    tour_report(path, state, {})


LOADERS = [
    Loader("foundation/artifact", _artifact, lambda path: artifact.load(path, kind="thing").configured(_Settings)),
    Loader("foundation/module", _module, _load_module),
    Loader("foundation/training", _checkpoint, _load_checkpoint),
    Loader("foundation/zip", _zip, packaged.unpacked),
    Loader("foundation/report", _report, _load_report),
    Loader("foundation/tour", _tour, _load_tour),
]
