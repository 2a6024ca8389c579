import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nonet.felix.config import LabelConfig
from nonet.felix.encoders import open_encoder, plain_config
from nonet.felix.labels import TagSet
from nonet.felix.model import Inserter, new_tagger
from nonet.felix.pointing import FORBIDDEN, Pointer
from nonet.foundation.errors import DataError, UsageError

pytestmark = pytest.mark.slow


def test_the_pointer_begins_with_the_order_of_the_source():
    pointer = Pointer(8, TagSet.of(LabelConfig(max_mask=2)).keeps, 16, 2, prior=50.0).eval()
    tags = torch.tensor([[1, 0, 3, 1, 0, 1], [1, 1, 1, 0, 0, 0]])
    mask = torch.tensor([[True] * 6, [True] * 3 + [False] * 3])
    points = pointer(torch.randn(2, 6, 8), tags, mask).argmax(dim=-1)
    assert points[0].tolist() == [2, 0, 3, 5, 0, 0]
    assert points[1, :3].tolist() == [1, 2, 0]


def test_nothing_points_to_itself_or_to_padding():
    pointer = Pointer(8, [False, True], 16, 2).eval()
    mask = torch.tensor([[True, True, True, False]])
    scores = pointer(torch.randn(1, 4, 8), torch.ones(1, 4, dtype=torch.long), mask)[0]
    assert (scores.diagonal() == FORBIDDEN).all()
    assert (scores[:, 3] == FORBIDDEN).all()
    assert (scores > FORBIDDEN).sum() == 3 * 2 + 3


def test_padding_changes_nothing(tiny):
    tagger = new_tagger(LabelConfig(), tiny.config).eval()
    ids = torch.randint(1000, 2000, (1, 7))
    longer = torch.cat([ids, torch.zeros(1, 5, dtype=torch.long)], dim=1)
    mask = torch.arange(12)[None] < 7
    tags = torch.ones(1, 12, dtype=torch.long)
    with torch.no_grad():
        states, scores = tagger.states(ids, mask[:, :7])
        more_states, more_scores = tagger.states(longer, mask)
        points = tagger.points(states, tags[:, :7], mask[:, :7])
        more_points = tagger.points(more_states, tags, mask)
    torch.testing.assert_close(more_scores[:, :7], scores, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(more_points[:, :7, :7], points, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def masked_folder(tiny, tmp_path_factory) -> Path:
    """A BERT with a head that fills masks, as its library writes it."""
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("encoders") / "bert"
    config = BertConfig(**{name: value for name, value in tiny.config.items() if name not in {"model_type", "dtype"}})
    torch.manual_seed(1)
    BertForMaskedLM(config).save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tiny.vocabulary.tokenizer.to_str(), "utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "mask_token": "[MASK]", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def test_the_head_of_a_checkpoint_is_used_and_only_masks_are_computed(masked_folder):
    from transformers import BertForMaskedLM

    peer = BertForMaskedLM.from_pretrained(masked_folder).eval()
    inserter = Inserter.start(open_encoder(str(masked_folder))).eval()
    ids, segments = torch.randint(1000, 2000, (2, 9)), torch.tensor([[0] * 9, [0, 0, 1, 1, 1, 0, 0, 0, 0]])
    mask = torch.ones(2, 9, dtype=torch.bool)
    rows, places = torch.tensor([0, 1, 1]), torch.tensor([3, 0, 8])
    with torch.no_grad():
        whole = peer(input_ids=ids, token_type_ids=segments, attention_mask=mask.long()).logits
        found = inserter(ids, mask, segments, rows, places)
    assert found.shape == (3, whole.shape[-1])
    torch.testing.assert_close(found, whole[rows, places], rtol=1e-4, atol=1e-4)


def test_training_begins_with_the_checkpoints_weights_not_random_ones(masked_folder):
    loaded = open_encoder(str(masked_folder))
    tagger = new_tagger(LabelConfig(), loaded.config, loaded.weights)
    stored = tagger.encoder.network.state_dict()
    assert all(torch.equal(stored[name], tensor) for name, tensor in loaded.weights.items())
    assert loaded.head


def test_some_layers_of_an_encoder(masked_folder):
    loaded = open_encoder(str(masked_folder), layers=1)
    assert plain_config(loaded.build().config)["num_hidden_layers"] == 1
    assert not any(".layer.1." in name for name in loaded.weights)
    with pytest.raises(UsageError, match="2 layers"):
        open_encoder(str(masked_folder), layers=3)


def test_folders_that_hold_no_encoder_are_refused(tmp_path, masked_folder):
    with pytest.raises(DataError, match="no such folder"):
        open_encoder(str(tmp_path / "none"))
    with pytest.raises(DataError, match="no encoder"):
        open_encoder(str(tmp_path))
    tokenizer = json.loads((masked_folder / "tokenizer.json").read_text("utf-8"))
    tokenizer["model"]["vocab"]["[XXXX]"] = tokenizer["model"]["vocab"].pop("[MASK]")
    tokenizer["added_tokens"] = [one for one in tokenizer["added_tokens"] if one["content"] != "[MASK]"]
    odd = tmp_path / "odd"
    odd.mkdir()
    save_file(open_encoder(str(masked_folder)).weights, odd / "model.safetensors", {"format": "pt"})
    (odd / "config.json").write_text((masked_folder / "config.json").read_text())
    (odd / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    (odd / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    with pytest.raises(UsageError, match="no MASK token"):
        open_encoder(str(odd))


def test_a_new_head_begins_with_the_frequencies_of_what_it_is_to_fill_in(tiny):
    head = Inserter.start(tiny).head
    head.expect(np.array([7, 7, 7, 9]))
    shares = head.bias.double().exp()
    assert shares.sum().item() == pytest.approx(1, rel=1e-4)
    assert (shares[7] / shares[9]).item() == pytest.approx(3.01 / 1.01, rel=1e-3)
    assert shares[11].item() > 0
