"""The MADDPG baseline: on a task that others know, and its settings on ours.

    python bench/rendezvous_maddpg.py spread [--steps 60000]
    python bench/rendezvous_maddpg.py tune [--steps 192000]

`spread` is simple spread of `mpe2`: three agents shall cover three landmarks. The learner is the one of the rendezvous
baseline; only the world is another. Beside the curve stand agents that act at random, that each go to the landmark
nearest to them, and that are told by a central assignment which one to take.

`tune` teaches the baseline with one setting changed at a time, on training maps alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import numpy as np
from mpe2 import simple_spread_v3
from scipy.optimize import linear_sum_assignment

from nonet.foundation import console
from nonet.rendezvous.compiled import keep_compiled
from nonet.rendezvous.config import MaddpgConfig, WorldConfig, preset
from nonet.rendezvous.maddpg import Rates, learn_to_meet, new_learner, update
from nonet.rendezvous.model import forward, plain_layers

AGENTS, SEEN, CYCLES = 3, 18, 25
WORLDS, EVERY = 8, 12
CONFIG = MaddpgConfig(hidden=128, batch=512, discount=0.9, actor_rate=5e-4, critic_rate=1e-3, exploration=0.5)
JUDGED = 50
SETTINGS: tuple[dict[str, float], ...] = (
    {}, {"actor_rate": 1e-3}, {"discount": 0.99}, {"exploration": 0.8},
)  # fmt: skip

Acts = Callable[[np.ndarray], np.ndarray]


def new_world():
    """The task, with continuous actions; agents are numbered by their place in ``possible_agents``."""
    return simple_spread_v3.parallel_env(N=AGENTS, max_cycles=CYCLES, continuous_actions=True)


def pushes(acts: np.ndarray) -> np.ndarray:
    """Forces along x and y in [-1, 1] as the task's five numbers: nothing, left, right, down, up."""
    x, y = acts[:, 0], acts[:, 1]
    parts = [np.zeros_like(x), np.maximum(-x, 0), np.maximum(x, 0), np.maximum(-y, 0), np.maximum(y, 0)]
    return np.stack(parts, axis=1).astype(np.float32)


