"""Maps of every kind, teams, episodes, recorded drives, stages of trainings and outcomes of evaluations."""

import gzip
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from house import untaught_team
from nonet.rendezvous import train
from nonet.rendezvous.bridge.bag import Recorder, read_bag
from nonet.rendezvous.bridge.io import Reading, Scan
from nonet.rendezvous.evaluate import Outcome, read_outcomes, write_outcomes
from nonet.rendezvous.maps.readers import read_map
from nonet.rendezvous.page import mount
from nonet.rendezvous.saving import read_episode
from nonet.rendezvous.team import load_team, save_team
from reliability.loaders import Loader

_BEAMS = 8


def _shade() -> Image.Image:
    shade = np.full((20, 30), 254, np.uint8)
    shade[:12, 15] = 0
    return Image.fromarray(shade)


def _ros(folder: Path) -> Path:
    _shade().save(folder / "lab.png")
    (folder / "lab.yaml").write_text(
        "image: lab.png\nresolution: 0.1\norigin: [1.0, 2.0, 0.0]\nnegate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.2\n"
    )
    return folder / "lab.yaml"


def _pgm(folder: Path) -> Path:
    _shade().save(folder / "it.pgm")
    return folder / "it.pgm"


def _png(folder: Path) -> Path:
    _shade().save(folder / "it.png")
    return folder / "it.png"


def _moving_ai(folder: Path) -> Path:
    rows = ["." * 12] * 4 + ["....@@@@...."] * 2 + ["." * 12] * 3
    (folder / "it.map").write_text("type octile\nheight 9\nwidth 12\nmap\n" + "\n".join(rows) + "\n")
    return folder / "it.map"


def _grid() -> bytes:
    name = b"COccupancyGridMap2D"
    cells = np.full((6, 8), 50, np.int8)
    cells[2, 3] = -50
    head = bytes([len(name) | 0x80]) + name + bytes([6, 8])
    return head + struct.pack("<IIfffff", 8, 6, 0.0, 0.8, 0.0, 0.6, 0.1) + cells.tobytes() + bytes(40)


def _mrpt(folder: Path) -> Path:
    (folder / "it.gridmap").write_bytes(_grid())
    return folder / "it.gridmap"


def _mrpt_gz(folder: Path) -> Path:
    (folder / "it.gridmap.gz").write_bytes(gzip.compress(_grid()))
    return folder / "it.gridmap.gz"


def _team(folder: Path) -> Path:
    save_team(folder / "it", untaught_team())
    (folder / "it" / "episodes").mkdir()
    (folder / "it" / "episodes" / "one.json").write_text(_EPISODE)
    return folder / "it"


_EPISODE = (
    '{"format": "nonet-rendezvous-episode", "about": {"method": "hpp", "episode": 0, "map": "hall"}, "step_s": 0.2,'
    ' "radius_m": 0.2, "beams": [0.0], "reach_m": 5.0, "bounds": [0, 0, 6, 6], "circles": [], "segments": [],'
    ' "poses": [[[1, 2, 0], [5, 2, 3]]], "goals": [[[3, 2], [3, 2]]], "scans": [[[1.5], [1.5]]], "contacts": [[0, 0]],'
    ' "plans": [], "met_s": {"0.5": null, "1": 3.9}, "collisions": [0, 0], "travelled_m": [1.6, 1.6], "seconds": 4.0}'
)


def _load_team(path: Path) -> None:
    load_team(path)
    listed = next(route for route in mount(path).router.routes if route.path == "/api/episodes")
    listed.endpoint()


def _episode(folder: Path) -> Path:
    (folder / "it.json").write_text(_EPISODE)
    return folder / "it.json"


def _bag(folder: Path) -> Path:
    recorder = Recorder(folder / "it", "robot_0", ["robot_0", "robot_1"])
    for tick in range(3):
        scan = Scan(0.1 * tick, np.ones(5, np.float32), -1.5, 0.7, 0.1, 10.0)
        poses = {name: np.array([1.0, tick, 0.5], np.float32) for name in ("robot_0", "robot_1")}
        reading = Reading(scan, 0.0, np.zeros(3, np.float32), np.zeros(2, np.float32), poses)
        recorder.write(0.1 * tick, reading, np.zeros(2, np.float32))
    recorder.close()
    return folder / "it"


def _stage(folder: Path) -> Path:
    home = folder / "it"
    home.mkdir()
    train._stage(home, "policy", (1,), lambda: ([{"w0": np.ones((2, 2), np.float32)}], {"loss": [1.0, 0.5]}))
    return home


def _load_stage(path: Path) -> None:
    train._stage(path, "policy", (1,), lambda: ([], {}))


def _outcomes(folder: Path) -> Path:
    outcome = Outcome(
        **dict.fromkeys(Outcome.__dataclass_fields__, 0)
        | {"met_s": {0.5: np.inf, 1.0: 2.0}, "disagreement_m": np.array([1.0, np.nan])}
    )
    write_outcomes(folder / "it.json", [outcome])
    return folder / "it.json"


LOADERS = [
    Loader("rendezvous/map-ros", _ros, read_map),
    Loader("rendezvous/map-pgm", _pgm, read_map),
    Loader("rendezvous/map-png", _png, read_map),
    Loader("rendezvous/map-moving-ai", _moving_ai, read_map),
    Loader("rendezvous/map-mrpt", _mrpt, read_map),
    Loader("rendezvous/map-mrpt-gz", _mrpt_gz, read_map),
    Loader("rendezvous/team", _team, _load_team),
    Loader("rendezvous/episode", _episode, read_episode),
    Loader("rendezvous/bag", _bag, lambda path: list(read_bag(path, "robot_0"))),
    Loader("rendezvous/stage", _stage, _load_stage),
    Loader("rendezvous/outcomes", _outcomes, read_outcomes),
]
