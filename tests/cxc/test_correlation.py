import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from nonet.cxc.config import CorrelationRules
from nonet.cxc.correlation import correlate, model_scores
from nonet.cxc.data import RatedPairs
from nonet.foundation.errors import DataError


def rated(left, right, score, kind="sts", original=None):
    size = len(score)
    flags = np.zeros(size, dtype=bool) if original is None else np.array(original)
    return RatedPairs(kind, np.array(left), np.array(right), np.array(score, dtype=float), flags, size)


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(0)
    score = np.round(rng.uniform(0, 5, 400), 1)
    pairs = rated(np.repeat(np.arange(100), 4), rng.integers(100, 200, 400), score)
    return pairs, np.round(score + 1.5 * rng.standard_normal(400), 2)


def test_plain_correlations_are_scipys_ties_and_all(noisy):
    pairs, scores = noisy
    spearman = correlate(pairs, scores, CorrelationRules(method="plain"))
    pearson = correlate(pairs, scores, CorrelationRules(method="plain", coefficient="pearson"))
    assert spearman.mean == pytest.approx(spearmanr(scores, pairs.score).statistic, abs=1e-12)
    assert pearson.mean == pytest.approx(pearsonr(scores, pairs.score).statistic, abs=1e-12)


def test_a_sample_has_half_of_the_queries_once_and_one_item_each(noisy):
    """With one item a query and all queries, a sample is the plain correlation of these pairs."""
    pairs, scores = noisy
    first = slice(0, 400, 4)
    one_each = rated(pairs.left[first], pairs.right[first], pairs.score[first])
    whole = correlate(one_each, scores[first], CorrelationRules(fraction=1.0, samples=5))
    assert whole.mean == pytest.approx(spearmanr(scores[first], one_each.score).statistic, abs=1e-12)
    assert whole.std == pytest.approx(0, abs=1e-12)
    half = correlate(pairs, scores, CorrelationRules(samples=50))
    assert (half.queries, half.sampled, half.pairs) == (100, 50, 400)


@pytest.mark.slow
def test_equal_to_a_naive_loop_in_distribution(noisy):
    pairs, scores = noisy
    ours = correlate(pairs, scores, CorrelationRules(samples=2000, seed=1))
    rng = np.random.default_rng(7)
    values = []
    for _ in range(2000):
        chosen = [rng.choice(np.flatnonzero(pairs.left == q)) for q in rng.permutation(100)[:50]]
        values.append(spearmanr(scores[chosen], pairs.score[chosen]).statistic)
    assert ours.mean == pytest.approx(np.mean(values), abs=4 * np.std(values) / np.sqrt(1000))
    assert ours.std == pytest.approx(np.std(values), rel=0.1)


def test_same_seed_same_figure(noisy):
    runs = [correlate(*noisy, CorrelationRules(samples=20, seed=seed)).mean for seed in (3, 3, 4)]
    assert runs[0] == runs[1] != runs[2]


def test_the_query_side_is_a_rule():
    pairs = rated([0, 0, 1, 1], [5, 6, 5, 7], [1, 2, 3, 4])
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    counts = {
        side: correlate(pairs, scores, CorrelationRules(sts_query=side, samples=3, fraction=1)).queries
        for side in ("first", "second", "either")
    }
    assert counts == {"first": 2, "second": 3, "either": 5}
    sits = rated([0, 0, 1, 1], [5, 6, 5, 7], [1, 2, 3, 4], kind="sits", original=[True, False, False, False])
    assert correlate(sits, scores, CorrelationRules(samples=3)).queries == 3
    assert correlate(sits, scores, CorrelationRules(samples=3, sits_query="caption")).queries == 2
    assert correlate(sits, scores, CorrelationRules(samples=3, sits_originals=False)).pairs == 3


def test_promcse_draws_images_with_replacement():
    """Five captions of each image: its sample is half as many as images, and its spread is wider."""
    rng = np.random.default_rng(0)
    image_of = np.arange(500) // 5
    score = rng.uniform(0, 5, 500)
    pairs = rated(np.arange(500), (np.arange(500) + 1) % 500, score)
    scores = score + rng.standard_normal(500)
    theirs = correlate(pairs, scores, CorrelationRules(method="promcse", samples=300), image_of)
    ours = correlate(pairs, scores, CorrelationRules(samples=300), image_of)
    assert (theirs.queries, theirs.sampled, ours.sampled) == (100, 50, 250)
    assert theirs.std > 1.5 * ours.std
    with pytest.raises(DataError, match="which image a caption belongs to"):
        correlate(pairs, scores, CorrelationRules(method="promcse", samples=3))


def test_nothing_to_correlate():
    with pytest.raises(DataError, match="Only 2 rated pairs"):
        correlate(rated([0, 1], [1, 2], [1, 2]), np.array([1.0, 2.0]), CorrelationRules())
    with pytest.raises(DataError, match="all the same"):
        correlate(rated([0, 1, 2], [1, 2, 0], [1, 2, 3]), np.ones(3), CorrelationRules(samples=2))


def test_model_scores_are_inner_products():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((9000, 3)).astype(np.float32)
    pairs = rated(np.arange(9000), np.arange(9000)[::-1].copy(), np.zeros(9000))
    assert np.allclose(model_scores(pairs, vectors, vectors), (vectors * vectors[::-1]).sum(axis=1), atol=1e-5)


def tuned(pairs, rules, image_of, wanted, seed=0):
    """Human scores with as much noise as brings the correlation to `wanted`."""
    noise = np.random.default_rng(seed).standard_normal(len(pairs.score))
    low, high = 0.05, 40.0
    for _ in range(14):
        middle = (low * high) ** 0.5
        got = correlate(pairs, pairs.score + middle * noise, CorrelationRules(**rules, samples=20), image_of).mean
        low, high = (middle, high) if got > wanted else (low, middle)
    return pairs.score + middle * noise


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("kind", "published_mean", "least", "most"),
    [("sts", 0.742, 0.34, 0.45), ("sis", 0.745, 0.8, 1.0), ("sits", 0.619, 1.2, 1.5)],
)
def test_published_standard_deviations_come_out(official, official_collection, kind, published_mean, least, most):
    """Scores simulated with the means of Jia et al. 2021, Table 3 (row DE_T2T+I2T: 0.4, 0.9, 1.3) have its spread.

    Its rows of like means print 0.4 for STS, 0.9 to 1.0 for SIS and 1.2 to 1.5 for SITS.
    """
    pairs = RatedPairs.at_hand(getattr(official, kind), official_collection)
    scores = tuned(pairs, {}, official_collection.image_of, published_mean)
    result = correlate(pairs, scores, CorrelationRules(), official_collection.image_of)
    assert result.mean == pytest.approx(published_mean, abs=0.01)
    assert least < 100 * result.std < most


@pytest.mark.slow
@pytest.mark.data
def test_the_other_query_side_has_another_spread(official, official_collection):
    """With captions as queries SITS would have a standard deviation of about 0.6, which nobody published."""
    pairs = RatedPairs.at_hand(official.sits, official_collection)
    rules = {"sits_query": "caption"}
    scores = tuned(pairs, rules, official_collection.image_of, 0.619)
    result = correlate(pairs, scores, CorrelationRules(**rules), official_collection.image_of)
    assert 100 * result.std == pytest.approx(0.58, abs=0.06)
