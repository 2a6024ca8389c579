"""Where shard-by-shard work runs: this machine's processes by default, a Spark cluster by one option."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from nonet.foundation.errors import MissingError, UsageError

__all__ = ["Engine", "map_shards", "spark_session"]

Shard = TypeVar("Shard")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Engine:
    """Where work runs.

    Attributes:
        kind: ``local`` for processes of this machine, ``spark`` for a Spark cluster.
        workers: processes on this machine, or shards at once on Spark; 0 takes one per core.
        master: the Spark master, such as ``local[2]`` or ``spark://host:7077``; None lets Spark's own
            configuration (``spark-submit``) decide.
    """

    kind: Literal["local", "spark"] = "local"
    workers: int = 0
    master: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise UsageError(f"{self.workers} workers cannot run.", where="--workers", fix="Choose 0 for one per core.")

    @property
    def processes(self) -> int:
        """How many shards run at once."""
        return self.workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_shards(function: Callable[[Shard], Result], shards: Sequence[Shard], engine: Engine) -> Iterator[Result]:
    """Applies a function to each shard and yields the results in the shards' order, each as soon as it is there.

    A shard is the unit of retry: a stage that writes one file per shard and skips those that exist is resumable.

    Args:
        function: a picklable function of one shard; its exceptions reach the caller.
        shards: what the function is applied to; small descriptions such as paths, not the data.
        engine: where it runs.

    Raises:
        MissingError: if Spark is asked for and is not installed.
    """
    if engine.kind == "spark":
        yield from _on_spark(function, shards, engine)
    elif engine.processes == 1 or len(shards) <= 1:
        yield from map(function, shards)
    else:
        yield from _on_processes(function, shards, engine)


def _on_processes(function: Callable[[Shard], Result], shards: Sequence[Shard], engine: Engine) -> Iterator[Result]:
    import joblib

    # one numerical thread per process: pools of threads that take turns are far slower than none
    with joblib.parallel_config(backend="loky", n_jobs=engine.processes, inner_max_num_threads=1):
        results = joblib.Parallel(return_as="generator")(joblib.delayed(function)(shard) for shard in shards)
        yield from cast("Iterator[Result]", results)


def _on_spark(function: Callable[[Shard], Result], shards: Sequence[Shard], engine: Engine) -> Iterator[Result]:
    if not shards:
        return
    context = spark_session(engine).sparkContext
    slices = min(len(shards), engine.workers or len(shards))
    yield from context.parallelize(shards, slices).map(function).toLocalIterator(prefetchPartitions=True)


def spark_session(engine: Engine) -> Any:
    """The Spark session that the engine names; one that exists already is taken as it is.

    Raises:
        MissingError: if pyspark or Java is not installed.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise MissingError("Spark is not installed.", fix="Run: pip install 'nonet[spark]' (needs Java 17).") from error
    builder = SparkSession.builder.appName("nonet")
    if engine.master:
        builder = builder.master(engine.master)
        if engine.master.startswith("local"):  # the workers are this Python, not the first on the path
            builder = builder.config("spark.pyspark.python", sys.executable)
    try:
        return builder.getOrCreate()
    except (PySparkException, FileNotFoundError, RuntimeError) as error:
        raise MissingError(f"Spark did not start: {error}", fix="Check that Java 17 is installed.") from error
