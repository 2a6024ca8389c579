"""A server in a process of its own, many visitors, and what the system says of the process meanwhile."""

import itertools
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reliability.visitors import Asked, Visitor

__all__ = ["Sample", "Soak", "Trend", "rows", "serving", "soak", "trend"]


@dataclass(frozen=True)
class Sample:
    """The server's process at one moment.

    Attributes:
        at: seconds of the clock.
        rss_mb: memory that is in use.
        files: open ones, sockets included.
        threads: of the process.
    """

    at: float
    rss_mb: float
    files: int
    threads: int


@dataclass(frozen=True)
class Soak:
    """What was measured.

    Attributes:
        began: seconds of the clock.
        samples: of the server.
        asked: every request.
        surprises: answers that their requests do not deserve.
        code: that the server ended with.
    """

    began: float
    samples: Sequence[Sample]
    asked: Sequence[Asked]
    surprises: Sequence[str]
    code: int


@dataclass(frozen=True)
class Trend:
    """How memory changes after the warm-up, MB an hour, with the ends of its 95 % interval."""

    slope: float
    low: float
    high: float


@contextmanager
def serving(sources: Mapping[str, Path], log: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """``nonet serve`` of some folders on this machine; the port and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [word for wing, folder in sources.items() for word in (f"--{wing}", str(folder))]
    command = [sys.executable, "-m", "nonet", "serve", *options, "--port", str(port)]
    with log.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told)
    try:
        _wait_for(port, process, log)
        yield port, process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()[-2000:]}")


def soak(
    sources: Mapping[str, Path], log: Path, *, seconds: float, clients: int, most: int, pause: float, every: float
) -> Soak:
    """Lets visitors use a server for a while.

    Args:
        sources: what is served, by wing.
        log: a file for what the server says.
        seconds: that it lasts at most.
        clients: at a time.
        most: requests of each client at most.
        pause: longest wait of a client between two requests, in seconds.
        every: seconds between two looks at the server.
    """
    samples: list[Sample] = []
    stop = threading.Event()
    with serving(sources, log) as (port, process):
        began = time.monotonic()
        visitors = [Visitor(port, seed, pause) for seed in range(clients)]
        threads = [threading.Thread(target=v.visit, args=(began + seconds, most, stop)) for v in visitors]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            samples.append(_look(process.pid))
            threads[0].join(every)
            if process.poll() is not None:
                stop.set()
        for thread in threads:
            thread.join()
        samples.append(_look(process.pid))
    asked = sorted((one for visitor in visitors for one in visitor.asked), key=lambda one: one.at)
    surprises = [line for visitor in visitors for line in visitor.surprises]
    return Soak(began, samples, asked, surprises, process.returncode)


def _look(pid: int) -> Sample:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(time.monotonic(), int(status["VmRSS"].split()[0]) / 1024, files, int(status["Threads"]))


def trend(found: Soak, warm_up: float) -> Trend:
    """The slope of memory after a warm-up, from the means of ten spells, whose errors hardly depend on each other."""
    late = [sample for sample in found.samples if sample.at - found.began >= warm_up]
    hours = np.array([sample.at - found.began for sample in late]) / 3600
    spells = np.array_split(np.arange(len(late)), 10)
    x = np.array([hours[spell].mean() for spell in spells])
    y = np.array([np.mean([late[row].rss_mb for row in spell]) for spell in spells])
    slope, level = np.polyfit(x, y, 1)
    left = y - (slope * x + level)
    error = np.sqrt((left**2).sum() / (len(x) - 2) / ((x - x.mean()) ** 2).sum())
    return Trend(float(slope), float(slope - 2.31 * error), float(slope + 2.31 * error))  # t of 8 degrees, 97.5 %


def rows(found: Soak, spells: int) -> list[tuple[str, ...]]:
    """A table: for each spell the server's process, the requests, their times in ms, and what went wrong."""
    end = max(sample.at for sample in found.samples)
    edges = np.linspace(found.began, end, spells + 1)
    table = []
    for start, stop in itertools.pairwise(edges):
        asked = [one for one in found.asked if start <= one.at < stop]
        seen = [sample for sample in found.samples if start <= sample.at <= stop]
        if not asked or not seen:
            continue
        p50, p99 = 1000 * np.percentile([one.seconds for one in asked], [50, 99])
        refused = sum(400 <= one.status < 500 and one.expected for one in asked)
        last = seen[-1]
        table.append(
            (
                f"{(start - found.began) / 60:.0f}-{(stop - found.began) / 60:.0f}",
                f"{last.rss_mb:.0f}", str(last.files), str(last.threads), f"{len(asked):,}",
                f"{p50:.0f}", f"{p99:.0f}", str(refused), str(sum(not one.expected for one in asked)),
            )
        )  # fmt: skip
    return table
