import pytest

from nonet.felix.data import Pair
from nonet.felix.sources.tables import read_table
from nonet.foundation.errors import DataError


def table(tmp_path, content: bytes, name="pairs.tsv"):
    (tmp_path / name).write_bytes(content)
    return read_table(tmp_path / name)


def test_columns_headings_and_further_references(tmp_path):
    found = table(tmp_path, b"before\tafter\na b\ta c\nd\te\tf\n")
    assert found.pairs["train"] == [Pair("a b", ("a c",)), Pair("d", ("e", "f"))]
    assert read_table(tmp_path / "pairs.tsv", reverse=True).pairs["train"][0] == Pair("a c", ("a b",))


def test_rows_that_cannot_be_used_are_counted(tmp_path):
    rows = [b"good\tbetter", b"alone", b"\tempty", b"empty\t", b"latin \xe9\tx", b"nul \0\tx", b"", b"same\tsame"]
    found = table(tmp_path, b"\r\n".join(rows))
    assert [pair.source for pair in found.pairs["train"]] == ["good", "same"]
    assert found.left_out == {
        "not in UTF-8": 1,
        "fewer than two columns": 1,
        "an empty text": 2,
        "a NUL byte": 1,
    }


def test_marks_of_encodings_and_csv_are_understood(tmp_path):
    expected = [Pair("é, a", ("ü",))]
    assert table(tmp_path, "\ufeffé, a\tü\n".encode()).pairs["train"] == expected
    assert table(tmp_path, "é, a\tü\n".encode("utf-16")).pairs["train"] == expected
    assert table(tmp_path, '"é, a",ü\n'.encode(), "pairs.csv").pairs["train"] == expected


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(DataError, match="two columns"):
        table(tmp_path, b"one column\nanother\n")
    with pytest.raises(DataError, match="not in UTF-8"):
        table(tmp_path, "thé\tcafé\n".encode("latin-1") * 3)
    with pytest.raises(DataError, match="hold NUL bytes"):
        table(tmp_path, "a b\ta\n".encode("utf-16-le") * 3)  # without its mark
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "none.tsv")
    with pytest.raises(DataError, match="folder"):
        read_table(tmp_path)
    with pytest.raises(DataError, match="UTF-16"):
        table(tmp_path, b"\xff\xfea\0\xff", "odd.tsv")
