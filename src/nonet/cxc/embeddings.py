"""Reads embeddings and puts their rows into the order of a collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from nonet.foundation.arrays import read_array, read_arrays
from nonet.foundation.errors import DataError

__all__ = ["Embedded", "Placed", "place_rows", "read_embeddings", "unit_rows"]


@dataclass(frozen=True)
class Embedded:
    """A file of embeddings.

    Attributes:
        rows: one vector an item.
        ids: the items' ids; empty where the file has none (``.npy``), then the order is the collection's.
    """

    rows: Float[np.ndarray, "items dim"]
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Placed:
    """Embeddings in the order of ids.

    Attributes:
        rows: one vector for each of `ids`.
        ids: those of the wanted ids that have a vector, in their order.
        ignored: how many vectors belong to other ids.
    """

    rows: Float[np.ndarray, "items dim"]
    ids: tuple[str, ...]
    ignored: int = 0


def read_embeddings(path: Path) -> Embedded:
    """Reads ``.npy`` (rows alone), ``.npz`` (``embeddings`` and ``ids``) or ``.parquet`` (``embedding`` and ``id``).

    Raises:
        DataError: if the file is none of these, or its vectors are not finite numbers of one length.
    """
    readers = {".npy": _read_npy, ".npz": _read_npz, ".parquet": _read_parquet}
    if path.suffix not in readers:
        raise DataError("Embeddings come as .npy, .npz or .parquet.", where=path)
    if not path.is_file():
        raise DataError("There is no such file.", where=path, fix="Check the spelling of the path.")
    try:
        rows, ids = readers[path.suffix](path)
    except (ValueError, TypeError) as error:
        raise DataError(f"This cannot be read: {error}.", where=path) from error
    checked = _checked(rows, path)
    if ids and len(ids) != len(checked):
        raise DataError(f"There are {len(ids):,} ids for {len(checked):,} vectors.", where=path)
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise DataError(f"{len(twice):,} ids occur more than once, the first is '{twice[0]}'.", where=path)
    return Embedded(checked, ids)


def _read_npy(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    return read_array(path), ()


def _read_npz(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    arrays = read_arrays(path)
    if not {"embeddings", "ids"} <= set(arrays):
        raise DataError(f"It holds {', '.join(arrays)}.", where=path, fix="Expected 'embeddings' and 'ids'.")
    return arrays["embeddings"], tuple(str(name) for name in arrays["ids"].ravel())


def _read_parquet(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        table = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as error:
        raise DataError("This is not a Parquet file.", where=path) from error
    if not {"id", "embedding"} <= set(table.column_names):
        raise DataError(
            f"Its columns are {', '.join(table.column_names)}.", where=path, fix="Expected 'id' and 'embedding'."
        )
    vectors = table["embedding"].to_pylist()
    if len({len(vector) for vector in vectors}) > 1:
        raise DataError("The vectors are not all of one length.", where=path)
    return np.array(vectors), tuple(str(name) for name in table["id"].to_pylist())


def _checked(rows: Shaped[np.ndarray, "..."], path: Path) -> Float[np.ndarray, "items dim"]:
    if rows.ndim != 2 or 0 in rows.shape:
        raise DataError(f"The shape is {rows.shape}; expected one row an item.", where=path)
    if not (np.issubdtype(rows.dtype, np.floating) or np.issubdtype(rows.dtype, np.integer)):
        raise DataError(f"The values are of the type {rows.dtype}.", where=path, fix="Save them as float32.")
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(broken):
        raise DataError(
            f"{len(broken):,} rows hold NaN or infinity, the first is row {broken[0]:,}.",
            where=path,
            fix="Encode these items again.",
        )
    return rows


def place_rows(embedded: Embedded, wanted: Sequence[str], whole: Sequence[str], where: object) -> Placed:
    """The rows of the wanted ids.

    Args:
        embedded: rows with or without ids.
        wanted: the ids that are needed, in the order to return.
        whole: the ids of the caption file's order, of which `wanted` is a part. Rows without ids stand in this order,
            or in the order of `wanted`; their number tells which.
        where: the file, for errors.

    Raises:
        DataError: if the number of rows fits neither, or none of the ids is known.
    """
    if not embedded.ids:
        names = next((names for names in (wanted, whole) if len(names) == len(embedded.rows)), None)
        if names is None:
            counts = " or ".join(f"{count:,}" for count in sorted({len(wanted), len(whole)}))
            raise DataError(
                f"There are {len(embedded.rows):,} rows, but {counts} items.",
                where=where,
                fix="Save a .npz with 'embeddings' and 'ids' where only a part was encoded.",
            )
    else:
        names = embedded.ids
    row = {name: index for index, name in enumerate(names)}
    ids = tuple(name for name in wanted if name in row)
    if not ids:
        expected = (
            f"they look like '{names[0]}', expected such as '{wanted[0]}'" if wanted else "nothing is rated there"
        )
        raise DataError(f"None of its ids is known: {expected}.", where=where, fix="Use the ids of the rating files.")
    kept = embedded.rows if ids == tuple(names) else embedded.rows[[row[name] for name in ids]]
    return Placed(kept, ids, ignored=len(embedded.rows) - len(ids))


def unit_rows(rows: Float[np.ndarray, "items dim"], where: object) -> Float[np.ndarray, "items dim"]:
    """Rows scaled to length 1.

    Raises:
        DataError: if a row is zero: it has no direction, so no cosine.
    """
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    zero = np.flatnonzero(length[:, 0] == 0)
    if len(zero):
        raise DataError(
            f"{len(zero):,} rows are zero vectors, the first is row {zero[0]:,}.",
            where=where,
            fix="Encode these items again, or use --retrieval.similarity dot --correlation.similarity dot.",
        )
    return rows / length
