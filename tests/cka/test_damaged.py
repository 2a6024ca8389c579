"""Damage that is refused in words."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
from torch import nn

from nonet.cka import data
from nonet.cka.findings import Findings
from nonet.cka.loading import load_weights
from nonet.cka.similarity import Similarity
from nonet.foundation.errors import ArtifactError, DataError, readable
from reliability.loaders import loaders_of


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": np.zeros((4, 3, 8, 8), np.uint8), "labels": np.array([0, 1, -1, 0])},
        {"images": np.zeros((4, 3, 8, 8), np.uint8), "labels": np.array([0, 1, 2, 2**40])},
        {"images": np.zeros((4, 3, 8, 8), np.uint8), "labels": np.zeros((4, 2))},
        {"images": np.zeros((0, 3, 8, 8), np.uint8), "labels": np.zeros(0)},
        {"images": np.zeros((2, 3, 8, 8), np.uint8), "labels": np.array([0, 5]), "classes": np.array(["a", "b"])},
    ],
)
def test_labels_that_name_no_class(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError):
        data.read(tmp_path / "a.npz")


def test_members_of_an_archive_that_are_larger_than_pictures_are(tmp_path, own_cache, monkeypatch):
    monkeypatch.setattr(data, "_MAX_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/1.png", bytes(1001))
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        entry = tarfile.TarInfo("cat/1.png")
        entry.size = 1001
        archive.addfile(entry, io.BytesIO(bytes(1001)))
    for name in ("a.zip", "a.tar"):
        with pytest.raises(DataError, match="1,001 bytes"):
            data.read(tmp_path / name)


def test_a_map_whose_numbers_do_not_fit_its_names(tmp_path):
    path = loaders_of("cka")["cka/map"].make(tmp_path)
    with np.load(path) as stored:
        arrays = dict(stored)
    for changed in ({"values": arrays["values"][:2]}, {"error": arrays["error"].astype(int)}, {"about": np.arange(3)}):
        np.savez(path, **{**arrays, **changed})
        with pytest.raises(ArtifactError, match="not a similarity map"):
            Similarity.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"title": 3},
        {"notes": [None]},
        {"panels": "x"},
        {"spectra": {"net": {"layers": ["a"], "share": [], "second": [], "dominant": []}}},
        {"probes": {"net": [["a", "b", 1]]}},
        {"facts": []},
    ],
)
def test_a_report_with_parts_of_another_kind(tmp_path, change):
    path = loaders_of("cka")["cka/report"].make(tmp_path)
    told = json.loads((path / "report.json").read_text())
    (path / "report.json").write_text(json.dumps({**told, **change}))
    with pytest.raises(ArtifactError, match="This is no report"):
        Findings.load(path)


@pytest.mark.parametrize("name", ["none.safetensors", "none.pt"])
def test_weights_that_are_not_there_are_said_to_be_missing(tmp_path, name):
    with pytest.raises(FileNotFoundError) as caught:
        load_weights(nn.Linear(1, 1), tmp_path / name)
    assert str(readable(caught.value)).startswith(str(tmp_path / name))
