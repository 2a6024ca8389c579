"""Steps of the world a CPU second, beside VMAS and JaxNav in one run; the planner's tick.

    python bench/rendezvous_world.py [speed] [against] [tick]

Two robots, 64 beams, 220 degrees, 5 m. The peers are installed without their dependencies into a folder of the cache
and run in processes of their own. They do other things too: VMAS solves contact forces, JaxNav makes rewards.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from record import Row, record

from nonet.foundation import console
from nonet.foundation.packaged import cached
from nonet.rendezvous import config as configs
from nonet.rendezvous import world as worlds
from nonet.rendezvous.model import new_network
from nonet.rendezvous.planner import plan
from nonet.rendezvous.predict import input_size, output_size
from nonet.rendezvous.scene import rectangle, scene

ROUNDS = 6
PEERS = ("vmas==1.5.2", "jaxmarl==0.2.0", "chex", "flax", "msgpack", "gym", "pyglet==1.5.27")


def ours(batch: int, noise: str):
    """A compiled scan of a batch of worlds, and how many steps it makes."""
    rng = np.random.default_rng(0)
    circles = np.c_[rng.uniform(-4, 4, (10, 2)), rng.uniform(0.2, 0.5, 10)].tolist()
    walls = [*rectangle(-5, -5, 5, 5), *rng.uniform(-5, 5, (6, 4)).tolist()]
    world = worlds.build(configs.WorldConfig(noise=configs.preset(noise)), scene(circles, walls, room=None))
    steps = max(20, 8192 // batch)

    def roll(key):
        states = jax.vmap(lambda pose: worlds.reset(world, pose))(
            jax.random.uniform(key, (batch, 2, 3), minval=-3, maxval=3)
        )

        def one(carried, key):
            states, seen = carried
            keys = jax.random.split(key, batch)
            # what was seen goes into the next action, so that nothing can be left out
            action = jnp.array([0.5, 0.3]) + 1e-9 * seen
            states = jax.vmap(lambda s, k: worlds.step(world, s, jnp.tile(action, (2, 1)), k))(states, keys)
            senses = jax.vmap(lambda s, k: worlds.observe(world, s, k))(states, keys)
            return (states, jnp.minimum(senses.scan, 5.0).mean()), None

        (states, seen), _ = jax.lax.scan(one, (states, 0.0), jax.random.split(key, steps))
        return states.pose, seen

    return jax.jit(roll), steps * batch


def peers() -> Path:
    """The folder with the peers, installed at the first call without what they do not need here."""

    def install(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *PEERS]
        subprocess.run(command, check=True)

    return cached("rendezvous/bench-peers-1", install)


class Peer:
    """A peer behind a pipe."""

    def __init__(self, name: str, worlds: int) -> None:
        program = Path(__file__).with_name("rendezvous_peers.py")
        words = [sys.executable, str(program), str(peers()), name, str(worlds)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin and self.process.stdout
        self.asked, self.told = self.process.stdin, self.process.stdout
        while self.told.readline().strip() != "ready":
            if self.process.poll() is not None:
                raise SystemExit(f"{name} did not start.")

    def rate(self) -> float:
        """Steps of all worlds together a processor second, of one round."""
        print("go", file=self.asked, flush=True)
        said = json.loads(self.told.readline())
        return said["steps"] / said["seconds"]

    def close(self) -> None:
        self.asked.close()
        self.process.wait(timeout=60)


def our_rate(roll, steps: int, number: int) -> float:
    began = time.process_time()
    jax.block_until_ready(roll(jax.random.key(number)))
    return steps / (time.process_time() - began)


def limit() -> float:
    """Steps a processor second if nothing but the rays' arithmetic were done, at this core's best rate.

    A ray against a circle or a segment takes about 14 operations; the best rate is that of a matrix product.
    """
    one = np.ones((1024, 1024), np.float32)
    best = np.inf
    for _ in range(5):
        began = time.process_time()
        one @ one
        best = min(best, time.process_time() - began)
    return 2 * 1024**3 / best / (2 * 64 * 21 * 14)


def speed() -> None:
    """Ours by noise and number of worlds."""
    rows = []
    for noise in ("clean", "lab"):
        for batch in (1, 64, 1024):
            roll, steps = ours(batch, noise)
            jax.block_until_ready(roll(jax.random.key(0)))
            rows.append((noise, batch, f"{max(our_rate(roll, steps, number) for number in range(ROUNDS)):,.0f}"))
    title = "Two robots, 64 beams, 10 circles, 10 segments"
    console.table(["noise", "worlds", "steps a CPU second"], rows, title=title)


def against(batch: int = 64) -> None:
    """Ours and the peers in turn."""
    roll, steps = ours(batch, "clean")
    jax.block_until_ready(roll(jax.random.key(0)))
    others = {name: Peer(name, batch) for name in ("vmas", "jaxnav")}
    rates: dict[str, list[float]] = {name: [] for name in ("ours", *others)}
    for number in range(ROUNDS):
        rates["ours"].append(our_rate(roll, steps, number))
        for name, peer in others.items():
            rates[name].append(peer.rate())
    for peer in others.values():
        peer.close()
    best = {name: max(found) for name, found in rates.items()}
    rows = [
        (name, f"{rate:,.0f}", f"{best['ours'] / rate:.1f}", f"{rate / limit():.1%}") for name, rate in best.items()
    ]
    columns = ["world", "steps a CPU second", "ours is so many times as fast", "of the arithmetic limit"]
    console.table(columns, rows, title=f"{batch} worlds, best of {ROUNDS} rounds in turn")
    what, bound = f"{batch} worlds of two robots, 64 beams", (limit(), "the rays' arithmetic alone")
    peers = (("JaxNav, which makes rewards too", "jaxnav"), ("VMAS, which solves contact forces too", "vmas"))
    kept = [Row(what, "steps per CPU-second", best["ours"], name, best[key], *bound) for name, key in peers]
    record("rendezvous_world-against", "rendezvous", kept)


def ticks(members, sectors: int, rounds: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """CPU and elapsed milliseconds of rounds of planning at 64 goals, horizon 10, 2 robots, 5 iterations."""
    near, poses = jnp.zeros(sectors), jnp.array([[0.0, 0, 0], [5.0, 0, 3.0]])
    args = (configs.PlannerConfig(), members, near, poses, poses, jnp.array([True, True]))
    last = None
    cpu, wall = [], []
    for number in range(20 + rounds):
        before, began = time.process_time(), time.perf_counter()
        found = plan(*args, last, jnp.zeros(2), jnp.full((4, 2), 1e6), jax.random.key(number), reach=5.0, step_s=1.0)
        jax.block_until_ready(found)
        last = found.belief
        cpu.append(1000 * (time.process_time() - before))
        wall.append(1000 * (time.perf_counter() - began))
    return np.array(cpu[20:]), np.array(wall[20:])


def tick() -> None:
    """The planner's round with predictors of the usual size."""
    learnt = configs.PredictorConfig()
    sizes = (input_size(learnt.sectors), learnt.hidden, learnt.hidden, output_size(learnt.sectors))
    measured = ticks(tuple(new_network(jax.random.key(k), sizes) for k in range(2)), learnt.sectors)
    rows = [
        (name, float(np.median(values)), float(np.quantile(values, 0.99)))
        for name, values in zip(("CPU", "elapsed"), measured, strict=True)
    ]
    console.table(["clock", "median ms", "99 % ms"], rows, title="A round of planning")
    what = "a round of planning, 64 goals, horizon 10, two robots, 5 iterations"
    kept = [
        Row(f"{what}: {which}", "CPU-ms", rows[0][place], better="less")
        for place, which in ((1, "median"), (2, "99 %"))
    ]
    record("rendezvous_world-tick", "rendezvous", kept)


if __name__ == "__main__":
    parts = {"speed": speed, "against": against, "tick": tick}
    for part in sys.argv[1:] or parts:
        parts[part]()
