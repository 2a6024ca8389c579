"""Runs the studies, some at a time, each once: what is there already is taken as it is."""

from __future__ import annotations

import datetime
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nonet import __version__
from nonet.foundation import console
from nonet.foundation.errors import ArtifactError, UsageError
from nonet.foundation.interruption import stop_requested
from nonet.foundation.report import Report
from nonet.tour.child import Child, Taken, shares, start
from nonet.tour.showing import tour_report
from nonet.tour.state import FILE, Scale, Tally, TourState, WingState, held, read_state, tally
from nonet.wings import WINGS

__all__ = ["LONGEST_FIRST", "TourConfig", "tour"]

LONGEST_FIRST = ("cka", "align", "rendezvous", "gaze", "felix", "recsim", "cxc", "optim", "eigen")
"""The order of the starts, by measured times: a short study at the end leaves no core idle for long."""

_NOT_MEASURED = {"seconds": None, "cpu_seconds": None, "peak_mb": None}
_PAUSE_S = 0.2
_TOLD_S = 5.0  # how often the state says how long a study runs by now


@dataclass(frozen=True)
class TourConfig:
    """What a tour runs.

    Attributes:
        out: its folder.
        scale: of every study.
        only: wings, all if empty.
        data: folder of real data sets, or None.
        seed: of every study.
        workers: studies at once; 0 for one per core.
        program: what runs a command line of nonet.
    """

    out: Path
    scale: Scale = "minutes"
    only: tuple[str, ...] = ()
    data: Path | None = None
    seed: int = 0
    workers: int = 0
    program: Sequence[str] = (sys.executable, "-m", "nonet")

    def __post_init__(self) -> None:
        known = [wing.name for wing in WINGS]
        for name in self.only:
            if name not in known:
                raise UsageError(f"There is no wing '{name}'.", where="--only", fix=f"Choose from: {', '.join(known)}.")
        if self.workers < 0:
            raise UsageError(f"{self.workers} workers cannot run.", where="--workers", fix="Choose 0 for one per core.")
        if self.data is not None and not self.data.is_dir():
            raise UsageError("There is no such folder.", where=f"--data {self.data}", fix="Check the spelling.")

    def words(self, wing: str) -> list[str]:
        """The command of a wing's study."""
        words = [wing, "study", "--out", str(self.out / wing), "--scale", self.scale, "--seed", str(self.seed)]
        return words if self.data is None else [*words, "--data", str(self.data)]

    def command(self, wing: str) -> str:
        """The same as it is typed."""
        return shlex.join(["nonet", *self.words(wing)])


def tour(config: TourConfig) -> TourState:
    """Runs what is missing, and writes the report; the same call goes on after any interruption.

    Raises:
        KeyboardInterrupt: after Ctrl-C or SIGTERM, when the studies have stopped.
        ResourceError: if another tour runs in the folder.
        UsageError: if the folder is of a tour at another scale.
    """
    with held(config.out) as lock, stop_requested() as stop:
        running = _Running(config, _begin(config), lock)
        running.publish()
        try:
            with console.progress("Tour", len(WINGS), done=len(running.state.of("done", "skipped"))) as bar:
                while running.goes_on() and not stop.is_set():
                    bar.advance(running.step())
                    bar.describe(running.now())
                    time.sleep(_PAUSE_S)
        finally:
            running.stop()
        if stop.is_set():
            raise KeyboardInterrupt
        return running.state


def _begin(config: TourConfig) -> TourState:
    """Every wing's state before the first start."""
    if (config.out / FILE).exists():
        former = read_state(config.out)
        if former.scale != config.scale:
            raise UsageError(
                f"The folder holds a tour at the scale of {former.scale}.",
                where=config.out,
                fix="Choose another --out.",
            )
    else:
        former = TourState(config.scale, "", tuple(WingState(wing.name) for wing in WINGS))
    state = replace(former, made=datetime.datetime.now().astimezone().isoformat(timespec="seconds"))
    for wing in WINGS:
        state = state.changed(wing.name, **_first(config, former.wing(wing.name)))
    return state


