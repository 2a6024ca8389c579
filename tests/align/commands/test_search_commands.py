import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PIL import Image

from align.fakes import COLOURS, ColourModel, paint
from nonet import cli
from nonet.align.index import Index
from nonet.foundation import console


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures, and a model that is read from the folder "model"."""
    for colour in COLOURS:
        paint(tmp_path / "photos" / f"{colour}.png", colour)
    (tmp_path / "model").mkdir()
    model = ColourModel()
    monkeypatch.setattr("nonet.align.interchange.open_model", lambda folder: model)
    monkeypatch.setattr("nonet.align.features.known_pictures", lambda *_: lambda digests: {})
    monkeypatch.setattr(console.out, "width", 500)  # tables are not folded
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return cli.run(["align", *words])


def found(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    capsys.readouterr()
    assert run("search", "index", *words, "--json") == 0
    return [Path(result["path"]).stem for result in json.loads(capsys.readouterr().out)]


def test_index_then_search_by_words_pictures_and_both(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("index", "model", "photos", "--out", "index") == 0
    assert "8" in capsys.readouterr().out
    assert found(capsys, "blue", "-k", "2")[0] == "blue"
    assert len(found(capsys, "blue", "-k", "3")) == 3
    assert found(capsys, "--image", "photos/cyan.png")[0] == "cyan"
    assert found(capsys, "--image", "photos/red.png", "--plus", "blue", "--text-weight", "1")[0] == "magenta"
    assert found(capsys, "white", "--minus", "red", "--minus", "photos/green.png", "--text-weight", "1")[0] == "blue"
    assert found(capsys, "red", "--plus", "green", "--plus", "blue")[0] == "white"


def test_the_table_shows_score_path_and_caption(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "list.tsv").write_text("photos/red.png\ta red thing\nphotos/blue.png\ta blue thing\n")
    assert run("index", "model", "list.tsv", "--out", "index") == 0
    (home / "photos" / "blue.png").unlink()
    capsys.readouterr()
    assert run("search", "index", "blue") == 0
    first, second = capsys.readouterr().out.strip().split("\n")[1:]
    assert first.split()[0] in {"1.000", "0.999", "1.001"}
    assert str(home / "photos" / "blue.png") in first
    assert "(gone)" in first
    assert first.rstrip().endswith("a blue thing")
    assert "(gone)" not in second


def test_a_second_run_says_that_nothing_was_embedded(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for embedded in ("8", "0"):
        capsys.readouterr()
        assert run("index", "model", "photos", "--out", "index") == 0
        facts = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:])
        assert facts["embedded now"] == embedded


def test_skipped_pictures_are_counted_by_reason(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "photos" / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    assert run("index", "model", "photos", "--out", "index") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("skipped:"))
    assert "cut.jpg" in line
    assert " 1 " in line


def test_remove_takes_pictures_and_folders_out(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paint(home / "photos" / "more" / "orange.png", (255, 128, 0))
    paint(home / "photos" / "more" / "pink.png", (255, 128, 128))
    run("index", "model", "photos", "--out", "index")
    assert run("remove", "index", "photos/red.png", "photos/more") == 0
    assert set(found(capsys, "red", "-k", "99")) == COLOURS.keys() - {"red"}
    assert (home / "photos" / "red.png").is_file()
    assert run("remove", "index", "photos/blue.png", "photos/red.png") == 2
    assert "Nothing was removed" in capsys.readouterr().err
    assert len(Index.open(home / "index").snapshot()) == 7


def test_conditions_and_near_duplicates_on_the_command_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("index", "model", "photos", "--out", "index")
    assert found(capsys, "blue", "--where", "name LIKE '%red%'") == ["red"]
    assert len(found(capsys, "blue", "--collapse", "0.97", "--plus", "red", "--minus", "green")) > 1


def test_indexes_are_merged(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paint(home / "more" / "orange.png", (255, 128, 0))
    run("index", "model", "photos", "--out", "index")
    run("index", "model", "more", "--out", "other-index")
    assert run("merge", "index", "other-index") == 0
    assert "orange" in found(capsys, "red", "-k", "99")


def test_a_small_index_stays_exact(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("index", "model", "photos", "--out", "index")
    (home / "queries.txt").write_text("red\nblue\n")
    assert run("accelerate", "index", "--queries", "queries.txt", "--recall", "0.95") == 0
    assert "search stays exact" in capsys.readouterr().out
    assert run("accelerate", "index", "--json") == 0
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize("name", ["sheet.png", "sheet.html"])
def test_a_contact_sheet_to_look_at(home: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    run("index", "model", "photos", "--out", "index")
    (home / "photos" / "white.png").unlink()
    assert run("search", "index", "red", "-k", "8", "--sheet", name) == 0
    if name.endswith("png"):
        with Image.open(name) as sheet:
            assert sheet.size == (5 * 200, 2 * 240)
            assert sheet.getpixel((100, 100)) == (255, 0, 0)  # the first is red
    else:
        page = Path(name).read_text()
        assert page.count("data:image/webp") == 7
        assert page.count("This file is gone.") == 1
        assert "http" not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["search", "nowhere", "red"], "There is no index here."),
        (["search", "photos", "red"], "This folder is not an index."),
        (["search", "index"], "Nothing is looked for."),
        (["search", "index", "  "], "Nothing is looked for."),
        (["search", "index", "--minus", "red"], "Nothing is looked for."),
        (["search", "index", "red", "--minus", "red"], "cancel each other"),
        (["search", "index", "red", "-k", "0"], "Ask for at least 1."),
        (["search", "index", "--image", "nowhere.png"], "cannot be read"),
        (["search", "index", "--image", "list.txt"], "not a picture"),
        (["search", "index", "red", "--sheet", "sheet.pdf"], ".html or a .png"),
        (["search", "index", "red", "--model", "nowhere"], "The model of this index is not here."),
        (["index", "model", "nowhere", "--out", "index"], "There is no such file or folder."),
        (["index", "model", "photos", "--out", "photos"], "This is not an index, and it is not empty."),
        (["index", "model", "photos", "--out", "list.txt"], "a file where a folder was expected"),
        (["index", "model", "photos", "--out", "index", "--split", "test"], "Only a pairs folder has splits."),
        (["index", "model", "photos", "--out", "index", "--batch-size", "0"], "--batch-size"),
        (["remove", "index"], "No pictures are named."),
        (["remove", "nowhere", "a.png"], "There is no index here."),
    ],
)
def test_mistakes_are_one_paragraph_and_exit_code_2(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (home / "list.txt").write_text("photos/red.png\n")
    run("index", "model", "list.txt", "--out", "index")
    capsys.readouterr()
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.strip().count("\n") == 0
    assert len(Index.open(home / "index").snapshot()) == 1


def test_a_text_of_a_million_characters_and_a_huge_k(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("index", "model", "photos", "--out", "index")
    assert len(found(capsys, "x " * 500_000, "-k", str(10**12))) == 8
    assert len(found(capsys, "a\0b")) == 8


def test_an_index_of_another_model_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("index", "model", "photos", "--out", "index")
    monkeypatch.setattr("nonet.align.interchange.open_model", lambda folder: ColourModel("other"))
    for words in (["index", "model", "photos", "--out", "index"], ["search", "index", "red"]):
        assert run(*words) == 2
        assert "another model" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_indexed(home: Path) -> None:
    """A process is interrupted in the middle of indexing, as a terminal does it; the next run goes on."""
    for number in range(1100):
        paint(home / "many" / f"{number:04}.png", (number % 256, number // 256, 0), (4, 4))
    script = textwrap.dedent(
        f"""
        import sys; sys.path[:0] = {sys.path!r}
        from align.fakes import ColourModel
        from nonet import cli
        from nonet.align import interchange

        class Slow(ColourModel):
            def embed_images(self, pictures):
                if self.pictures_seen == 512:  # the first part is saved
                    print("half", flush=True)
                    import time; time.sleep(60)
                return super().embed_images(pictures)

        interchange.open_model = lambda folder: Slow()
        sys.exit(cli.run(["align", "index", "model", "many", "--out", "index"]))
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130
    assert b"Interrupted" in error
    assert b"Traceback" not in error
    assert len(Index.open(home / "index").snapshot()) == 512
    assert run("index", "model", "many", "--out", "index") == 0
    assert len(Index.open(home / "index").snapshot()) == 1100
