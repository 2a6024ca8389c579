"""What nonet says on a terminal: results on standard output, progress and errors on standard error.

So that ``nonet … > file`` holds the results alone.
"""

from __future__ import annotations

import json
import math
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from nonet.foundation.errors import NonetError

__all__ = [
    "command_line", "fail", "note", "numeric_columns", "print_json", "progress", "say", "summary", "table", "track",
    "wrote",
]  # fmt: skip

Item = TypeVar("Item")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def command_line() -> str:
    """The command that runs, as it can be typed again."""
    return shlex.join(["nonet", *sys.argv[1:]])


def say(text: str) -> None:
    """A line of result on standard output, exactly as given."""
    out.print(Text(text))


def note(text: str) -> None:
    """A remark for the person who watches, on standard error."""
    err.print(Text(text), style="dim")


def wrote(*made: object) -> None:
    """Names what a command made, on standard error: files and folders, or whatever tells them."""
    note(f"Wrote {', '.join(map(str, made))}")


def print_json(value: Any) -> None:
    """A result for other programs; a number that is not finite is null, for JSON has no word for it."""
    print(json.dumps(_finite(value), ensure_ascii=False, indent=2, default=str, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def fail(error: NonetError) -> None:
    """An error as one readable paragraph on standard error."""
    paragraph = Text("Error: ", style="bold red")
    paragraph.append(str(error), style="not bold default")
    err.print(paragraph)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    as_json: bool = False,
) -> None:
    """A table of results on standard output; columns of numbers stand to the right, their headings too.

    Args:
        columns: one heading a column.
        rows: cells; floats are shown with four significant digits.
        title: a line above.
        as_json: print an object a row for other programs, with the headings as names.
    """
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    shown = [[_cell(value) for value in row] for row in rows]
    grid = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for name, numeric in zip(columns, numeric_columns(len(columns), shown), strict=True):
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        grid.add_row(*map(Text, row))
    out.print(grid)


_NUMBER = re.compile(
    r"[-+<>≤≥±~ ]*(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?"  # 1,234.5, +3, <0.01, 2.1e-05
    r"(?: ?[^\W\d]{1,8}| ?%|°)?"  # a unit
    r"(?: ?(?:±|\[|\().*)?"  # what follows it: a deviation, an interval
)
_NO_NUMBER = {"", "–", "-", "nan", "inf", "-inf", "∞", "-∞"}


def numeric_columns(count: int, rows: Iterable[Sequence[str]]) -> list[bool]:
    """Which columns of a table hold numbers: what is in them reads as numbers, units and intervals behind them or not.

    Args:
        count: how many columns there are.
        rows: cells, as they are shown.
    """
    cells = [[row[place] for row in rows if place < len(row)] for place in range(count)]
    known = [[cell for cell in column if cell.strip() not in _NO_NUMBER] for column in cells]
    return [bool(column) and all(_NUMBER.fullmatch(cell) for cell in column) for column in known]


def summary(title: str, facts: Mapping[str, object], *, as_json: bool = False) -> None:
    """What a command did, as pairs of name and value.

    Args:
        title: a line above.
        facts: by name.
        as_json: print them as an object for other programs.
    """
    if as_json:
        print_json(facts)
        return
    grid = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    for name, value in facts.items():
        grid.add_row(Text(name, style="dim"), Text(_cell(value)))
    out.print(grid)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


class Task:
    """One bar of progress: ``advance`` moves it, ``describe`` says what is happening now."""

    def __init__(self, bars: Progress, task_id: Any, label: str) -> None:
        self._bars, self._id, self._label = bars, task_id, label

    def advance(self, steps: float = 1) -> None:
        """Moves the bar by ``steps``."""
        self._bars.advance(self._id, steps)

    def describe(self, text: str) -> None:
        """Shows ``text`` behind the label."""
        self._bars.update(self._id, description=f"{self._label}  {text}")


@contextmanager
def progress(label: str, total: float | None = None, *, done: int = 0) -> Iterator[Task]:
    """A progress bar on standard error; silent where that is not a terminal.

    Args:
        label: what is being done.
        total: how many steps there are; None if unknown.
        done: steps already behind us, in a resumed job.
    """
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    with bars:
        yield Task(bars, bars.add_task(label, total=total, completed=done), label)


def track(items: Iterable[Item], label: str, total: float | None = None) -> Iterator[Item]:
    """Yields ``items`` and shows how far it is."""
    if total is None and isinstance(items, Sequence):
        total = len(items)
    with progress(label, total) as bar:
        for item in items:
            yield item
            bar.advance()
