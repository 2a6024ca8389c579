"""What a training said on its way: ``log.jsonl``, one JSON object a line, and the `History` read from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nonet.foundation.files import replace_file

__all__ = ["History", "Log", "Record"]

NAME = "log.jsonl"


@dataclass(frozen=True)
class Record:
    """One line of the log.

    Attributes:
        event: ``"train"`` (means since the line before) or ``"evaluate"``.
        step: steps done.
        values: what was measured.
    """

    event: Literal["train", "evaluate"]
    step: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class History:
    """A training as its log tells it.

    Attributes:
        records: in the order of the steps.
        folder: the folder of the run.
        resumed_at: the step that this call began with; 0 for a fresh start.
    """

    records: tuple[Record, ...]
    folder: Path
    resumed_at: int = 0

    def curve(self, name: str, event: Literal["train", "evaluate"] = "train") -> list[tuple[int, float]]:
        """Pairs of step and value of one measure."""
        return [(r.step, r.values[name]) for r in self.records if r.event == event and name in r.values]

    def last(self, name: str, event: Literal["train", "evaluate"] = "train") -> float:
        """The last value of one measure."""
        return self.curve(name, event)[-1][1]


class Log:
    """The open log of a run.

    Args:
        folder: the folder of the run.
        step: steps done; lines of later steps, which a killed run wrote behind its checkpoint, are dropped.
    """

    def __init__(self, folder: Path, step: int) -> None:
        path = folder / NAME
        kept = [record for record in read(folder) if record.step <= step]
        replace_file(path, "".join(map(_line, kept)))
        self._file = path.open("a", encoding="utf-8")

    def write(self, record: Record) -> None:
        """Adds a line, at once visible to readers."""
        self._file.write(_line(record))
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def read(folder: Path) -> tuple[Record, ...]:
    """The log of a run; a last line that was cut off is left out."""
    path = folder / NAME
    if not path.exists():
        return ()
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        records.append(Record(values.pop("event"), values.pop("step"), values))
    return tuple(records)


def _line(record: Record) -> str:
    return json.dumps({"event": record.event, "step": record.step, **record.values}) + "\n"
