"""What the wing's tests share: pairs of coloured shapes, and the demo model trained once for all of them."""

import fcntl
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nonet.align.data import Pairs

COLOURS = {"red": "#d22", "green": "#2a2", "blue": "#22d", "yellow": "#dd2", "black": "#111", "pink": "#f8c"}
SHAPES = ("circle", "square", "triangle", "cross", "ring")
HELD_OUT = {("red", "ring"), ("green", "circle"), ("blue", "square"), ("yellow", "triangle"), ("black", "cross")}


def draw(colour: str, shape: str, seed: int) -> Image.Image:
    """A coloured shape somewhere on white."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (64, 64), "white")
    pen, ink = ImageDraw.Draw(picture), COLOURS[colour]
    x, y, size = rng.integers(4, 20), rng.integers(4, 20), rng.integers(28, 40)
    box = (x, y, x + size, y + size)
    middle = (2 * x + size) / 2
    match shape:
        case "circle":
            pen.ellipse(box, fill=ink)
        case "square":
            pen.rectangle(box, fill=ink)
        case "triangle":
            pen.polygon([(x, y + size), (x + size, y + size), (middle, y)], fill=ink)
        case "cross":
            pen.line([(x, y), (x + size, y + size)], fill=ink, width=8)
            pen.line([(x, y + size), (x + size, y)], fill=ink, width=8)
        case "ring":
            pen.ellipse(box, outline=ink, width=7)
    return picture


def shape_pairs(folder: Path, copies: int = 6) -> Pairs:
    """Coloured shapes with two texts each; the combinations of HELD_OUT are for validation only."""
    images, digests, concepts, splits, texts, image_of = [], [], [], [], [], []
    for number, (colour, shape) in enumerate((c, s) for c in COLOURS for s in SHAPES):
        for copy in range(copies):
            path = folder / f"{colour}-{shape}-{copy}.png"
            draw(colour, shape, 100 * number + copy).save(path)
            image_of += [len(images)] * 2
            texts += [f"a {colour} {shape}", f"{shape} in {colour}"]
            images.append(path)
            digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
            concepts.append(f"{colour} {shape}")
            splits.append("validation" if (colour, shape) in HELD_OUT else "train")
    return Pairs(folder, "shapes", images, digests, concepts, splits, texts, np.array(image_of))


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """Pairs of coloured shapes."""
    return shape_pairs(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pairs` and `model`, made by the commands of the demonstration; once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "demo"
    folder.mkdir(exist_ok=True)
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _make_demo(folder)
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def demo_model(demo: Path) -> Path:
    """The model of the demonstration, trained on the drawings of OpenMoji."""
    return demo / "model"


@pytest.fixture(scope="session")
def demo_pairs(demo: Path) -> Path:
    """The pairs of the demonstration."""
    return demo / "pairs"


# of the demonstration's 3,953 drawings: weather, food, plants, activities, buildings and animals; faces; vehicles
_CHARACTERS = (*range(0x2600, 0x2605), 0x26C4, 0x2708, *range(0x1F300, 0x1F440), *range(0x1F600, 0x1F6C0))


def _make_demo(folder: Path) -> None:
    from nonet.align.sources import openmoji
    from nonet.cli import run

    every, stems = openmoji.files_in, {f"{character:X}" for character in _CHARACTERS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openmoji, "files_in", lambda *of: [path for path in every(*of) if path.stem in stems])
        assert run(["align", "pairs", "openmoji", "--out", str(folder / "pairs")]) == 0
    command = ["align", "train", str(folder / "pairs"), "--out", str(folder / "model"), "--image-size", "128"]
    assert run([*command, "--batch-size", "128", "--cache", str(folder / "features")]) == 0
