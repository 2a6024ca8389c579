import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nonet import __version__, cli
from nonet.foundation.errors import DataError
from nonet.wings import WINGS, Wing, present


def test_help_lists_every_wing_that_has_commands_with_its_summary(capsys):
    assert cli.run(["--help"]) == 0
    text = capsys.readouterr().out
    for wing in present("commands"):
        assert wing.name in text
        assert wing.summary in text
    assert "serve" in text


def test_version(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"nonet {__version__}\n"


def test_a_misspelt_command_suggests_the_right_one(capsys):
    assert cli.run(["serv"]) == 2
    assert "Did you mean 'serve'?" in capsys.readouterr().err


def test_a_wrong_option_ends_with_code_2(capsys):
    assert cli.run(["serve", "--prot", "1"]) == 2
    assert "--port" in capsys.readouterr().err


def _give_wing(monkeypatch, function):
    """Lets the command line find one wing whose verb `go` calls the function."""

    commands = SimpleNamespace(COMMANDS={"go": function, "group": {"inner": function}})
    wing = Wing("fake", "a wing for the test", None)
    monkeypatch.setattr(Wing, "room", lambda self, room: commands)
    monkeypatch.setattr(cli, "present", lambda room: [wing])


def test_errors_for_users_are_one_paragraph_and_code_2(monkeypatch, capsys):
    def go() -> None:
        """Goes."""
        raise DataError("The third row is empty.", where="rows.tsv", fix="Fill it.")

    _give_wing(monkeypatch, go)
    assert cli.run(["fake", "go"]) == 2
    assert capsys.readouterr().err == "Error: rows.tsv: The third row is empty. Fill it.\n"


def test_debug_shows_the_traceback(monkeypatch):
    def go() -> None:
        """Goes."""
        raise DataError("broken")

    _give_wing(monkeypatch, go)
    with pytest.raises(DataError):
        cli.run(["fake", "go", "--debug"])


def test_a_defect_of_ours_is_not_hidden(monkeypatch):
    def go() -> None:
        """Goes."""
        raise ZeroDivisionError

    _give_wing(monkeypatch, go)
    with pytest.raises(ZeroDivisionError):
        cli.run(["fake", "go"])


def test_ctrl_c_ends_with_130(monkeypatch, capsys):
    def go() -> None:
        """Goes."""
        raise KeyboardInterrupt

    _give_wing(monkeypatch, go)
    assert cli.run(["fake", "go"]) == 130
    assert "Interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["fake", "go", "--count", "3"], ["fake", "group", "inner", "--count", "3"]])
def test_arguments_reach_the_function(monkeypatch, words):
    seen = []

    def go(count: int = 1) -> None:
        """Goes.

        Args:
            count: how often.
        """
        seen.append(count)

    _give_wing(monkeypatch, go)
    assert cli.run(words) == 0
    assert seen == [3]


def test_help_of_a_command_shows_prose_and_options_once(monkeypatch, capsys):
    def go(count: int = 1) -> None:
        """Goes.

        Example: nonet fake go --count 3

        Args:
            count: how often.
        """

    _give_wing(monkeypatch, go)
    assert cli.run(["fake", "go", "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example: nonet fake go --count 3" in text
    assert text.count("how often.") == 1
    assert "Args:" not in text


def test_disk_full_is_readable(monkeypatch, capsys):
    def go() -> None:
        """Goes."""
        raise OSError(28, "No space left on device", "big.bin")

    _give_wing(monkeypatch, go)
    assert cli.run(["fake", "go"]) == 2
    assert "big.bin: The disk is full." in capsys.readouterr().err


HEAVY = {
    *(
        "torch",
        "jax",
        "transformers",
        "accelerate",
        "equinox",
        "numba",
        "numpy",
        "scipy",
        "sklearn",
        "pandas",
        "pyarrow",
    ),
    *("duckdb", "faiss", "plotly", "matplotlib", "PIL", "fastapi", "spacy"),
}
EVERY_HELP = """
import json, sys
from collections.abc import Mapping
from nonet import cli
from nonet.wings import present

def levels(entry, path):
    yield path
    if isinstance(entry, Mapping):
        for verb, below in entry.items():
            if verb:  # the one without a word is what the group itself shows
                yield from levels(below, [*path, verb])

loaded = {}
shown = [[], ["serve"], ["tour"], ["doctor"]]
for wing in present("commands"):
    shown += levels(wing.room("commands").COMMANDS, [wing.name])
for words in shown:
    assert cli.run([*words, "--help"]) == 0, words
    loaded[" ".join(words)] = sorted({name.partition(".")[0] for name in sys.modules})
json.dump(loaded, sys.stderr)
"""


def test_help_loads_nothing_heavy_at_any_level():
    """That is why it answers at once: `bench/startup.py` measures it."""
    done = subprocess.run([sys.executable, "-c", EVERY_HELP], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stderr)
    assert {"", "serve", "eigen", "align train", "align pairs folder", "gaze list"} <= loaded.keys()
    assert len(loaded) > 80
    assert {words: heavy for words, names in loaded.items() if (heavy := HEAVY & {*names})} == {}


def test_every_wing_has_a_name_of_its_own():
    assert len({wing.name for wing in WINGS}) == 9


def test_output_may_be_cut_short_by_the_reader(tmp_path: Path):
    script = (
        "import sys, signal; from nonet import cli\n"
        "def flood(words):\n"
        "    for n in range(100000): print('line', n)\n"
        "cli._dispatch = flood\n"
        "sys.exit(cli.run([]))"
    )
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "$0" | head -1; echo "${{PIPESTATUS[0]}}"', script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == "line 0"
    assert done.stdout.splitlines()[1] == "141"
    assert done.stderr == ""


@pytest.mark.parametrize(("told", "place"), [("a folder for the report.", "file"), ("the file to write.", "folder")])
def test_a_result_that_cannot_be_put_there_is_refused_before_the_work(monkeypatch, capsys, tmp_path, told, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    worked = []

    def go(*, out: Path) -> None:
        worked.append(out)

    go.__doc__ = f"Goes.\n\n    Args:\n        out: {told}\n    "
    _give_wing(monkeypatch, go)
    assert cli.run(["fake", "go", "--out", str(tmp_path / place)]) == 2
    assert str(tmp_path / place) in capsys.readouterr().err
    assert cli.run(["fake", "go", "--out", str(tmp_path / "file" / "below")]) == 2
    assert not worked
    assert cli.run(["fake", "go", "--out", str(tmp_path / "new")]) == 0
    assert worked == [tmp_path / "new"]


def test_none_takes_a_default_away(monkeypatch):
    seen = []

    def go(*, most: int | None = 5, names: tuple[str, ...] = ("a",)) -> None:
        """Goes.

        Args:
            most: of something.
            names: words.
        """
        seen.append((most, names))

    _give_wing(monkeypatch, go)
    for words in ([], ["--most", "none", "--names", "none"], ["--most", "None"], ["--most", "7"]):
        assert cli.run(["fake", "go", *words]) == 0
    assert seen == [(5, ("a",)), (None, ()), (None, ("a",)), (7, ("a",))]


def test_help_shows_what_an_option_takes_and_not_pythons_words(monkeypatch, capsys):
    seen = []

    def go(*, model: Path | None = None, starts: tuple[float, ...] = (), names: tuple[str, ...] = ("a",)) -> None:
        """Goes.

        Args:
            model: a folder.
            starts: numbers.
            names: words.
        """
        seen.append((model, starts, names))

    _give_wing(monkeypatch, go)
    assert cli.run(["fake", "go", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--model PATH" in text
    assert text.count("(default: none)") == 2
    assert "(default: a)" in text
    assert "None" not in text
    assert cli.run(["fake", "go"]) == 0
    assert cli.run(["fake", "go", "--model", "m", "--starts", "1", "-2.5", "--names"]) == 0
    assert seen == [(None, (), ("a",)), (Path("m"), (1.0, -2.5), ())]
    assert cli.run(["fake", "go", "--starts", "x"]) == 2
