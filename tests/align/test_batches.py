import numpy as np
import torch
from PIL import Image

from nonet.align.batches import Captions, FeaturePairs, augmented, identities
from nonet.align.config import LearningConfig


def test_every_text_of_a_picture_is_drawn_and_no_other(shapes):
    np.random.seed(0)
    captions = Captions(shapes)
    pictures = np.repeat([3, 7], 200)
    drawn = captions.draw(pictures)
    assert np.array_equal(shapes.image_of[drawn], pictures)
    assert set(drawn) == set(np.flatnonzero(np.isin(shapes.image_of, [3, 7])))


def test_equal_texts_are_alike_whatever_their_case(shapes):
    other = shapes.take([0, 1, 6])  # two copies of one shape, one of another
    other.texts[0] = "A RED circle"
    data = FeaturePairs(other, np.zeros((3, 2), np.float32), np.zeros((6, 2), np.float32))
    same = []
    for seed in range(20):
        np.random.seed(seed)
        batch = data.__getitems__([0, 1, 2])
        _pictures, texts = identities(batch)
        same.append(bool(texts[0] == texts[1]))
        assert texts[0] != texts[2]
    assert 0 < sum(same) < 20  # each has two texts: the same one about half of the time


def test_features_are_those_of_the_rows(shapes):
    images = np.arange(len(shapes.images), dtype=np.float32)[:, None]
    texts = shapes.image_of.astype(np.float32)[:, None]
    batch = FeaturePairs(shapes, images, texts).__getitems__([4, 9, 100])
    assert batch["image_features"][:, 0].tolist() == [4, 9, 100]
    assert torch.equal(batch["text_features"], batch["image_features"])


def test_crops_keep_the_share_that_was_asked_for():
    picture = Image.new("RGB", (100, 60))
    np.random.seed(0)
    areas = [np.prod(augmented(picture, LearningConfig(crop=0.5)).size) / 6000 for _ in range(200)]
    assert 0.48 <= min(areas) < 0.6 < 0.9 < max(areas) <= 1
    assert augmented(picture, LearningConfig(crop=1.0)).size == (100, 60)
