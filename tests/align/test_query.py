import numpy as np
import pytest

from nonet.align.query import compose
from nonet.foundation.errors import UsageError

X, Y, Z = np.eye(3, dtype=np.float32)[:, None]


def test_text_counts_double_beside_a_picture():
    assert compose(images=5 * X, texts=0.1 * Y) == pytest.approx(np.array([1, 2, 0]) / np.sqrt(5))


def test_words_alone_count_alike():
    assert compose(texts=np.concatenate([X, Y])) == pytest.approx(np.array([1, 1, 0]) / np.sqrt(2))


def test_minus_takes_away_with_the_weight_of_its_kind():
    got = compose(images=X, minus_texts=Y, minus_images=Z)
    assert got == pytest.approx(np.array([1, -2, -1]) / np.sqrt(6))


def test_weights_can_be_chosen():
    got = compose(images=X, texts=Y, text_weight=1.0, image_weight=3.0)
    assert got == pytest.approx(np.array([3, 1, 0]) / np.sqrt(10))


def test_a_query_of_nothing_is_refused():
    with pytest.raises(UsageError, match="something to look for"):
        compose(minus_texts=X)
    with pytest.raises(UsageError, match="cancel"):
        compose(texts=X, minus_texts=2 * X)
