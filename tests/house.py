"""A small real folder for each wing, as its commands would make it; networks in them have learnt nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nonet.rendezvous.episode import Episode
    from nonet.rendezvous.team import Team

BEAMS = 8
"""Rays of the robots' lidar."""


def build(root: Path) -> dict[str, Path]:
    """What ``nonet serve`` takes, by wing."""
    makers = {
        "align": _align,
        "cxc": _cxc,
        "felix": _felix,
        "cka": _cka,
        "gaze": _gaze,
        "recsim": _recsim,
        "rendezvous": _rendezvous,
    }
    return {name: make(root / name) for name, make in makers.items()}


def _align(folder: Path) -> Path:
    from align.tiny import paint_captioned, tiny
    from nonet.align.indexing import open_or_create
    from nonet.align.model import DualEncoder
    from nonet.align.segments import Picture
    from nonet.foundation.artifact import Card

    pictures = sorted(paint_captioned(folder / "pictures", copies=3).glob("*.png"))
    tiny().save(folder / "model", Card("tiny"))
    model = DualEncoder.load(folder / "model")
    index = open_or_create(folder / "index", model, folder / "model")
    known = [
        Picture(str(path), str(path.parent), _sha256(path), (f"a {path.stem} thing",), 40, 40) for path in pictures
    ]
    index.add(model.embed_images(pictures), known)
    return folder / "index"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _cxc(folder: Path) -> Path:
    from PIL import Image

    from nonet.cxc.page import open_study
    from nonet.cxc.rating.pairs import PairToRate, write_pairs

    folder.mkdir()
    for name in ("red", "blue"):
        Image.new("RGB", (320, 200), name).save(folder / f"{name}.png")
    pairs = [
        PairToRate("sis", "red", "blue", "i2i_csim", left_image="red.png", right_image="blue.png"),
        PairToRate("sits", "a", "red", "c2i_intrasim", left_text="A red field.", right_image="red.png"),
        PairToRate("sts", "a", "b", "c2c_isim", left_text="A red field.", right_text="A blue lake."),
    ]
    write_pairs(folder / "to_rate.parquet", pairs)
    _, store = open_study(folder / "to_rate.parquet")
    rater = store.add_rater("Ann", 0.0)
    task = store.next_task(rater, 1.0)
    assert task is not None
    store.judge(rater, task.pair, 3.5, 2.0, 2.0)
    return folder / "to_rate.parquet"


def _felix(folder: Path) -> Path:
    import torch

    from nonet.felix.casing import Casing
    from nonet.felix.config import EditorConfig, LabelConfig
    from nonet.felix.editor import Editor
    from nonet.felix.encoders import random_encoder
    from nonet.felix.model import Inserter, new_tagger
    from nonet.foundation.artifact import Card

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    encoder, labels = random_encoder(sizes), LabelConfig()
    networks = new_tagger(labels, encoder.config), Inserter(encoder.config)
    Editor.of(EditorConfig("felix", labels, encoder.config), encoder.vocabulary, Casing(), *networks).save(
        folder, Card("untaught")
    )
    return folder


def _cka(folder: Path) -> Path:
    from nonet.cka.blocks import find_blocks
    from nonet.cka.config import BlockOptions
    from nonet.cka.findings import Dominant, Findings, Panel, Spectrum
    from nonet.cka.showing import picture
    from nonet.cka.similarity import Similarity

    layers = 24
    names = tuple(f"stage{at // 8}.conv{at % 8}" for at in range(layers))
    away = np.abs(np.arange(layers)[:, None] - np.arange(layers)) / layers
    for name, slope in (("first", 1.0), ("second", 0.6)):
        values = np.clip(1 - slope * away, 0, 1)
        found = Similarity(
            names, names, values, np.full_like(values, 0.01), {}, name, name, {"inputs": "a", "groups": 4}
        )
        dominant = [Dominant(3, 0.4, picture(np.full((3, 8, 8), 90, np.uint8)), "cat")]
        panel = Panel("CKA", found, find_blocks(values, BlockOptions(permutations=19)), note="Bright: alike.")
        Findings(
            name,
            [panel],
            {name: Spectrum(names, [0.3] * layers, [0.5] * layers, dominant)},
            {name: [(layer, 0.5 + at / 60, 0.9) for at, layer in enumerate(names)]},
            {"command": "nonet cka compare"},
            ["Two images were left out."],
        ).save(folder / name)
    return folder


def _gaze(folder: Path) -> Path:
    import torch

    from nonet.gaze.config import PRESETS
    from nonet.gaze.model import GazeNet, save
    from nonet.gaze.settings import StudySettings, write_settings
    from nonet.gaze.tasks.stages import Pace

    torch.manual_seed(0)
    save(GazeNet(PRESETS["64-half"]), folder / "model")
    settings = StudySettings(tasks=("saccade", "pursuit"), pace=Pace.quick(), seed=2, store=folder / "store")
    write_settings(folder, settings)
    return folder


