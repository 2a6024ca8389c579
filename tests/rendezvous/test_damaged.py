"""Damage that a fuzzer found to be no error in words."""

import gzip
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from nonet.foundation.errors import ArtifactError, DataError
from nonet.rendezvous import train
from nonet.rendezvous.evaluate import read_outcomes
from nonet.rendezvous.maps.readers import read_map
from nonet.rendezvous.saving import read_episode


def test_a_picture_of_a_map_that_declares_millions_of_columns(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    head = b"IHDR" + struct.pack(">II", 2**30, 2**20) + data[24:29]
    (tmp_path / "a.png").write_bytes(data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:])
    with pytest.raises(DataError, match="cannot be read"):
        read_map(tmp_path / "a.png")


def test_a_grid_that_unpacks_to_gigabytes(tmp_path):
    (tmp_path / "a.gridmap.gz").write_bytes(gzip.compress(bytes(2**26)) * 50)
    with pytest.raises(DataError, match="cut or of another version"):
        read_map(tmp_path / "a.gridmap.gz")


@pytest.mark.parametrize(
    "text",
    [
        "image: a.png\nresolution: .nan\norigin: [0, 0, 0]\n",
        "image: a.png\nresolution: 1e308\norigin: [0, 0, 0]\n",
        "image: a.png\nresolution: 0.1\norigin: [.inf, 0, true]\n",
        "image: a.png\nresolution: 0.1\norigin: [0, 0, 0]\n3: 4\nx: 5\n",
        "image: a.png\nresolution: 0.1\norigin: [0, 0, 0]\nmode: [trinary]\n",
        "image: 2001-99-99\nresolution: 0.1\norigin: [0, 0, 0]\n",
        "[" * 5000,
    ],
)
def test_a_map_file_with_values_of_another_kind(tmp_path, text):
    Image.fromarray(np.full((4, 4), 254, np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DataError):
        read_map(tmp_path / "a.yaml")


@pytest.mark.parametrize("size", ["height 0\nwidth 3", "height -2\nwidth 3", "height 999999\nwidth 999999"])
def test_a_moving_ai_map_of_no_size(tmp_path, size):
    (tmp_path / "a.map").write_text(f"type octile\n{size}\nmap\n...\n...\n")
    with pytest.raises(DataError, match="MovingAI"):
        read_map(tmp_path / "a.map")


def test_what_a_run_left_is_of_another_kind(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"format": "nonet-rendezvous-episode", "about": []}))
    with pytest.raises(DataError, match="not an episode"):
        read_episode(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('[{"met_s": 3}]')
    with pytest.raises(ArtifactError, match="no outcomes"):
        read_outcomes(tmp_path / "a.json")
    train._stage(tmp_path, "policy", (1,), lambda: ([{"w0": np.ones(2, np.float32)}], {"loss": [1.0]}))
    next(tmp_path.glob("policy-*.npz")).write_bytes(b"PK")
    with pytest.raises(ArtifactError, match="stage of a training is damaged"):
        train._stage(tmp_path, "policy", (1,), lambda: ([], {}))