def _first(config: TourConfig, former: WingState) -> dict[str, object]:
    """What a wing begins as: done if its report is there, skipped if it was not asked for."""
    command = config.command(former.name)
    report = _made(config.out / former.name, command)
    if report is not None:
        found = {"state": "done", "command": command, "claims": tally(report), "report": f"{former.name}/report.html"}
        if former.state == "done":
            return found
        # the tour was killed before it noted what the study took
        return {**found, "note": "made before this tour", **_NOT_MEASURED}
    asked = not config.only or former.name in config.only
    begun = former.state not in ("done", "skipped") and former.seconds is not None
    return {
        "state": "waiting" if asked else "skipped", "command": command, "claims": Tally(), "report": None,
        "note": ("began in an earlier tour" if begun else "") if asked else "not asked for (--only)",
        **_NOT_MEASURED,
    }  # fmt: skip


def _made(folder: Path, command: str) -> Report | None:
    """The report in a folder, if this version made it by the same command but for the folder's name."""
    try:
        report = Report.load(folder)
    except ArtifactError:
        return None
    same = _without_out(str(report.facts.get("command", ""))) == _without_out(command)
    return report if same and report.machine.get("nonet") == __version__ else None


def _without_out(command: str) -> list[str]:
    words = shlex.split(command)
    if "--out" in words:
        place = words.index("--out")
        del words[place : place + 2]
    return words


class _Running:
    """The studies under way: the one thing here that changes."""

    def __init__(self, config: TourConfig, state: TourState, lock: int) -> None:
        self.config, self.state, self._lock = config, state, lock
        waiting = {wing.name for wing in state.of("waiting")}
        self._waiting = [name for name in LONGEST_FIRST if name in waiting]
        cores = len(shares(1)[0])
        self._free = shares(config.workers or min(cores, len(WINGS)))
        self._children: dict[str, Child] = {}
        self._told = time.monotonic()

    def goes_on(self) -> bool:
        """Whether anything waits or runs."""
        return bool(self._waiting or self._children)

    def step(self) -> int:
        """Starts what can be started, and takes in what has ended.

        Returns:
            How many studies ended.
        """
        before = self.state
        while self._waiting and self._free:
            self._start(self._waiting.pop(0))
        ended = [(name, taken) for name, child in self._children.items() if (taken := child.ended()) is not None]
        for name, taken in ended:
            self._end(name, taken)
        if ended:
            self.publish()
        elif self.state != before or time.monotonic() - self._told > _TOLD_S:
            self._write()
        return len(ended)

    def now(self) -> str:
        """What runs, for the one who watches."""
        return ", ".join(f"{name} {_clock(child.seconds)}" for name, child in self._children.items())

    def stop(self) -> None:
        """Asks what still runs to save and stop; it goes on in the next tour."""
        if not self._children:
            return
        for child in self._children.values():
            child.ask_to_stop()
        for name, child in self._children.items():
            child.stop()
            self.state = self.state.changed(name, state="waiting", note="began in an earlier tour")
        self._children.clear()
        self.publish()

    def publish(self) -> None:
        """Writes the state and the report."""
        config = self.config
        command = ["nonet", "tour", "--out", str(config.out), "--scale", config.scale, "--seed", str(config.seed)]
        command += [] if config.data is None else ["--data", str(config.data)]
        facts = {"command": shlex.join(command), "seed": config.seed}
        tour_report(config.out, self.state, facts).save(config.out)
        self._write()

    def _write(self) -> None:
        for name, child in self._children.items():
            self.state = self.state.changed(name, seconds=round(child.seconds, 1))
        self.state.write(self.config.out)
        self._told = time.monotonic()

    def _start(self, name: str) -> None:
        share = self._free.pop(0)
        log = self.config.out / "logs" / f"{name}.txt"
        words = self.config.words(name)
        self._children[name] = start(self.config.program, words, share=share, log=log, lock=self._lock)
        self.state = self.state.changed(name, state="running", seconds=0.0)

    def _end(self, name: str, taken: Taken) -> None:
        child = self._children.pop(name)
        self._free.append(child.share)
        report = _made(self.config.out / name, self.config.command(name)) if taken.code == 0 else None
        took = {"seconds": round(taken.seconds, 1), "cpu_seconds": taken.cpu_seconds, "peak_mb": taken.peak_mb}
        if report is not None:
            found = tally(report)
            resumed = self.state.wing(name).note
            note = f"{resumed}: time and memory of the last start" if resumed else ""
            changes = {"state": "done", "claims": found, "report": f"{name}/report.html", "note": note}
            said = f"{found.holds} hold, {found.fails} do not, {found.untold} cannot be told"
        else:
            said = child.reason(taken.code) if taken.code else "it ended without a report of this command"
            changes = {"state": "failed", "note": said}
        self.state = self.state.changed(name, **took, **changes)
        console.note(f"{name} ({_clock(taken.seconds)}): {said}")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
