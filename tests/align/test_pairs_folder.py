"""Writing and reading a pairs folder: `data.py`, `writing.py`, `splits.py`."""

import errno
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nonet.align.data import SCHEMA, Pairs, describe
from nonet.align.splits import Shares
from nonet.align.writing import Pair, write_pairs
from nonet.foundation.errors import ArtifactError, DataError, NonetError, UsageError

FACTS = {"name": "three", "source": "test", "command": "nonet", "notice": "none"}


def pair(image: str, text: str, split: str = "train", concept: str | None = None) -> Pair:
    return Pair(image, text, concept or image, split, "here", 8, 8, "00" + image)


def written(folder: Path, rows: list[Pair]) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for row in rows:
        Image.new("RGB", (8, 8)).save(folder / row.image)
    with write_pairs(folder, **FACTS) as writer:
        for row in rows:
            writer.add(row)
    return folder


ROWS = [
    pair("images/a.png", "first"),
    pair("images/b.png", "second", "test"),
    pair("images/a.png", "third"),
    pair("images/c.png", "fourth"),
]


def test_pairs_come_back_as_they_were_written(tmp_path):
    pairs = Pairs.open(written(tmp_path, ROWS))
    assert [path.relative_to(tmp_path).as_posix() for path in pairs.images] == [
        "images/a.png",
        "images/b.png",
        "images/c.png",
    ]
    assert pairs.texts == ["first", "second", "third", "fourth"]
    assert pairs.image_of.tolist() == [0, 1, 0, 2]
    assert pairs.splits == ["train", "test", "train"]
    assert pairs.digests[1] == "00images/b.png"
    assert pairs.name == "three"


def test_a_split_renumbers_its_pictures(tmp_path):
    train = Pairs.open(written(tmp_path, ROWS)).split("train")
    assert [path.name for path in train.images] == ["a.png", "c.png"]
    assert train.texts == ["first", "third", "fourth"]
    assert train.image_of.tolist() == [0, 0, 1]
    with pytest.raises(UsageError, match="not a split"):
        train.split("training")


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_taking_pictures_keeps_each_text_with_its_picture(image_of):
    count = max(image_of) + 1
    names = [f"{row}" for row in range(count)]
    texts = [f"{row}:{place}" for place, row in enumerate(image_of)]
    paths = [Path(name) for name in names]
    pairs = Pairs(Path(), "x", paths, names, names, ["train"] * count, texts, np.array(image_of))
    taken = pairs.take(list(range(0, count, 2)))
    assert [text.split(":")[0] for text in taken.texts] == [taken.images[row].name for row in taken.image_of]
    assert len(taken) == sum(row % 2 == 0 for row in image_of)


def test_the_same_pair_twice_is_counted_and_kept_once(tmp_path):
    written(tmp_path, [*ROWS, ROWS[0]])
    described = describe(tmp_path)
    assert (described["rows"], described["pairs"], described["pictures"]) == (5, 4, 3)
    assert described["skipped"]["the same picture with the same text again"]["count"] == 1
    assert described["splits"]["train"] == {"pictures": 2, "pairs": 3}


def test_an_error_leaves_the_former_pairs_whole(tmp_path):
    written(tmp_path, ROWS)
    for error in (KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")):
        with pytest.raises(type(error)), write_pairs(tmp_path, **FACTS) as writer:
            writer.add(ROWS[0])
            raise error
    assert len(Pairs.open(tmp_path)) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "pairs.json", "pairs.parquet"]


def test_a_full_disk_leaves_no_half_table(tmp_path, monkeypatch):
    def refuses(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", refuses)
    with pytest.raises(OSError, match="No space"):
        written(tmp_path, ROWS)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_nothing_kept_is_an_error_that_names_the_commonest_reason(tmp_path):
    with pytest.raises(DataError, match=r"No pair was left.*no alt text"), write_pairs(tmp_path, **FACTS) as writer:
        writer.tally.skip("no alt text", "page.html", 3)


def test_a_folder_with_other_things_is_not_written_to(tmp_path):
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(UsageError, match=r"other things \(thesis.doc\)"), write_pairs(tmp_path, **FACTS):
        pass
    with pytest.raises(UsageError, match="a file"), write_pairs(tmp_path / "thesis.doc", **FACTS):
        pass


def _break(folder: Path, how: str) -> None:
    table, description = folder / "pairs.parquet", folder / "pairs.json"
    if how == "truncated table":
        table.write_bytes(table.read_bytes()[:100])
    elif how == "no table":
        table.unlink()
    elif how == "other columns":
        pq.write_table(pa.table({"image": ["a"], "caption": ["b"]}), table)
    elif how == "empty cells":
        pq.write_table(pa.table({name: pa.array([None], SCHEMA.field(name).type) for name in SCHEMA.names}), table)
    elif how == "another version":
        description.write_text(json.dumps(json.loads(description.read_text()) | {"format": 99}))
    elif how == "not json":
        description.write_bytes(b"\xff\xfe{")
    elif how == "another making":
        description.write_text(json.dumps(json.loads(description.read_text()) | {"stamp": "0"}))
    elif how == "pictures gone":
        (folder / "images" / "a.png").unlink()
    elif how == "torn concept":
        rows = pq.read_table(table).to_pylist()
        pq.write_table(pa.Table.from_pylist([row | {"concept": "one"} for row in rows], SCHEMA), table)
    elif how == "torn picture":
        rows = pq.read_table(table).to_pylist()
        rows[2]["split"] = "test"
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), table)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("truncated table", "damaged"),
        ("no table", "missing"),
        ("other columns", "lacks the columns"),
        ("empty cells", "empty cells"),
        ("another version", "format 99"),
        ("not json", "damaged"),
        ("another making", "one making"),
        ("pictures gone", "gone"),
        ("torn concept", "two splits"),
        ("torn picture", "disagree"),
    ],
)
def test_damaged_and_foreign_folders_are_refused(tmp_path, how, says):
    _break(written(tmp_path, ROWS), how)
    with pytest.raises(ArtifactError if how != "pictures gone" else DataError, match=says):
        Pairs.open(tmp_path)


def test_a_folder_without_pairs_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(NonetError, match="folder"):
            Pairs.open(folder)


def test_a_table_rewritten_by_another_tool_is_read(tmp_path):
    written(tmp_path, ROWS)
    rows = pq.read_table(tmp_path / "pairs.parquet").to_pylist()[:3]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pairs.parquet")
    assert Pairs.open(tmp_path).texts == ["first", "second", "third"]


def test_shares_are_met_and_stable():
    shares = Shares(validation=0.1, test=0.2, seed=3)
    splits = [shares.split(f"concept {number}") for number in range(20_000)]
    # three standard deviations of a binomial share
    assert abs(splits.count("test") / 20_000 - 0.2) < 3 * (0.2 * 0.8 / 20_000) ** 0.5
    assert abs(splits.count("validation") / 20_000 - 0.1) < 3 * (0.1 * 0.9 / 20_000) ** 0.5
    assert splits[:500] == [shares.split(f"concept {number}") for number in range(500)]
    other = Shares(validation=0.1, test=0.2, seed=4)
    assert splits != [other.split(f"concept {number}") for number in range(20_000)]


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.1), (0.1, 1.0)])
def test_shares_that_leave_nothing_are_refused(validation, test):
    with pytest.raises(UsageError, match="nothing to train on"):
        Shares(validation=validation, test=test)
