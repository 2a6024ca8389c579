import json

import pytest

from nonet.felix.data import Collected, Pair, describe, divide, read_pairs, write_pairs
from nonet.foundation.errors import ArtifactError, DataError, UsageError

PAIRS = [
    Pair(f"text {n} before\nline\u2028 two", (f"text {n} after", "other \ud83d"), "kind", f"doc {n // 4}")
    for n in range(200)
]


def test_pairs_come_back_as_they_were(tmp_path):
    counts = write_pairs(tmp_path / "pairs", Collected("mine", {"train": PAIRS}, {"empty": 2}), 0)
    back = [pair for split in ("train", "validation", "test") for pair in read_pairs(tmp_path / "pairs", split)]
    assert sorted(back, key=lambda pair: pair.source) == sorted(PAIRS, key=lambda pair: pair.source)
    assert counts["train"] > counts["test"] > 0
    assert describe(tmp_path / "pairs")["left_out"] == {"empty": 2}


def test_no_group_is_in_two_splits_and_another_seed_gives_others():
    parts = divide(PAIRS, 0)
    groups = [{pair.group for pair in part} for part in parts.values()]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 50
    assert divide(PAIRS, 0) == parts
    assert {p.group for p in divide(PAIRS, 1)["test"]} != {p.group for p in parts["test"]}
    with pytest.raises(UsageError, match="leave something"):
        divide(PAIRS, 0, validation=0.5, test=0.5)


def test_nothing_to_learn_from_is_said_with_its_reasons(tmp_path):
    with pytest.raises(DataError, match="an empty text: 3"):
        write_pairs(tmp_path / "pairs", Collected("mine", {"train": []}, {"an empty text": 3}), 0)
    assert not (tmp_path / "pairs").exists()


def test_damaged_folders_are_told_apart(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read_pairs(tmp_path / "none", "train")
    with pytest.raises(DataError, match="holds no pairs"):
        read_pairs(tmp_path, "train")
    folder = tmp_path / "pairs"
    write_pairs(folder, Collected("mine", {"train": PAIRS}), 0)
    lines = (folder / "train.jsonl").read_text("utf-8", "surrogatepass").split("\n")
    (folder / "train.jsonl").write_text(lines[0] + "\n" + json.dumps({"source": 3}) + "\n", "utf-8", "surrogatepass")
    with pytest.raises(ArtifactError, match="line 2"):
        read_pairs(folder, "train")
    (folder / "pairs.json").write_text("{")
    with pytest.raises(ArtifactError, match="damaged"):
        read_pairs(folder, "train")
