import numpy as np
import pytest

from nonet.foundation.errors import DataError
from nonet.gaze.fatigue import FEATURES, judge_fatigue, normalised, simulated_blocks

pytestmark = pytest.mark.slow


def judged(blocks, *, shuffle=False):
    change = normalised(blocks.features, blocks.participant, blocks.block)
    later = blocks.block > 0
    asked = blocks.questionnaire[later]
    if shuffle:
        asked = np.random.default_rng(0).permutation(asked)
    return judge_fatigue(change[later], asked >= 2, asked, blocks.participant[later], permutations=20)


def test_stronger_fatigue_is_told_better_and_shuffled_labels_are_chance():
    unaffected, tiring = (simulated_blocks(9, 5, strength, seed=4) for strength in (0.0, 1.0))
    none, strong, shuffled = judged(unaffected), judged(tiring), judged(tiring, shuffle=True)
    assert strong.auc > 0.75
    assert strong.p <= 0.05
    assert strong.spearman > 0.4
    assert strong.auc > none.auc
    assert none.p > 0.05
    assert shuffled.p > 0.05
    assert strong.chance_auc == pytest.approx(0.5, abs=0.1)


def test_changes_are_against_the_first_block_of_each_participant():
    features = np.array([[1.0], [3.0], [10.0], [11.0]])
    change = normalised(features, np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0]))
    assert change.ravel().tolist() == [0, 2, -1, 0]
    with pytest.raises(DataError, match="two blocks"):
        normalised(features[:3], np.array([0, 0, 1]), np.array([0, 1, 0]))


def test_a_block_has_every_feature_and_lag_is_in_its_place():
    blocks = simulated_blocks(3, 2, 1.0, seed=0)
    assert blocks.features.shape == (6, len(FEATURES))
    lag = blocks.features[:, FEATURES.index("lag, ms")]
    assert (lag[1::2] > lag[::2]).all()
