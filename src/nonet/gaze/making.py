"""From data to a network's folder: what `nonet gaze train` does."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from nonet.foundation import console
from nonet.foundation.artifact import Card
from nonet.foundation.engine import Engine
from nonet.gaze.config import PRESETS, CaptureRecipe, Learning, Synthesis
from nonet.gaze.data import CaptureFrames, read_capture
from nonet.gaze.evaluate import Accuracy, accuracy
from nonet.gaze.model import GazeNet, save
from nonet.gaze.synthetic.dataset import Pictures, free_pictures, learning_people
from nonet.gaze.train import infer, train, train_on_capture

__all__ = ["from_capture", "from_synthesis"]

_HELD_OUT_SEED = 7919  # poses of the held-out people are drawn apart from those learnt from


def from_synthesis(synthesis: Synthesis, learning: Learning, out: Path, engine: Engine) -> GazeNet:
    """Trains on rendered people and writes the network; the engine renders them."""
    learners, others = learning_people(synthesis)
    pixels = PRESETS[learning.preset].pixels
    options = {"frames": synthesis.frames, "device": synthesis.device, "pixels": pixels, "engine": engine}
    pictures = free_pictures(learners, seed=synthesis.seed + 1, **options)
    held_out = free_pictures(others, seed=synthesis.seed + _HELD_OUT_SEED, **options)
    net, _ = train(pictures, held_out, learning, folder=out / "run")
    found = judged(net, held_out)
    card = Card(
        "gaze network, learnt from rendered people",
        "Gaze in cm relative to the camera from two eye crops and four eye corners. It has never seen a real face: it "
        "shows that the chain works, and real faces need a network trained on real data.",
        data=f"{len(pictures):,} rendered pictures of {synthesis.people} people; none is a photograph.",
        figures={"error on held-out people, free pose": str(found), "weights": net.parameters_count},
        command=console.command_line(),
        date=date.today(),
    )
    save(net, out, card=card)
    console.say(f"{out}: {found} on {found.participants} held-out people in free poses, before any calibration")
    return net


def from_capture(data: Path, recipe: CaptureRecipe, out: Path) -> GazeNet:
    """Trains on GazeCapture and writes the network; its licence goes into the card."""
    capture = read_capture(data, split=recipe.split)
    if recipe.split == "dot":
        console.note(
            "The split by dot has the same people in training and test: it knows their eyes, and the error that it "
            "shows is lower than for somebody new."
        )
    pixels = PRESETS[recipe.preset].pixels
    parts = {name: capture.pictures(name, pixels) for name in ("train", "validation", "test")}
    net, _ = train_on_capture(parts["train"], parts["validation"], recipe, folder=out / "run")
    found = judged(net, parts["test"])
    card = Card(
        "gaze network, learnt from GazeCapture",
        "For research only: the licence of GazeCapture forbids commercial use of networks learnt from it.",
        data=f"GazeCapture, split by {recipe.split}: {len(parts['train']):,} frames, {capture.left_out:,} left out.",
        figures={f"error on the test split by {recipe.split}": str(found)},
        command=console.command_line(),
        date=date.today(),
    )
    save(net, out, card=card)
    console.say(f"{out}: {found} on the test split by {recipe.split}")
    return net


def judged(net: GazeNet, pictures: Pictures | CaptureFrames) -> Accuracy:
    """The error over the people of some pictures."""
    gaze = infer(net, pictures).gaze_cm.numpy()
    return accuracy(gaze, pictures.target_cm.numpy(), pictures.person.numpy(), pictures.distance_cm.numpy())
