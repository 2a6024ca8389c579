import numpy as np
import pytest

from nonet.cxc.ratings import read_ratings, read_ratings_file, twice_rated
from nonet.foundation.errors import DataError

HEADER = "image1,image2,agg_score,sampling_method"


def test_reads_every_kind_with_numbers_as_scores(made_up):
    ratings = read_ratings(made_up.folder, "test")
    assert [len(part) for part in ratings.present] == [61, 12, 72]
    assert ratings.sits is not None and ratings.sits.score.dtype == np.float64
    assert ratings.sits.score[:5].tolist() == [5.0, 4.9, 4.8, 4.7, 4.6]
    assert len(ratings.images) == 12 and len(ratings.captions) == 60


def test_both_orders_are_kept_and_compared(made_up):
    ratings = read_ratings(made_up.folder, "test").sis
    assert ratings is not None
    twice = twice_rated(ratings, 2.5)
    assert (twice.pairs, twice.identical, twice.straddling) == (1, 0, 1)
    assert twice.mean_difference == pytest.approx(1.9)


def test_understands_a_byte_order_mark_quotes_and_windows_lines(tmp_path):
    path = tmp_path / "sis_test.csv"
    path.write_bytes("\ufeff".encode() + f'{HEADER}\r\n"a, b","c""d",2.50,x\r\n\r\n'.encode())
    ratings = read_ratings_file(path)
    assert (ratings.kind, ratings.left, ratings.right, ratings.score.tolist()) == ("sis", ("a, b",), ('c"d',), [2.5])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("image1,image2,rating\na,b,1\n", "header is 'image1,image2,rating'"),
        (f"{HEADER}\na,b,1.0\n", "line 2: A row has 4 columns, this one 3"),
        (f"{HEADER}\na,b,good,x\n", "line 2: 'good' is not a score"),
        (f"{HEADER}\na,b,1,x\na,c,5.01,x\n", "line 3: The score 5.01 is out of range"),
        (f"{HEADER}\na,b,nan,x\n", "The score nan is out of range"),
        (f"{HEADER}\na,b,1,x\na,b,2,x\n", "line 3: The pair 'a', 'b' occurs twice"),
        (f"{HEADER}\n", "no rows"),
        ("", "header is ''"),
    ],
)
def test_says_what_is_wrong_with_a_file_and_where(tmp_path, content, expected):
    path = tmp_path / "sis_test.csv"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read_ratings_file(path)
    assert expected in str(caught.value)


def test_refuses_packed_files_wrong_names_and_empty_folders(tmp_path):
    (tmp_path / "sts_test.csv").write_bytes(b"\x1f\x8b\xff\xfe\x00")
    with pytest.raises(DataError, match="not text in UTF-8"):
        read_ratings(tmp_path, "test")
    (tmp_path / "sts_test.csv").write_text(f"{HEADER}\na,b,1,x\n")
    with pytest.raises(DataError, match="holds sis ratings"):
        read_ratings(tmp_path, "test")
    (tmp_path / "sts_test_raw.csv").touch()
    with pytest.raises(DataError, match=r"no sts_val\.csv.* --split that is there: test\."):
        read_ratings(tmp_path, "val")
    with pytest.raises(DataError, match="Name the folder of the rating files"):
        read_ratings(tmp_path / "none", "val")


@pytest.mark.slow
@pytest.mark.data
def test_counts_of_the_release(real_data, official):
    sizes = {split: [len(part) for part in read_ratings(real_data / "cxc", split).present] for split in ("val", "test")}
    assert sizes == {"val": [44_009, 42_767, 44_722], "test": [44_045, 46_719, 44_833]}
    assert sum(map(sum, sizes.values())) == 267_095
    assert (len(official.images), len(official.captions)) == (5_000, 25_000)
    twice = twice_rated(official.sis, 2.5)
    assert (twice.pairs, twice.identical, twice.straddling) == (2_863, 33, 512)
    assert twice.mean_difference == pytest.approx(0.42, abs=0.005)
    assert twice_rated(read_ratings(real_data / "cxc", "val").sis, 2.5).pairs == 2_253
    sits = official.sits
    assert (
        sum(score < 3 and method == "c2i_original" for score, method in zip(sits.score, sits.method, strict=True)) == 29
    )
    val = read_ratings(real_data / "cxc", "val").sits
    assert (
        sum(score < 3 and method == "c2i_original" for score, method in zip(val.score, val.method, strict=True)) == 38
    )


@pytest.mark.data
def test_co_captions_form_a_ring(official, official_collection):
    """Every caption stands in exactly two of the five rated pairs of its image."""
    sts = official.sts
    row = official_collection.caption_row
    pairs = [(row[a], row[b]) for a, b, m in zip(sts.left, sts.right, sts.method, strict=True) if m == "c2c_cocaption"]
    assert len(pairs) == 25_000
    assert set(np.bincount(np.array(pairs).ravel(), minlength=25_000)) == {2}
    assert all(official_collection.image_of[a] == official_collection.image_of[b] for a, b in pairs)
