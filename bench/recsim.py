"""Our engine against the official RecSim NG, in one interleaved run.

    python bench/recsim.py [--parts ecosystem,gradient,hmc,agreement,slopes] [--users 1000,10000]
    python bench/recsim.py --parts memory          # our peak memory with a million users, in a process of its own

The official package runs in an environment of its own (`bench/recsim_environment.py` makes it). It is timed as it ships
(graph mode) and wrapped by us in XLA, which it does not do itself. Both sides get the same providers, or the same
trajectory; times are the least of several rounds, by wall clock and by processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from record import Row, record
from recsim_environment import peer_python

from nonet import recsim
from nonet.foundation import console
from nonet.recsim import infer, metrics
from nonet.recsim.stories.ecosystem import Consumers, Matchmaker, Providers, ecosystem, scattered_topics
from nonet.recsim.stories.satisfaction import IntentUsers, RandomSlates, satisfaction

STEPS = {1_000: 20, 10_000: 10, 100_000: 2}
ROUNDS = 4
RECORD = recsim.Record((), reduce={"welfare": lambda now: now["utility"].mean()})
STEP_SIZE = 1e-5
"""Of HMC on both sides: the latent-variable posterior is stiff."""


class Peer:
    """The official library behind a pipe."""

    def __init__(self, topics):
        file = tempfile.NamedTemporaryFile(suffix=".npy", delete=False)  # noqa: SIM115 - the worker reads it
        np.save(file, np.asarray(topics))
        file.close()
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ""}
        self.process = subprocess.Popen(
            [peer_python(), Path(__file__).with_name("recsim_peer.py"), file.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def ask(self, job, **options):
        self.process.stdin.write(json.dumps({"job": job, "options": options}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit("The official library's process ended: is its environment the pinned one?")


def timed(function: Callable[[], object]):
    """A function that runs once and tells what it took, compiled before."""
    jax.block_until_ready(function())

    def once():
        wall, cpu = time.perf_counter(), time.process_time()
        value = jax.block_until_ready(function())
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "value": value}

    return once


def interleaved(title, ours, peer, job, options, per=1, rounds=ROUNDS):
    """Rounds of us, them, and them in XLA; prints the least and the ratios."""
    once = timed(ours)
    times = {"nonet": [], "shipped": [], "xla": []}
    for _ in range(rounds):
        for kind, taken in times.items():
            found = once() if kind == "nonet" else peer.ask(job, kind=kind, **options)
            taken.append((1e3 * found["wall"] / per, 1e3 * found["cpu"] / per))
    best = {kind: np.min(values, axis=0) for kind, values in times.items()}
    rows = [
        (kind, *(f"{value:.3f}" for value in taken), *(f"{ratio:.2f}" for ratio in taken / best["nonet"]))
        for kind, taken in best.items()
    ]
    console.table(["engine", "wall ms", "CPU ms", "wall, times ours", "CPU, times ours"], rows, title=title)
    mine = float(best["nonet"][1])
    names = {"shipped": "recsim-ng as it ships", "xla": "recsim-ng wrapped in XLA"}
    return [Row(title, "CPU-ms", mine, name, float(best[kind][1]), better="less") for kind, name in names.items()]


def ecosystem_steps(peer, topics, sizes):
    key, kept = recsim.key(0), []
    for users in sizes:
        steps = STEPS[users]
        world = ecosystem(Consumers(topics, users), Providers(topics), Matchmaker(boost=1.2))
        go, state = eqx.filter_jit(recsim.advance), eqx.filter_jit(recsim.start)(world, key, RECORD)[0]
        title = f"A step of the ecosystem, 80 providers, 400 documents, slate 3, {users:,} users"
        ours = lambda go=go, world=world, state=state, steps=steps: go(world, key, state, steps, RECORD)[1]  # noqa: E731
        kept += interleaved(title, ours, peer, "simulation", {"users": users, "steps": steps}, per=steps)
    # each score is written once and read once to be ranked: 8 bytes a user and document
    console.say("limit: 3.2 kB of scores a user and step; at 10 GB/s of memory that is 0.32 ms per 1,000 users")
    record("recsim-ecosystem", "recsim", kept)


def logged(users):
    """A trajectory of the latent-variable story, and a file of it for the other side."""
    story = satisfaction(IntentUsers(users, 3), RandomSlates(users, 4, 3))
    found = recsim.simulate(story, 6)
    file = tempfile.NamedTemporaryFile(suffix=".npz", delete=False)  # noqa: SIM115 - the worker reads it
    np.savez(file, **{name: np.asarray(value) for name, value in found.fields.items()})
    file.close()
    return story, found, file.name


def gradients(peer, sizes):
    kept = []
    for users in sizes:
        story, found, path = logged(users)
        fields = dict(found.fields)

        @jax.jit
        def slope(memory, fields, story=story):
            return jax.value_and_grad(lambda m: recsim.log_prob(story.with_parameters({"users.memory": m}), fields))(
                memory
            )

        title = f"Log-probability of 6 steps and its derivative, {users:,} users"
        ours = lambda slope=slope, fields=fields: slope(0.8, fields)  # noqa: E731
        kept += interleaved(title, ours, peer, "gradient", {"users": users, "path": path}, rounds=5 * ROUNDS)
        value, theirs = float(ours()[0]), peer.ask("gradient", kind="xla", users=users, path=path)["values"][0]
        console.say(f"log-probability: {value:.7g} here, {theirs:.7g} there")
    record("recsim-gradient", "recsim", kept)


def samplers(peer, sizes):
    kept = []
    for users in sizes:
        iterations = 400 if users < 100 else 100
        story, found, path = logged(users)
        data = {name: value for name, value in found.fields.items() if name not in ("intent", "best")}
        target = infer.target_of(story, data, latents=["intent"])
        kernel = blackjax.hmc(target.log_density, STEP_SIZE, jnp.ones(3 * users), 5)

        @jax.jit
        def run(start, kernel=kernel, iterations=iterations):
            def step(state, key):
                state, info = kernel.step(key, state)
                return state, info.acceptance_rate

            state, rates = jax.lax.scan(step, kernel.init(start), jax.random.split(jax.random.key(0), iterations))
            return state.position["intent"].mean(), rates.mean()

        options = {"users": users, "path": path, "iterations": iterations, "step": STEP_SIZE}
        ours = lambda run=run, start=found["intent"]: run({"intent": start})  # noqa: E731
        kept += interleaved(
            f"An iteration of HMC over intents, 5 leaps, {users:,} users", ours, peer, "hmc", options, iterations
        )
        rate = peer.ask("hmc", kind="xla", **options)["values"][1]
        console.say(f"acceptance: {float(ours()[1]):.2f} here, {rate:.2f} there")
    record("recsim-hmc", "recsim", kept)


def agreement(peer, topics, users=1000, steps=50, runs=20):
    """Mean welfare and Gini of clicks on both sides, which draw their own chances."""
    for boost in (0.0, 1.2):
        world = ecosystem(Consumers(topics, users), Providers(topics), Matchmaker(boost=jnp.asarray(boost)))
        record = recsim.Record(("publishing",), reduce=RECORD.reduce)
        found = recsim.simulate(world, steps, runs=runs, record=record)
        # the official library books a utility on the next step
        ours = np.asarray(found["welfare"])[:, :-1].sum(1)
        spread = [float(metrics.gini(clicks)) for clicks in found["publishing.clicks"][:, -1]]
        answers = [peer.ask("simulation", kind="xla", users=users, steps=steps - 1, boost=boost) for _ in range(runs)]
        theirs = np.array([answer["values"][0] for answer in answers])
        their_spread = [float(metrics.gini(jnp.asarray(answer["values"][1]))) for answer in answers]
        error = np.hypot(ours.std(ddof=1), theirs.std(ddof=1)) / np.sqrt(runs)
        rows = [
            ("welfare", f"{ours.mean():.3f}", f"{theirs.mean():.3f}", f"{(ours.mean() - theirs.mean()) / error:+.1f}"),
            ("Gini of clicks", f"{np.mean(spread):.3f}", f"{np.mean(their_spread):.3f}", ""),
        ]
        columns = ["measure", "nonet", "official", "difference in standard errors"]
        console.table(columns, rows, title=f"{runs} runs, {users:,} users, {steps} steps, boost {boost}")


def slopes(topics):
    """What a step costs by users, documents and horizon, here alone."""
    rows = []
    for users, providers, steps in [(500, 80, 10), (2000, 80, 10), (8000, 80, 10), (2000, 20, 10), (2000, 80, 40)]:
        few = topics[:providers]
        world = ecosystem(Consumers(few, users), Providers(few), Matchmaker(boost=1.2))
        key, go = recsim.key(0), eqx.filter_jit(recsim.advance)
        state = eqx.filter_jit(recsim.start)(world, key, RECORD)[0]
        once = timed(lambda go=go, world=world, state=state, steps=steps: go(world, key, state, steps, RECORD)[1])  # noqa: B023
        rows.append((users, 5 * providers, steps, 1e3 * min(once()["cpu"] for _ in range(4)) / steps))
    console.table(["users", "documents", "steps", "CPU ms a step"], rows, title="What a step costs")


def memory(topics, users=1_000_000, steps=3):
    """Peak memory of this process after a few steps of very many users."""
    world = ecosystem(Consumers(topics, users), Providers(topics), Matchmaker(boost=1.2))
    recsim.simulate(world, steps, record=RECORD)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    scores = users * 400 * 4 / 2**30
    console.say(f"{users:,} users, 400 documents: {peak:.2f} GiB at the most; scores alone are {scores:.2f} GiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="ecosystem,gradient,hmc,agreement,slopes")
    parser.add_argument("--users", default="1000,10000,100000")
    options = parser.parse_args()
    parts, sizes = options.parts.split(","), [int(size) for size in options.users.split(",")]
    topics = scattered_topics(recsim.key(1))
    if "slopes" in parts:
        slopes(topics)
    if "memory" in parts:
        memory(topics)
    if set(parts) <= {"slopes", "memory"}:
        return
    peer = Peer(topics)
    if "ecosystem" in parts:
        ecosystem_steps(peer, topics, sizes)
    if "gradient" in parts:
        gradients(peer, [size for size in sizes if size < 100_000])
    if "hmc" in parts:
        samplers(peer, [5, 100, 1000])
    if "agreement" in parts:
        agreement(peer, topics)
    peer.process.terminate()


if __name__ == "__main__":
    main()
