import json

import pytest
import torch
from PIL import Image
from transformers import (
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    PreTrainedTokenizerFast,
    ViTConfig,
    ViTImageProcessorPil,
    ViTModel,
)

from nonet.align.encoders import (
    image_encoder,
    rebuild_image_encoder,
    rebuild_text_encoder,
    text_encoder,
    train_wordpiece,
)
from nonet.foundation.errors import DataError, MissingError

TEXTS = ["a red circle", "two green squares", "the quick brown fox"]


def save_tokenizer(folder):
    tokenizer = train_wordpiece(TEXTS * 5, 200)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    return tokenizer


@pytest.fixture
def bert(tmp_path):
    tokenizer = save_tokenizer(tmp_path)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    BertModel(config).save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def vit(tmp_path):
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8
    )
    ViTModel(config).save_pretrained(tmp_path)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def clip(tmp_path):
    save_tokenizer(tmp_path)
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = CLIPConfig(
        text_config={**small, "vocab_size": 300, "eos_token_id": 3},
        vision_config={**small, "image_size": 32, "patch_size": 8},
    )
    CLIPModel(config).save_pretrained(tmp_path)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    return tmp_path


def rebuilt(encoder, rebuild):
    """The encoder after a trip through JSON and tensors."""
    again = rebuild(json.loads(json.dumps(encoder.describe())))
    again.load_state_dict(encoder.state_dict())
    return again.eval()


@pytest.mark.parametrize("model", ["bert", "clip"])
def test_text_encoder_from_a_folder_is_rebuilt_from_json_and_weights(model, request):
    encoder = text_encoder(str(request.getfixturevalue(model))).eval()
    tokens = encoder.preprocess(TEXTS)
    features = encoder(*tokens)
    assert features.shape == (3, encoder.width) == (3, 16)
    again = rebuilt(encoder, rebuild_text_encoder)
    assert torch.equal(again(*again.preprocess(TEXTS)), features)
    assert again.fingerprint() == encoder.fingerprint()


@pytest.mark.parametrize("model", ["vit", "clip"])
def test_image_encoder_from_a_folder_is_rebuilt_from_json_and_weights(model, request):
    encoder = image_encoder(str(request.getfixturevalue(model))).eval()
    pictures = [Image.new("RGB", (50, 70), "red"), Image.new("RGB", (32, 32), "blue")]
    features = encoder(encoder.preprocess(pictures))
    assert features.shape == (2, encoder.width) == (2, 16)
    again = rebuilt(encoder, rebuild_image_encoder)
    assert torch.equal(again(again.preprocess(pictures)), features)


def test_pooling_is_the_first_token_unless_a_sentence_encoder_says_mean(bert):
    first = text_encoder(str(bert)).eval()
    tokens = first.preprocess(TEXTS)
    hidden = first.network(input_ids=tokens.ids, attention_mask=tokens.mask).last_hidden_state
    assert torch.equal(first(*tokens), hidden[:, 0])
    (bert / "1_Pooling").mkdir()
    (bert / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    mean = text_encoder(str(bert)).eval()(*tokens)
    for row, mask, got in zip(hidden, tokens.mask, mean, strict=True):
        assert torch.allclose(got, row[mask].mean(0), atol=1e-6)


def test_texts_are_cut_at_64_tokens_and_any_text_is_read(bert):
    encoder = text_encoder(str(bert))
    tokens = encoder.preprocess(["red " * 500, "", "\x00 \ud800 ‮", "x" * 1_000_000])
    assert tokens.ids.shape == (4, 64)
    assert tokens.mask.sum(1).tolist()[:2] == [64, 2]


def test_errors_tell_a_wrong_path_from_an_unreachable_hub(tmp_path, monkeypatch, bert):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="no such folder"):
        image_encoder("./nowhere/model")
    with pytest.raises(MissingError, match="without a network"):
        text_encoder("nobody/no-such-model")
    with pytest.raises(DataError, match="not a network for pictures"):
        image_encoder(str(bert))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no encoder that can be loaded"):
        text_encoder(str(empty))


def test_pickled_weights_are_refused(bert):
    weights = bert / "model.safetensors"
    torch.save({}, bert / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(DataError, match="no encoder that can be loaded"):
        text_encoder(str(bert))
