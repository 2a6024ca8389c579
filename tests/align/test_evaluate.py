import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.align.evaluate import retrieval, retrieval_ranks
from nonet.foundation.errors import DataError


def by_force(queries, candidates, query_group, candidate_group):
    ranks = []
    for query, group in zip(queries, query_group, strict=True):
        scores = candidates @ query
        right = candidate_group == group
        ranks.append(1 + int(np.sum(scores[~right] >= scores[right].max())))
    return ranks


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 3), st.integers(1, 5), st.integers(0, 10_000))
def test_ranks_equal_brute_force_with_ties_and_any_block(images, per_image, block, seed):
    rng = np.random.default_rng(seed)
    # few distinct whole numbers: many exact ties
    pictures = rng.integers(-1, 2, (images, 3)).astype(np.float64)
    texts = rng.integers(-1, 2, (images * per_image, 3)).astype(np.float64)
    image_of = rng.permutation(np.repeat(np.arange(images), per_image))
    numbers = np.arange(images)
    for arguments in ((pictures, texts, numbers, image_of), (texts, pictures, image_of, numbers)):
        assert retrieval_ranks(*arguments, block=block).tolist() == by_force(*arguments)


def test_known_answer_with_two_texts_for_a_picture():
    images = np.eye(3)
    texts = np.eye(3)[[0, 1, 1, 2]]
    measured = retrieval(images, texts, np.array([0, 1, 2, 0]))  # the texts of pictures 0: rows 0 and 3
    assert measured.image_to_text.recall[0] == pytest.approx(1 / 3)  # picture 1 ties with a text of 2
    assert measured.text_to_image.recall == (0.5, 1.0, 1.0)
    assert measured.text_to_image.chance == pytest.approx((1 / 3, 1, 1))
    assert measured.image_to_text.chance[0] == pytest.approx((2 / 4 + 1 / 4 + 1 / 4) / 3)


def test_chance_is_what_random_embeddings_reach():
    rng = np.random.default_rng(0)
    image_of = np.repeat(np.arange(200), 5)
    recalls = []
    for _ in range(10):
        measured = retrieval(rng.normal(size=(200, 32)), rng.normal(size=(1000, 32)), image_of)
        recalls.append(measured.image_to_text.recall)
    assert np.mean(recalls, 0) == pytest.approx(measured.image_to_text.chance, abs=0.02)


def test_one_embedding_for_everything_gains_nothing():
    measured = retrieval(np.ones((50, 4)), np.ones((50, 4)), np.arange(50))
    assert measured.mean_recall == 0
    assert measured.text_to_image.median_rank == 50


def test_scores_that_are_no_numbers_count_as_worst():
    images = np.array([[np.nan, 0.0], [0.0, 1.0]])
    measured = retrieval(images, np.eye(2), np.arange(2))
    assert measured.text_to_image.recall[0] == 0


def test_nothing_to_evaluate_is_an_error():
    with pytest.raises(DataError, match="no pairs"):
        retrieval(np.empty((0, 4)), np.empty((0, 4)), np.empty(0, np.int64))
    with pytest.raises(DataError, match="have no text"):
        retrieval(np.eye(2), np.eye(2), np.array([0, 0]))
