"""What every command has in common: options of one name mean the same, and are described in the same way."""

import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nonet import cli
from nonet.wings import present

HERE_ALREADY = {"tour"}
"""What writes to a folder of its own name where none is given."""


def verbs(entry: Any, path: str) -> Iterator[tuple[str, Callable[..., None]]]:
    if isinstance(entry, Mapping):
        for name, below in entry.items():
            yield from verbs(below, f"{path} {name}".strip())
    else:
        yield path, entry


COMMANDS = {
    path: function
    for wing in present("commands")
    for path, function in verbs(wing.room("commands").COMMANDS, wing.name)
} | dict(vars(cli)["_DOORS"])


def described(function: Callable[..., None]) -> dict[str, str]:
    """What the docstring says of each option."""
    told = (inspect.getdoc(function) or "").partition("Args:\n")[2].partition("Raises:\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", told, flags=re.M)
    return {name: " ".join(text.split()) for name, text in found}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described_and_every_command_has_an_example(name):
    function = COMMANDS[name]
    options = inspect.signature(function).parameters
    assert list(described(function)) == list(options)
    assert f"Example: nonet {name}" in (inspect.getdoc(function) or "")


@pytest.mark.parametrize("name", COMMANDS)
def test_options_of_one_name_agree(name):
    function = COMMANDS[name]
    hints, texts = typing.get_type_hints(function), described(function)
    for option, parameter in inspect.signature(function).parameters.items():
        kind, default, text = hints[option], parameter.default, texts[option]
        match option:
            case "out" if name not in HERE_ALREADY:
                assert kind == Path or (kind == Path | None and default is None)
                assert default is parameter.empty or re.search("without it|if not given", text)
                assert re.search(r"\b(folder|file)\b", text)  # it is held to that before the work begins
            case "json":
                assert (kind, default) == (bool, False)
                assert re.fullmatch(r"print (the \w+ )?for other programs\.", text)
            case "seed":
                assert (kind, default) == (int, 0) or (kind == int | None and "if not given" in text)
            case "workers":
                assert (kind, default) == (int, 0)
                assert text.endswith("0 for one per core.")
            case "device":
                assert set(typing.get_args(kind)) == {"auto", "cpu", "cuda", "mps"}
                assert (default, text) == ("auto", "where to compute.")
            case "port":
                assert default == 8000
            case "limit" | "most":
                assert "0 for all" in text or "0 for no limit" in text


def test_every_study_takes_the_same_options():
    studies = {name: inspect.signature(function).parameters for name, function in COMMANDS.items() if "study" in name}
    assert len(studies) == 9
    for name, options in studies.items():
        assert {"out", "scale", "seed", "data", "json"} <= set(options), name
        assert options["scale"].default == "minutes", name
