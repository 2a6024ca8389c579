import json
import math
import re
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from nonet.foundation.errors import ArtifactError
from nonet.foundation.report import Claim, Estimate, Figure, Link, Report, Table


@pytest.fixture
def report() -> Report:
    plot = go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name="</script><b>"))
    return Report(
        title="A <study>",
        summary="What it was.",
        claims=[
            Claim("it learns", "Table 1", Estimate(0.5, 0.4, 0.6, "points", "3 seeds"), True, "nonet x study"),
            Claim("it flies", "Figure 2", "not seen", None, "too small a scale"),
            Claim("it sings", "Figure 3", Estimate(1.0), False, "nonet x study"),
        ],
        figures=[Figure("Curve", plot, "rises")],
        tables=[Table("Rows", ["name", "value"], [("a", 1.23456789), ("b", math.nan)])],
        facts={"seed": 0},
        made="2026-01-02",
    )


def test_json_holds_everything_and_is_strict(report, tmp_path):
    report.save(tmp_path)
    text = (tmp_path / "report.json").read_text()
    read = json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    assert [claim["verdict"] for claim in read["claims"]] == ["holds", "cannot tell at this scale", "does not hold"]
    assert read["claims"][0]["measured"] == {
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "unit": "points",
        "basis": "3 seeds",
    }
    assert read["tables"][0]["rows"][1] == ["b", None]
    assert read["facts"] == {"seed": 0}


def test_page_is_self_contained_and_escapes(report, tmp_path):
    page = report.save(tmp_path).read_text()
    assert "A &lt;study&gt;" in page
    assert "</script><b>" not in page  # data cannot end the script that holds it
    head = page[: page.index("<main")]
    assert "<script src" not in head
    assert "<link" not in head


def test_terminal_shows_claims_and_tables(report, capsys):
    report.show()
    shown = capsys.readouterr().out
    for part in ["it learns", "0.5 points [0.4, 0.6]", "does not hold", "1.235"]:
        assert part in shown


def test_headings_of_numbers_stand_over_them(report):
    rows = [("a", 1, Estimate(0.5, 0.4, 0.6), True), ("b", math.nan, "", False)]
    page = replace(report, tables=[Table("Rows", ["name", "count", "mean", "ok"], rows)]).to_html()
    assert re.findall(r"<th[^>]*>(?:name|count|mean|ok)</th>", page) == [
        "<th>name</th>", '<th class="number">count</th>', '<th class="number">mean</th>', "<th>ok</th>"
    ]  # fmt: skip
    assert '<tr><td>b</td><td class="number">nan</td><td class="number"></td><td>no</td></tr>' in page


def test_a_published_report_says_when_and_how_it_was_made(report, tmp_path, capsys):
    replace(report, made="").publish(tmp_path / "new", "nonet x study", as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown["facts"] == {"command": "nonet x study", "seed": 0} and shown["made"] > report.made
    saved = json.loads((tmp_path / "new" / "report.json").read_text())
    assert [figure.pop("plot")["data"][0]["type"] for figure in saved["figures"]] == ["scatter"]
    assert saved == shown  # a terminal has no use for the drawing
    report.publish(tmp_path, "nonet x study")
    assert Report.load(tmp_path).made == report.made  # the day of what it reports, where that is known
    assert str(tmp_path / "report.html") in capsys.readouterr().err.replace("\n", "")
    report.publish(None, "nonet x study", tables=0)
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert "it learns" in shown and "1.235" not in shown and "Wrote" not in shown


def test_an_estimate_without_interval_is_a_point():
    assert str(Estimate(2.0)) == "2"
    assert Estimate(2.0).low == Estimate(2.0).high == 2.0


@pytest.mark.parametrize(
    ("found", "above", "below"),
    [
        (Estimate(2, 1, 3), True, False),
        (Estimate(-2, -3, -1), False, True),
        (Estimate(1, -1, 3), None, None),
        (Estimate(-1, -2, 0), False, None),
        (Estimate(0.0), False, False),
    ],
)
def test_an_interval_that_reaches_to_both_sides_tells_nothing(found, above, below):
    assert (found.above(), found.below()) == (above, below)
    shifted = Estimate(found.value + 5, found.low + 5, found.high + 5)
    assert (shifted.above(5), shifted.below(5)) == (above, below)


def test_a_report_without_figures_carries_no_script():
    assert "<script" not in Report(title="t").to_html()


def test_a_saved_report_is_read_back_whole(report, tmp_path):
    rows = [(math.inf, Estimate(1.0, 0.5, math.inf, "m", "95 %")), (True, Link("text", "other/page.html"))]
    facts = {"seed": 0, "more": Link("there", "there.html")}
    whole = replace(report, tables=[Table("Rows", ["first", "second"], rows)], sections=[report], facts=facts)
    page = whole.save(tmp_path).read_text()
    assert '<a href="other/page.html">text</a>' in page and '<a href="there.html">there</a>' in page
    read = Report.load(tmp_path)
    assert read.to_dict(plots=True) == whole.to_dict(plots=True)
    assert (read.claims, read.machine, read.facts) == (whole.claims, whole.machine, facts)
    assert read.tables[0].rows[0] == ["∞", Estimate(1.0, 0.5, math.inf, "m", "95 %")]
    assert [figure.title for figure in read.drawn] == ["Curve", "Curve"]
    assert [list(figure.plot.data[0].y) for figure in read.drawn] == [[3, 4], [3, 4]]


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"title": "x"}', '{"title": "x", "claims": 3}'])
def test_what_is_no_report_is_refused(content, tmp_path):
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    with pytest.raises(ArtifactError, match="no report"):
        Report.load(tmp_path)


def test_plots_of_sections_are_drawn_where_they_stand(report, tmp_path):
    page = replace(report, sections=[replace(report, title="Below", sections=[report])]).save(tmp_path).read_text()
    assert re.findall(r'data-plot="(\d+)"', page) == ["0", "1", "2"]
    assert "<h2>Below</h2>" in page and "<h3>A &lt;study&gt;</h3>" in page
    plots = re.search(r'<script type="application/json" id="plots">(.*?)</script>', page, flags=re.S)
    assert plots is not None
    assert [plot["data"][0]["name"] for plot in json.loads(plots[1])] == 3 * ["</script><b>"]
