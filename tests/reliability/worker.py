"""Runs damaged inputs in a process of its own, with limits: a line of JSON in, a line of JSON out.

Started by `reliability.campaign`; a process that hangs, dies or takes too much memory is a finding, and another takes
its place.
"""

import faulthandler
import gc
import json
import os
import resource
import signal
import sys
import tempfile
from dataclasses import asdict
from itertools import count
from pathlib import Path

from reliability.case import attempt
from reliability.damage import from_json
from reliability.loaders import loaders_of

CPU_SECONDS = 20
MEMORY_BYTES = 2 * 2**30


def main(wing: str, home: Path) -> None:
    """Answers until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, all_threads=False, chain=True)
    loaders = loaders_of(wing)
    warmed: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="nonet-fuzz-") as folder:
        os.environ["NONET_CACHE"] = str(Path(folder) / "cache")
        for number in count():
            line = sys.stdin.readline()
            if not line:
                return
            asked = json.loads(line)
            loader = loaders[asked["loader"]]
            _limit(None)
            if loader.name not in warmed:  # libraries are read and programs compiled before the limits hold
                sound = attempt(loader, (), home, Path(folder) / f"warm-{number}")
                assert sound.kind == "ok", f"the sample of {loader.name} is not read: {sound}"
                warmed.add(loader.name)
            gc.collect()
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            before = _status("VmRSS")
            _limit(_status("VmSize") + MEMORY_BYTES)
            outcome = attempt(loader, from_json(asked["plan"]), home, Path(folder) / f"case-{number}")
            _limit(None)
            answer = {**asdict(outcome), "grown_mb": (_status("VmHWM") - before) / 2**20}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _limit(memory: int | None) -> None:
    """Limits the address space, and the time on the processor from now on; None lifts both."""
    unlimited = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_AS, (unlimited if memory is None else memory, unlimited))
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (unlimited if memory is None else spent + CPU_SECONDS, unlimited))


def _status(name: str) -> int:
    """A figure of this process in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
