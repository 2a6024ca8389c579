"""The commands as a person types them, on the toy language."""

import io
import json
import sys

import pytest

from nonet.cli import run

TEXT = "Anna likes tea. They like snow."
EDITED = "Anna likes tea and snow."


def said(capsys):
    shown = capsys.readouterr()
    return " ".join(shown.out.split()), " ".join(shown.err.split())


@pytest.mark.slow
def test_a_table_becomes_pairs_that_can_be_inspected(tmp_path, capsys):
    rows = ["the cat sat .\tthe cat sat down .", "a b c\tc a b", "same\tsame", "alone", "empty\t", "nul \0\tx"]
    (tmp_path / "t.tsv").write_text("\n".join(rows))
    made = ["felix", "pairs", "tsv", str(tmp_path / "t.tsv"), "--out", str(tmp_path / "pairs")]
    assert run([*made, "--validation", "0", "--test", "0"]) == 0
    out, _ = said(capsys)
    for reason in ("fewer than two columns 1", "an empty text 1", "a NUL byte 1"):
        assert f"left out: {reason}" in out
    assert run(["felix", "inspect", str(tmp_path / "pairs")]) == 0
    out, _ = said(capsys)
    assert "pairs 3 can be learnt 100.0 % source and target are equal 33.3 % nothing comes in 66.7 %" in out
    assert "something moves 33.3 %" in out
    assert run(["felix", "inspect", str(tmp_path / "pairs"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pairs"], told["realisable"], told["moved"]) == (3, 1.0, pytest.approx(1 / 3))


@pytest.mark.slow
def test_lines_of_standard_input_come_out_in_order_whatever_they_are(toy_editor, monkeypatch, capfdbinary):
    odd = [b"", b"caf\xe9 \xff", b"a\0b", "😀 中文".encode(), b"\x1b[31m", b"Anna likes tea. Boris likes snow."]
    given = b"\n".join([*odd, TEXT.encode()]) + b"\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert run(["felix", "edit", str(toy_editor), "--keep-bias", "0"]) == 0
    lines = capfdbinary.readouterr().out.split(b"\n")
    assert lines[-2:] == [EDITED.encode(), b""]
    assert len(lines) == len(odd) + 2
    assert (lines[0], lines[5]) == (odd[0], odd[5])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert run(["felix", "edit", str(toy_editor), "--min-edit-probability", "1"]) == 0
    assert capfdbinary.readouterr().out == given


@pytest.mark.slow
def test_an_editor_is_judged_beside_doing_nothing(toy_editor, toy_folder, capsys):
    assert (
        run(["felix", "evaluate", str(toy_editor), str(toy_folder), "--split", "test", "--backend", "torch", "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["system"]["exact"]["value"] > 90 > found["nothing"]["exact"]["value"]
    assert found["nothing"]["ter"]["value"] > found["system"]["ter"]["value"]


@pytest.mark.slow
def test_results_are_shown_by_probability(toy_editor, capsys):
    assert run(["felix", "edit", str(toy_editor), TEXT, "--best", "3", "--show", "json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found[0]["text"] == EDITED
    assert len({one["text"] for one in found}) == 3
    shown = [one["probability"] for one in found]
    assert shown == sorted(shown, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["edit", "nowhere/", "x"], "no such folder"),
        (["export", "nowhere/"], "nothing to write"),
        (["pairs", "tsv", "nowhere.tsv", "--out", "pairs"], "no such file"),
        (["inspect", "nowhere/"], "nowhere"),
    ],
)
def test_mistakes_are_explained(arguments, message, capsys):
    assert run(["felix", *arguments]) == 2
    assert message in said(capsys)[1]
