import math

import krippendorff
import numpy as np
import pytest

from nonet.cxc.rating.agreement import agreement, mean_scores, score_table
from nonet.cxc.rating.export import export
from nonet.cxc.rating.pairs import PairToRate, read_pairs, write_pairs
from nonet.cxc.rating.records import Judgement
from nonet.cxc.ratings import read_ratings
from nonet.foundation.errors import DataError


def judged(table, gold=()) -> list[Judgement]:
    return [
        Judgement(pair, name, score, 2.0 + pair, 0.0, dict(gold).get(pair))
        for name, row in table.items()
        for pair, score in enumerate(row)
        if score is not None
    ]


TABLE = {
    "a": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "b": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "c": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "d": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}


def test_alpha_is_the_textbooks():
    """Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: 0.849 for interval data."""
    found = agreement(judged(TABLE), 12)
    assert found.alpha == pytest.approx(0.849, abs=0.0005)
    assert found.pairs == 11
    names, table = score_table(judged(TABLE), 12)
    assert names == ["a", "b", "c", "d"]
    assert found.alpha == pytest.approx(krippendorff.alpha(table, level_of_measurement="interval"))


def test_each_rater_against_the_mean_of_the_others():
    scores = {"a": [0, 1, 2, 3, 4], "b": [0, 1, 2, 3, 4], "odd": [4.5, 3.5, 2.5, 1.5, 0.5]}
    found = {quality.name: quality for quality in agreement(judged(scores), 5).raters}
    assert found["odd"].with_others == pytest.approx(-1)
    assert found["odd"].bias == pytest.approx(0.5)
    assert found["a"].judged == 5 and found["a"].seconds == 4.0


def test_control_questions_count_apart():
    scores = {"a": [5, 1, 2], "b": [3, 1, 2]}
    judgements = judged(scores, gold={0: 5.0})
    found = {quality.name: quality for quality in agreement(judgements, 3).raters}
    assert (found["a"].gold_error, found["b"].gold_error) == (0.0, 2.0)
    assert found["b"].judged == 2
    assert agreement(judgements, 3).alpha == 1.0


def test_without_overlap_nothing_is_claimed():
    found = agreement(judged({"a": [1, None], "b": [None, 2]}), 2)
    assert math.isnan(found.alpha) and found.pairs == 0
    assert all(math.isnan(quality.with_others) for quality in found.raters)
    assert math.isnan(agreement([], 2).alpha)


def some_pairs():
    return [
        PairToRate("sts", "c1", "c2", "c2c_isim", left_text="A, b", right_text="C"),
        PairToRate("sis", "i1", "i2", "i2i_csim", left_image="1.jpg", right_image="2.jpg"),
        PairToRate("sits", "c1", "i1", "gold", left_text="A, b", right_image="1.jpg", gold=4.0),
    ]


def test_pairs_survive_the_round_trip(tmp_path):
    write_pairs(tmp_path / "p.parquet", some_pairs())
    assert read_pairs(tmp_path / "p.parquet") == some_pairs()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"kind": "abc"}, "row 1: 'abc' is not a kind"),
        ({"left_text": None}, "nothing to show"),
        ({"gold": 6.0}, "gold score 6.0 is not between"),
        ({"left": "c9", "right": "c9"}, None),
    ],
)
def test_says_what_is_wrong_with_pairs(tmp_path, changed, expected):
    from dataclasses import replace

    first = replace(some_pairs()[0], **{name: value for name, value in changed.items() if name != "kind"})
    object.__setattr__(first, "kind", changed.get("kind", "sts"))
    write_pairs(tmp_path / "p.parquet", [first, some_pairs()[0]])
    if expected is None:
        assert len(read_pairs(tmp_path / "p.parquet")) == 2
    else:
        with pytest.raises(DataError, match=expected):
            read_pairs(tmp_path / "p.parquet")


def test_refuses_pairs_twice_and_other_files(tmp_path):
    write_pairs(tmp_path / "p.parquet", [some_pairs()[0]] * 2)
    with pytest.raises(DataError, match="row 2: The pair 'c1', 'c2' is there twice"):
        read_pairs(tmp_path / "p.parquet")
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(DataError, match="not a Parquet file"):
        read_pairs(tmp_path / "x.parquet")


def test_exports_the_columns_of_the_release(tmp_path):
    judgements = judged({"a": [4, 1.1, 5], "b": [4.5, 2, 3], "c": [4, None, None]}, gold={2: 4.0})
    written = export(tmp_path, "mine", some_pairs(), judgements)
    assert [path.name for path in written] == [
        "sts_mine.csv", "sts_mine_raw.csv", "sis_mine.csv", "sis_mine_raw.csv", "sits_mine_raw.csv", "ratings.parquet"
    ]  # fmt: skip
    assert (
        tmp_path / "sts_mine.csv"
    ).read_text() == "caption1,caption2,agg_score,sampling_method\nc1,c2,4.17,c2c_isim\n"
    assert (tmp_path / "sis_mine.csv").read_text().splitlines()[1] == "i1,i2,1.55,i2i_csim"
    assert len((tmp_path / "sts_mine_raw.csv").read_text().splitlines()) == 4
    read = read_ratings(tmp_path, "mine")
    assert read.sts.score.tolist() == [4.17] and read.sits is None
    assert mean_scores(judgements, some_pairs()) == {0: 4.17, 1: 1.55}
    import pyarrow.parquet as parquet

    table = parquet.read_table(tmp_path / "ratings.parquet").to_pylist()
    assert len(table) == 7 and table[0]["score"] == 4.0 and np.isclose(table[-1]["seconds"], 2.0)
