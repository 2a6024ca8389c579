import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nonet import cli
from nonet.cka.findings import Findings

FILE = """
import sys
import torch
from torch import nn
from cka_networks import pictures, small_net


def make_a():
    return small_net(blocks=3, classes=2)


def make_b():
    return small_net(blocks=2, seed=1, classes=2)


def loader():
    data = pictures(64)
    return list(zip(data.split(16), (data.mean((1, 2, 3)) > 0.5).long().split(16)))


def bert():
    from transformers import BertConfig, BertModel
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return BertModel(BertConfig(vocab_size=50, **size))


def sentences():
    ids = torch.randint(0, 50, (32, 6), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[::2, 4:] = 0
    return [{"input_ids": a, "attention_mask": b} for a, b in zip(ids.split(16), mask.split(16))]


def nothing():
    return 3
"""


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.py"
    path.write_text(FILE)
    return str(path)


def test_one_network_with_itself_and_its_control(models, tmp_path, capsys):
    from cka_networks import small_net

    save_file(small_net(blocks=3, seed=5, classes=2).state_dict(), tmp_path / "a.safetensors")
    out = tmp_path / "report"
    words = ["cka", "compare", f"{models}:make_a", "--weights", str(tmp_path / "a.safetensors")]
    assert cli.run([*words, "--data", f"{models}:loader", "--out", str(out)]) == 0
    found = Findings.load(out)
    assert [panel.title for panel in found.panels] == ["CKA", "untrained", "cosines of PC1", "without PC1"]
    assert len(found.spectra["make_a"].dominant) == 10
    capsys.readouterr()
    assert cli.run(["cka", "blocks", str(out), "--json"]) == 0
    assert "CKA" in json.loads(capsys.readouterr().out)


def test_two_networks_and_two_checkpoints(models, tmp_path):
    from cka_networks import small_net

    out = tmp_path / "report"
    data = ["--data", f"{models}:loader", "--no-spectrum", "--out", str(out)]
    assert cli.run(["cka", "compare", f"{models}:make_a", "make_b", *data]) == 0
    found = Findings.load(out).panels[0].map
    assert (found.row_model, found.column_model) == ("make_a", "make_b")
    assert found.values.shape == (22, 16)
    for seed in (1, 2):
        save_file(small_net(blocks=3, seed=seed, classes=2).state_dict(), tmp_path / f"{seed}.safetensors")
    weights = [str(tmp_path / f"{seed}.safetensors") for seed in (1, 2)]
    assert cli.run(["cka", "compare", f"{models}:make_a", "--weights", *weights, *data]) == 0
    assert Findings.load(out).panels[0].map.column_model == "make_a (2)"


def test_a_transformer_with_padding(models, tmp_path):
    out = tmp_path / "report"
    words = ["cka", "compare", f"{models}:bert", "--data", f"{models}:sentences", "--tokens", "mean"]
    assert cli.run([*words, "--layers", "encoder.layer.?", "pooler", "--out", str(out)]) == 0
    found = Findings.load(out).panels[0].map
    assert found.rows == ("encoder.layer.0", "encoder.layer.1", "pooler")
    assert np.isfinite(found.values).all()


@pytest.mark.slow
def test_prune_and_probe(models, tmp_path, capsys):
    data = f"{models}:loader"
    words = ["cka", "prune", f"{models}:make_a", "--eval", data, "--data", data, "--finetune", "2", "--budget", "50%"]
    assert cli.run([*words, "--out", str(tmp_path / "small")]) == 0
    stored = json.loads((tmp_path / "small" / "pruned.json").read_text())
    assert len(stored["steps"]) > 1
    assert torch.export.load(tmp_path / "small" / "model.pt2").module()(torch.rand(3, 3, 8, 8)).shape == (3, 2)
    capsys.readouterr()
    assert cli.run(["cka", "probe", f"{models}:make_a", "--data", data, "--layers", "?"]) == 0
    assert "Linear probes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "make_a", "--data", "mnist"], "neither a function nor a folder"),
        (["compare", "FILE:make_c", "--data", "mnist"], "There is no function 'make_c'"),
        (["compare", "FILE:nothing", "--data", "mnist"], "not a torch module"),
        (["compare", "nowhere.py:make", "--data", "mnist"], "no such file"),
        (["compare", "nowhere_at_all:make", "--data", "mnist"], "no such module"),
        (["compare", "FILE:make_a", "--data", "FILE:nothing"], "no loader"),
        (["compare", "FILE:make_a", "--data", "gone/"], "no such file or folder"),
        (["compare", "FILE:make_a", "--data", "FILE:loader", "--weights", "FILE"], "cannot be read"),
        (["prune", "FILE:make_a", "--eval", "FILE:loader", "--budget", "much"], "no share"),
        (["prune", "FILE:make_a", "--eval", "FILE:loader", "--finetune", "3"], "needs training data"),
        (["family", "--depths", "15", "--out", "runs"], "6n + 2"),
        (["family", "--depths", "x", "--out", "runs"], "no list of whole numbers"),
        (["blocks", "gone"], "no report"),
    ],
)
def test_what_cannot_be_meant_is_said(words, said, models, capsys):
    assert cli.run(["cka", *(word.replace("FILE", models) for word in words)]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_a_family_and_its_errors(tmp_path, capsys):
    out = tmp_path / "runs"
    words = ["cka", "family", "--depths", "8", "--seeds", "2", "--side", "8", "--limit", "200", "--epochs", "2"]
    assert cli.run([*words, "--workers", "1", "--learning-rate", "0.05", "--out", str(out)]) == 0
    folders = [str(out / f"resnet8-1x-seed{seed}") for seed in (0, 1)]
    capsys.readouterr()
    asked = ["--side", "8", "--limit", "100", "--permutations", "19", "--out", str(tmp_path / "most")]
    assert cli.run(["cka", "errors", "--first", *folders, "--second", *folders, *asked]) == 0
    assert "examples that differ" in capsys.readouterr().out
    assert len(list((tmp_path / "most").glob("*.png"))) == 10