def _recsim(folder: Path) -> Path:
    for policy, level in (("myopic", 1.0), ("provider-aware", 1.4)):
        write_run(folder / policy, policy, level)
    return folder


def write_run(folder: Path, policy: str, level: float) -> None:
    """A run of twelve steps and four providers, two of them given up at its end, and one user.

    Welfare ends at 0.32 above ``level``, in the mean of three runs.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from nonet.recsim.config import RunConfig

    steps, providers = 12, 4
    folder.mkdir(parents=True)
    config = RunConfig(policy=policy, users=30, providers=providers, horizon=steps, runs=3)
    (folder / "run.json").write_text(json.dumps(asdict(config)))
    run, step = np.repeat(np.arange(3), steps), np.tile(np.arange(steps), 3)
    welfare = level + 0.1 * run + 0.02 * step
    pq.write_table(
        pa.table({"run": run, "step": step, "welfare": welfare, "gini": 0.03 * step}), folder / "series.parquet"
    )
    step, provider = np.repeat(np.arange(steps), providers), np.tile(np.arange(providers), steps)
    clicks = (step * (provider + 1)).astype(np.float32)
    places = {"x": np.cos(provider * 1.6), "y": np.sin(provider * 1.6)}
    told = {"satisfaction": clicks / 2, "clicks": clicks, "alive": clicks < 30}
    pq.write_table(pa.table({"step": step, "provider": provider} | places | told), folder / "providers.parquet")
    step = np.arange(steps)
    seen = {"x": 0.0 * step, "y": 0.0 * step, "utility": 0.1 * step, "provider": step % providers}
    pq.write_table(pa.table({"user": 0 * step, "step": step} | seen), folder / "users.parquet")


def _rendezvous(folder: Path) -> Path:
    from nonet.rendezvous.saving import write_episode
    from nonet.rendezvous.team import save_team

    team = untaught_team()
    save_team(folder, team)
    write_episode(folder / "episodes" / "hall.json", a_meeting(), team.config.world.lidar, 0.2)
    return folder


def untaught_team() -> Team:
    """Two robots with networks that know nothing: right in shape, quick to make and to plan with."""
    import jax

    from nonet.rendezvous.config import LidarConfig, PlannerConfig, TrainConfig, WorldConfig, preset
    from nonet.rendezvous.model import new_network, plain_layers
    from nonet.rendezvous.predict import input_size, output_size
    from nonet.rendezvous.team import Team

    world = WorldConfig(lidar=LidarConfig(beams=BEAMS), noise=preset("lab"))
    config = TrainConfig(world=world, planner=PlannerConfig(goals=16, iterations=2, elites=4, horizon=3))
    policy = new_network(jax.random.key(0), (BEAMS + 6, 16, 16, 2))
    sizes = (input_size(BEAMS), 16, 16, output_size(BEAMS))
    members = tuple(plain_layers(new_network(jax.random.key(place), sizes)) for place in (1, 2))
    return Team(config, plain_layers(policy), members, curves={"predictors": [2.0, 1.0]}, figures={"seen": 0.5})


def a_meeting() -> Episode:
    """Two robots that drive towards each other along a line, with a plan at the start."""
    from nonet.rendezvous.agents.base import Thought
    from nonet.rendezvous.episode import Episode, Moment
    from nonet.rendezvous.maps.layout import from_shapes
    from nonet.rendezvous.scene import rectangle

    steps = 40
    place = from_shapes("hall", [(3.0, 4.0, 0.5)], rectangle(0, 0, 6, 6), (0, 0, 6, 6))
    share = np.linspace(0, 1, steps + 1)[:, None, None]
    ends = np.array([[[1.0, 2.0, 0.0], [5.0, 2.0, np.pi]]]), np.array([[[2.6, 2.0, 0.0], [3.4, 2.0, np.pi]]])
    poses = (1 - share) * ends[0] + share * ends[1]
    goals = np.tile(np.array([[3.0, 2.0], [3.0, 2.5]]), (steps, 1, 1))
    thought = Thought(goals[0, 0], True, np.random.default_rng(0).normal(3, 0.3, (24, 2)), poses[::10, :, :2])
    met = {0.5: np.inf, 1.0: 3.9, 2.0: 2.5}
    return Episode(
        place, 0.1, poses, goals, np.full((steps, 2, BEAMS), 1.5), np.zeros((steps, 2), bool), np.array([1.6, 1.6]),
        np.zeros(2, int), met, 4.0, (Moment(0.0, 0, thought),), {"method": "hpp", "episode": 0},
    )  # fmt: skip
