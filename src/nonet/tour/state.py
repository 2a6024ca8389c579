"""How far a tour is: what ``tour.json`` holds, which is replaced whole at each change."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from nonet.foundation.errors import ArtifactError, ResourceError
from nonet.foundation.files import replace_file
from nonet.foundation.reading import parse_json
from nonet.foundation.report import Report
from nonet.foundation.settings import rebuild
from nonet.wings import WINGS

__all__ = ["FILE", "Scale", "Stop", "Tally", "TourState", "WingState", "held", "read_state", "tally"]

Scale = Literal["minutes", "hours"]
Stop = Literal["waiting", "running", "done", "failed", "skipped"]
FILE = "tour.json"
_LOCK = ".tour.lock"
_STOPPED = "the tour was stopped; the same command goes on"


@dataclass(frozen=True)
class Tally:
    """How many of an article's claims came out how."""

    holds: int = 0
    fails: int = 0
    untold: int = 0


@dataclass(frozen=True)
class WingState:
    """One study.

    Attributes:
        name: of the wing.
        state: where it is.
        seconds: since it began, or that it took; of the last start if it was interrupted.
        cpu_seconds: processor time of it and of the processes it started, once it ended.
        peak_mb: memory of its largest process in MiB, once it ended.
        claims: of its report.
        note: why it failed or was skipped, or what to know of the figures.
        report: path of its page below the tour's folder.
        command: what makes it again.
    """

    name: str
    state: Stop = "waiting"
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_mb: float | None = None
    claims: Tally = field(default_factory=Tally)
    note: str = ""
    report: str | None = None
    command: str = ""


@dataclass(frozen=True)
class TourState:
    """All studies, in the order of the house.

    Attributes:
        scale: of every study.
        made: when it began (ISO, with the time of day).
        wings: one each.
    """

    scale: str
    made: str
    wings: tuple[WingState, ...]

    @property
    def done(self) -> bool:
        """Whether nothing waits or runs any more."""
        return all(wing.state not in ("waiting", "running") for wing in self.wings)

    def wing(self, name: str) -> WingState:
        """The wing of that name."""
        return next(wing for wing in self.wings if wing.name == name)

    def of(self, *states: Stop) -> list[WingState]:
        """The wings that are in one of these states."""
        return [wing for wing in self.wings if wing.state in states]

    def changed(self, name: str, **changes: Any) -> TourState:
        """The same with one wing changed."""
        wings = (replace(wing, **changes) if wing.name == name else wing for wing in self.wings)
        return replace(self, wings=tuple(wings))

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "done": self.done, "wings": [asdict(wing) for wing in self.wings]}

    def write(self, folder: Path) -> None:
        """Replaces the folder's ``tour.json``."""
        replace_file(folder / FILE, json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n")


def read_state(folder: Path) -> TourState:
    """What the folder's ``tour.json`` says; a study that nobody runs any more waits for the next tour.

    Returns:
        Where there is no such file yet, a tour in which everything waits.
    Raises:
        ArtifactError: if it is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return TourState("minutes", "", tuple(WingState(wing.name) for wing in WINGS))
    try:
        found = parse_json(path.read_bytes())
        state = rebuild(TourState, {name: value for name, value in found.items() if name != "done"})
    except (OSError, ValueError, AttributeError, ArtifactError) as error:
        raise ArtifactError("This is no tour.", where=path, fix="Delete the file and tour again.") from error
    if state.of("running") and not _is_held(folder):
        for wing in state.of("running"):
            state = state.changed(wing.name, state="waiting", note=_STOPPED)
    return state


def tally(report: Report) -> Tally:
    """How many claims of a report came out how."""
    verdicts = [claim.holds for claim in report.claims]
    return Tally(verdicts.count(True), verdicts.count(False), verdicts.count(None))


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Keeps a folder for one tour at a time; the system lets go of it when the process ends, however it ends.

    Yields:
        An open file that keeps it: a process that inherits it keeps the folder too.
    Raises:
        ResourceError: if another tour runs there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as file:
        for _ in range(20):  # one that was killed a moment ago may still be ending
            if _lock(file.fileno()):
                break
            time.sleep(0.1)
        else:
            raise ResourceError(
                "Another tour runs in this folder.", where=folder, fix="Wait for it, or choose another with --out."
            )
        yield file.fileno()


def _is_held(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open("r+") as file:
            return not _lock(file.fileno())
    except OSError:
        return False


def _lock(descriptor: int) -> bool:
    """Whether the lock on an open file is now ours; closing the file lets go of it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
