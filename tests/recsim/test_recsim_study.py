import pytest

from nonet.recsim.config import RunConfig
from nonet.recsim.evaluate import compare
from nonet.recsim.study import StudyConfig, study

pytestmark = pytest.mark.slow  # each compiles a story of its own


@pytest.mark.slow
def test_the_report_says_what_the_runs_say():
    config = StudyConfig(users=40, horizon=12, short=4, runs=3, boosts=(0.0, 1.2), seed=5)
    report = study(config)
    pair = compare(RunConfig(users=40, horizon=12, runs=3, seed=5), ["myopic", "provider-aware"])
    long, short, _, tastes, calibrated = report.claims
    assert long.measured == pair.gain("provider-aware", "myopic")
    assert long.holds == (long.measured.low > 0)
    assert short.measured == pair.gain("provider-aware", "myopic", until=4)
    sweep = report.figures[3].plot.data[0].y
    # no boost is the myopic policy, and the default boost is the one compared
    assert sweep[0] == pytest.approx(pair.total("myopic").value, rel=1e-5)
    assert sweep[1] == pytest.approx(pair.total("provider-aware").value, rel=1e-5)
    assert tastes.holds and "within 95 %" in tastes.measured
    assert calibrated.holds is None and "--scale hours" in calibrated.how
