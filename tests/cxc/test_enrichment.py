import numpy as np
import pytest

from nonet.cxc.config import SelectConfig
from nonet.cxc.data import Collection, RatedPairs
from nonet.cxc.enrichment import Chosen, chosen_by, enrichment_claim, enrichment_figure, enrichment_table, gain
from nonet.cxc.selection import Bands

CONFIG = SelectConfig(bands=2, lean=3.0)


def chosen(band, score, population=(75, 25)) -> Chosen:
    bands = Bands(np.zeros(4096, dtype=np.int64), np.array(population))
    return Chosen("e", bands, np.array(band), np.array(score, dtype=float))


def test_the_gain_is_the_difference_of_two_weighted_means():
    """Three quarters of all pairs, and one quarter of a sample, are of the lower band."""
    one = chosen([0, 0, 1, 1], [1, 1, 3, 3])
    found = gain({"a": one, "b": chosen([0, 0, 1, 1], [0, 0, 4, 4])}, CONFIG)
    assert one.mean(np.array([0.75, 0.25])) == pytest.approx(1.5)
    assert one.mean(one.bands.shares(3.0)) == pytest.approx(2.5)
    assert found.value == pytest.approx((1.0 + 2.0) / 2)
    assert enrichment_claim(found, "c").holds is found.above()


def test_a_band_that_nobody_rated_gives_its_share_to_the_others():
    assert chosen([1, 1], [2, 4]).mean(np.array([0.75, 0.25])) == pytest.approx(3.0)


def test_nothing_is_gained_where_captions_tell_nothing():
    rng = np.random.default_rng(0)
    found = gain({"a": chosen(rng.integers(0, 2, 400), rng.uniform(0, 5, 400))}, CONFIG)
    assert found.low < 0 < found.high and enrichment_claim(found, "c").holds is None


def test_pairs_are_put_into_the_bands_of_all_pairs():
    """Of the six pairs of four images two are described alike: those are the upper band."""
    vectors = np.eye(4, 5, dtype=np.float32)
    vectors[1], vectors[3] = [0.9, 0.1, 0, 0, 0], [0, 0, 0.9, 0.1, 0]
    captions = Collection(tuple("abcd"), tuple("wxyz"), np.arange(4))
    sis = RatedPairs("sis", np.array([0, 0]), np.array([1, 2]), np.array([4.0, 1.0]), np.zeros(2, dtype=bool), 2)
    found = chosen_by("e", sis, captions, vectors, CONFIG)
    assert found.band.tolist() == [1, 0] and found.bands.population.tolist() == [4, 2]
    table = enrichment_table({"e": found}, 4, CONFIG)
    assert [row[3:] for row in table.rows[:2]] == [("25.0%", 1, "1.00"), ("75.0%", 1, "4.00")]
    assert table.rows[2][-1] == "2.00 → 3.25"
    assert [trace.y for trace in enrichment_figure({"e": found}).plot.data] == [(1.0, 4.0)]


@pytest.mark.data
@pytest.mark.slow
def test_on_the_release_pairs_alike_in_words_are_alike_to_people(real_data):
    """A bag of words over the captions of val2017 chooses image pairs that people found more similar."""
    from nonet.cxc.data import read_collection
    from nonet.cxc.trials import both_splits, rated_pairs

    ratings = both_splits(real_data / "cxc")
    captions = read_collection(real_data / "cxc" / "captions_val2017.json").only(ratings.images, ratings.captions)
    words = [text.lower().rstrip(".").split() for text in captions.texts]
    column = {word: index for index, word in enumerate(sorted({word for text in words for word in text}))}
    vectors = np.zeros((len(words), 256), dtype=np.float32)
    signs = np.random.default_rng(0).standard_normal((len(column), 256)).astype(np.float32)
    for row, text in enumerate(words):
        vectors[row] = signs[[column[word] for word in text]].sum(axis=0)
    sis = rated_pairs(ratings, "sis", captions)
    assert (len(sis.score), len(captions.images)) == (1_226, 1_201)
    config = SelectConfig()
    found = gain({"words": chosen_by("words", sis, captions, vectors, config)}, config)
    assert found.low > 0.3
