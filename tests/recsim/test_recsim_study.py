import pytest

from nonet.recsim.config import RunConfig
from nonet.recsim.evaluate import compare
from nonet.recsim.study import StudyConfig, study

pytestmark = pytest.mark.slow  # each compiles a story of its own


@pytest.mark.slow
def test_the_report_says_what_the_runs_say(tmp_path):
    config = StudyConfig(users=40, horizon=12, short=4, runs=3, boosts=(0.0, 1.2, 3.0), seed=5)
    report = study(config, checkpoint=tmp_path)
    pair = compare(RunConfig(users=40, horizon=12, runs=3, seed=5), ["myopic", "provider-aware"])
    long, short, _, tastes, calibrated, faster = report.claims
    assert long.measured == pair.gain("provider-aware", "myopic")
    assert long.holds == long.measured.above()
    assert short.measured == pair.gain("provider-aware", "myopic", until=4)
    sweep = report.figures[3].plot.data[0].y
    # no boost is the myopic policy, and the default boost is the one compared
    assert sweep[0] == pytest.approx(pair.total("myopic").value, rel=1e-5)
    assert sweep[1] == pytest.approx(pair.total("provider-aware").value, rel=1e-5)
    strong = compare(RunConfig(users=40, horizon=12, runs=3, seed=5, boost=3.0), ["provider-aware"])
    assert sweep[2] == pytest.approx(strong.total("provider-aware").value, rel=1e-5)
    name, welfare, gini = report.tables[0].rows[2]
    assert (name, welfare) == ("boost 3", strong.total("provider-aware"))
    assert gini == strong.final("provider-aware", "measures.gini")
    assert tastes.holds and "within 95 %" in tastes.measured
    # what is finished is kept, and gives the same report again
    assert list((tmp_path / "boost-3").glob("*/portion-*.npz"))
    assert faster.holds is None
    assert calibrated.holds is None and "needs a log" in calibrated.how
