import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.align.exact import best, scan


def unit(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    vectors = rng.standard_normal((rows, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 60).map(lambda n: n * 211),  # up to several blocks, seldom a multiple of one
    dim=st.integers(1, 40),
    k=st.integers(1, 30),
    dead=st.floats(0, 0.9),
    seed=st.integers(0, 99),
)
def test_scan_equals_sorting_all_scores(rows: int, dim: int, k: int, dead: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, queries = unit(rng, rows, dim).astype(np.float16), unit(rng, 3, dim)
    alive = rng.random(rows) >= dead
    scores, found = scan(vectors, queries, k, alive)
    all_scores = np.where(alive, queries @ vectors.astype(np.float32).T, -np.inf)
    expected = -np.sort(-all_scores, axis=1)[:, : min(k, alive.sum())]
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert alive[found].all()
    np.testing.assert_allclose(np.take_along_axis(all_scores, found, axis=1), scores, atol=1e-6)


def test_scan_reads_a_memory_mapped_file(tmp_path) -> None:
    rng = np.random.default_rng(1)
    vectors = unit(rng, 9000, 16).astype(np.float16)
    np.save(tmp_path / "v.npy", vectors)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    _, found = scan(mapped, vectors[[8999, 4096, 0]].astype(np.float32), 1)
    assert found[:, 0].tolist() == [8999, 4096, 0]


def test_scan_of_nothing_alive_finds_nothing() -> None:
    vectors = np.eye(4, dtype=np.float16)
    scores, found = scan(vectors, np.eye(4, dtype=np.float32), 3, np.zeros(4, bool))
    assert scores.shape == found.shape == (4, 0)


def test_equal_scores_come_in_the_order_of_labels() -> None:
    scores = np.array([[0.5, 0.9, 0.5, 0.5]], np.float32)
    _, labels = best(scores, np.array([[7, 1, 3, 5]]), 3)
    assert labels.tolist() == [[1, 3, 5]]


@pytest.mark.parametrize("k", [1, 4096, 10_000])
def test_k_beyond_a_block_or_all_rows(k: int) -> None:
    rng = np.random.default_rng(2)
    vectors = unit(rng, 5000, 8)
    scores, found = scan(vectors.astype(np.float16), vectors[:1], k)
    assert scores.shape == (1, min(k, 5000))
    assert len(set(found[0].tolist())) == found.shape[1]
    assert (np.diff(scores[0]) <= 0).all()
