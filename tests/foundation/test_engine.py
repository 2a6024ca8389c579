import math
import os

import pytest

from nonet.foundation.engine import Engine, map_shards
from nonet.foundation.errors import DataError, UsageError


def square(number: int) -> int:
    return number * number


def where_am_i(_: int) -> int:
    return os.getpid()


def refuse(number: int) -> int:
    if number == 3:
        raise DataError("Shard 3 is torn.", where="shard-3.tar", fix="Fetch it again.")
    return number


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_shards_order(workers):
    assert list(map_shards(square, range(20), Engine(workers=workers))) == [n * n for n in range(20)]


def test_local_work_runs_in_other_processes():
    pids = set(map_shards(where_am_i, range(8), Engine(workers=2)))
    assert os.getpid() not in pids


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_shard_reaches_the_caller_whole(workers):
    with pytest.raises(DataError, match=r"shard-3.tar: Shard 3 is torn. Fetch it again.") as caught:
        list(map_shards(refuse, range(6), Engine(workers=workers)))
    assert caught.value.where == "shard-3.tar"


def test_no_shards_give_no_results():
    assert list(map_shards(square, [], Engine())) == []


def test_workers_cannot_be_negative():
    with pytest.raises(UsageError, match="-1 workers"):
        Engine(workers=-1)


@pytest.mark.slow
def test_spark_gives_the_same_rows_as_this_machine(local_spark):
    spark = Engine(kind="spark", master=local_spark, workers=3)
    # a function that the workers can import: they do not have the tests on their path
    assert list(map_shards(math.isqrt, range(90), spark)) == list(map_shards(math.isqrt, range(90), Engine(workers=1)))
    assert list(map_shards(math.isqrt, range(4), Engine(kind="spark", master=local_spark))) == [0, 1, 1, 1]
    assert list(map_shards(math.isqrt, [], spark)) == []