def step(world, acts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each agent sees after a step, and its reward."""
    seen, reward, _, _, _ = world.step(dict(zip(world.possible_agents, pushes(acts), strict=True)))
    return np.stack([seen[name] for name in world.possible_agents]), np.array(list(reward.values()))


def begin(world, seed: int) -> np.ndarray:
    """What each agent sees at the start."""
    seen = world.reset(seed=seed)[0]
    return np.stack([seen[name] for name in world.possible_agents])


def judged(act: Acts, seed: int = 1_000_000) -> np.ndarray:
    """Rewards of whole episodes, summed over time, mean of the agents."""
    world, totals = new_world(), []
    for number in range(JUDGED):
        seen, total = begin(world, seed + number), 0.0
        for _ in range(CYCLES):
            seen, reward = step(world, act(seen))
            total += float(reward.mean())
        totals.append(total)
    return np.array(totals)


def towards(seen: np.ndarray, central: bool) -> np.ndarray:
    """Full force towards a landmark: the nearest, or the one that an assignment gives."""
    landmarks = seen[:, 4 : 4 + 2 * AGENTS].reshape(AGENTS, AGENTS, 2)
    distance = np.linalg.norm(landmarks, axis=-1)
    chosen = linear_sum_assignment(distance)[1] if central else distance.argmin(1)
    wanted = landmarks[np.arange(AGENTS), chosen] - 0.3 * seen[:, :2]
    return np.clip(4 * wanted, -1, 1)


def learn(steps: int, seed: int, bar) -> list[tuple[int, np.ndarray]]:
    """Rewards of judged episodes through a training of so many steps of single worlds."""
    rng = np.random.default_rng(seed)
    worlds = [new_world() for _ in range(WORLDS)]
    learner = new_learner(jax.random.key(seed), CONFIG, AGENTS, SEEN, 2)
    better = jax.jit(partial(update, Rates.of(CONFIG)))
    seen = np.zeros((steps, AGENTS, SEEN), np.float32)
    following, acts = np.zeros_like(seen), np.zeros((steps, AGENTS, 2), np.float32)
    reward = np.zeros((steps, AGENTS), np.float32)
    done, found, pauses = 0, [], [steps * part // 8 for part in range(1, 9)]
    actor = plain_layers(learner.actor)
    while done + WORLDS * CYCLES <= steps:
        now = np.stack([begin(world, int(rng.integers(1_000_000))) for world in worlds])
        noise = CONFIG.exploration * max(0.1, 1 - done / (0.7 * steps))
        for _ in range(CYCLES):
            wanted = np.clip(np.tanh(forward(actor, now)) + noise * rng.normal(size=(WORLDS, AGENTS, 2)), -1, 1)
            after = [step(world, each) for world, each in zip(worlds, wanted, strict=True)]
            rows = slice(done, done + WORLDS)
            seen[rows], acts[rows] = now, wanted
            now = np.stack([each[0] for each in after])
            following[rows], reward[rows] = now, np.stack([each[1] for each in after])
            done += WORLDS
        for _ in range(WORLDS * CYCLES // EVERY):
            batch = rng.integers(done, size=CONFIG.batch)
            nothing = np.zeros(CONFIG.batch, np.float32)  # episodes are cut, not ended
            learner = better(learner, seen[batch], acts[batch], 0.1 * reward[batch], following[batch], nothing)
        actor = plain_layers(learner.actor)
        bar.advance(WORLDS * CYCLES)
        if pauses and done >= pauses[0]:
            pauses.pop(0)
            found.append((done, judged(lambda seen, actor=actor: np.tanh(forward(actor, seen)))))
    return found


def spread(steps: int, seed: int) -> None:
    """The learning curve, beside agents that do not learn."""
    began = time.process_time()
    with console.progress("simple spread", total=steps) as bar:
        curve = learn(steps, seed, bar)
    spent = time.process_time() - began
    rng = np.random.default_rng(1)
    others: dict[str, Acts] = {
        "at random": lambda seen: rng.uniform(-1, 1, (AGENTS, 2)),
        "to the nearest landmark": partial(towards, central=False),
        "to the assigned landmark (told)": partial(towards, central=True),
    }
    rows = [(f"MADDPG, {done:,} steps", rewards) for done, rewards in curve]
    rows += [(name, judged(act)) for name, act in others.items()]
    console.table(
        ["agents", "reward of an episode", "standard error"],
        [(name, f"{found.mean():.1f}", f"{found.std() / np.sqrt(JUDGED):.1f}") for name, found in rows],
        title=f"simple spread, {JUDGED} episodes of {CYCLES} steps; {spent:.0f} s of processor time",
    )


def tune(steps: int, seed: int) -> None:
    """Share of training episodes that meet through a short training, by setting."""
    world = WorldConfig(noise=preset("lab"))
    rows = []
    with console.progress("settings", total=len(SETTINGS) * steps) as bar:
        for changes in SETTINGS:
            config = replace(MaddpgConfig(steps=steps), **changes)
            meets = learn_to_meet(world, config, seed, lambda done, share: bar.advance(done)).curve["meets"]
            name = ", ".join(f"{key} {value:g}" for key, value in changes.items()) or "as it is"
            rows.append((name, *(f"{share:.2f}" for share in meets)))
    chunks = [f"{64 * (number + 1)}k" for number in range(len(rows[0]) - 1)]
    console.table(["setting", *chunks], rows, title="Share of training episodes that meet, by world steps")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("part", choices=["spread", "tune"])
    words.add_argument("--steps", type=int)
    words.add_argument("--seed", type=int, default=0)
    asked = words.parse_args()
    keep_compiled()
    part, usual = {"spread": (spread, 60_000), "tune": (tune, 192_000)}[asked.part]
    part(asked.steps or usual, asked.seed)


if __name__ == "__main__":
    main()
