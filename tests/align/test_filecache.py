import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nonet.align.filecache import FileCache


def test_what_was_put_is_got_also_by_a_later_run(tmp_path: Path) -> None:
    FileCache(tmp_path / "c", 1000).put("a", b"abc")
    found = FileCache(tmp_path / "c", 1000).get("a")
    assert found is not None
    assert found.read_bytes() == b"abc"
    assert FileCache(tmp_path / "c", 1000).get("b") is None


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 1000)
    for number in range(10):
        os.utime(cache.put(str(number), bytes(100)), ns=(number, number))
    cache.get("0")  # used now
    cache.put("new", bytes(100))
    left = {path.name for path in tmp_path.iterdir()}
    assert {"0", "new"} <= left
    assert {"1", "2", "3", "4"}.isdisjoint(left)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 750


def test_putting_the_same_name_again_does_not_count_twice(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 1000)
    cache.put("other", bytes(500))
    for _ in range(20):
        cache.put("same", bytes(400))
    assert cache.get("other") is not None


def test_many_threads_stay_below_the_limit(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 5000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cache.put(str(number % 40), bytes(200)), range(120)))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5000
