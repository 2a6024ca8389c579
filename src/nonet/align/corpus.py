"""The texts of a corpus, whatever it is kept in; read again at each pass, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nonet.align.data import DESCRIPTION, Pairs
from nonet.align.shards import Shards, ShardTexts, is_shards
from nonet.foundation.errors import DataError

__all__ = ["texts_of"]


def texts_of(source: Path, column: str = "alt") -> Iterable[str]:
    """The texts of a corpus.

    Args:
        source: a folder of pairs or of shards (their training splits), Parquet or a folder of it, or a text file.
        column: of a Parquet table, the one with the texts.
    Raises:
        DataError: if there is no such source, or it holds no texts.
    """
    if not source.exists():
        raise DataError("There is no such file or folder.", where=source, fix="Check the spelling of the path.")
    if (source / DESCRIPTION).is_file():
        return Pairs.open(source).split("train").texts
    if is_shards(source):
        return ShardTexts(Shards.open(source, "train"))
    tables = [source] if source.suffix == ".parquet" else sorted(source.rglob("*.parquet")) if source.is_dir() else []
    if tables:
        return _Column(tables, column)
    if source.is_dir():
        raise DataError("The folder holds neither pairs, shards nor Parquet.", where=source)
    return _Lines(source)


class _Column:
    def __init__(self, paths: list[Path], column: str) -> None:
        self._paths, self._column = paths, column

    def __iter__(self) -> Iterator[str]:
        for path in self._paths:
            try:
                with pq.ParquetFile(path) as file:
                    for batch in file.iter_batches(columns=[self._column]):
                        yield from (text for text in batch[self._column].to_pylist() if text)
            except (pa.ArrowException, KeyError, OSError, ValueError) as error:
                raise DataError(
                    f"The texts of this table cannot be read ({error}).", where=path, fix="Name its column: --column"
                ) from error


class _Lines:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[str]:
        with self._path.open(encoding="utf-8", errors="replace") as file:
            yield from (line.strip() for line in file if line.strip())
