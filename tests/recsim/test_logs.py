import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nonet.foundation.errors import DataError
from nonet.recsim import clicks, offpolicy, tastes
from nonet.recsim.data import Log, read_log


def _simulated(events, rng, examined=(1.0, 0.5), items=6):
    rates = np.linspace(0.1, 0.6, items)
    item, position = rng.integers(0, items, events), rng.integers(0, 2, events)
    click = (rng.random(events) < np.asarray(examined)[position] * rates[item]).astype(np.int32)
    names = tuple(map(str, range(items)))
    return Log(item, names, position=position, click=click, propensity=np.full(events, 1 / items)), rates


def test_a_parquet_log_is_read_back(tmp_path):
    path = tmp_path / "log.parquet"
    rows = {"item": ["b", "a", "b"], "user": [9, 9, 4], "time": [3.0, 1.0, 2.0], "click": [1, 0, 1]}
    pq.write_table(pa.table(rows), path)
    log = read_log(path)
    assert (log.items, log.users) == (("a", "b"), ("4", "9"))
    assert log.item.tolist() == [1, 0, 1] and log.user.tolist() == [1, 1, 0]
    first, last = log.split((0.5, 0.5))
    assert first.time.tolist() == [1.0] or 1.0 in first.time.tolist()
    assert len(first) + len(last) == 3


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"thing": [1]}, "no 'item'"),
        ({"item": [1, 2], "click": [1, 2]}, "row 2: Column 'click' is 2 there"),
        ({"item": [1], "propensity": [0.0]}, "Column 'propensity'"),
        ({"item": [1], "position": [-1]}, "Column 'position'"),
        ({"item": [1, None]}, "row 2: Column 'item' has no value"),
        ({"item": pa.array([], pa.int64())}, "no events"),
        ({"item": [1], "click": ["yes"]}, "does not hold numbers"),
    ],
)
def test_bad_logs_are_refused_with_the_place(tmp_path, columns, message):
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match=message):
        read_log(path)


def test_a_log_that_is_not_there_or_not_a_log_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such log"):
        read_log(tmp_path / "x.parquet")
    with pytest.raises(DataError, match="holds 0 logs"):
        read_log(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read"):
        read_log(tmp_path / "x.parquet")


def test_an_open_bandit_table_with_words_for_positions_is_refused(tmp_path):
    rows = "timestamp,item_id,position,click,propensity_score\n2019-11-24 00:00:01,1,first,0,0.5\n"
    (tmp_path / "log.csv").write_text(rows)
    with pytest.raises(DataError, match="cannot be read"):
        read_log(tmp_path / "log.csv")


def test_movielens_and_open_bandit_of_the_data_packages():
    pytest.importorskip("pyarrow")
    log = read_log("ml-100k")
    assert (len(log), len(log.users), len(log.items)) == (100_000, 943, 1682)
    bandit = read_log("open-bandit/random")
    assert len(bandit) == 10_000 and set(bandit.position) == {0, 1, 2}
    assert np.allclose(bandit.propensity, 1 / 80, atol=1e-6)
    train, _, test = log.split()
    for user in (0, 500):
        assert train.time[train.user == user].max() <= test.time[test.user == user].min()


@pytest.mark.slow
def test_examination_and_attraction_are_recovered():
    log, rates = _simulated(60_000, np.random.default_rng(0))
    model = clicks.fit_clicks(log, ridge=1e-3)
    assert float(model.examined[1]) == pytest.approx(0.5, abs=0.03)
    assert np.allclose(1 / (1 + np.exp(-np.asarray(model.attraction))), rates, atol=0.03)


@pytest.mark.slow
def test_position_bias_is_worth_likelihood_on_later_events():
    train, test = (_simulated(20_000, np.random.default_rng(seed))[0] for seed in (1, 2))
    assert clicks.fit_clicks(train).log_likelihood(test) > clicks.click_rates(train).log_likelihood(test) + 0.003


@pytest.mark.slow
def test_tastes_beat_popularity_where_there_are_tastes():
    rng = np.random.default_rng(0)
    users, items = 80, 60
    kind = rng.integers(0, 2, users)
    rows = [(u, i) for u in range(users) for i in rng.permutation(np.arange(30) + 30 * kind[u])[:16]]
    user, item = np.array(rows).T
    names = (tuple(map(str, range(items))), tuple(map(str, range(users))))
    log = Log(item, names[0], user, names[1], time=np.arange(len(rows)).astype(float))
    train, validation, test = log.split((0.6, 0.2, 0.2))
    taste = tastes.fit_taste(train, validation, rank=2, ridge=1.0)
    assert taste.log_likelihood(test) > tastes.popularity(train).log_likelihood(test) + 0.3


@pytest.mark.slow
def test_the_value_of_another_policy_is_covered_by_its_intervals():
    rng = np.random.default_rng(3)
    log, rates = _simulated(30_000, rng, examined=(1.0, 1.0))
    target = np.tile(np.arange(1, 7) / 21.0, (2, 1))
    truth = float((target[0] * rates).sum())
    found = offpolicy.estimate(log, target, clicks.fit_clicks(log), resamples=300)
    for value in (found.importance, found.normalised, found.doubly_robust):
        assert value.low < truth < value.high
    assert 0 < found.effective < len(log)
    with pytest.raises(DataError, match="not to 1"):
        offpolicy.estimate(log, target * 2, clicks.fit_clicks(log))


def test_the_policy_of_a_log_is_its_frequencies():
    log = Log(np.array([0, 0, 1]), ("a", "b"), position=np.array([0, 0, 0]))
    assert np.allclose(offpolicy.policy_of(log, prior=0.0), [[2 / 3, 1 / 3]])
    # in the order of another log, which shows more
    assert np.allclose(offpolicy.policy_of(log, ("b", "c", "a"), prior=0.0), [[1 / 3, 0, 2 / 3]])


def test_items_and_positions_that_were_never_shown_have_no_value():
    log = Log(np.array([0, 0, 1]), ("a", "b"), position=np.array([0, 0, 0]))
    with pytest.raises(DataError, match="1 items that the other log never shows, such as 'b'"):
        offpolicy.policy_of(log, ("a", "c"))
    ran = Log(log.item, log.items, position=log.position, click=np.ones(3, int), propensity=np.full(3, 0.5))
    model = clicks.ClickModel(jnp.ones(2), jnp.zeros(2))
    with pytest.raises(DataError, match=r"\(2, 2\), the log of \(1, 2\)"):
        offpolicy.estimate(ran, np.full((2, 2), 0.5), model)
