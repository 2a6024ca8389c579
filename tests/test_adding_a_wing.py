"""The steps of `docs/adding-a-wing.md`, carried out on a copy of the sources."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow  # starts Python five times
SERVED = """
from fastapi.testclient import TestClient
from nonet.web import create_app
with TestClient(create_app({})) as client:
    print("two dice, and others" in client.get("/").text)
    print("<li>7: 0.167</li>" in client.get("/dice/").text)
    print(client.get("/dice/chances", params={"dice": 1, "sides": 4}).json())
    print(client.get("/dice/chances", params={"dice": 0}).status_code)
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the page's files, and the page's line in `wings.py`."""
    home = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "src", home / "src", ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "docs" / "adding-a-wing.md").read_text(encoding="utf-8")
    files = dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```', text, flags=re.M | re.S))
    line = files.pop("src/nonet/wings.py")
    wings = home / "src" / "nonet" / "wings.py"
    wings.write_text(re.sub(r"(?<=\n)\)\n", f"{line})\n", wings.read_text(), count=1))
    files.pop("pyproject.toml")
    for name, content in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content)
    return home


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "PYTHONPATH": str(home / "src")}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=told, cwd=home)


def test_the_command_line_knows_the_wing(followed: Path):
    assert "how likely each sum of some dice is" in run(followed, "-m", "nonet", "--help").stdout
    done = run(followed, "-m", "nonet", "dice", "3", "--json")
    chances = json.loads(done.stdout)
    assert chances["3"] == pytest.approx(1 / 216)
    assert len(chances) == 16
    wrong = run(followed, "-m", "nonet", "dice", "0")
    assert wrong.returncode == 2
    assert wrong.stderr == "Error: dice: 0 dice cannot be thrown. Choose from 1 to 100.\n"


def test_the_web_application_mounts_it(followed: Path):
    done = run(followed, "-c", SERVED)
    assert done.stdout.splitlines() == ["True", "True", "[0.25, 0.25, 0.25, 0.25]", "422"], done.stderr


def test_its_tests_pass(followed: Path):
    done = run(followed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/dice")
    assert "2 passed" in done.stdout
