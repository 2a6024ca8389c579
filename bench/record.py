"""How every bench keeps its rows: `bench/results/NAME.json`, from which `bench/pages.py` writes what people read.

A script prints what it likes and ends with `record(NAME, WING, [Row(…), …])`. A new run replaces the rows of its own
name and no others, so scripts can be run one at a time.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from nonet.foundation.files import replace_file
from nonet.foundation.report import machine

__all__ = ["RESULTS", "Result", "Row", "read_all", "record"]

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One thing that was measured.

    Attributes:
        what: what was done, and at what size.
        unit: the unit of the numbers, such as "pairs per CPU-second".
        ours: our number.
        peer: what it was measured against in the same run; empty where nothing else does it.
        theirs: the peer's number.
        limit: what the machine or the matter allows.
        limit_is: what that limit is.
        better: whether more or less is better.
    """

    what: str
    unit: str
    ours: float
    peer: str = ""
    theirs: float | None = None
    limit: float | None = None
    limit_is: str = ""
    better: Literal["more", "less"] = "more"

    @property
    def ratio(self) -> float | None:
        """How many times better ours is than the peer's; None where there is no peer."""
        if self.theirs is None:
            return None
        over, under = (self.ours, self.theirs) if self.better == "more" else (self.theirs, self.ours)
        return over / under if under else math.inf


@dataclass(frozen=True)
class Result:
    """What one run of a script measured.

    Attributes:
        name: the name of its file.
        wing: the wing, or "nonet" for the whole.
        command: what to type to measure it again.
        made: the day, in ISO format.
        machine: processor, cores and versions.
        rows: what was measured.
    """

    name: str
    wing: str
    command: str
    made: str
    machine: dict[str, str]
    rows: tuple[Row, ...]


def record(name: str, wing: str, rows: Sequence[Row]) -> None:
    """Keeps the rows of this run in place of those that the name had.

    Args:
        name: the script, and the part of it where it has parts.
        wing: the wing that was measured.
        rows: what was measured.
    """
    made = datetime.date.today().isoformat()
    facts = {"processor": _processor(), "cores": str(os.cpu_count()), **machine()}
    found = Result(name, wing, _command(), made, facts, tuple(rows))
    RESULTS.mkdir(exist_ok=True)
    replace_file(RESULTS / f"{name}.json", json.dumps(asdict(found), ensure_ascii=False, indent=1) + "\n")


def read_all(folder: Path = RESULTS) -> list[Result]:
    """Every result that is kept, in the order of names."""
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [Result(**{**one, "rows": tuple(Row(**row) for row in one["rows"])}) for one in kept]


def _command() -> str:
    words = shlex.join(["python", f"bench/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    data = os.environ.get("NONET_DATA")
    return words.replace(data, "$NONET_DATA") if data else words


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
