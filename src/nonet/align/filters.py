"""Conditions on what an index knows of its pictures, as SQL expressions: ``width > 1000 AND captions ILIKE '%cat%'``.

An expression is parsed, checked node by node against what a condition may hold, and written anew before DuckDB sees
it; so it can name columns and compare them, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from nonet.align.segments import Segment
from nonet.foundation.errors import UsageError

__all__ = ["COLUMNS", "PUBLIC", "Condition"]

COLUMNS = ("name", "captions", "width", "height", "path", "source")
PUBLIC = ("name", "captions", "width", "height")
"""What a visitor of the page may ask for: not where files lie."""
_LONGEST, _MOST_NODES = 500, 100
_NODES = [
    "And",
    "Or",
    "Not",
    "Paren",
    "EQ",
    "NEQ",
    "GT",
    "GTE",
    "LT",
    "LTE",
    "Like",
    "ILike",
    "In",
    "Between",
    "Is",
    "Null",
    "Column",
    "Identifier",
    "Literal",
    "Boolean",
    "Neg",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Lower",
    "Upper",
    "Length",
    "Tuple",
]


@dataclass(frozen=True)
class Condition:
    """A checked condition.

    Attributes:
        sql: as written anew.
        columns: that it names.
    """

    sql: str
    columns: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, columns: tuple[str, ...] = COLUMNS) -> Condition:
        """Reads an expression.

        Args:
            text: such as ``width >= 800 AND name LIKE '%.png'``.
            columns: that it may name.
        Raises:
            UsageError: if it is no such expression.
        """
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError

        if len(text) > _LONGEST:
            raise UsageError("The condition is too long.", fix=f"Keep it below {_LONGEST} characters.")
        try:
            tree = sqlglot.parse_one(text, dialect="duckdb", into=exp.Condition)
            nodes = list(tree.walk())
        except (SqlglotError, RecursionError) as error:
            raise _wrong(columns, "it cannot be read") from error
        if len(nodes) > _MOST_NODES:
            raise _wrong(columns, "it has too many parts")
        allowed = tuple(getattr(exp, name) for name in _NODES)
        for node in nodes:
            if type(node) not in allowed:
                raise _wrong(columns, f"{type(node).__name__.lower()} is not allowed in it")
            if isinstance(node, exp.Column) and (node.table or node.name.lower() not in columns):
                raise _wrong(columns, f"there is no column {node.sql()[:40]}")
        named = tuple(sorted({node.name.lower() for node in nodes if isinstance(node, exp.Column)}))
        return cls(tree.sql(dialect="duckdb", comments=False), named)

    def rows(self, segment: Segment) -> Bool[np.ndarray, " rows"]:
        """Which rows of a segment meet it; what is unknown does not.

        Raises:
            UsageError: if its parts do not go together, such as a text and a number.
        """
        import duckdb

        table = _columns(segment, self.columns)
        with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "512MB"}) as connection:
            connection.register("rows", table)
            connection.execute("SET enable_external_access = false; SET lock_configuration = true")
            try:
                answer = connection.execute(f"SELECT coalesce(CAST(({self.sql}) AS BOOLEAN), false) AS kept FROM rows")
                return np.asarray(answer.fetchnumpy()["kept"], bool)
            except duckdb.Error as error:
                reason = str(error).partition("\n")[0].partition(": ")[2]
                raise UsageError(f"The condition does not hold together: {reason}.", where=self.sql) from error


def _columns(segment: Segment, names: tuple[str, ...]) -> pa.Table:
    import pyarrow.compute as pc

    wanted = {"name": "path"}
    table = segment.table([wanted.get(name, name) for name in names])
    made = {"row": pa.array(np.zeros(segment.entry.rows, np.int8))}
    for name in names:
        column = table[wanted.get(name, name)]
        if name == "name":
            column = pc.replace_substring_regex(column, r".*[/\\\\]", "")  # pyright: ignore[reportAttributeAccessIssue]
        elif name == "captions":
            column = pc.binary_join(column.cast(pa.list_(pa.string())), "\n")  # pyright: ignore[reportAttributeAccessIssue]
        made[name] = column
    return pa.table(made)


def _wrong(columns: tuple[str, ...], why: str) -> UsageError:
    return UsageError(
        f"This is not a condition: {why}.",
        fix=f"Compare {', '.join(columns)}, for example: width > 800 AND captions ILIKE '%cat%'",
    )
