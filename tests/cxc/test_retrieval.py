import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.cxc.config import RetrievalRules
from nonet.cxc.positives import Judged
from nonet.cxc.ranking import standing
from nonet.cxc.retrieval import per_query, retrieval_result


def judged_from(grades: np.ndarray, positive: np.ndarray, same_side: bool = False) -> Judged:
    query, item = np.nonzero(positive | ~np.isnan(grades))
    return Judged(query, item, positive[query, item], grades[query, item], *grades.shape, same_side)


def by_hand(order: tuple[int, ...], positive: np.ndarray, grade: np.ndarray, rules: RetrievalRules) -> dict:
    """The definitions, on one full ranking of one query."""
    hits = [bool(positive[item]) for item in order]
    total = int(positive.sum())
    first = hits.index(True)
    gains = np.nan_to_num(grade) / 5
    ndcg = sum(gains[item] / np.log2(place + 2) for place, item in enumerate(order[: rules.ndcg_at]))
    ideal = sum(g / np.log2(place + 2) for place, g in enumerate(sorted(gains, reverse=True)[: rules.ndcg_at]))
    return {
        "hit": [float(first < k) for k in rules.recall_at],
        "rank": first + 1,
        "ap": sum(sum(hits[: k + 1]) / (k + 1) for k in range(total) if hits[k]) / total,
        "rp": sum(hits[:total]) / total,
        "ndcg": ndcg / ideal if ideal else np.nan,
    }


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.integers(0, 100_000), st.integers(2, 5))
def test_expectations_are_means_over_all_orders_of_equals(seed, gallery):
    """Every order of equally similar results, one by one: the closed forms must give their mean, least and greatest."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 3, gallery).astype(np.float32)
    positive = rng.random(gallery) < 0.5
    positive[rng.integers(gallery)] = True
    grade = np.where(rng.random(gallery) < 0.7, rng.integers(0, 6, gallery).astype(float), np.nan)
    rules = RetrievalRules(recall_at=(1, 2, 3), ndcg_at=3)
    rankings = [
        order
        for order in itertools.permutations(range(gallery))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    each = [by_hand(order, positive, grade, rules) for order in rankings]
    judged = judged_from(grade[None], positive[None])
    places = standing(np.ones((1, 1), dtype=np.float32), scores[:, None], judged)
    found = per_query(judged, places, rules)
    assert found.hit[0] == pytest.approx(np.mean([row["hit"] for row in each], axis=0))
    assert found.best_rank[0] == pytest.approx(np.mean([row["rank"] for row in each]))
    assert found.average_precision[0] == pytest.approx(np.mean([row["ap"] for row in each]))
    assert found.r_precision[0] == pytest.approx(np.mean([row["rp"] for row in each]))
    assert found.ndcg[0] == pytest.approx(np.mean([row["ndcg"] for row in each]), nan_ok=True)
    for ties, choose in (("optimistic", max), ("pessimistic", min)):
        bound = per_query(judged, places, replace(rules, ties=ties))
        assert bound.average_precision[0] == pytest.approx(choose(row["ap"] for row in each))
        assert bound.hit[0].tolist() == [choose(row["hit"][k] for row in each) for k in range(3)]


def test_known_figures():
    """Two queries: ranks 1 and 3 of the positives, the second query's only one at rank 2, a third without any."""
    scores = np.array([[4, 3, 2, 1], [4, 3, 2, 1], [4, 3, 2, 1]], dtype=np.float32)
    positive = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]], dtype=bool)
    grades = np.array([[5, 0, 2.5, np.nan], [np.nan, 4, np.nan, np.nan], [np.nan] * 4])
    judged = judged_from(grades, positive)
    eye = np.eye(4, dtype=np.float32)
    places = standing(scores, eye, judged)
    rules = RetrievalRules(recall_at=(1, 2), ndcg_at=4)
    result = retrieval_result("i2t", judged, places, rules, np.arange(3))
    assert [r.value for r in result.recall] == [0.5, 1.0]
    assert (result.queries, result.skipped, result.positives, result.median_rank) == (2, 1, 3, 1.5)
    assert result.map_at_r == pytest.approx((1 / 2 + 0) / 2)
    assert result.r_precision == pytest.approx((1 / 2 + 0) / 2)
    first = (1 + 0.5 / np.log2(4)) / (1 + 0.5 / np.log2(3))
    assert result.ndcg == pytest.approx((first + 1 / np.log2(3)) / 2)
    assert result.tied == 0.0
    missed = retrieval_result("i2t", judged, places, replace(rules, no_positive="miss"), np.arange(3))
    assert missed.queries == 3 and missed.recall[1].value == pytest.approx(2 / 3)


