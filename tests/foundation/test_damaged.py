"""Damage that a fuzzer found to be no error in words."""

import json
import zipfile
from pathlib import Path

import pytest
import torch

from nonet.foundation import checkpoint, manifest, packaged, training_log
from nonet.foundation.errors import ArtifactError, DataError, readable
from nonet.foundation.manifest import fingerprint


def write_checkpoint(run: Path) -> Path:
    module = torch.nn.Linear(2, 3)
    checkpoint.write(run, checkpoint.Checkpoint(1, {"steps": 3}, {"model": module.state_dict()}))
    return next((run / "checkpoints").iterdir())


@pytest.mark.parametrize(
    "state", [{"tensor": "absent"}, {"map": [1.5]}, {"list": 3}, {"float": "wide"}, {"a": 1, "b": 2}]
)
def test_a_checkpoint_that_lacks_a_part_of_its_state(tmp_path, state):
    folder = write_checkpoint(tmp_path)
    told = json.loads((folder / "config.json").read_text())
    told["config"]["state"] = state
    (folder / "config.json").write_text(json.dumps(told))
    with pytest.raises(ArtifactError, match="lacks a part"):
        checkpoint.latest(tmp_path, {"steps": 3})


@pytest.mark.parametrize(
    "expected", [{"bytes": [7], "sha256": "00"}, {"bytes": 7, "sha256": 0}, [7, "00"], {"bytes": 7}]
)
def test_a_manifest_whose_fingerprints_are_of_another_kind(tmp_path, expected):
    folder = write_checkpoint(tmp_path)
    told = json.loads((folder / "config.json").read_text())
    told["files"] = dict.fromkeys(told["files"], expected)
    (folder / "config.json").write_text(json.dumps(told))
    with pytest.raises(ArtifactError, match="lacks what it must say"):
        manifest.read(folder)


@pytest.mark.parametrize("line", ["{", "[]", '{"event": "train"}', '{"event": "train", "step": 1, "loss": "low"}'])
def test_a_log_with_a_line_of_something_else(tmp_path, line):
    (tmp_path / training_log.NAME).write_text(line + "\n")
    with pytest.raises(ArtifactError, match="log of this training"):
        training_log.read(tmp_path)


def test_an_archive_of_a_data_package_with_an_unknown_compression(tmp_path, own_cache):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.bin", bytes(100))
    content = bytearray((tmp_path / "a.zip").read_bytes())
    for header, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = content.index(header) + place
        content[start : start + 2] = b"\x63\x00"
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="not a whole zip"):
        packaged.unpacked(tmp_path / "a.zip")


def test_a_link_to_itself_is_an_error_in_words(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(OSError) as caught:
        fingerprint(tmp_path / "a")
    assert "leads back to itself" in str(readable(caught.value))
