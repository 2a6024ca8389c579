"""The wheel and the source archive: what is in them, and that the wheel works where nothing else of nonet is."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from nonet import __version__

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow  # builds a wheel and makes a virtual environment

SERVED = """
from fastapi.testclient import TestClient
import nonet
from nonet.web import create_app
print(nonet.__file__)
with TestClient(create_app({})) as client:
    for path in ("/", "/eigen/", "/optim/", "/static/eigen/lesson.css", "/favicon.ico", "/static/plotly.min.js"):
        print(path, client.get(path).status_code)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build", reason="the package build is not installed")
    out = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(words, check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel, and the libraries of this one."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    (wheel,) = built.glob("*.whl")
    words = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(words, check=True, capture_output=True)
    site = next(home.glob("lib/*/site-packages"))
    # a path of a .pth file is searched, and the .pth files in it are not read: the checkout is not found
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, env=bare, cwd=cwd)


def test_the_wheel_has_every_file_of_the_package(built: Path):
    (wheel,) = built.glob("*.whl")
    assert wheel.name == f"nonet-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    package = ROOT / "src" / "nonet"
    files = (path.relative_to(package.parent) for path in package.rglob("*") if path.is_file())
    wanted = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    wanted |= {"nonet/constraints.txt", "nonet/data-packages.txt"}
    assert {"nonet/py.typed", "nonet/align/__init__.pyi", "nonet/foundation/templates/base.html"} <= wanted
    assert not wanted - held
    assert not {name for name in held - wanted if not name.startswith(f"nonet-{__version__}.dist-info/")}


def test_the_source_archive_has_what_is_needed_to_test_and_to_build(built: Path):
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("src/nonet/cli.py", "tests/conftest.py", "docs/index.md", "bench/record.py", "bench/RESULTS.md"):
        assert name in held
    for name in ("LICENSE", "CITATION.cff", "CHANGELOG.md", "Makefile", "constraints.txt", "data-packages.txt"):
        assert name in held


def test_its_commands_work(installed: Path, tmp_path: Path):
    assert run(installed / "nonet", "--version", cwd=tmp_path).stdout == f"nonet {__version__}\n"
    assert "doctor" in run(installed / "nonet", "--help", cwd=tmp_path).stdout
    lesson = json.loads(run(installed / "nonet", "eigen", "3 1; 4 1", "--json", cwd=tmp_path).stdout)
    assert lesson["product"] == -1
    told = json.loads(run(installed / "nonet", "doctor", "--only", "eigen", "--json", cwd=tmp_path).stdout)
    assert told["machine"]["nonet"] == __version__
    assert told["ready"]


def test_its_pages_are_served(installed: Path, tmp_path: Path):
    done = run(installed / "python", "-c", SERVED, cwd=tmp_path)
    where, *answers = done.stdout.splitlines()
    assert where.startswith(str(installed.parent)), done.stderr
    assert len(answers) == 6
    assert all(answer.endswith(" 200") for answer in answers)
