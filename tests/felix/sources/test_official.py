import json
import tarfile

import pytest

from nonet.felix.sources.official import read_official
from nonet.foundation.errors import DataError


@pytest.mark.slow
@pytest.mark.data
def test_the_sets_have_their_published_sizes(real_data):
    sizes = {}
    for name, folder in {"disfl-qa": "disfl-qa", "mlqe-pe": "mlqe-pe", "turkcorpus": "turkcorpus"}.items():
        found = read_official(name, real_data / "felix" / folder)
        sizes[name] = {split: len(part) for split, part in found.pairs.items()}
    assert sizes["disfl-qa"] == {"train": 7181, "validation": 1000, "test": 3643}  # one row has an empty original
    assert sizes["mlqe-pe"] == {"train": 14_000, "validation": 2_000, "test": 2_000}
    assert sizes["turkcorpus"]["test"] == 359
    assert sizes["turkcorpus"]["train"] + sizes["turkcorpus"]["validation"] == 2_000


@pytest.mark.slow
@pytest.mark.data
def test_wikisplit_is_divided_and_read_both_ways(real_data):
    fuse, split = (read_official(f"wikisplit-{way}", real_data / "felix" / "wikisplit") for way in ("fuse", "split"))
    assert sum(map(len, fuse.pairs.values())) == 10_000
    first = {pair.source: pair.targets[0] for pair in fuse.pairs["test"]}
    assert first == {pair.targets[0]: pair.source for pair in split.pairs["test"]}
    assert not any("<::::>" in source for source in first)


def test_brackets_that_are_spelt_out_become_brackets(tmp_path):
    (tmp_path / "tune.8turkers.tok.norm").write_text("marin -lrb- to the south -rrb- , a-lrb-b\n" * 9)
    (tmp_path / "tune.8turkers.tok.turk.0").write_text("marin -lsb- south -rsb- -lcb- -rcb-\n" * 9)
    found = read_official("turkcorpus", tmp_path).pairs
    pair = (found["train"] or found["validation"])[0]
    assert pair.source == "marin ( to the south ) , a-lrb-b"
    assert pair.targets == ("marin [ south ] { }",)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read_official("disfl-qa", tmp_path / "none")
    with pytest.raises(DataError, match="No file of disfl-qa"):
        read_official("disfl-qa", tmp_path)
    (tmp_path / "train.json").write_text("[1")
    with pytest.raises(DataError, match="not whole JSON"):
        read_official("disfl-qa", tmp_path)
    (tmp_path / "train.json").write_text(json.dumps({"a": {"original": "b"}}))
    with pytest.raises(DataError, match="not a file of Disfl-QA"):
        read_official("disfl-qa", tmp_path)
    (tmp_path / "et-en-train.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="damaged"):
        read_official("mlqe-pe", tmp_path)
    with tarfile.open(tmp_path / "et-en-train.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "train.json", "train.mt")
    with pytest.raises(DataError, match=r"\.pe"):
        read_official("mlqe-pe", tmp_path)
