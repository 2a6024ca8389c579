"""Damage that is refused in words."""

import json
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nonet.cxc.data import read_collection
from nonet.cxc.embeddings import read_embeddings
from nonet.cxc.page import open_study
from nonet.cxc.pictures import read_pairs
from nonet.cxc.rating.pairs import PairToRate
from nonet.foundation.errors import DataError


@pytest.mark.parametrize("image", ["../outside.txt", "/etc/passwd", "a\0b.jpg", "x" * 4000])
def test_a_table_of_pairs_names_pictures_alone(tmp_path, image):
    (tmp_path / "outside.txt").write_text("secret")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "a.jpg").write_bytes(b"picture")
    row = asdict(PairToRate("sis", "a", "b", "m", left_image="a.jpg", right_image=image))
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "study" / "to_rate.parquet")
    with pytest.raises(DataError, match=r"not named as a picture|is missing"):
        open_study(tmp_path / "study" / "to_rate.parquet")


@pytest.mark.parametrize("values", [{"left": [3]}, {"left_text": [b"x"]}, {"gold": ["high"]}])
def test_a_table_of_pairs_with_values_of_another_type(tmp_path, values):
    row = {"kind": ["sts"], "left": ["a"], "right": ["b"], "left_text": ["One"], "right_text": ["Two"]}
    pq.write_table(pa.table(row | values), tmp_path / "to_rate.parquet")
    with pytest.raises(DataError):
        open_study(tmp_path / "to_rate.parquet")


def test_captions_that_are_no_utf_8(tmp_path):
    (tmp_path / "captions.tsv").write_bytes(b"image\tcaption\na.png\t\xc3(\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_collection(tmp_path / "captions.tsv")


@pytest.mark.parametrize("content", ["[" * 10**5, '{"images": [{"id": "a"}], "annotations": [[]]}', '{"images": [3]}'])
def test_collections_of_another_kind(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError):
        read_collection(tmp_path / "a.json")


def test_damaged_tables(tmp_path):
    (tmp_path / "pairs.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="not a table of pairs"):
        read_pairs(tmp_path, tmp_path)
    with pytest.raises(DataError, match="not a Parquet file"):
        read_embeddings(tmp_path / "pairs.parquet")
    (tmp_path / "a.tar").write_bytes(json.dumps([]).encode() * 1000)
    with pytest.raises(DataError, match=r"not a \.tar"):
        read_pairs(tmp_path / "a.tar", tmp_path / "out")
