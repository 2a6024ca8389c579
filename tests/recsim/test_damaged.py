"""Damage that a fuzzer found to be no error in words."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nonet.foundation.errors import ArtifactError, DataError
from nonet.recsim import page
from nonet.recsim.data import read_log
from reliability.loaders import loaders_of


def test_a_log_whose_metadata_is_damaged(tmp_path):
    path = loaders_of("recsim")["recsim/log-parquet"].make(tmp_path)
    content = bytearray(path.read_bytes())
    content[-40:-20] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        read_log(path)


@pytest.mark.parametrize("name", ["u.data", "all.csv", "a.inter"])
def test_a_folder_under_the_name_of_a_log(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_log(tmp_path)


def test_a_log_whose_items_are_objects(tmp_path):
    pq.write_table(pa.table({"item": [{"a": 1}, {"a": 2}]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="not hold what its name says"):
        read_log(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("series", {"run": [0], "step": [0]}),
        ("series", {"run": ["a"] * 8, "step": [0] * 8}),
        ("providers", {"step": [0]}),
    ],
)
def test_tables_of_a_run_that_do_not_fit_it(tmp_path, table, columns):
    path = loaders_of("recsim")["recsim/run"].make(tmp_path)
    pq.write_table(pa.table(columns), path / f"{table}.parquet")
    with pytest.raises(ArtifactError, match="not a run folder"):
        page.mount(path)


@pytest.mark.parametrize(("name", "value"), [("horizon", "long"), ("runs", 2.5), ("more", 1)])
def test_a_run_whose_configuration_is_of_another_kind(tmp_path, name, value):
    path = loaders_of("recsim")["recsim/run"].make(tmp_path)
    told = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps({**told, name: value}))
    with pytest.raises(ArtifactError):
        page.mount(path)
