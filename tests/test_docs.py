"""Every command that the README and the docs show is one that exists; `conftest.py` adds that a test ran it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from nonet import __version__, cli
from nonet.wings import WINGS
from shown import PAGES, ROOT, not_run, options_of, shown_commands, verb_of, words_of

HEADINGS = [
    "Two minutes to a first result",
    "Your own data",
    "What was measured",
    "What it cannot do",
    "Scaling out",
]


@pytest.mark.parametrize("command", shown_commands())
def test_a_shown_command_is_understood(command, monkeypatch):
    """The words reach the function whole; it is not run."""
    called = []
    monkeypatch.setattr(cli, "_call", lambda function, prog, words: called.append((function, prog, words)))
    assert cli.run(words_of(command)) == 0
    if not called:  # the help of a level
        return
    function, prog, rest = called[0]
    assert prog.startswith("nonet")

    import tyro

    options = options_of(rest)
    if options:
        text = tyro.extras.get_parser(function, prog=prog, config=(tyro.conf.FlagCreatePairsOff,)).format_help()
        for option in options:
            assert option in text, f"{prog} has no {option}"


def test_what_no_test_ran_is_told():
    runs = {"align search": frozenset({"--image"}), "eigen": frozenset()}
    told = not_run(
        ['nonet eigen "3 1; 4 1"', "nonet align search index/ --image a.png --plus x", "nonet cka blocks r/"], runs
    )
    assert [line.partition(": ")[2] for line in told] == [
        "no test gives --plus to `nonet align search`",
        "no test runs `nonet cka blocks`",
    ]
    assert verb_of(["align", "pairs", "folder", "x", "--out", "y"]) == "align pairs folder"


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "code", "told"), [([], 1, True), (["-k", "eigen"], 0, False)])
def test_a_whole_run_fails_for_a_shown_command_that_no_test_ran(tmp_path, asked, code, told):
    """A project of one page and one test, run by two processes; a part of the tests says nothing."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "docs").mkdir()
    for name in ("conftest.py", "shown.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    settings = 'testpaths = ["tests"]\npythonpath = ["tests"]\naddopts = "--import-mode=importlib"\n'
    (tmp_path / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{settings}")
    (tmp_path / "README.md").write_text("```\nnonet eigen --json '3 1; 4 1'\nnonet optim 'x**2' --trace\n```\n")
    (tmp_path / "tests" / "test_one.py").write_text(
        "from nonet import cli\n\n\ndef test_eigen():\n    assert cli.run(['eigen', '1 2; 3 4', '--json']) == 0\n"
    )
    for program in ("chromium", "java"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    told_where = {**os.environ, "PATH": path, "NONET_DATA": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    told_where.pop("NONET_COMMANDS_RUN", None)
    words = [sys.executable, "-m", "pytest", "-n", "2", "-q", *asked]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=told_where)
    assert "1 passed" in done.stdout
    assert done.returncode == code
    assert ("nonet optim 'x**2' --trace: no test runs `nonet optim`" in done.stdout) is told
    assert "nonet eigen" not in done.stdout


def test_other_shown_commands_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"^(?:\$ )?make ([a-z-]+)", text, flags=re.M):
            assert re.search(rf"^{target}:", makefile, flags=re.M), f"{page.name}: make {target}"
        for extra in re.findall(r"nonet\[([a-z,]+)\]", text):
            assert {*extra.split(",")} <= {*extras}, f"{page.name}: {extra}"
        for script, rest in re.findall(r"python (bench/\w+\.py)([^`#\n]*)", text):
            assert (ROOT / script).is_file(), f"{page.name}: {script}"
            for option in re.findall(r"--[a-z-]+", rest):
                assert f'"{option}"' in (ROOT / script).read_text(encoding="utf-8"), f"{page.name}: {script} {option}"
        for path in re.findall(r"pytest (tests/[\w/.]+)", text) + re.findall(r"`(tests/[\w/.]+)`", text):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_the_pages_name_each_other_rightly():
    for page in PAGES:
        text = re.sub(r"^( *)```.*?^\1```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                assert re.fullmatch(r"https://[\w.-]+\.[a-z]{2,}(/[^\s]*)?|http://127\.0\.0\.1:\d+/?\S*", target), (
                    target
                )
                continue
            path, _, anchor = target.partition("#")
            where = page.parent / path if path else page
            assert where.exists(), f"{page.name} links to {target}"
            if anchor:
                assert anchor in anchors(where), f"{page.name} links to {target}"


def anchors(page) -> set[str]:
    """The names that headings of a page have."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


@pytest.mark.parametrize("wing", [wing.name for wing in WINGS])
def test_a_wings_page_has_the_sections_of_all(wing):
    """What it is stands under the title; the others in one order, with the wing's own between."""
    page = (ROOT / "docs" / f"{wing}.md").read_text(encoding="utf-8")
    assert re.match(rf"# {wing}: \S", page)
    own = [heading for heading in re.findall(r"^## (.*)$", page, flags=re.M) if heading in HEADINGS]
    assert own == HEADINGS


def test_the_version_is_one_everywhere():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(__version__)} \(\d{{4}}-\d\d-\d\d\)$", changelog, flags=re.M)
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation
    assert all(f'notes: "wing {wing.name}' in citation for wing in WINGS)


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in navigation, page.name


def test_what_is_written_by_the_benches_is_what_they_measured():
    """`python bench/pages.py` would change nothing."""
    import pages

    for path, text in pages.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not what bench/pages.py writes"


@pytest.mark.slow
def test_the_reference_shows_every_public_name(tmp_path):
    """Built strictly: what the pages link to exists, too."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    import pages

    words = ["build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    subprocess.run([sys.executable, "-m", "mkdocs", *words], check=True, cwd=ROOT, capture_output=True)
    built = (tmp_path / "site" / "reference" / "index.html").read_text(encoding="utf-8")
    for wing in WINGS:
        for room, names in pages.public_names(wing.name).items():
            absent = [name for name in names if f'id="{room}.{name}"' not in built]
            assert not absent, f"{room}: {absent}"
