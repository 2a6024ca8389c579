import io
import json

import pytest
from rich.console import Console

from nonet.foundation import console
from nonet.foundation.errors import DataError


def test_results_go_to_standard_output_and_remarks_to_standard_error(capsys):
    console.say("a [bold]result[/bold]")
    console.note("a remark")
    shown = capsys.readouterr()
    assert shown.out == "a [bold]result[/bold]\n"  # a user's text is never read as markup
    assert shown.err == "a remark\n"


def test_a_long_error_is_one_line_for_other_programs(capsys):
    console.fail(DataError("x" * 500, where="file"))
    assert capsys.readouterr().err.count("\n") == 1


def test_json_has_no_word_for_what_is_not_finite(capsys):
    console.print_json({"a": [1.5, float("nan")], "b": (float("inf"), "x")})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {"a": [1.5, None], "b": [None, "x"]}


def test_a_table_for_other_programs_is_an_object_a_row(capsys):
    console.table(["name", "share"], [("a", 0.5), ("b", float("nan"))], title="not shown", as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"name": "a", "share": 0.5}, {"name": "b", "share": None}]


def test_what_was_made_is_named_apart_from_results(capsys):
    console.wrote("a.html", "b")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "Wrote a.html, b\n")


def test_table_formats_numbers(capsys):
    console.table(["name", "count", "share", "ok"], [("a", 12345, 0.123456, True)])
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == ["a", "12,345", "0.1235", "yes"]


@pytest.mark.parametrize(
    ("cells", "numeric"),
    [
        (["12,345", "-3", ""], True),
        (["0.5 points [0.4, 0.6]", "1.2 MiB", "7 %", "2.1e-05"], True),
        (["0.91 ± 0.02", "nan", "∞", "<0.01"], True),
        (["3–5 of 24", "1"], False),
        (["2026-01-02"], False),
        (["2.13.0"], False),
        (["1", "fast"], False),
        (["", "nan"], False),
    ],
)
def test_columns_of_numbers_are_told_from_words(cells, numeric):
    assert console.numeric_columns(2, [["a", cell] for cell in cells]) == [False, numeric]
    assert console.numeric_columns(2, [["a"]]) == [False, False]  # a row may end early


def test_a_heading_stands_where_its_numbers_stand(capsys):
    console.table(["name", "count"], [("somebody", 1_234_567), ("x", 1)])
    head, first, last = capsys.readouterr().out.splitlines()
    assert head.endswith("    count") and first.endswith("1,234,567") and last.endswith("        1")
    assert head.startswith("name") and last.startswith("x ")


def test_a_summary_for_other_programs_is_an_object(capsys):
    console.summary("not shown", {"share": 0.123456, "name": "x"}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"share": 0.123456, "name": "x"}


def test_track_yields_everything_and_writes_nothing_to_a_pipe(capsys):
    assert list(console.track(range(5), "counting", 5)) == [0, 1, 2, 3, 4]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == ""


def test_progress_on_a_terminal_shows_label_and_count(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=screen, force_terminal=True, width=100))
    with console.progress("reading", 4, done=1) as bar:
        bar.advance(3)
        bar.describe("last file")
    assert "reading" in screen.getvalue()
    assert "4/4" in screen.getvalue()
    assert "last file" in screen.getvalue()
