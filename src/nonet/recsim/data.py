"""Logs of real users: what was shown to whom, when, where, and what they did.

The schema is one row an event. ``item`` is required; every other column may be absent:

==============  ===========================================================
``item``        what was shown, or taken; any text or number
``user``        who; without it every row is somebody else
``time``        seconds since any origin, or a timestamp
``position``    place on the slate, 0 for the first
``click``       1 or 0; without it every row is something taken
``propensity``  probability with which the logging policy showed the item
==============  ===========================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from nonet.foundation.errors import DataError
from nonet.foundation.packaged import file_in
from nonet.foundation.reading import made_sense_of

__all__ = ["COLUMNS", "Log", "read_log"]

COLUMNS = ("item", "user", "time", "position", "click", "propensity")

_PACKAGED = {
    "ml-100k": ("recbole", "dataset_example/ml-100k/ml-100k.inter"),
    "open-bandit/random": ("obp", "obd/random/all/all.csv"),
    "open-bandit/bts": ("obp", "obd/bts/all/all.csv"),
}


@dataclass(frozen=True)
class Log:
    """A log, with items and users numbered.

    Attributes:
        item: number of the item.
        items: the items' names; an item that was never shown is in it only if the source lists it.
        user: number of the user; None where the source does not tell users apart.
        users: the users' names.
        time: seconds; None where unknown.
        position: place on the slate, from 0; None where unknown.
        click: 1 or 0; None where every row is something taken.
        propensity: probability of showing the item; None where unknown.
        source: where it was read.
    """

    item: Int[np.ndarray, " events"]
    items: tuple[str, ...]
    user: Int[np.ndarray, " events"] | None = None
    users: tuple[str, ...] = ()
    time: Float[np.ndarray, " events"] | None = None
    position: Int[np.ndarray, " events"] | None = None
    click: Int[np.ndarray, " events"] | None = None
    propensity: Float[np.ndarray, " events"] | None = None
    source: str = ""

    def __len__(self) -> int:
        return len(self.item)

    def rows(self, index: np.ndarray) -> Log:
        """The events at some places; the numbering stays."""
        columns = ("item", "user", "time", "position", "click", "propensity")
        return replace(
            self, **{name: getattr(self, name)[index] for name in columns if getattr(self, name) is not None}
        )

    def split(self, shares: Sequence[float] = (0.8, 0.1, 0.1)) -> list[Log]:
        """Cuts each user's events by time (all events, where users are not told apart), the earliest first.

        Args:
            shares: of the parts; they add up to 1.
        Raises:
            DataError: if they do not.
        """
        if abs(sum(shares) - 1) > 1e-9 or min(shares) < 0:
            raise DataError(f"The shares {tuple(shares)} do not add up to 1.", where="split")
        size = len(self)
        when = self.time if self.time is not None else np.arange(size)
        who = self.user if self.user is not None else np.zeros(size, int)
        order = np.lexsort((np.arange(size), when, who))
        _, begins, counts = np.unique(who[order], return_index=True, return_counts=True)
        rank = (np.arange(size) - np.repeat(begins, counts) + 0.5) / np.repeat(counts, counts)
        part = np.searchsorted(np.cumsum(shares)[:-1], rank, side="right")
        return [self.rows(order[part == number]) for number in range(len(shares))]


def read_log(source: str | Path) -> Log:
    """Reads a log.

    Args:
        source: a Parquet or CSV file in the schema of this module; a folder or file of MovieLens (``u.data``, or
            RecBole's ``*.inter``) or of the Open Bandit Dataset (``all.csv``); or one of the names ``ml-100k``,
            ``open-bandit/random`` and ``open-bandit/bts`` for what installed data packages carry.
    Raises:
        DataError: if it is none of these, is empty, or a value is out of its range.
        MissingError: if the data package is not installed.
    """
    name = str(source).rstrip("/")
    if name in _PACKAGED and not Path(source).exists():
        package, pattern = _PACKAGED[name]
        return _read(file_in(package, pattern), name)
    path = Path(source)
    if path.is_dir():
        found = [f for pattern in ("*.inter", "u.data", "all.csv", "*.parquet") for f in sorted(path.glob(pattern))]
        if len(found) != 1:
            raise DataError(
                f"It holds {len(found)} logs, one was expected.",
                where=path,
                fix="Name the file, or a folder with one .inter, u.data, all.csv or .parquet file.",
            )
        path = found[0]
    if not path.exists():
        raise DataError(
            "There is no such log.", where=path, fix=f"Name a file or folder, or one of {', '.join(_PACKAGED)}."
        )
    return _read(path, str(source))


def _read(path: Path, source: str) -> Log:
    try:
        if path.suffix == ".inter":
            table = _delimited(path, "\t").rename_columns(_recbole_names(path))
        elif path.name == "u.data":
            table = _delimited(path, "\t", names=["user", "item", "rating", "time"])
        elif path.suffix == ".parquet":
            table = pq.read_table(path)
        else:
            table = _delimited(path, ",")
            if "propensity_score" in table.column_names:
                table = _open_bandit(table)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"It cannot be read: {error}.", where=path) from error
    with made_sense_of(path, what="A column does not hold what its name says"):
        return _log(table, path, source)


def _delimited(path: Path, delimiter: str, names: list[str] | None = None) -> pa.Table:
    return pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(column_names=names),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
    )


def _recbole_names(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        headings = file.readline().rstrip("\n").split("\t")
    ours = {"user_id": "user", "item_id": "item", "timestamp": "time"}
    return [ours.get(heading.partition(":")[0], heading.partition(":")[0]) for heading in headings]


def _open_bandit(table: pa.Table) -> pa.Table:
    return pa.table(
        {
            "item": table["item_id"],
            "time": table["timestamp"],
            "position": pc.call_function("subtract", [table["position"], pa.scalar(1)]),
            "click": table["click"],
            "propensity": table["propensity_score"],
        }
    )


def _log(table: pa.Table, path: Path, source: str) -> Log:
    if "item" not in table.column_names:
        raise DataError(
            f"It has the columns {table.column_names} and no 'item'.",
            where=path,
            fix=f"Name the columns {', '.join(COLUMNS)}; only 'item' is required.",
        )
    if not len(table):
        raise DataError("It has no events.", where=path)
    for name in COLUMNS:
        if name in table.column_names and table[name].null_count:
            row = int(np.asarray(table[name].is_null()).argmax())
            raise DataError(f"Column '{name}' has no value there.", where=f"{path}, row {row + 1}")
    item, items = _numbered(table["item"])
    user, users = _numbered(table["user"]) if "user" in table.column_names else (None, ())
    return Log(
        item,
        items,
        user,
        users,
        time=_seconds(table["time"], path) if "time" in table.column_names else None,
        position=_column(table, "position", path, 0, np.inf, whole=True),
        click=_column(table, "click", path, 0, 1, whole=True),
        propensity=_column(table, "propensity", path, 1e-12, 1, whole=False),
        source=source,
    )


def _numbered(column: pa.ChunkedArray) -> tuple[np.ndarray, tuple[str, ...]]:
    names, numbers = np.unique(column.to_numpy(), return_inverse=True)
    return numbers.astype(np.int32), tuple(str(name) for name in names)


def _seconds(column: pa.ChunkedArray, path: Path) -> np.ndarray:
    if pa.types.is_string(column.type):
        try:
            column = pc.cast(column, pa.timestamp("us", tz="UTC"))
        except pa.ArrowException as error:
            raise DataError(f"Column 'time' holds no times: {error}.", where=path) from error
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() / 1e6
    return column.to_numpy().astype(float)


def _column(table: pa.Table, name: str, path: Path, low: float, high: float, *, whole: bool) -> np.ndarray | None:
    if name not in table.column_names:
        return None
    values = table[name].to_numpy()
    if values.dtype == object or values.dtype.kind not in "iufb":
        raise DataError(f"Column '{name}' does not hold numbers.", where=path)
    wrong = ~((values >= low) & (values <= high))
    if whole:
        wrong |= values != np.round(values)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"Column '{name}' is {values[row]} there; it must be {'a whole number ' if whole else ''}"
            f"from {low:g} to {high:g}.",
            where=f"{path}, row {row + 1}",
        )
    return values.astype(np.int32 if whole else float)
