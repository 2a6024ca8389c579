"""Damage that a fuzzer found to be no error in words."""

import json
import struct

import pytest

from nonet.felix import runtime
from nonet.felix.data import read_pairs
from nonet.felix.encoders import open_encoder
from nonet.foundation.errors import ArtifactError, DataError
from reliability.loaders import loaders_of

pytestmark = pytest.mark.slow


def sample(name, folder):
    return loaders_of("felix")[f"felix/{name}"].make(folder)


def test_a_line_of_pairs_that_is_no_utf_8(tmp_path):
    path = sample("pairs", tmp_path)
    with (path / "train.jsonl").open("ab") as file:
        file.write(b"\xc3(\n")
    with pytest.raises(ArtifactError, match=r"train\.jsonl, line \d+: The line is damaged"):
        read_pairs(path, "train")


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("config.json", "add_cross_attention", None),
        ("config.json", "hidden_size", 2**40),
        ("config.json", "num_hidden_layers", 2**32),
        ("tokenizer_config.json", "cls_token", 3),
    ],
)
def test_an_encoder_whose_settings_are_of_another_kind(tmp_path, file, name, value):
    path = sample("encoder", tmp_path)
    told = json.loads((path / file).read_text())
    (path / file).write_text(json.dumps({**told, name: value}))
    with pytest.raises(DataError, match="no encoder that can be loaded"):
        open_encoder(str(path))


def test_an_encoder_whose_weights_declare_a_header_that_is_not_there(tmp_path):
    path = sample("encoder", tmp_path)
    content = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(struct.pack("<Q", 2**40) + content[8:])
    with pytest.raises(DataError, match="no encoder that can be loaded"):
        open_encoder(str(path))


@pytest.mark.parametrize(("name", "value"), [("tie_word_embeddings", 1e308), ("num_hidden_layers", 2**32)])
def test_an_editor_whose_networks_cannot_be(tmp_path, name, value):
    path = sample("editor", tmp_path)
    told = json.loads((path / "config.json").read_text())
    told["config"]["encoder"][name] = value
    (path / "config.json").write_text(json.dumps(told))
    with pytest.raises(ArtifactError, match="do not fit together"):
        runtime.open_editor(path)
