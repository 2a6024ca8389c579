"""A study as a process of its own, on cores of its own, and what it took."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Child", "Taken", "shares", "start"]

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_PATIENCE_S = 15.0  # for a study that was asked to stop


@dataclass(frozen=True)
class Taken:
    """What a study took.

    Attributes:
        code: its exit code; negative is the signal that ended it.
        seconds: from start to end.
        cpu_seconds: processor time, of its own processes too; None where the system does not tell.
        peak_mb: memory in MiB of its largest process, and no less than the tour's own, of which each begins as a copy;
            None where the system does not tell.
    """

    code: int
    seconds: float
    cpu_seconds: float | None
    peak_mb: float | None


@dataclass(frozen=True, eq=False)
class Child:
    """A study that runs.

    Attributes:
        process: it.
        began: on the monotonic clock.
        log: the file that its output goes to.
        share: the cores that it has.
    """

    process: subprocess.Popen
    began: float
    log: Path
    share: frozenset[int]

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    def ended(self) -> Taken | None:
        """What it took, once it has ended; call it no more after that."""
        if not hasattr(os, "wait4"):
            code = self.process.poll()
            return None if code is None else Taken(code, self.seconds, None, None)
        found, status, used = os.wait4(self.process.pid, os.WNOHANG)
        if not found:
            return None
        self.process.returncode = os.waitstatus_to_exitcode(status)  # so that nobody waits for it again
        unit = 1 if sys.platform == "darwin" else 1024
        cpu = used.ru_utime + used.ru_stime
        return Taken(self.process.returncode, self.seconds, cpu, used.ru_maxrss * unit / 2**20)

    def ask_to_stop(self) -> None:
        """Lets it save what it has."""
        self.process.terminate()

    def stop(self) -> None:
        """Waits until it has stopped, and ends it with all that it started if that takes too long."""
        try:
            self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):  # nothing of it is left
                os.killpg(self.process.pid, signal.SIGKILL)

    def reason(self, code: int) -> str:
        """Why it failed, by the end of what it said."""
        said = self.log.read_text(encoding="utf-8", errors="replace")
        errors = re.findall(r"^Error: (.*?)(?=\n\n|\Z)", said, flags=re.M | re.S)
        lines = [line for line in said.splitlines() if line.strip()]
        last = " ".join((errors or lines or [""])[-1].split())
        if code < 0:
            ended = f"ended by {signal.Signals(-code).name}"
            return ended + (", as the system does when memory runs out" if code == -signal.SIGKILL else "")
        return last or f"exit code {code}"


def shares(workers: int) -> list[frozenset[int]]:
    """This process's cores, dealt out among so many studies at once: libraries start as many threads as they see.

    Args:
        workers: studies at once; more than there are cores share them.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    return [frozenset(cores[place % len(cores) :: workers]) for place in range(workers)]


def start(program: Sequence[str], words: Sequence[str], *, share: frozenset[int], log: Path, lock: int) -> Child:
    """Starts a study.

    Args:
        program: what runs the command line.
        words: the command.
        share: cores to run on.
        log: file for what it says.
        lock: an open file that it keeps open.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    threads = {"OMP_NUM_THREADS": str(len(share)), "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": str(len(share))}
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [*program, *words],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **threads, "TOKENIZERS_PARALLELISM": "false", "COLUMNS": "160"},
            start_new_session=True,  # Ctrl-C reaches the tour alone, which then asks each study once
            preexec_fn=_prepared(share),
            pass_fds=(lock,) if os.name == "posix" else (),
        )
    return Child(process, time.monotonic(), log, share)


def _prepared(share: frozenset[int]) -> Callable[[], None] | None:
    """On Linux: keeps a new process to its cores, and ends it when the tour is killed."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        prctl(_DEATH_SIGNAL, signal.SIGKILL)
        os.sched_setaffinity(0, share)

    return prepare
