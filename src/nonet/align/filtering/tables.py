"""Opens the engine that computes tables, and the candidate pairs in it."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false, reportReturnType=false, reportIndexIssue=false, reportCallIssue=false
# (an ibis column knows its type only when it runs)
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends import BaseBackend

from nonet.align.filtering.config import TableConfig
from nonet.align.filtering.schema import CANDIDATES
from nonet.foundation.engine import Engine, spark_session
from nonet.foundation.errors import DataError

__all__ = ["connect", "read_candidates", "settle"]


@contextmanager
def connect(config: TableConfig, scratch: Path) -> Iterator[BaseBackend]:
    """An ``ibis`` connection that is closed at the end.

    Args:
        config: which engine, and its limits.
        scratch: a folder for what does not fit into memory.

    Raises:
        MissingError: if Spark is asked for and not installed.
    """
    if config.engine == "spark":
        yield ibis.pyspark.connect(spark_session(Engine(kind="spark", master=config.master)))
        return
    scratch.mkdir(parents=True, exist_ok=True)
    options = {
        "memory_limit": config.memory,
        "temp_directory": str(scratch),
        # keeping the order of rows costs memory and no rule needs it
        "preserve_insertion_order": False,
    }
    if config.threads:
        options["threads"] = config.threads
    # intermediate tables in memory spill too; a database file would compress and log each of them, at twice the time
    connection = ibis.duckdb.connect(**options)
    try:
        yield connection
    finally:
        connection.disconnect()


def read_candidates(connection: BaseBackend, paths: Sequence[Path]) -> ibis.Table:
    """The candidate pairs of some Parquet files.

    Args:
        connection: from `connect`.
        paths: Parquet files, or folders of them.

    Raises:
        DataError: if there are none, one is not Parquet, or one has another schema.
    """
    for path in paths:
        for file in _parquet_files(path):
            _check_schema(file)
    tables = [_read(connection, path).select(CANDIDATES.names) for path in paths]
    return ibis.union(*tables) if len(tables) > 1 else tables[0]


def settle(table: ibis.Table) -> ibis.Table:
    """The table computed now, once, and kept until the connection ends: by DuckDB, spilling to disk, or by Spark."""
    backend = table.get_backend()
    if backend.name == "duckdb":
        return backend.create_table(ibis.util.gen_name("step"), table)
    return table.cache()


def _read(connection: BaseBackend, path: Path) -> ibis.Table:
    if connection.name == "duckdb":
        return connection.read_parquet(f"{path}/**/*.parquet" if path.is_dir() else str(path))
    return connection.read_parquet(str(path), recursiveFileLookup=True)


def _parquet_files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.rglob("*.parquet"))
        if not found:
            raise DataError("There are no Parquet files of candidate pairs.", where=path)
        return found
    if not path.exists():
        raise DataError("There is no such file or folder.", where=path)
    return [path]


def _check_schema(file: Path) -> None:
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError("This is not a whole Parquet file.", where=file) from error
    missing = [name for name in CANDIDATES.names if name not in schema.names]
    if missing:
        raise DataError(
            f"The columns {', '.join(missing)} are missing.",
            where=file,
            fix=f"Candidate pairs have the columns {', '.join(CANDIDATES.names)}.",
        )
    for field in CANDIDATES:
        kind = schema.field(field.name).type
        both = (field.type, kind)
        alike = all(map(pa.types.is_integer, both)) or all(
            pa.types.is_string(t) or pa.types.is_large_string(t) for t in both
        )
        if not alike:
            raise DataError(f"The column {field.name} is {kind}; {field.type} is expected.", where=file)
