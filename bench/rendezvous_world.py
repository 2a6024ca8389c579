"""Steps of the world a CPU second; the planner's tick.

    python bench/rendezvous_world.py

No peer is measured beside it yet. Two robots, 64 beams, 220 degrees, 5 m.
"""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np

from nonet.foundation import console
from nonet.rendezvous import config as configs
from nonet.rendezvous import world as worlds
from nonet.rendezvous.model import new_network
from nonet.rendezvous.planner import plan
from nonet.rendezvous.predict import input_size, output_size
from nonet.rendezvous.scene import rectangle, scene

ROUNDS = 6


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


def main() -> None:
    rows = []
    for noise in ("clean", "lab"):
        for batch in (1, 64, 1024):
            roll, steps = ours(batch, noise)
            jax.block_until_ready(roll(jax.random.key(0)))
            best = np.inf
            for number in range(ROUNDS):
                began = time.process_time()
                jax.block_until_ready(roll(jax.random.key(number)))
                best = min(best, time.process_time() - began)
            rows.append((noise, batch, f"{steps / best:,.0f}"))
    console.table(
        ["noise", "worlds", "steps a CPU second"], rows, title="Two robots, 64 beams, 10 circles, 10 segments"
    )
    tick()


def tick() -> None:
    """The planner's round at 64 goals, horizon 10, 2 robots, 5 iterations."""
    config = configs.PlannerConfig()
    sizes = (input_size(64), 128, 128, output_size(64))
    members = tuple(new_network(jax.random.key(k), sizes) for k in range(2))
    near, poses = jnp.zeros(64), jnp.array([[0.0, 0, 0], [5.0, 0, 3.0]])
    args = (config, members, near, poses, poses, jnp.array([True, True]))
    last = None
    cpu, wall = [], []
    for number in range(420):
        before, began = time.process_time(), time.perf_counter()
        found = plan(*args, last, jnp.zeros(2), jnp.full((4, 2), 1e6), jax.random.key(number), reach=5.0, step_s=1.0)
        jax.block_until_ready(found)
        last = found.belief
        cpu.append(1000 * (time.process_time() - before))
        wall.append(1000 * (time.perf_counter() - began))
    rows = [
        (name, float(np.median(values[20:])), float(np.quantile(values[20:], 0.99)))
        for name, values in (("CPU", cpu), ("elapsed", wall))
    ]
    console.table(["clock", "median ms", "99 % ms"], rows, title="A round of planning")


if __name__ == "__main__":
    main()
