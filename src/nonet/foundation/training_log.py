"""What a training said on its way: ``log.jsonl``, one JSON object a line, and the `History` read from it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from nonet.foundation.errors import ArtifactError
from nonet.foundation.files import replace_file
from nonet.foundation.reading import parse_json

__all__ = ["History", "Log", "Record"]

NAME = "log.jsonl"
Event = Literal["train", "evaluate"]


@dataclass(frozen=True)
class Record:
    """One line of the log.

    Attributes:
        event: ``"train"`` (means since the line before) or ``"evaluate"``.
        step: steps done.
        values: what was measured.
    """

    event: Event
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

    def curve(self, name: str, event: Event = "train") -> list[tuple[int, float]]:
        """Pairs of step and value of one measure."""
        return [(r.step, r.values[name]) for r in self.records if r.event == event and name in r.values]

    def last(self, name: str, event: Event = "train") -> float:
        """The last value of one measure.

        Raises:
            KeyError: if it was never measured.
        """
        curve = self.curve(name, event)
        if not curve:
            raise KeyError(f"{name} is in no {event} line of the log")
        return curve[-1][1]


class Log:
    """The open log of a run.

    Args:
        folder: the folder of the run.
        step: steps done; lines of later steps, which a killed run wrote behind its checkpoint, are dropped.
    """

    def __init__(self, folder: Path, step: int) -> None:
        path = folder / NAME
        replace_file(path, "".join(_line(record) for record in read(folder) if step and record.step <= step))
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
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]  # what follows the last newline is no whole line
        return tuple(map(_record, lines))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            "The log of this training is damaged.", where=path, fix="Delete the file; the checkpoints stay."
        ) from error


def _record(line: str) -> Record:
    values = parse_json(line)
    event, step = cast(Event, values.pop("event")), values.pop("step")
    return Record(event, step, {name: math.nan if value is None else float(value) for name, value in values.items()})


def _line(record: Record) -> str:
    values = {name: value if math.isfinite(value) else None for name, value in record.values.items()}  # JSON has no NaN
    return json.dumps({"event": record.event, "step": record.step, **values}) + "\n"
