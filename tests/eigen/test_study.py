import itertools
import json

import pytest

from nonet import cli
from nonet.eigen.config import StudyConfig
from nonet.eigen.study import study

pytestmark = pytest.mark.slow  # each measures


@pytest.fixture(scope="module")
def report():
    ticks = itertools.count()
    return study(StudyConfig(count=40, batch=100, rounds=1), clock=lambda: float(next(ticks)))


def test_each_claim_says_what_this_run_measured(report):
    found = {claim.text: claim for claim in report.claims}
    assert len(found) == 7
    assert all(claim.holds for text, claim in found.items() if "faster" not in text)
    kinds = next(claim for text, claim in found.items() if "real or complex" in text)
    assert kinds.measured.startswith("misjudged: 0 by nonet, ")
    assert not kinds.measured.endswith("nonet, 0 by the plain formula, 0 by LAPACK")


def test_a_speed_that_is_not_better_does_not_hold(report):
    """The clock of this run ticks once a call, so both are equally fast."""
    speeds = [claim for claim in report.claims if "faster" in claim.text]
    assert [claim.holds for claim in speeds] == [False, False]
    assert all(claim.measured.startswith("1 times") for claim in speeds)


def test_the_table_shows_what_lapack_loses(report):
    (table,) = report.tables
    row = dict(zip(table.columns, next(r for r in table.rows if str(r[0]).startswith("covariance")), strict=True))
    assert row["numpy eigvalsh"] > 1e6
    assert row["nonet eigvalsh"] <= 4


@pytest.mark.slow
def test_the_command_writes_the_report(tmp_path, monkeypatch):
    words = ["eigen", "study", "--out", str(tmp_path / "out"), "--count", "5", "--seed", "3"]
    monkeypatch.setattr("sys.argv", ["nonet", *words])
    assert cli.run(words) == 0
    saved = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    facts = saved["facts"]
    assert (facts["scale"], facts["count"], facts["seed"], facts["command"]) == (
        "minutes", 5, 3, " ".join(["nonet", *words]),
    )  # fmt: skip
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize(
    "words",
    [["1 0; 0 1", "--accuracy"], ["--accuracy", "--count", "0"], ["study", "--out", "x", "--count", "0"], ["study"]],
)
def test_tasks_that_do_not_go_together_are_refused(words):
    assert cli.run(["eigen", *words]) == 2
