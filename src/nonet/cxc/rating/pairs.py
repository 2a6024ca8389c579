"""The file of pairs to rate, which carries all that the rating page shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from nonet.cxc.config import Kind
from nonet.cxc.ratings import KINDS
from nonet.foundation.errors import DataError
from nonet.foundation.files import atomic_write

__all__ = ["PairToRate", "read_pairs", "write_pairs"]


@dataclass(frozen=True)
class PairToRate:
    """A pair to rate. Each side is a text or a picture.

    Attributes:
        kind: what is compared.
        left: id of the first item.
        right: id of the second item.
        method: how the pair was chosen.
        left_text: words of a caption, or None for a picture.
        right_text: words of a caption, or None for a picture.
        left_image: path of a picture, relative to the file of pairs; None for a caption.
        right_image: path of a picture, relative to the file of pairs; None for a caption.
        gold: the known score of a control question, else None.
    """

    kind: Kind
    left: str
    right: str
    method: str
    left_text: str | None = None
    right_text: str | None = None
    left_image: str | None = None
    right_image: str | None = None
    gold: float | None = None


def write_pairs(path: Path, pairs: Sequence[PairToRate]) -> None:
    """Writes pairs as Parquet, one column a field."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    columns = {field.name: [getattr(pair, field.name) for pair in pairs] for field in fields(PairToRate)}
    schema = arrow.schema(
        [(field.name, arrow.float64() if field.name == "gold" else arrow.string()) for field in fields(PairToRate)]
    )
    with atomic_write(path) as file:
        parquet.write_table(arrow.table(columns, schema=schema), file)


def read_pairs(path: Path) -> list[PairToRate]:
    """Reads pairs to rate.

    Raises:
        DataError: if a row says nothing to show, its kind is unknown, its gold score is out of range, or it is there
            twice.
    """
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    if not path.is_file():
        raise DataError("There is no such file.", where=path, fix="Make one with `nonet cxc select`.")
    try:
        rows = parquet.read_table(path).to_pylist()
    except (arrow.ArrowException, OSError) as error:
        raise DataError("This is not a Parquet file.", where=path, fix="Make one with `nonet cxc select`.") from error
    known = {field.name for field in fields(PairToRate)}
    seen: set[tuple[str, str, str]] = set()
    pairs = []
    for number, row in enumerate(rows, 1):
        where = f"{path}, row {number}"
        if not {"kind", "left", "right"} <= set(row):
            raise DataError("The columns kind, left and right are needed.", where=path)
        if row["kind"] not in KINDS:
            raise DataError(f"'{row['kind']}' is not a kind of rating.", where=where, fix="Use sts, sis or sits.")
        values = {"method": "", **{name: value for name, value in row.items() if name in known}}
        for name, value in values.items():
            optional = name.startswith(("left_", "right_")) or name == "gold"
            if not isinstance(value, (int, float) if name == "gold" else str) and not (optional and value is None):
                raise DataError(f"The column {name} holds {value!r:.60}, which is of another type.", where=where)
        pair = PairToRate(**values)
        if pair.gold is not None and (math.isnan(pair.gold) or not 0 <= pair.gold <= 5):
            raise DataError(f"The gold score {pair.gold} is not between 0 and 5.", where=where)
        if not (pair.left_text or pair.left_image) or not (pair.right_text or pair.right_image):
            raise DataError("There is nothing to show for an item.", where=where, fix="Give its text or picture.")
        if (pair.kind, pair.left, pair.right) in seen:
            raise DataError(f"The pair '{pair.left}', '{pair.right}' is there twice.", where=where)
        seen.add((pair.kind, pair.left, pair.right))
        pairs.append(pair)
    if not pairs:
        raise DataError("There are no pairs in it.", where=path)
    return pairs
