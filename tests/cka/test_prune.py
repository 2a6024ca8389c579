import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from cka_networks import pictures, small_net
from nonet.cka.answers import answers
from nonet.cka.config import PruneOptions
from nonet.cka.prune import prune, save_model
from nonet.cka.units import bypassed, find_units, remove
from nonet.foundation.errors import DataError


def labelled(net, count=64):
    """Batches whose labels are what the network itself says: any change costs accuracy."""
    data = pictures(count)
    with torch.no_grad():
        labels = net.eval()(data).argmax(1)
    return list(zip(data.split(16), labels.split(16), strict=True))


def idle_net():
    """Block 2 adds nothing to its (positive) input; blocks 1 and 3 do."""
    net = small_net(inplace=False, blocks=3)
    with torch.no_grad():
        net[0].bias.fill_(1)
        net[2].bn2.weight.zero_()
        for block in (net[1], net[3]):
            block.bn2.weight.fill_(3)
    return net


def test_units_are_the_blocks_that_keep_the_shape():
    units = find_units(idle_net(), pictures(8))
    assert [unit.name for unit in units] == ["1", "2", "3"]
    assert units[1].similarity == pytest.approx(1, abs=1e-5)
    assert units[0].similarity < 0.999
    assert [unit.name for unit in find_units(idle_net(), pictures(8), keep=["1"])] == ["2", "3"]
    with pytest.raises(DataError, match="no block"):
        find_units(nn.Linear(3, 2), torch.rand(4, 3))


def test_a_bypassed_unit_is_as_one_removed_and_comes_back():
    net = idle_net().eval()
    data = pictures(8)
    units = find_units(net, data)
    with torch.no_grad():
        whole = net(data)
        with bypassed(units[:1]):
            without = net(data)
        assert torch.equal(net(data), whole)
        remove(net, units[:1])
        assert torch.equal(net(data), without)
    assert len(net) == 6


def test_the_idle_block_goes_first_and_the_budget_holds():
    net = idle_net()
    found = prune(net, labelled(net), PruneOptions(budget=0.0, most=1))
    assert [step.removed for step in found.steps] == ["", "2"]
    assert found.steps[1].accuracy == 1.0
    assert found.steps[1].parameters == found.steps[0].parameters - sum(p.numel() for p in net[2].parameters())
    assert found.examples == 32
    assert len(net) == 7  # the given model stays whole
    assert torch.equal(found.model(pictures(8)), net(pictures(8)))


def test_what_the_budget_does_not_allow_is_refused_and_said():
    net = idle_net()
    with torch.no_grad():
        net[2].bn2.weight.fill_(3)
        net[2].bn2.bias.copy_(torch.tensor([5.0, -5, 5, -5, 5, -5]))
    found = prune(net, labelled(net), PruneOptions(budget=0.0, keep=("1", "3")))
    if found.refused is not None:
        assert found.refused.removed == "2"
        assert found.refused.chosen_on < 1
    assert len(found.model) == 8 - len(found.steps)


@pytest.mark.slow
def test_the_smaller_model_loads_without_nonet(tmp_path):
    net = idle_net()
    found = prune(net, labelled(net), PruneOptions(budget=0.0, most=1))
    names = save_model(found, tmp_path / "small", pictures(4), {"command": "…"})
    assert names == ["model.pt2", "model.safetensors", "pruned.json"]
    assert json.loads((tmp_path / "small" / "pruned.json").read_text())["steps"][1]["removed"] == "2"
    torch.save(pictures(5), tmp_path / "in.pt")
    script = (
        "import sys, torch\n"
        f"model = torch.export.load(r'{tmp_path / 'small' / 'model.pt2'}').module()\n"
        f"torch.save(model(torch.load(r'{tmp_path / 'in.pt'}')), r'{tmp_path / 'out.pt'}')\n"
        "assert 'nonet' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert torch.allclose(torch.load(tmp_path / "out.pt"), found.model(pictures(5)), atol=1e-6)


@pytest.mark.slow
def test_a_transformer_loses_layers_and_loads_with_its_own_library(tmp_path):
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=16, num_labels=2
    )
    model = BertForSequenceClassification(config).eval()
    ids = torch.randint(0, 50, (16, 6), generator=torch.Generator().manual_seed(0))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.no_grad():
        batch["labels"] = model(**batch).logits.argmax(1)
    found = prune(model, [batch], PruneOptions(budget=0.99, most=1))
    assert found.steps[1].removed.startswith("bert.encoder.layer.")
    save_model(found, tmp_path / "small", batch, {})
    again = BertForSequenceClassification.from_pretrained(tmp_path / "small").eval()
    assert again.config.num_hidden_layers == 2
    with torch.no_grad():
        assert torch.allclose(again(input_ids=ids).logits, found.model(input_ids=ids).logits, atol=1e-6)


def test_answers_need_labels():
    with pytest.raises(DataError, match="no labels"):
        answers(small_net(), [pictures(4)])
    right = answers(small_net(), [(pictures(4), torch.zeros(4))]).right
    assert right.dtype == np.bool_
