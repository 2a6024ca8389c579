from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.felix.config import DecodeConfig, LabelConfig
from nonet.felix.decode import Tagging, best_path, decode, taggings
from nonet.felix.labels import TagSet

TAGS = TagSet.of(LabelConfig(max_mask=2))
INSERT_TAGS = TagSet.of(LabelConfig("insert", max_mask=2))


def log_softmax(scores):
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def paths(size):
    return ([0, *middle, size - 1] for middle in permutations(range(1, size - 1)))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_a_wide_beam_finds_the_best_permutations(size, seed):
    scores = np.random.default_rng(seed).normal(size=(size, size))
    ranked = sorted(paths(size), key=lambda path: -sum(scores[a, b] for a, b in pairwise(path)))
    found = best_path(scores, beam=1000, count=3)
    assert [path.tolist() for path in found] == ranked[: len(found)]


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.floats(0.1, 30), st.integers(1, 15))
def test_whatever_the_scores_kept_tokens_come_once_between_the_marks(size, seed, spread, beam):
    rng = np.random.default_rng(seed)
    tagging = taggings(rng.normal(size=(size, len(TAGS))) * spread, TAGS, DecodeConfig())[0]
    found = decode(tagging, rng.normal(size=(size, size)) * spread, TAGS, DecodeConfig(beam=beam))[0]
    kept = [i for i, number in enumerate(tagging.numbers) if TAGS.tags[number].keep]
    assert sorted(found.order) == kept
    assert (found.order[0], found.order[-1]) == (0, size - 1)
    assert found.log_probability <= 1e-9


def test_a_valid_arg_max_path_needs_no_beam():
    points = np.full((4, 4), -5.0)
    points[0, 2] = points[2, 1] = points[1, 3] = 5
    keep = Tagging((1, 1, 1, 1), 0.0)
    found = decode(keep, points, TAGS, DecodeConfig())[0]
    assert (found.order, found.searched) == ((0, 2, 1, 3), False)
    points[1] = points[2] = [-5, 5, 5, -5]  # 1 and 2 point to each other: a loop
    found = decode(keep, points, TAGS, DecodeConfig())[0]
    assert found.searched
    assert sorted(found.order) == [0, 1, 2, 3]


def test_the_marks_stay():
    scores = np.full((3, len(TAGS)), -10.0)
    scores[:, 0] = 10  # everything is to go
    assert taggings(scores, TAGS, DecodeConfig())[0].numbers == (1, 0, 1)
    scores[:, 3] = 20  # two masks after everything
    assert taggings(scores, TAGS, DecodeConfig())[0].numbers == (3, 3, 1)
    assert taggings(scores[:2], TAGS, DecodeConfig())[0].numbers == (1, 1)  # into nothing comes nothing


def test_a_keep_bias_edits_less_and_a_negative_one_more():
    scores = np.full((40, len(TAGS)), -50.0)
    scores[:, 1] = 0
    scores[:, 0] = np.linspace(-3, 3, 40)
    kept = [taggings(scores, TAGS, DecodeConfig(bias))[0].numbers.count(1) for bias in (-4, -1, 0, 1, 4)]
    assert kept == sorted(kept)
    assert kept[0] == 2
    assert kept[-1] == 40


def test_unsure_changes_and_moves_are_not_made():
    scores = np.zeros((4, len(TAGS)))
    scores[:, 1] = [9, 0, 0, 9]
    scores[1, 0], scores[2, 0] = 1.2, 6  # about 0.68 and 0.99 that it changes
    assert taggings(scores, TAGS, DecodeConfig(min_edit_probability=0.9))[0].numbers == (1, 1, 0, 1)
    points = np.zeros((4, 4))
    points[0, 2] = 1
    keep = Tagging((1, 1, 1, 1), 0.0)
    assert decode(keep, points, TAGS, DecodeConfig(min_edit_probability=0.9))[0].order == (0, 1, 2, 3)


def test_a_certain_threshold_never_edits():
    rng = np.random.default_rng(0)
    for _ in range(20):
        tagging = taggings(rng.normal(size=(9, len(TAGS))), TAGS, DecodeConfig(min_edit_probability=1.0))[0]
        found = decode(tagging, rng.normal(size=(9, 9)), TAGS, DecodeConfig(min_edit_probability=1.0))[0]
        assert found.order == tuple(range(9))
        assert not any(found.counts)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_the_best_taggings_come_in_order(seed, count):
    scores = np.random.default_rng(seed).normal(size=(5, 2)) * 2
    tags = TagSet(TAGS.tags[:2])
    found = taggings(scores, tags, DecodeConfig(), count)
    log = log_softmax(scores[1:4])
    every = sorted((log[[0, 1, 2], list(c)].sum() for c in product(range(2), repeat=3)), reverse=True)
    assert [one.log_probability for one in found] == pytest.approx(every[: len(found)])
    assert len(found) == min(count, 8)


def test_without_a_pointer_nothing_moves():
    tagging = Tagging((1, 0, 4, 1, 1), -1.0)
    found = decode(tagging, None, INSERT_TAGS, DecodeConfig())[0]
    assert found.order == (0, 3, 4) or found.order == (0, 2, 3, 4)
    assert list(found.order) == sorted(found.order)


def test_probabilities_are_those_of_the_steps():
    points = np.log(np.array([[0, 0.7, 0.2, 0.1], [0, 0, 0.9, 0.1], [0, 0.5, 0, 0.5], [1, 0, 0, 0]]) + 1e-12)
    found = decode(Tagging((1, 1, 1, 1), 0.0), points, TAGS, DecodeConfig())[0]
    assert found.arrivals == pytest.approx({0: 1, 1: 0.7, 2: 0.9, 3: 0.5}, abs=1e-6)
    assert np.exp(found.log_probability) == pytest.approx(0.7 * 0.9 * 0.5, abs=1e-6)
