import json

import numpy as np
import pytest
import torch
from PIL import Image

from align.tiny import tiny
from nonet.align.config import HeadConfig
from nonet.align.model import KIND, DualEncoder
from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from nonet.foundation.errors import ArtifactError, UsageError

TEXTS = ["a red circle", "two green squares in a row", "", "a red circle"]
PICTURES = [Image.new("RGB", (40 + 9 * n, 50), colour) for n, colour in enumerate(["red", "lime", "blue", "red"])]


def test_embeddings_have_length_one_and_do_not_depend_on_the_batch():
    model = tiny()
    for together, alone in (
        (model.embed_images(PICTURES), model.embed_images(PICTURES, batch_size=1)),
        (model.embed_texts(TEXTS), model.embed_texts(TEXTS, batch_size=1)),
    ):
        assert together.shape == (4, model.dim)
        assert together.dtype == np.float32
        assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
        assert together == pytest.approx(alone, abs=1e-5)
        assert together[0] == pytest.approx(together[3], abs=0.2)
    assert model.embed_images([]).shape == model.embed_texts([]).shape == (0, 16)


def test_pictures_may_be_files(tmp_path):
    PICTURES[1].save(tmp_path / "lime.png")
    model = tiny()
    assert model.embed_images([tmp_path / "lime.png"]) == pytest.approx(model.embed_images(PICTURES[1:2]), abs=1e-6)


@pytest.mark.slow
def test_saved_and_loaded_it_is_the_same_model(tmp_path):
    model = tiny()
    model.save(tmp_path / "model", Card("tiny"))
    loaded = DualEncoder.load(tmp_path / "model")
    assert np.array_equal(loaded.embed_images(PICTURES), model.embed_images(PICTURES))
    assert np.array_equal(loaded.embed_texts(TEXTS), model.embed_texts(TEXTS))
    assert loaded.fingerprint == model.fingerprint
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"config.json", "model.safetensors", "README.md"}


def test_the_fingerprint_follows_every_weight_and_option():
    model = tiny()
    first = model.fingerprint
    assert tiny().fingerprint == first
    assert tiny(seed=1).fingerprint != first
    assert tiny(heads=HeadConfig(dim=16, hidden=24, dropout=0.2)).fingerprint != first
    state = model.state_dict()
    state["heads.log_temperature"] = state["heads.log_temperature"] + 1e-6
    model.load_state_dict(state)
    assert model.fingerprint != first


def test_embeddings_follow_a_change_of_weights():
    model = tiny()
    before = model.embed_images(PICTURES)
    model.train()
    with torch.no_grad():
        for parameter in model.image_encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    assert not np.allclose(model.eval().embed_images(PICTURES), before, atol=1e-3)


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(ArtifactError):
        DualEncoder.load(tmp_path)
    artifact.save(tmp_path / "other", kind="another-thing", config={}, tensors={}, card=Card("x"))
    with pytest.raises(ArtifactError, match="another-thing"):
        DualEncoder.load(tmp_path / "other")
    model = tiny()
    description = json.loads(json.dumps(model.describe()))
    description["heads"]["dim"] = 8  # weights and configuration of different models
    artifact.save(tmp_path / "torn", kind=KIND, config=description, tensors=model.state_dict(), card=Card("x"))
    with pytest.raises(ArtifactError, match="do not fit"):
        DualEncoder.load(tmp_path / "torn")
    model.save(tmp_path / "version", Card("x"))
    path = tmp_path / "version" / "config.json"
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 99'))
    with pytest.raises(ArtifactError, match="format 99"):
        DualEncoder.load(tmp_path / "version")


def test_without_a_projection_the_widths_must_agree():
    with pytest.raises(UsageError, match="--dim 80"):
        tiny(heads=HeadConfig(dim=16, image_projection="none"))
    assert tiny(heads=HeadConfig(dim=80, image_projection="none", text_projection="linear")).dim == 80
