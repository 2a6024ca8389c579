"""The commands that README and docs show, and those that tests ran: `conftest.py` compares them after the last test.

A run counts by its verb and the names of its options: a shown command is covered where its verb was run, and each
option that it shows was given to that verb, not necessarily at once. Commands that tests start as processes of their
own count too.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

Runs = Mapping[str, frozenset[str]]
"""A verb with its path (`align pairs folder`), and the options that were given to it."""


def blocks(page: Path) -> list[str]:
    """What stands in fenced blocks of a page, indented ones too."""
    text = page.read_text(encoding="utf-8")
    return [found[1] for found in re.findall(r"^( *)```[^\n`]*\n(.*?)^\1```", text, flags=re.M | re.S)]


def lines(page: Path) -> list[str]:
    """The lines of a page's blocks, continued ones joined and without their prompt."""
    joined = "\n".join(blocks(page)).replace("\\\n", " ")
    return [line.strip().removeprefix("$ ") for line in joined.splitlines()]


def shown_commands() -> list[str]:
    """Every `nonet …` of the pages, in blocks and in running text."""
    found = []
    for page in PAGES:
        found += [line for line in lines(page) if line.startswith("nonet ")]
        text = re.sub(r"^( *)```.*?^\1```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        inline = (" ".join(code.split()) for code in re.findall(r"`(nonet [^`]+)`", text))
        found += [code for code in inline if not re.search(r"[A-Z]{4,}|…", code)]  # `nonet WING VERB` is a pattern
    return sorted({shlex.join(["nonet", *words_of(command)]) for command in found})


def words_of(command: str) -> list[str]:
    """The words behind `nonet`, without comments and redirections."""
    words = shlex.split(command, comments=True)[1:]
    cut = next((place for place, word in enumerate(words) if word in {"<", ">", "|", "&&"}), len(words))
    return words[:cut]


def verb_of(words: Sequence[str]) -> str:
    """The verb that words name, with its path."""
    from nonet.wings import present

    wings = {wing.name: wing for wing in present("commands")}
    if not words or words[0] not in wings:
        return words[0] if words else ""
    path, entry = [words[0]], wings[words[0]].room("commands").COMMANDS
    for word in words[1:]:
        if not isinstance(entry, Mapping) or word not in entry:
            break
        entry = entry[word]
        path.append(word)
    return " ".join(path)


def options_of(words: Iterable[str]) -> frozenset[str]:
    """The names of the options among words; help is no option of a verb."""
    named = {word.partition("=")[0].replace("_", "-") for word in words if re.match(r"--[a-z]", word)}
    return frozenset(named - {"--help"})


def not_run(shown: Iterable[str], runs: Runs) -> list[str]:
    """What of the shown commands no run covers, a line each."""
    told = []
    for command in shown:
        words = words_of(command)
        verb, options = verb_of(words), options_of(words)
        if verb == "--help":
            continue
        if verb not in runs:
            told.append(f"{command}: no test runs `nonet {verb}`")
        elif options - runs[verb]:
            told.append(f"{command}: no test gives {', '.join(sorted(options - runs[verb]))} to `nonet {verb}`")
    return told


def read_runs(folder: Path) -> Runs:
    """What the workers noted."""
    found: dict[str, frozenset[str]] = {}
    for file in folder.glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            words = json.loads(line)
            verb = verb_of(words)
            found[verb] = found.get(verb, frozenset()) | options_of(words)
    return found


def note_runs(file: Path) -> None:
    """From now on notes every command that ends well in this process, and every one that it starts in another."""
    from nonet import cli

    def note(words: Sequence[str]) -> None:
        with file.open("a", encoding="utf-8") as noted:
            noted.write(json.dumps([str(word) for word in words]) + "\n")

    call, start = cli._call, subprocess.Popen.__init__

    def noting_call(function: Callable[..., Any], prog: str, words: list[str]) -> None:
        call(function, prog, words)
        note([*prog.split()[1:], *words])

    def noting_start(self: Any, args: Any, *others: Any, **options: Any) -> None:
        if isinstance(args, (list, tuple)):
            place = next((n for n, word in enumerate(args) if Path(str(word)).name == "nonet"), None)
            if place is not None:
                note(args[place + 1 :])
        start(self, args, *others, **options)

    cli._call = noting_call
    subprocess.Popen.__init__ = noting_start
