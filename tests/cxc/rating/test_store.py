import multiprocessing
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from nonet.cxc.rating.records import Settings
from nonet.cxc.rating.store import Store
from nonet.foundation.errors import ArtifactError, DataError

PAIRS = [("sts", f"c{n}", f"d{n}", None) for n in range(12)]
GOLD = [("sts", "g0", "h0", 5.0), ("sts", "g1", "h1", 0.0)]


def made(tmp_path, pairs=PAIRS, **settings) -> Store:
    return Store.open(tmp_path / "r.sqlite", pairs, Settings(**settings))


def rate_all(store: Store, rater, now: float = 0.0) -> list[int]:
    seen = []
    while (task := store.next_task(rater, now)) is not None:
        store.judge(rater, task.pair, 2.5, 1.0, now + len(seen))
        seen.append(task.pair)
    return seen


def test_a_rater_sees_every_pair_once_and_a_pair_gets_its_raters(tmp_path):
    store = made(tmp_path, raters_per_pair=2)
    raters = [store.add_rater(f"rater {n}", 0) for n in range(3)]
    seen = [rate_all(store, rater) for rater in raters]
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(12)) and seen[2] == []
    assert store.progress() == (24, 24)
    assert [count for _, count in store.raters()] == [12, 12, 0]


def test_reloading_gives_the_same_pair(tmp_path):
    store = made(tmp_path)
    rater = store.add_rater("a", 0)
    tasks = [store.next_task(rater, now) for now in (0, 1, 99999)]
    assert tasks[0] == tasks[1] == tasks[2]


def test_a_pair_left_lying_is_given_on_and_a_late_answer_is_kept(tmp_path):
    store = made(tmp_path, pairs=PAIRS[:1], raters_per_pair=1, hold_seconds=60)
    slow, quick = store.add_rater("slow", 0), store.add_rater("quick", 0)
    assert store.next_task(slow, 0).pair == 0
    assert store.next_task(quick, 59) is None
    assert store.next_task(quick, 61).pair == 0
    store.judge(slow, 0, 1.0, 0, 62)
    store.judge(quick, 0, 2.0, 0, 63)
    assert [(j.rater, j.score) for j in store.judgements()] == [("slow", 1.0), ("quick", 2.0)]
    assert store.progress() == (1, 1)


def test_a_rater_is_told_how_many_there_are_still(tmp_path):
    store = made(tmp_path, pairs=PAIRS + GOLD, gold_every=4, raters_per_pair=1)
    ann, ben = store.add_rater("a", 0), store.add_rater("b", 0)
    assert [store.next_task(rater, 0).left for rater in (ann, ben, ann)] == [14, 13, 13]  # each took one's place
    store.judge(ann, 0, 1.0, 0, 0)
    assert store.next_task(ann, 0).left == 12


def test_control_questions_come_in_turn_to_everybody(tmp_path):
    store = made(tmp_path, pairs=PAIRS + GOLD, gold_every=4, raters_per_pair=1)
    seen = rate_all(store, store.add_rater("a", 0))
    assert [n for n, pair in enumerate(seen, 1) if pair >= 12] == [4, 8] and len(seen) == 14
    assert sorted(rate_all(store, store.add_rater("b", 0))) == [12, 13]
    assert {j.gold for j in store.judgements() if j.pair >= 12} == {5.0, 0.0}
    assert store.progress() == (12, 12)


def test_an_answer_sent_twice_is_kept_once_and_may_be_changed(tmp_path):
    store = made(tmp_path)
    rater = store.add_rater("a", 0)
    pair = store.next_task(rater, 0).pair
    for score in (1.0, 1.0, 4.2):
        store.judge(rater, pair, score, 3.0, 5)
    assert [(j.pair, j.score, j.seconds) for j in store.judgements()] == [(pair, 4.2, 3.0)]
    assert store.last_judged(rater) == (pair, 4.2, 5.0)
    assert store.last_judged(rater, before=5) is None


def test_refuses_what_was_not_asked_or_is_out_of_range(tmp_path):
    store = made(tmp_path)
    rater = store.add_rater("a", 0)
    with pytest.raises(DataError, match="not given to you"):
        store.judge(rater, 3, 1.0, 0, 0)
    pair = store.next_task(rater, 0).pair
    with pytest.raises(DataError, match="not between 0 and 5"):
        store.judge(rater, pair, 5.1, 0, 0)
    with pytest.raises(DataError, match="a rater 'a' already"):
        store.add_rater(" a ", 0)
    with pytest.raises(DataError, match="1 to 80 characters"):
        store.add_rater("  ", 0)
    assert store.rater("guess") is None


def test_refuses_other_pairs_and_other_files(tmp_path):
    made(tmp_path)
    with pytest.raises(ArtifactError, match="belong to another file of pairs"):
        made(tmp_path, pairs=PAIRS[:5])
    (tmp_path / "x.sqlite").write_text("this is no database, though it is long enough to be looked at")
    with pytest.raises(ArtifactError, match="cannot be used"):
        Store.open(tmp_path / "x.sqlite", PAIRS)


def test_judgements_survive_a_process_that_is_killed(tmp_path):
    """What `judge` returned from is on the disk, even if the process dies at once."""
    store = made(tmp_path)
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=_judge_and_die, args=(store,))
    worker.start()
    worker.join()
    assert worker.exitcode == -9
    reopened = made(tmp_path)
    assert [j.score for j in reopened.judgements()] == [3.5]
    with sqlite3.connect(reopened.path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _judge_and_die(store: Store) -> None:
    import os
    import signal

    rater = store.add_rater("a", 0)
    store.judge(rater, store.next_task(rater, 0).pair, 3.5, 1, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def test_many_at_once_never_exceed_the_places(tmp_path):
    """Eight raters in eight threads on twelve pairs of three places: no pair gets four, nobody gets one twice."""
    store = made(tmp_path, raters_per_pair=3)
    raters = [store.add_rater(f"rater {n}", 0) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda rater: rate_all(store, rater), raters))
    assert all(len(set(pairs)) == len(pairs) for pairs in seen)
    assert set(Counter(pair for pairs in seen for pair in pairs).values()) == {3}
    assert store.progress() == (36, 36)


@pytest.mark.parametrize("damage", ["DROP TABLE setting", "UPDATE setting SET value = ''", "DELETE FROM setting"])
def test_damaged_settings_are_refused_with_the_database_s_name(tmp_path, damage):
    store = made(tmp_path)
    with sqlite3.connect(store.path) as connection:
        connection.execute(damage)
    with pytest.raises(ArtifactError, match=store.path.name):
        store.progress()
