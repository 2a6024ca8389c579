"""Damage that a fuzzer found to be no error in words."""

import gzip
import tarfile
from pathlib import Path

import pytest

from align.fakes import paint
from align.tiny import paint_captioned
from nonet.align.data import Pairs
from nonet.align.sources.folder import FolderConfig, make_pairs
from nonet.align.sources.multi30k import read_multi30k
from nonet.foundation.errors import ArtifactError, DataError


def test_a_description_of_pairs_that_is_nested_too_deep(tmp_path):
    make_pairs(paint_captioned(tmp_path / "pictures", copies=3), tmp_path / "pairs", FolderConfig())
    (tmp_path / "pairs" / "pairs.json").write_text("[" * 10**5)
    with pytest.raises(ArtifactError, match=r"pairs\.json: The file is damaged"):
        Pairs.open(tmp_path / "pairs")


def test_an_archive_that_is_damaged_within(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(paint_captioned(tmp_path / "pictures", copies=1), "pictures")
    whole = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[:60] + b"\xff" * 8 + whole[68:])
    with pytest.raises(DataError, match="damaged or unsafe"):
        make_pairs(tmp_path / "a.tar.gz", tmp_path / "out", FolderConfig())


def multi30k(folder: Path, captions: bytes, names: bytes = b"red.jpg\n") -> Path:
    (folder / "image_splits").mkdir(parents=True)
    (folder / "raw").mkdir()
    (folder / "image_splits" / "train.txt").write_bytes(names)
    (folder / "raw" / "train.en.gz").write_bytes(captions)
    return folder


def test_captions_of_multi30k_that_are_no_utf_8_or_a_bomb(tmp_path):
    read = list(read_multi30k(multi30k(tmp_path / "a", gzip.compress(b"a field\n"), b"r\xc3(d.jpg\n"), ("en",)))
    assert [caption.text for caption in read] == ["a field"]
    for number, packed in enumerate((gzip.compress(b"a \xc3( field\n"), gzip.compress(bytes(2**26)) * 20)):
        with pytest.raises(DataError, match="cannot be unpacked"):
            list(read_multi30k(multi30k(tmp_path / f"b{number}", packed), ("en",)))


def test_captions_may_not_name_a_number_that_no_reader_can_hold(tmp_path):
    paint(tmp_path / "red.png", "red")
    (tmp_path / "captions.jsonl").write_text('{"image": "red.png", "text": 1' + "0" * 5000 + "}\n")
    with pytest.raises(DataError, match="Line 1 is not JSON"):
        make_pairs(tmp_path, tmp_path / "out", FolderConfig())
