"""A dual encoder that is small enough to train in a moment, and a folder of pairs for it."""

from pathlib import Path

import torch
from PIL import Image

from align.fakes import COLOURS
from nonet.align.config import HeadConfig
from nonet.align.encoders import EfficientNetConfig, EfficientNetEncoder, Preparation, TransformerTextEncoder
from nonet.align.model import DualEncoder

WORDS = ["a red circle", "two green squares in a row", "", "a red circle", *COLOURS]


def tiny(seed: int = 0, heads: HeadConfig | None = None) -> DualEncoder:
    """A model with random weights."""
    torch.manual_seed(seed)
    image = EfficientNetEncoder(EfficientNetConfig(width=0.25, depth=0.3), Preparation(40, 32))
    text = TransformerTextEncoder.small(WORDS * 5, vocabulary=100, layers=1, width=32)
    text.pooling = "mean"  # with random weights the first token hardly knows of the others
    return DualEncoder(image, text, heads or HeadConfig(dim=16, hidden=24, dropout=0.0))


def paint_captioned(folder: Path, copies: int = 6) -> Path:
    """A folder of plain pictures, each with its colour as caption, a few of each held out."""
    folder.mkdir(parents=True)
    rows = ["image\tcaption\tsplit"]
    for colour, rgb in COLOURS.items():
        for copy in range(copies):
            name = f"{colour}-{copy}.png"
            # every file differs, in size and in a shade that nobody sees
            shade = tuple(abs(value - copy) for value in rgb)
            Image.new("RGB", (40 + copy, 40), shade).save(folder / name)
            rows.append(f"{name}\ta {colour} thing\t{['validation', 'test'][copy] if copy < 2 else 'train'}")
    (folder / "captions.tsv").write_text("\n".join(rows) + "\n")
    return folder
