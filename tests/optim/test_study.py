import itertools
import json
import math

import pytest

from nonet.cli import run
from nonet.optim.study import StudyConfig, study

pytestmark = pytest.mark.slow  # each runs the optimizers


def test_every_claim_of_the_article_is_made_again():
    report = study()
    assert [claim.text for claim in report.claims if not claim.holds] == []
    assert len(report.claims) == 8
    evaluations = [row[1] for row in report.tables[0].rows]
    assert evaluations[2] < min(evaluations[:2])
    single, double = (trace.y for trace in report.figures[1].plot.data)
    assert single[-1] is None  # the violation is 0 and cannot be drawn
    assert all(b / a == pytest.approx(0.5, rel=0.05) for a, b in itertools.pairwise(double[5:]))


def test_a_claim_that_fails_says_so():
    report = study(StudyConfig(max_rounds=3, descent_steps=10, adam_steps=5))
    failed = [claim.text for claim in report.claims if not claim.holds]
    assert any("gradient descent" in text for text in failed)
    assert any("met exactly" in text for text in failed)


def test_the_command_writes_the_report(tmp_path, monkeypatch):
    words = ["optim", "study", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["nonet", *words])
    assert run(words) == 0
    saved = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert saved["facts"] == {"command": " ".join(["nonet", *words]), "scale": "minutes", "seed": 0}
    assert math.isclose(float(saved["tables"][0]["rows"][2][2]), 0, abs_tol=1e-8)
