import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from nonet import cli
from nonet.cka.data import read
from nonet.cka.findings import Findings
from nonet.cka.train import load_network, logits

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


def flipped():
    # the same examples in another form, which only a model of its own takes
    return [{"pixels": data.flip(3)} for data in pictures(64).split(16)]


def make_flipped():
    class Flipped(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = small_net(blocks=3, classes=2)

        def forward(self, pixels):
            return self.inner(pixels.flip(3))

    return Flipped()


def others():
    return [data + 1 for data in pictures(48).split(16)]


def nothing():
    return 3
"""


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.py"
    path.write_text(FILE)
    return str(path)


@pytest.mark.slow
def test_one_network_with_itself_and_its_control(models, tmp_path, capsys):
    from cka_networks import small_net

    save_file(small_net(blocks=3, seed=5, classes=2).state_dict(), tmp_path / "a.safetensors")
    out = tmp_path / "report"
    words = ["cka", "compare", f"{models}:make_a", "--weights", str(tmp_path / "a.safetensors")]
    assert cli.run([*words, "--data", f"{models}:loader", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = Findings.load(out)
    assert [panel.title for panel in found.panels] == ["CKA", "untrained", "cosines of PC1", "without PC1"]
    assert len(found.spectra["make_a"].dominant) == 10
    assert list(told) == [panel.title for panel in found.panels]
    assert cli.run(["cka", "blocks", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told
    words = ["cka", "probe", f"{models}:make_a", "--weights", str(tmp_path / "a.safetensors"), "--layers", "?"]
    assert cli.run([*words, "--data", f"{models}:loader", "--report", str(out)]) == 0
    assert list(Findings.load(out).probes) == ["make_a"]


@pytest.mark.slow
def test_two_networks_and_two_checkpoints(models, tmp_path):
    from cka_networks import pictures, small_net
    from nonet.cka.blocks import untrained
    from nonet.cka.comparing import cka

    out = tmp_path / "report"
    data = ["--data", f"{models}:loader", "--no-spectrum", "--out", str(out)]
    blocks = ["--block.threshold", "0.3"]
    assert cli.run(["cka", "compare", f"{models}:make_a", "make_b", *data, *blocks]) == 0
    report = Findings.load(out)
    assert [panel.title for panel in report.panels] == ["make_a and make_b", "make_a", "make_b", "untrained"]
    found = report.panels[0].map
    assert (found.row_model, found.column_model) == ("make_a", "make_b")
    assert found.values.shape == (22, 16)
    fresh = cka(untrained(small_net(blocks=3), 0)[0], pictures(64).split(16), untrained(small_net(), 1)[0])
    np.testing.assert_allclose(report.panels[3].map.values[:-1, :-1], fresh.values[:-1, :-1], atol=1e-6)
    depth = np.nanmean(found.at_proportional_depth())
    assert f"mean CKA of {depth:.3f}; untrained, of " in " ".join(report.notes)
    own = report.panels[1]
    assert own.blocks
    assert all(block.control == block.control for block in own.blocks)  # set beside the same layers untrained
    for seed in (1, 2):
        save_file(small_net(blocks=3, seed=seed, classes=2).state_dict(), tmp_path / f"{seed}.safetensors")
    weights = [str(tmp_path / f"{seed}.safetensors") for seed in (1, 2)]
    assert cli.run(["cka", "compare", f"{models}:make_a", "--weights", *weights, *data]) == 0
    assert Findings.load(out).panels[0].map.column_model == "make_a (2)"


@pytest.mark.slow
def test_a_second_model_takes_the_examples_in_its_own_form(models, tmp_path, capsys):
    out = tmp_path / "report"
    words = ["cka", "compare", f"{models}:make_a", "make_flipped", "--data", f"{models}:loader", "--no-spectrum"]
    assert cli.run([*words, "--other-data", f"{models}:flipped", "--layers", "*.bn2", "--out", str(out)]) == 0
    found = Findings.load(out).panels[0].map
    assert found.columns == tuple(f"inner.{row}" for row in found.rows)
    np.testing.assert_allclose(np.diag(found.values), 1, atol=1e-5)  # turned back it is the same network
    assert cli.run([*words, "--other-data", f"{models}:others", "--out", str(out)]) == 2
    assert "different lengths" in capsys.readouterr().err
    assert (
        cli.run(
            ["cka", "compare", f"{models}:make_a", "--data", f"{models}:loader", "--other-data", "mnist", "--out", "x"]
        )
        == 2
    )
    assert "no second model" in capsys.readouterr().err


def test_an_interrupted_command_goes_on(models, tmp_path, monkeypatch):
    from cka_networks import pictures, small_net
    from nonet.cka import resuming
    from nonet.cka.comparing import cka

    monkeypatch.setattr(resuming, "_EVERY", -1.0)
    broken = tmp_path / "broken.py"
    broken.write_text(
        "from cka_networks import pictures\n"
        "left = [2]\n"
        "class Loader:\n"
        "    def __iter__(self):\n"
        "        for number, batch in enumerate(pictures(64).split(16)):\n"
        "            if left and number == left[0]:\n"
        "                left.clear()\n"
        "                raise KeyboardInterrupt\n"
        "            yield batch\n"
        "loader = Loader\n"
    )
    words = ["cka", "compare", f"{models}:make_a", "--data", f"{broken}:loader", "--no-spectrum", "--no-control"]
    words += ["--layers", "*.bn2", "--out", str(tmp_path / "report")]
    assert cli.run(words) == 130
    state = tmp_path / ".report.progress"
    assert state.exists()
    broken.write_text(broken.read_text().replace("left = [2]", "left = []"))
    assert cli.run(words) == 0
    assert not state.exists()
    whole = cka(small_net(blocks=3, classes=2), pictures(64).split(16), layers="*.bn2")
    np.testing.assert_allclose(Findings.load(tmp_path / "report").panels[0].map.values, whole.values, atol=1e-6)


@pytest.mark.slow
def test_populations_and_checkpoints_on_the_command_line(models, tmp_path, capsys):
    from cka_networks import small_net

    data = ["--data", f"{models}:loader", "--layers", "*.bn2", "--out", str(tmp_path / "out")]
    sides = ["--first", f"{models}:make_a", f"{models}:make_a", "--second", f"{models}:make_b"]
    assert cli.run(["cka", "populations", *sides, "--names", "three", "two", *data, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert (rows[0]["networks"], rows[0]["pairs"]) == ("three", 2)
    found = Findings.load(tmp_path / "out")
    titles = [panel.title for panel in found.panels]
    assert titles[0] == "three"
    assert {"three, two seeds", "three and two", "deviation: three and two"} < set(titles)
    assert found.panels[0].blocks is None
    np.testing.assert_allclose(found.panels[titles.index("deviation: three and two")].map.values, 0, atol=1e-9)
    for seed in (1, 2):
        save_file(small_net(blocks=3, seed=seed, classes=2).state_dict(), tmp_path / f"{seed}.safetensors")
    files = [str(tmp_path / f"{seed}.safetensors") for seed in (1, 2)]
    data[-1] = str(tmp_path / "evolution")
    assert cli.run(["cka", "evolve", f"{models}:make_a", "--weights", *files, *data, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["tables"][0]["rows"]
    assert rows == json.loads((tmp_path / "evolution" / "report.json").read_text())["tables"][0]["rows"]
    assert [row[0] for row in rows] == ["0: 1", "1: 2"]
    assert float(rows[1][1]) == pytest.approx(1)
    assert cli.run(["cka", "evolve", str(tmp_path), *data]) == 2
    assert "no states on the way" in capsys.readouterr().err


@pytest.mark.slow
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
    from cka_networks import small_net

    save_file(small_net(blocks=3, seed=5, classes=2).state_dict(), tmp_path / "a.safetensors")
    words = ["cka", "prune", f"{models}:make_a", "--eval", data, "--data", data, "--finetune", "2", "--budget", "50%"]
    words += ["--weights", str(tmp_path / "a.safetensors")]
    assert cli.run([*words, "--out", str(tmp_path / "small"), "--json"]) == 0
    stored = json.loads((tmp_path / "small" / "pruned.json").read_text())
    assert len(stored["steps"]) > 1
    told = json.loads(capsys.readouterr().out)
    assert [step["accuracy"] for step in told] == [step["accuracy"] for step in stored["steps"]]
    assert torch.export.load(tmp_path / "small" / "model.pt2").module()(torch.rand(3, 3, 8, 8)).shape == (3, 2)
    capsys.readouterr()
    assert cli.run(["cka", "probe", f"{models}:make_a", "--data", data, "--layers", "?"]) == 0
    assert "Linear probes" in capsys.readouterr().out
    assert cli.run(["cka", "probe", f"{models}:make_a", "--data", data, "--layers", "?", "--json"]) == 0
    assert all(0 <= row["accuracy"] <= 1 for row in json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "make_a", "--data", "mnist", "--out", "x"], "neither a function nor a folder"),
        (["compare", "FILE:make_c", "--data", "mnist", "--out", "x"], "There is no function 'make_c'"),
        (["compare", "FILE:nothing", "--data", "mnist", "--out", "x"], "not a torch module"),
        (["compare", "nowhere.py:make", "--data", "mnist", "--out", "x"], "no such file"),
        (["compare", "nowhere_at_all:make", "--data", "mnist", "--out", "x"], "no such module"),
        (["compare", "FILE:make_a", "--data", "FILE:nothing", "--out", "x"], "no loader"),
        (["compare", "FILE:make_a", "--data", "gone/", "--out", "x"], "no such file or folder"),
        (["compare", "FILE:make_a", "--data", "FILE:loader", "--weights", "FILE", "--out", "x"], "cannot be read"),
        (["prune", "FILE:make_a", "--eval", "FILE:loader", "--budget", "much", "--out", "x"], "no share"),
        (["prune", "FILE:make_a", "--eval", "FILE:loader", "--finetune", "3", "--out", "x"], "needs training data"),
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
    words = ["cka", "family", "--depths", "8", "--side", "8", "--limit", "200", "--epochs", "2"]
    words += ["--learning-rate", "0.05"]
    assert cli.run([*words, "--seeds", "2", "--workers", "2", "--out", str(out), "--json"]) == 0
    assert [row["seed"] for row in json.loads(capsys.readouterr().out)] == [0, 1]
    alone = ["--widths", "1", "--subset", "1", "--snapshots", "1", "--data", "mnist", "--out", str(tmp_path / "alone")]
    assert cli.run([*words, "--seeds", "1-1", "--workers", "1", *alone]) == 0
    states = [load_file(folder / "resnet8-1x-seed1" / "model.safetensors") for folder in (out, tmp_path / "alone")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])  # of a process of its own or not
    folders = [str(out / f"resnet8-1x-seed{seed}") for seed in (0, 1)]
    words = ["cka", "evolve", str(tmp_path / "alone" / "resnet8-1x-seed1"), "--data", "mnist", "--side", "8"]
    assert cli.run([*words, "--limit", "48", "--layers", "*.add", "--out", str(tmp_path / "evolution")]) == 0
    assert (tmp_path / "evolution" / "report.html").is_file()
    capsys.readouterr()
    words = ["cka", "compare", folders[0], "--data", "mnist", "--side", "8", "--limit", "48", "--batch-size", "16"]
    assert cli.run([*words, "--no-control", "--layers", "*.add", "--out", str(tmp_path / "report")]) == 0
    dominant = Findings.load(tmp_path / "report").spectra["resnet8-1x-seed0"].dominant[0]
    assert dominant.picture.startswith("data:image/png;base64,")
    assert dominant.label == str(read("mnist", "test").labels[dominant.example])
    asked = [
        "--data",
        "mnist",
        "--side",
        "8",
        "--limit",
        "100",
        "--permutations",
        "19",
        "--out",
        str(tmp_path / "most"),
    ]
    sides = ["--first", *folders, "--second", *folders, "--seed", "1"]
    capsys.readouterr()
    assert cli.run(["cka", "errors", *sides, *asked, "--json"]) == 0
    told = {table["title"]: table["rows"] for table in json.loads(capsys.readouterr().out)["tables"]}
    assert told["Agreement, means over pairs"][0][0] == "of the first"
    assert cli.run(["cka", "errors", *sides, *asked]) == 0
    said = capsys.readouterr().out
    assert "examples that differ" in said
    logs = [logits(load_network(Path(folder)), read("mnist", "test", side=8, limit=100)) for folder in folders]
    same = (logs[0].argmax(1) == logs[1].argmax(1)).float().mean().item()
    assert re.search(rf"of the first +{same:.3f}", said)
    assert re.search(rf"of both +{(1 + same) / 2:.3f}", said)  # half of the pairs are a network and itself
    assert len(list((tmp_path / "most").glob("*.png"))) == 10
