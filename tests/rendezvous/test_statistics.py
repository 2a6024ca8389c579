import numpy as np
import pytest
from scipy import stats

from nonet.rendezvous.statistics import bootstrap, paired_difference, wilson


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (150, 200)])
def test_wilson_is_scipys(successes, trials):
    theirs = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    ours = wilson(successes, trials)
    assert (ours.value, ours.low, ours.high) == pytest.approx((successes / trials, theirs.low, theirs.high), abs=1e-6)


def test_no_trials_have_no_share():
    for successes, trials in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="trials"):
            wilson(successes, trials)


def test_the_bootstrap_is_as_wide_as_theory():
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    found = bootstrap(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.04)
    assert found.high == pytest.approx(values.mean() + half, abs=0.04)
    assert np.isnan(bootstrap(np.empty(0)).value)


def test_pairing_takes_out_what_is_common():
    rng = np.random.default_rng(1)
    hard = rng.normal(0, 10, 200)
    found = paired_difference(hard + 1.0 + rng.normal(0, 0.1, 200), hard)
    assert 0.95 < found.low < 1.0 < found.high < 1.05