def test_ndcg_of_the_condensed_list_ignores_what_nobody_rated():
    scores = np.array([[9, 8, 7, 6]], dtype=np.float32)
    grades = np.array([[np.nan, 2.0, np.nan, 4.0]])
    judged = judged_from(grades, grades > 3)
    places = standing(scores, np.eye(4, dtype=np.float32), judged)
    condensed = per_query(judged, places, RetrievalRules(unrated="removed", ndcg_at=2)).ndcg[0]
    assert condensed == pytest.approx((0.4 + 0.8 / np.log2(3)) / (0.8 + 0.4 / np.log2(3)))
    zero = per_query(judged, places, RetrievalRules(ndcg_at=2)).ndcg[0]
    assert zero == pytest.approx(0.4 / np.log2(3) / (0.8 + 0.4 / np.log2(3)))
    steep = per_query(judged, places, RetrievalRules(ndcg_at=2, gain="exponential")).ndcg[0]
    assert steep == pytest.approx(3 / np.log2(3) / (15 + 3 / np.log2(3)))


def test_intervals_resample_images_not_captions():
    """A hundred captions of two images that all fail or all succeed: nothing between 0 and 1 is certain."""
    scores = np.zeros((100, 2), dtype=np.float32)
    scores[:50, 0] = scores[50:, 0] = 1
    positive = np.zeros((100, 2), dtype=bool)
    positive[:50, 0] = positive[50:, 1] = True
    judged = judged_from(np.full((100, 2), np.nan), positive)
    places = standing(scores, np.eye(2, dtype=np.float32), judged)
    result = retrieval_result("t2i", judged, places, RetrievalRules(recall_at=(1,)), np.repeat([0, 1], 50))
    assert (result.recall[0].value, result.recall[0].low, result.recall[0].high) == (0.5, 0.0, 1.0)


@pytest.mark.data
@pytest.mark.slow
def test_equal_to_eccv_caption_on_both_cross_modal_tasks(official, official_collection):
    peer = pytest.importorskip("eccv_caption").Metrics()
    from nonet.cxc.data import RatedPairs
    from nonet.cxc.positives import judged_pairs
    from nonet.cxc.ranking import top_items

    rng = np.random.default_rng(0)
    collection = official_collection
    images = rng.standard_normal((5_000, 24)).astype(np.float32)
    captions = (images[collection.image_of] + 1.5 * rng.standard_normal((25_000, 24))).astype(np.float32)
    image_id = np.array([int(name[-16:-4]) for name in collection.images])
    caption_id = np.array([int(name.split(":")[-1]) for name in collection.captions])
    rules = RetrievalRules(original_pairs="rated", similarity="dot")
    rated = {part.kind: RatedPairs.at_hand(part, collection) for part in official.present}
    tops = {
        "i2t": {
            int(i): caption_id[row].tolist() for i, row in zip(image_id, top_items(images, captions, 10), strict=True)
        },
        "t2i": {
            int(c): image_id[row].tolist() for c, row in zip(caption_id, top_items(captions, images, 10), strict=True)
        },
    }
    theirs = [peer.cxc_recalls(tops, "all", K=k) for k in (1, 5, 10)]
    for task, left, right, cluster in (
        ("i2t", images, captions, np.arange(5_000)),
        ("t2i", captions, images, collection.image_of),
    ):
        judged = judged_pairs(task, rated, collection, rules)
        ours = retrieval_result(task, judged, standing(left, right, judged), rules, cluster)
        assert [r.value for r in ours.recall] == pytest.approx([row[task] for row in theirs], abs=1e-12)
