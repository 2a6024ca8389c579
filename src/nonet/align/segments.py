"""Segments: the immutable parts that an index is made of.

A segment is a folder with ``vectors.npy`` (half precision), ``ids.npy`` (rising) and ``rows.parquet`` (what is known of
each picture), three files that other tools read as they are. Deleting a picture changes none of them: its row number
goes into a tombstones file, and compaction leaves the row out of the next segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Float16, Int64

from nonet.align import exact
from nonet.align.ann import Ann, Kind
from nonet.align.manifest import SegmentEntry
from nonet.foundation.arrays import read_array
from nonet.foundation.errors import ArtifactError
from nonet.foundation.files import atomic_folder, atomic_write

__all__ = ["Batch", "Picture", "Segment", "write_segment", "write_tombstones"]

SEGMENTS, TOMBSTONES, ANN = "segments", "tombstones", "ann"
_FEW = 20_000  # rows that a condition leaves, among which exact search is the faster
_GROUP = 1024  # rows that are read together when one is asked for
_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("source", pa.string()),
        ("sha256", pa.string()),
        ("captions", pa.list_(pa.string())),
        ("width", pa.int32()),
        ("height", pa.int32()),
    ]
)


@dataclass(frozen=True)
class Picture:
    """What an index knows of a picture beside its embedding.

    Attributes:
        path: the file, absolute.
        source: the folder or list that it was indexed from.
        sha256: of the file's bytes when it was indexed, in hexadecimal.
        captions: its texts, if there are any.
        width: in pixels, upright.
        height: in pixels, upright.
    """

    path: str
    source: str
    sha256: str
    captions: tuple[str, ...] = ()
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Batch:
    """Rows on their way into a segment; the three have the same length."""

    ids: Int64[np.ndarray, " rows"]
    vectors: Float16[np.ndarray, "rows dim"]
    rows: pa.Table

    @staticmethod
    def of(ids: np.ndarray, vectors: np.ndarray, pictures: Sequence[Picture]) -> Batch:
        """Rows for pictures that are new to the index."""
        columns = {
            name: [list(value) if isinstance(value := getattr(picture, name), tuple) else value for picture in pictures]
            for name in _SCHEMA.names
        }
        return Batch(ids.astype(np.int64), vectors.astype(np.float16), pa.table(columns, schema=_SCHEMA))


class Segment:
    """An opened segment. Its files stay readable for as long as this object lives, even when they are deleted."""

    def __init__(self, folder: Path, entry: SegmentEntry, dim: int) -> None:
        """Opens the segment that ``entry`` names in the index ``folder``.

        Raises:
            FileNotFoundError: if a file of it is gone.
            ArtifactError: if a file of it is damaged.
        """
        self.entry = entry
        home = folder / SEGMENTS / entry.name
        self.vectors: np.ndarray = _array(home / "vectors.npy", (entry.rows, dim), np.float16, mapped=True)
        self.ids: np.ndarray = _array(home / "ids.npy", (entry.rows,), np.int64, mapped=True)
        self._path = home / "rows.parquet"
        self._rows = _parquet(self._path, entry.rows)
        self._reading = Lock()
        self.ann = None if entry.ann is None else Ann(folder / ANN / entry.ann)
        self.alive: np.ndarray | None = None
        if entry.tombstones is not None:
            path = folder / TOMBSTONES / entry.tombstones
            self.alive = np.ones(entry.rows, bool)
            self.alive[_array(path, (entry.dead,), np.int64)] = False

    def search(
        self,
        queries: Float[np.ndarray, "queries dim"],
        k: int,
        excluded: Int64[np.ndarray, " excluded"],
        kind: Kind | None = None,
        allowed: Bool[np.ndarray, " rows"] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores and ids of the ``k`` best rows for each query.

        Args:
            queries: one a row.
            k: how many to find.
            excluded: ids that are not to be found.
            kind: of the queries; None to search exactly even where there is a faster way.
            allowed: the rows that may be found; all where None.
        """
        alive = self.alive
        if allowed is not None:
            alive = allowed if alive is None else alive & allowed
        hidden = self.find(excluded)
        if hidden.size:
            alive = np.ones(self.entry.rows, bool) if alive is None else alive.copy()
            alive[hidden] = False
        few = allowed is not None and alive is not None and int(alive.sum()) <= _FEW
        if self.ann is None or kind is None or few:
            scores, rows = exact.scan(self.vectors, queries, k, alive)
            return scores, self.ids[rows]
        scores, rows = self.ann.search(self.vectors, queries, k, kind, alive)
        return scores, np.where(rows < 0, -1, self.ids[rows])

    def find(self, ids: Int64[np.ndarray, " ids"]) -> Int64[np.ndarray, " rows"]:
        """The row numbers of those of ``ids`` that are here and alive."""
        if not self.entry.rows:
            return np.empty(0, np.int64)
        rows = np.searchsorted(self.ids, ids)
        rows[rows == self.entry.rows] = 0
        rows = rows[self.ids[rows] == ids]
        return (rows if self.alive is None else rows[self.alive[rows]]).astype(np.int64)

    def pictures(self, rows: Int64[np.ndarray, " rows"]) -> list[Picture]:
        """What is known of the pictures in ``rows``; reads the groups of rows that hold them and no others."""
        known: dict[int, Picture] = {}
        for group in np.unique(rows // _GROUP):
            inside = rows[rows // _GROUP == group]
            records = self._group(int(group)).take(inside - group * _GROUP).to_pylist()
            for row, record in zip(inside, records, strict=True):
                known[int(row)] = Picture(**{**record, "captions": tuple(record["captions"])})
        return [known[int(row)] for row in rows]

    def columns(self, *names: str) -> Iterator[tuple]:
        """The id and the named values of each row that is alive."""
        table = self.table(names)
        values = [table[name].to_pylist() for name in names]
        for row, record in enumerate(zip(self.ids.tolist(), *values, strict=True)):
            if self.alive is None or self.alive[row]:
                yield record

    def table(self, names: Sequence[str]) -> pa.Table:
        """Columns of all rows, the deleted ones too."""
        return self._read(lambda rows: rows.read(columns=list(dict.fromkeys(names))))

    def batches(self) -> Iterator[Batch]:
        """The rows that are alive, in their order, in pieces of bounded size."""
        for group, start in enumerate(range(0, self.entry.rows, _GROUP)):
            part = slice(start, start + _GROUP)
            ids = np.asarray(self.ids[part])
            kept = np.ones(len(ids), bool) if self.alive is None else self.alive[part]
            yield Batch(ids[kept], np.asarray(self.vectors[part])[kept], self._group(group).filter(pa.array(kept)))

    def _group(self, group: int) -> pa.Table:
        return self._read(lambda rows: rows.read_row_group(group).select(_SCHEMA.names).cast(_SCHEMA))

    def _read(self, read: Callable[[pq.ParquetFile], pa.Table]) -> pa.Table:
        try:
            with self._reading:  # a Parquet reader serves one thread at a time
                return read(self._rows)
        except (pa.ArrowException, OSError) as error:  # what the opening did not look at
            raise _damaged(self._path) from error


def write_segment(folder: Path, name: str, rows: int, dim: int, batches: Iterable[Batch]) -> SegmentEntry:
    """Writes a new segment; it appears whole or not at all.

    Args:
        folder: of the index.
        name: of the segment.
        rows: how many rows the batches hold together.
        dim: numbers in a vector.
        batches: rows in the order of rising ids.
    """
    with atomic_folder(folder / SEGMENTS / name) as home:
        vectors = np.lib.format.open_memmap(home / "vectors.npy", mode="w+", dtype=np.float16, shape=(rows, dim))
        ids = np.lib.format.open_memmap(home / "ids.npy", mode="w+", dtype=np.int64, shape=(rows,))
        done = 0
        with pq.ParquetWriter(home / "rows.parquet", _SCHEMA, compression="zstd") as table:
            waiting = _SCHEMA.empty_table()
            for batch in batches:
                part = slice(done, done + len(batch.ids))
                vectors[part], ids[part] = batch.vectors, batch.ids
                done += len(batch.ids)
                waiting = pa.concat_tables([waiting, batch.rows])
                while len(waiting) >= _GROUP:  # every group but the last is full, so a row's group is known
                    table.write_table(waiting.slice(0, _GROUP))
                    waiting = waiting.slice(_GROUP)
            if len(waiting):
                table.write_table(waiting)
        vectors.flush()
        ids.flush()
    return SegmentEntry(name, rows)


def write_tombstones(folder: Path, name: str, rows: Int64[np.ndarray, " rows"]) -> None:
    """Writes the row numbers of a segment's deleted pictures into a new file."""
    with atomic_write(folder / TOMBSTONES / name) as file:
        np.save(file, rows)


def _array(path: Path, shape: tuple[int, ...], dtype: type, *, mapped: bool = False) -> np.ndarray:
    try:
        array = read_array(path, mapped=mapped)
    except FileNotFoundError:
        raise
    except (ValueError, OSError) as error:
        raise _damaged(path) from error
    if array.shape != shape or array.dtype != dtype:
        raise _damaged(path)
    return array


def _parquet(path: Path, rows: int) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path, memory_map=True)
    except FileNotFoundError as error:  # pyarrow's has no file name
        raise FileNotFoundError(error.errno, "No such file", str(path)) from error
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error
    held = {field.name: field.type for field in file.schema_arrow}
    if file.metadata.num_rows != rows or not all(_is(held.get(field.name), field.type) for field in _SCHEMA):
        raise _damaged(path)
    return file


def _is(found: pa.DataType | None, asked: pa.DataType) -> bool:
    """Whether a column has the type asked for; what the items of a list are called does not matter."""
    if found is not None and pa.types.is_list(found) and pa.types.is_list(asked):
        return found.value_type == asked.value_type
    return found == asked


def _damaged(path: Path) -> ArtifactError:
    return ArtifactError(
        "This file of the index is damaged.",
        where=path,
        fix="Build the index again into a new folder with `nonet align index`.",
    )
