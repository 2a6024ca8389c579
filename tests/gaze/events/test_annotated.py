"""On the hand-labelled recordings: ours against every algorithm of pymovements and REMoDNaV, by Cohen's kappa."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def compared(real_data):
    spec = importlib.util.spec_from_file_location("bench_gaze_events", ROOT / "bench" / "gaze_events.py")
    bench = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = bench
    spec.loader.exec_module(bench)
    return bench.compare(real_data / "gaze" / "andersson2017.tar.xz")


def test_ours_is_at_least_as_near_to_the_annotator_as_every_peer(compared):
    """On the observers that no option was chosen on."""
    ours = compared["nonet"]
    for name, theirs in compared.items():
        if name in {"nonet", "other annotator"}:
            continue
        for event, kappa in theirs.items():
            assert ours[event] >= kappa, f"{name} is better at {event.name}"


def test_the_other_annotator_is_the_ceiling(compared):
    for event, ceiling in compared["other annotator"].items():
        assert 0.4 < compared["nonet"][event] / ceiling <= 1
