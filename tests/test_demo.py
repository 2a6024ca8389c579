"""`make demo` with a `nonet` that only notes what it was asked: every step is done once, and a broken one again."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NONET = """#!/bin/sh
echo "$*" >> asked
case "$*" in
  "align pairs"*) mkdir -p demo/pairs; touch demo/pairs/pairs.json;;
  "align train"*) mkdir -p demo/model; touch demo/model/config.json;;
  "align index"*) test ! -e broken;;
esac
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_second_demo_learns_nothing_again(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "data-packages.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "user.stamp").touch()
    (tmp_path / ".venv" / "bin" / "nonet").write_text(NONET)
    (tmp_path / ".venv" / "bin" / "nonet").chmod(0o755)

    def demo(code: int) -> list[str]:
        (tmp_path / "asked").write_text("")
        assert subprocess.run(["make", "-s", "demo"], cwd=tmp_path, capture_output=True).returncode == code
        asked = [" ".join(line.split()[:2]) for line in (tmp_path / "asked").read_text().splitlines()]
        return [step for step in asked if step.startswith("align")] + ["serve"] * ("serve --align" in asked)

    (tmp_path / "broken").touch()
    assert demo(2) == ["align pairs", "align train", "align evaluate", "align index"]
    (tmp_path / "broken").unlink()
    assert demo(0) == ["align evaluate", "align index", "serve"]
    assert demo(0) == ["serve"]
