import numpy as np
import pytest

from nonet.cxc.config import SelectConfig
from nonet.cxc.data import Collection, RatedPairs
from nonet.cxc.selection import caption_means, draw_by_similarity, select_pairs
from nonet.foundation.errors import DataError


@pytest.fixture(scope="module")
def world():
    """300 images in 30 themes: captions tell the theme well, images tell it badly."""
    rng = np.random.default_rng(0)
    theme = np.repeat(np.arange(30), 10)
    centre = rng.standard_normal((30, 16))
    image_of = np.repeat(np.arange(300), 3)
    images = (centre[theme] + 1.5 * rng.standard_normal((300, 16))).astype(np.float32)
    captions = (centre[theme][image_of] + 0.7 * rng.standard_normal((900, 16))).astype(np.float32)
    names = tuple(f"i{n}" for n in range(300)), tuple(f"c{n}" for n in range(900))
    return Collection(*names, image_of), images, captions, theme


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_similar_pairs_are_drawn_often_and_every_band_is_covered(world):
    vectors = unit(world[1])
    config = SelectConfig(bands=5)
    drawn = draw_by_similarity(vectors, 500, config, np.random.default_rng(0))
    assert len(drawn.first) == 500 and (drawn.first < drawn.second).all()
    assert len(set(zip(drawn.first.tolist(), drawn.second.tolist(), strict=True))) == 500
    assert np.allclose(drawn.similarity, (vectors[drawn.first] * vectors[drawn.second]).sum(axis=1), atol=1e-5)
    counts = np.bincount(drawn.band, minlength=5)
    assert counts.min() > 25 and counts[-1] > 2 * counts[0]
    every = (vectors @ vectors.T)[np.triu_indices(300, 1)]
    top = drawn.similarity[drawn.band == 4]
    assert (every > top.min()).mean() < 1.1 / 4**4 * 1.2
    assert drawn.similarity.mean() > every.mean() + every.std()


def test_no_item_stands_in_more_pairs_than_allowed(world):
    drawn = draw_by_similarity(unit(world[1]), 400, SelectConfig(most_per_item=4), np.random.default_rng(0))
    assert np.bincount(np.concatenate([drawn.first, drawn.second])).max() == 4
    assert len(drawn.first) == 400


def test_asks_for_more_than_there_is():
    drawn = draw_by_similarity(np.eye(4, dtype=np.float32), 100, SelectConfig(), np.random.default_rng(0))
    assert sorted(zip(drawn.first.tolist(), drawn.second.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 3),
        (2, 3),
    ]


def test_same_seed_same_pairs(world):
    collection, images, captions, _ = world
    runs = [select_pairs(collection, images, [captions], SelectConfig(pairs=60, seed=seed)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_captions_choose_image_pairs_and_images_choose_caption_pairs(world):
    """Image pairs share a theme as often as captions tell, caption pairs as often as images tell: less."""
    collection, images, captions, theme = world
    chosen = select_pairs(collection, images, [captions, captions[:, ::-1].copy()], SelectConfig(pairs=400))
    sis = [pair for pair in chosen if pair.kind == "sis"]
    sts = [pair for pair in chosen if pair.kind == "sts"]
    assert (len(sis), len(sts)) == (200, 200)
    assert {pair.method for pair in sis} == {"i2i_csim"} and {pair.method for pair in sts} == {"c2c_isim"}
    same_images = np.mean([theme[p.left] == theme[p.right] for p in sis])
    image_of = collection.image_of
    same_captions = np.mean([theme[image_of[p.left]] == theme[image_of[p.right]] for p in sts])
    assert same_images > same_captions > 3 * 9 / 299
    assert all(image_of[p.left] != image_of[p.right] for p in sts)


def test_rated_pairs_choose_captions_for_images_the_higher_the_likelier(world):
    collection, images, captions, _ = world
    rng = np.random.default_rng(0)
    left, right = np.arange(0, 150), np.arange(150, 300)
    score = rng.choice([0.0, 5.0], 150)
    rated = RatedPairs("sis", left, right, score, np.zeros(150, dtype=bool), 150)
    config = SelectConfig(pairs=40, shares=(0, 0, 1), lean=3.0)
    chosen = select_pairs(collection, images, [captions], config, [rated])
    assert len(chosen) == 40 and {pair.method for pair in chosen} == {"c2i_intrasim"}
    links = {(int(a), int(b)): s for a, b, s in zip(left, right, score, strict=True)}
    found = [links[pair.right, int(collection.image_of[pair.left])] for pair in chosen]
    assert np.mean(found) > 4
    sts = RatedPairs("sts", np.array([0]), np.array([30]), np.array([4.0]), np.array([False]), 1)
    only = select_pairs(collection, images, [captions], config, [sts])
    assert [(p.left, p.right) for p in only] == [(0, int(collection.image_of[30]))]


def test_originals_and_co_captions_on_request(world):
    collection, images, captions, _ = world
    config = SelectConfig(pairs=2, originals=5, co_captions=4)
    chosen = select_pairs(collection, images, [captions], config)
    methods = [pair.method for pair in chosen]
    assert methods.count("c2i_original") == 5 and methods.count("c2c_cocaption") == 4
    image_of = collection.image_of
    assert all(image_of[p.left] == p.right for p in chosen if p.method == "c2i_original")
    assert all(
        image_of[p.left] == image_of[p.right] and p.left != p.right for p in chosen if p.method == "c2c_cocaption"
    )


def test_needs_ratings_for_pairs_across_modalities(world):
    collection, images, captions, _ = world
    with pytest.raises(DataError, match="need rated pairs"):
        select_pairs(collection, images, [captions], SelectConfig(shares=(0, 0, 1)))


def test_means_leave_out_images_without_captions():
    collection = Collection(("a", "b"), ("x", "y"), np.array([1, 1]))
    described, means = caption_means(collection, np.array([[2, 0], [0, 1]], dtype=np.float32))
    assert described.tolist() == [1] and np.allclose(means, 0.5**0.5)
