"""Steps of the ecosystem against the official RecSim NG, in one interleaved run.

    RECSIM_NG_PYTHON=/path/to/pinned/bin/python python bench/recsim.py

The official package needs an environment of its own: recsim-ng 0.1.2, tensorflow 2.15.1, tensorflow-probability 0.23.0,
scipy 1.10.1, jax 0.4.34. It is timed as it ships (graph mode) and wrapped by us in XLA, which it does not do itself.
Both sides get the same providers; times are the least of several rounds, by wall clock and by processor time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from nonet import recsim
from nonet.foundation import console
from nonet.recsim.stories.ecosystem import Consumers, Matchmaker, Providers, ecosystem, scattered_topics

SIZES = {1_000: 20, 10_000: 10, 100_000: 3}
ROUNDS = 4
RECORD = recsim.Record((), reduce={"welfare": lambda now: now["utility"].mean()})


class Ours:
    """Our engine, compiled once a size."""

    def __init__(self, topics):
        self.topics, self.go = topics, eqx.filter_jit(recsim.advance)
        self.states = {}

    def measure(self, users, steps):
        world = ecosystem(Consumers(self.topics, users), Providers(self.topics), Matchmaker(boost=1.2))
        key = recsim.key(0)
        if users not in self.states:
            self.states[users] = eqx.filter_jit(recsim.start)(world, key, RECORD)[0]
            jax.block_until_ready(self.go(world, key, self.states[users], steps, RECORD))
        wall, cpu = time.perf_counter(), time.process_time()
        _, kept = jax.block_until_ready(self.go(world, key, self.states[users], steps, RECORD))
        taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        return taken | {"welfare": float(kept["welfare"].sum())}


class Peer:
    """The official library behind a pipe."""

    def __init__(self, python, topics):
        file = tempfile.NamedTemporaryFile(suffix=".npy", delete=False)  # noqa: SIM115 - the worker reads it
        np.save(file, np.asarray(topics))
        file.close()
        script = Path(__file__).with_name("recsim_peer.py")
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ""}
        self.process = subprocess.Popen(
            [python, script, file.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def measure(self, kind, users, steps):
        self.process.stdin.write(f"{kind} {users} {steps}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit("The official library's process ended: is its environment the pinned one?")


def show(users, best):
    rows = [
        (kind, *(f"{value:.2f}" for value in taken), *(f"{ratio:.2f}" for ratio in taken / best["nonet"]))
        for kind, taken in best.items()
    ]
    columns = ["engine", "wall ms/step", "CPU ms/step", "wall, times ours", "CPU, times ours"]
    console.table(columns, rows, title=f"Ecosystem, 80 providers, 400 documents, slate 3, {users:,} users")


def main():
    python = os.environ.get("RECSIM_NG_PYTHON")
    topics = scattered_topics(recsim.key(1))
    ours, peer = Ours(topics), Peer(python, topics) if python else None
    if peer is None:
        console.note("RECSIM_NG_PYTHON is not set: the official library is left out.")
    kinds = ["nonet"] + (["shipped", "xla"] if peer else [])
    sizes = {users: steps for users, steps in SIZES.items() if users <= int(os.environ.get("USERS", 10**9))}
    for users, steps in sizes.items():
        times = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for kind in kinds:
                found = ours.measure(users, steps) if kind == "nonet" else peer.measure(kind, users, steps)
                times[kind].append((1e3 * found["wall"] / steps, 1e3 * found["cpu"] / steps))
        show(users, {kind: np.min(values, axis=0) for kind, values in times.items()})
    # each score is written once and read once to be ranked: 8 bytes a user and document
    console.say("limit: 3.2 kB of scores a user and step; at 10 GB/s of memory that is 0.32 ms per 1,000 users")
    if peer:
        peer.process.terminate()


if __name__ == "__main__":
    sys.exit(main())
