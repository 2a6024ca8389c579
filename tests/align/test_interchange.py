"""Checkpoints of the Hugging Face library against the library itself, with random weights."""

import numpy as np
import pytest
import torch
from PIL import Image

from align.tiny import WORDS, tiny
from nonet.align.config import HeadConfig
from nonet.align.encoders import EfficientNetConfig, EfficientNetEncoder, Preparation, TransformerTextEncoder
from nonet.align.interchange import from_transformers, open_model, to_transformers
from nonet.align.model import DualEncoder
from nonet.foundation.artifact import Card
from nonet.foundation.errors import ArtifactError, UsageError

pytestmark = pytest.mark.slow  # transformers' models take seconds to import

TEXTS = ["a red circle", "two green squares in a row", ""]


def paper_model(seed=0, kind="plain") -> DualEncoder:
    torch.manual_seed(seed)
    image = EfficientNetEncoder(EfficientNetConfig(width=0.4, depth=0.5), Preparation(43, 36))
    text = TransformerTextEncoder.small(WORDS * 5, vocabulary=100, layers=2, width=64)
    heads = HeadConfig(
        dim=image.width, image_projection="none", text_projection="linear", temperature=0.3, temperature_kind=kind
    )
    model = DualEncoder(image, text, heads)
    for name, buffer in model.named_buffers():  # averages that no fresh network has
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    return model.eval()


def pictures():
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (50 + 9 * n, 60, 3), np.uint8)) for n in range(3)]


def their_embeddings(folder):
    from transformers import AlignModel, AutoImageProcessor, AutoTokenizer

    model = AlignModel.from_pretrained(folder).eval()
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(pictures(), return_tensors="pt")["pixel_values"]
    tokens = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        made = model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"], pixel_values=pixels)
    return made.image_embeds, made.text_embeds, model.temperature, pixels


@pytest.mark.parametrize("kind", ["plain", "log"])
def test_an_align_model_is_written_and_read_with_equal_embeddings(tmp_path, kind):
    model = paper_model(kind=kind)
    to_transformers(model, tmp_path / "theirs")
    images, texts, temperature, pixels = their_embeddings(tmp_path / "theirs")
    again = from_transformers(tmp_path / "theirs")
    assert float(temperature.detach()) == pytest.approx(0.3, rel=1e-6)
    assert float(again.heads.temperature.detach()) == pytest.approx(0.3, rel=1e-6)
    for ours in (model, again):
        with torch.no_grad():
            seen = ours.heads.embed_images(ours.image_encoder(pixels))
        assert torch.allclose(seen, images, atol=1e-5)
        assert np.allclose(ours.embed_texts(TEXTS), texts.numpy(), atol=1e-5)
    # from the pictures on: the same steps as the library's own preprocessor
    assert torch.allclose(again.image_encoder.preprocess(pictures()), pixels, atol=1e-5)


@pytest.mark.parametrize(
    "changes", [{"include_top": True, "rescale_offset": True, "rescale_factor": 1 / 127.5}, {"do_center_crop": False}]
)
def test_published_preprocessors_are_followed(tmp_path, changes):
    import json

    from transformers import AutoImageProcessor

    to_transformers(paper_model(), tmp_path / "theirs")
    path = tmp_path / "theirs" / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    theirs = AutoImageProcessor.from_pretrained(tmp_path / "theirs", backend="pil")(pictures(), return_tensors="pt")
    ours = from_transformers(tmp_path / "theirs").image_encoder.preprocess(pictures())
    assert torch.allclose(ours, theirs["pixel_values"], atol=2e-5)


def test_the_paper_s_own_shape_has_the_published_names():
    """B7 and BERT-base as in kakaobrain/align-base, on the meta device: every weight has a place and a shape."""
    from transformers import AlignConfig, AlignModel

    from nonet.align.interchange import _names

    with torch.device("meta"):
        theirs = AlignModel(AlignConfig()).vision_model.state_dict()
    names = _names(EfficientNetConfig(2.0, 3.1))
    assert {name.rpartition(".")[0] for name in theirs} == set(names)


def test_a_clip_model_gives_its_own_embeddings(tmp_path):
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    words = TransformerTextEncoder.small(WORDS * 5, vocabulary=100, layers=1, width=32).tokenizer
    small = {"hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**small, "vocab_size": 120, "max_position_embeddings": 20, "eos_token_id": words.token_to_id("[SEP]")}
    text |= {"bos_token_id": words.token_to_id("[CLS]"), "pad_token_id": 0}
    config = CLIPConfig(text_config=text, vision_config={**small, "image_size": 32, "patch_size": 8}, projection_dim=24)
    clip = CLIPModel(config).eval()
    clip.save_pretrained(tmp_path)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]").save_pretrained(tmp_path)
    model = open_model(tmp_path)
    with torch.no_grad():
        tokens = model.text_encoder.preprocess(TEXTS)
        pixels = model.image_encoder.preprocess(pictures())
        theirs = clip(input_ids=tokens.ids, attention_mask=tokens.mask.long(), pixel_values=pixels)
    assert np.allclose(model.embed_texts(TEXTS), theirs.text_embeds.numpy(), atol=1e-5)
    assert np.allclose(model.embed_images(pictures()), theirs.image_embeds.numpy(), atol=1e-5)
    scores = torch.tensor(model.embed_images(pictures()) @ model.embed_texts(TEXTS).T) / model.heads.temperature
    assert torch.allclose(scores, theirs.logits_per_image, atol=1e-4)
    model.save(tmp_path / "ours", Card(title="c", description="d", data="e"))
    assert np.allclose(DualEncoder.load(tmp_path / "ours").embed_texts(TEXTS), model.embed_texts(TEXTS), atol=1e-6)


def test_what_has_no_place_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no place"):
        to_transformers(tiny(), tmp_path / "theirs")
    with pytest.raises(ArtifactError):
        open_model(tmp_path)
