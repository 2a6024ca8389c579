import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.cxc.positives import Judged
from nonet.cxc.ranking import both_standings, standing, top_items


def all_pairs(queries: int, gallery: int, same_side: bool) -> Judged:
    query, item = (side.ravel() for side in np.mgrid[:queries, :gallery])
    kept = query != item if same_side else np.ones(len(query), dtype=bool)
    some = np.zeros(kept.sum(), dtype=bool)
    return Judged(query[kept], item[kept], some, np.full(len(some), np.nan), queries, gallery, same_side)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(2, 9), st.booleans(), st.sampled_from([2, 3, 100]))
def test_places_are_those_of_the_whole_matrix(seed, queries, gallery, same_side, tile):
    """Few distinct values make many ties; the size of the tiles changes nothing."""
    rng = np.random.default_rng(seed)
    right = rng.integers(-1, 2, (gallery, 3)).astype(np.float32)
    left = right if same_side else rng.integers(-1, 2, (queries, 3)).astype(np.float32)
    judged = all_pairs(len(left), gallery, same_side)
    places = standing(left, right, judged, tile=tile)
    matrix = left @ right.T
    if same_side:
        np.fill_diagonal(matrix, -np.inf)
    asked = matrix[judged.query, judged.item]
    assert places.similarity.tolist() == asked.tolist()
    assert places.above.tolist() == (matrix[judged.query] > asked[:, None]).sum(axis=1).tolist()
    assert places.level.tolist() == (matrix[judged.query] == asked[:, None]).sum(axis=1).tolist()


def test_both_directions_share_their_products():
    rng = np.random.default_rng(0)
    left, right = (rng.integers(-2, 3, (rows, 5)).astype(np.float32) for rows in (23, 31))
    forward, backward = all_pairs(23, 31, same_side=False), all_pairs(31, 23, same_side=False)
    both = both_standings(left, right, forward, backward, tile=10)
    for found, single in zip(both, (standing(left, right, forward), standing(right, left, backward)), strict=True):
        assert found.above.tolist() == single.above.tolist() and found.level.tolist() == single.level.tolist()


def test_what_single_precision_cannot_tell_apart_is_compared_in_double():
    """Three hundred vectors that differ in their last bits: single precision ranks them at random."""
    rng = np.random.default_rng(0)
    right = (rng.standard_normal(640) + 2e-7 * rng.standard_normal((300, 640))).astype(np.float32)
    left = rng.standard_normal((7, 640)).astype(np.float32)
    judged = all_pairs(7, 300, same_side=False)
    exact = left.astype(np.float64) @ right.astype(np.float64).T
    single = (left @ right.T)[judged.query, judged.item]
    above = (exact[judged.query] > exact[judged.query, judged.item][:, None]).sum(axis=1)
    assert ((left @ right.T)[judged.query] > single[:, None]).sum(axis=1).tolist() != above.tolist()
    for tile in (64, 2000):
        assert standing(left, right, judged, tile=tile).above.tolist() == above.tolist()


def test_equal_vectors_are_level_to_the_last_bit():
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((501, 97)).astype(np.float32)
    gallery[[7, 300, 500]] = gallery[3]
    judged = all_pairs(5, 501, same_side=False)
    level = standing(rng.standard_normal((5, 97)).astype(np.float32), gallery, judged, tile=99).level.reshape(5, 501)
    assert (level[:, [3, 7, 300, 500]] == 4).all() and level.sum() == 5 * (497 + 4 * 4)


def test_the_query_itself_can_count_as_zero():
    rows = np.array([[1, 0], [-1, 0.5], [-1, -0.5]], dtype=np.float32)
    judged = all_pairs(3, 3, same_side=True)
    removed, zero = (standing(rows, rows, judged, self_match=rule) for rule in ("removed", "zero"))
    assert removed.above[:2].tolist() == [0, 0]  # both others are equally far
    assert zero.above[:2].tolist() == [1, 1]  # the query stands before them with similarity 0


def test_top_items_are_sorted_and_leave_the_query_out():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((40, 8)).astype(np.float32)
    matrix = rows @ rows.T
    np.fill_diagonal(matrix, -np.inf)
    expected = np.argsort(-matrix, axis=1, kind="stable")
    assert np.array_equal(top_items(rows, rows, 6, itself=np.arange(40)), expected[:, :6])
    assert np.array_equal(top_items(rows, rows, 99, itself=np.arange(40)), expected[:, :39])
    assert top_items(np.eye(2, 8, dtype=np.float32), np.eye(8, dtype=np.float32), 1).tolist() == [[0], [1]]


@pytest.mark.slow
def test_memory_is_bounded():
    """25,000 rows against themselves: the whole matrix would take 2.5 GB."""
    import tracemalloc

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((25_000, 32)).astype(np.float32)
    query = np.arange(25_000)
    judged = Judged(query, (query + 1) % 25_000, query >= 0, np.full(25_000, np.nan), 25_000, 25_000, True)
    tracemalloc.start()
    places = standing(rows, rows, judged)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * 2**20
    assert places.above.min() >= 0 and places.above.max() < 24_999
    assert places.above.mean() == pytest.approx(12_500, rel=0.05)
