"""Every command that the README and the docs show is one that the command line knows."""

import re
import shlex
from pathlib import Path

import pytest

from nonet import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def shown_commands() -> list[str]:
    found = []
    for page in PAGES:
        for block in re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S):
            lines = block.replace("\\\n", " ").splitlines()
            found += [line.strip().removeprefix("$ ") for line in lines if re.match(r"\s*(\$ )?nonet ", line)]
    return sorted(set(found))


@pytest.mark.parametrize("command", shown_commands())
def test_a_shown_command_is_understood(command, monkeypatch):
    """The words reach the function whole; it is not run."""
    called = []
    monkeypatch.setattr(cli, "_call", lambda function, prog, words: called.append((function, prog, words)))
    words = shlex.split(command, comments=True)[1:]
    assert cli.run(words) == 0
    function, prog, rest = called[0]
    assert prog.startswith("nonet")

    import tyro

    options = [word for word in rest if re.fullmatch(r"--[a-z][a-z0-9-]*", word)]
    if options and "--help" not in options:
        text = tyro.extras.get_parser(function, prog=prog, config=(tyro.conf.FlagCreatePairsOff,)).format_help()
        for option in options:
            assert option in text, f"{prog} has no {option}"


def test_the_pages_name_each_other_rightly():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
