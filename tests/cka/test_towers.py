"""The documentation's example of two towers that take different forms of the same examples."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from nonet import cli
from nonet.cka.findings import Findings

PAGE = Path(__file__).parents[2] / "docs" / "cka.md"


@pytest.mark.slow
def test_the_towers_of_the_documentation(tmp_path, monkeypatch):
    from PIL import Image, ImageColor

    pytest.importorskip("nonet.align.encoders")
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    (towers,) = (block for block in blocks if block.startswith("# towers.py"))
    (tmp_path / "towers.py").write_text(towers.replace("256", "16").replace("64", "8"), encoding="utf-8")
    (tmp_path / "pictures").mkdir()
    colours = ("red", "green", "blue", "yellow", "white", "black", "brown", "pink")
    for colour, thing in product(colours, ("paper", "wall", "sky", "shirt", "cloth")):
        random = np.random.default_rng([len(colour), ord(thing[0])])
        pixels = np.full((32, 32, 3), ImageColor.getrgb(colour)) * random.uniform(0.5, 1, (32, 32, 1))
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "pictures" / f"a {colour} {thing}.png")
    monkeypatch.chdir(tmp_path)
    assert cli.run(["align", "pairs", "folder", "pictures", "--names", "--test", "0.5", "--out", "pairs"]) == 0
    words = ["cka", "compare", "towers.py:image", "text", "--data", "towers.py:pictures", "--tokens", "mean"]
    assert cli.run([*words, "--other-data", "towers.py:words", "--no-spectrum", "--no-control", "--out", "report"]) == 0
    found = Findings.load(tmp_path / "report").panels[0].map
    assert (found.row_model, found.column_model) == ("image", "text")
    assert found.facts["examples"] == 16
    assert len(found.rows) > 80
    assert len(found.columns) > 40
    assert np.isfinite(found.values).mean() > 0.9
    assert np.nanmax(found.values) < 0.999  # two towers, not one with itself
