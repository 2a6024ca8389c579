import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.cxc.positives import Judged
from nonet.cxc.ranking import similarity_blocks, standing, top_items


def all_pairs(queries: int, gallery: int, same_side: bool) -> Judged:
    query, item = (side.ravel() for side in np.mgrid[:queries, :gallery])
    kept = query != item if same_side else np.ones(len(query), dtype=bool)
    some = np.zeros(kept.sum(), dtype=bool)
    return Judged(query[kept], item[kept], some, np.full(len(some), np.nan), queries, gallery, same_side)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(2, 9), st.booleans(), st.sampled_from([64, 300, 10_000]))
def test_places_are_those_of_the_whole_matrix(seed, queries, gallery, same_side, block_bytes):
    """Few distinct values make many ties; the block size changes nothing."""
    rng = np.random.default_rng(seed)
    right = rng.integers(-1, 2, (gallery, 3)).astype(np.float32)
    left = right if same_side else rng.integers(-1, 2, (queries, 3)).astype(np.float32)
    judged = all_pairs(len(left), gallery, same_side)
    places = standing(left, right, judged, block_bytes=block_bytes)
    matrix = left @ right.T
    if same_side:
        np.fill_diagonal(matrix, -np.inf)
    asked = matrix[judged.query, judged.item]
    assert places.similarity.tolist() == asked.tolist()
    assert places.above.tolist() == (matrix[judged.query] > asked[:, None]).sum(axis=1).tolist()
    assert places.level.tolist() == (matrix[judged.query] == asked[:, None]).sum(axis=1).tolist()


def test_the_query_itself_can_count_as_zero():
    rows = np.array([[1, 0], [-1, 0.5], [-1, -0.5]], dtype=np.float32)
    judged = all_pairs(3, 3, same_side=True)
    removed, zero = (standing(rows, rows, judged, self_match=rule) for rule in ("removed", "zero"))
    assert removed.above[:2].tolist() == [0, 0]  # both others are equally far
    assert zero.above[:2].tolist() == [1, 1]  # the query stands before them with similarity 0


def test_equal_vectors_are_level_to_the_last_bit():
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((501, 97)).astype(np.float32)
    gallery[[7, 300, 500]] = gallery[3]
    for _, block in similarity_blocks(rng.standard_normal((5, 97)).astype(np.float32), gallery, block_bytes=6000):
        assert all(len(set(row[[3, 7, 300, 500]].tolist())) == 1 for row in block)


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
