"""Fuzzes loaders for a while: plans are drawn here, and tried in worker processes that may die."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from reliability.damage import plans, to_json
from reliability.loaders import WINGS, loaders_of

__all__ = ["Campaign", "Found"]

TESTS = Path(__file__).resolve().parents[1]
WALL_SECONDS = 600  # a worker that sleeps or waits; one that computes is stopped by its limit of CPU seconds
MOST_MB = 2048


@dataclass
class Found:
    """A fault, and the first plan that showed it."""

    loader: str
    error: str
    place: str
    plan: str
    times: int = 1


@dataclass
class Campaign:
    """What was tried so far.

    Attributes:
        inputs: how many inputs each loader was given.
        read: how many of them it read.
        faults: by loader and place.
        most_mb: the largest growth of a worker while it read one input.
        slowest: the longest time of one input on the processor, in seconds.
    """

    home: Path
    inputs: dict[str, int] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    faults: dict[tuple[str, str], Found] = field(default_factory=dict)
    most_mb: dict[str, float] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    def run(self, until: float, first_seed: int, names: Sequence[str] = (), portion: int = 25) -> None:
        """Goes round all loaders, some inputs each, until a time of the clock."""
        number = first_seed
        while time.monotonic() < until:
            for wing in WINGS:
                chosen = [name for name in loaders_of(wing) if not names or name in names or wing in names]
                with _worker(wing, self.home) as worker:
                    for name in chosen:
                        if time.monotonic() >= until:
                            return
                        self.portion(worker, name, number, portion)
            number += 1

    def portion(self, worker: "Worker", name: str, number: int, size: int) -> None:
        """Some inputs for one loader."""

        @seed(number)
        @settings(
            max_examples=size,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(plan=plans())
        def one(plan) -> None:
            self.note(name, to_json(plan), worker.ask(name, to_json(plan)))

        one()

    def note(self, name: str, plan: str, answer: dict[str, Any]) -> None:
        """Counts one answer."""
        self.inputs[name] = self.inputs.get(name, 0) + 1
        self.read[name] = self.read.get(name, 0) + (answer["kind"] == "ok")
        self.most_mb[name] = max(self.most_mb.get(name, 0.0), answer.get("grown_mb", 0.0))
        self.slowest[name] = max(self.slowest.get(name, 0.0), answer["seconds"])
        self.cpu_seconds += answer["seconds"]
        if answer["kind"] == "ok" and answer.get("grown_mb", 0) > MOST_MB:
            answer = {**answer, "kind": "fault", "error": f"took {answer['grown_mb']:.0f} MB", "place": "memory"}
        if answer["kind"] == "fault":
            key = (name, answer["place"])
            if key in self.faults:
                self.faults[key].times += 1
            else:
                found = self.faults[key] = Found(name, answer["error"], answer["place"], plan)
                print(f"FAULT {name}\n  {found.error}\n  at {found.place}\n  plan {plan}", flush=True)


class Worker:
    """A process that tries inputs; another takes its place when it dies."""

    def __init__(self, wing: str, home: Path) -> None:
        self.wing, self.home = wing, home
        self._process: subprocess.Popen[str] | None = None
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 (as long as the worker)

    def ask(self, name: str, plan: str) -> dict[str, Any]:
        """What comes of a plan."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        began = time.monotonic()
        try:
            process.stdin.write(json.dumps({"loader": name, "plan": plan}) + "\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], WALL_SECONDS)
            line = process.stdout.readline() if ready else ""
        except BrokenPipeError:
            ready, line = [process], ""
        if line:
            return json.loads(line)
        process.kill()
        code = process.wait()
        self._process = None
        self._said.seek(0)
        said = self._said.read()[-1500:]
        what = f"died ({code})" if ready else f"waited for more than {WALL_SECONDS} s"
        print(f"{name}: {what}\n{said}", file=sys.stderr, flush=True)
        place = next((line.strip() for line in said.splitlines() if "/nonet/" in line), what)
        return {"kind": "fault", "error": what, "place": place, "seconds": time.monotonic() - began}

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:  # a busy machine
                self._process.kill()
                self._process.wait()
            self._process = None

    def _start(self) -> "subprocess.Popen[str]":
        self._said.seek(0)
        self._said.truncate()
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
        path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [sys.executable, "-m", "reliability.worker", self.wing, str(self.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env={**os.environ, **threads, "PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"},
        )


@contextmanager
def _worker(wing: str, home: Path) -> Iterator[Worker]:
    worker = Worker(wing, home)
    try:
        yield worker
    finally:
        worker.close()
