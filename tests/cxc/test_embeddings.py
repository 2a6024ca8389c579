import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nonet.cxc.embeddings import Embedded, place_rows, read_embeddings, unit_rows
from nonet.foundation.errors import DataError

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_three_formats_hold_the_same(tmp_path):
    np.save(tmp_path / "a.npy", ROWS.astype(np.float64))
    np.savez(tmp_path / "a.npz", embeddings=ROWS.astype(np.float16), ids=np.array(["p", "q", "r", "s"]))
    pq.write_table(pa.table({"id": ["p", "q", "r", "s"], "embedding": ROWS.tolist()}), tmp_path / "a.parquet")
    for name, ids in (("a.npy", ()), ("a.npz", ("p", "q", "r", "s")), ("a.parquet", ("p", "q", "r", "s"))):
        read = read_embeddings(tmp_path / name)
        assert read.rows.dtype == np.float32 and np.array_equal(read.rows, ROWS) and read.ids == ids


def test_rows_with_ids_are_put_in_order_and_strangers_left_out():
    placed = place_rows(Embedded(ROWS, ("s", "p", "x", "q")), ["p", "q", "r", "s"], ["p", "q", "r", "s"], "f")
    assert placed.ids == ("p", "q", "s") and placed.ignored == 1
    assert placed.rows.tolist() == [ROWS[1].tolist(), ROWS[3].tolist(), ROWS[0].tolist()]


def test_rows_without_ids_stand_in_the_order_of_the_whole_or_of_the_rated_part():
    whole = ["p", "q", "r", "s"]
    assert place_rows(Embedded(ROWS), ["q", "s"], whole, "f").rows.tolist() == ROWS[[1, 3]].tolist()
    assert place_rows(Embedded(ROWS[:2]), ["q", "s"], whole, "f").rows.tolist() == ROWS[:2].tolist()
    with pytest.raises(DataError, match="There are 3 rows, but 2 or 4 items"):
        place_rows(Embedded(ROWS[:3]), ["q", "s"], whole, "f")


def test_refuses_strangers_alone():
    with pytest.raises(DataError, match="None of its ids is known: they look like 'a', expected such as 'p'"):
        place_rows(Embedded(ROWS, ("a", "b", "c", "d")), ["p"], ["p"], "f")


def broken(row, value):
    rows = ROWS.copy()
    rows[row] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (broken(2, np.nan), "1 rows hold NaN or infinity, the first is row 2"),
        (broken(1, np.inf), "first is row 1"),
        (ROWS[0], r"shape is \(3,\)"),
        (np.zeros((0, 4)), r"shape is \(0, 4\)"),
        (ROWS.astype(complex), "of the type complex"),
        (ROWS.astype(str), "of the type <U"),
        (ROWS > 1, "of the type bool"),
    ],
)
def test_says_what_is_wrong_with_rows(tmp_path, rows, expected):
    np.save(tmp_path / "a.npy", rows)
    with pytest.raises(DataError, match=expected):
        read_embeddings(tmp_path / "a.npy")


def test_refuses_pickles_duplicates_and_unknown_files(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        read_embeddings(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", embeddings=ROWS, ids=np.array(["p", "q", "p", "s"]))
    with pytest.raises(DataError, match="1 ids occur more than once, the first is 'p'"):
        read_embeddings(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", embeddings=ROWS, ids=np.array(["p"]))
    with pytest.raises(DataError, match="1 ids for 4 vectors"):
        read_embeddings(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", ROWS)
    with pytest.raises(DataError, match="Expected 'embeddings' and 'ids'"):
        read_embeddings(tmp_path / "c.npz")
    with pytest.raises(DataError, match="no such file"):
        read_embeddings(tmp_path / "none.npy")
    with pytest.raises(DataError, match=r"npy, \.npz or \.parquet"):
        read_embeddings(tmp_path / "a.pt")


def test_zero_vectors_have_no_cosine():
    assert np.allclose(np.linalg.norm(unit_rows(ROWS + 1, "f"), axis=1), 1)
    with pytest.raises(DataError, match="1 rows are zero vectors, the first is row 0"):
        unit_rows(broken(0, 0), "f")
