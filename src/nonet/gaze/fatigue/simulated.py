"""Simulated participants who tire while they follow an object: later, slower, further off, with more blinks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nonet.gaze.fatigue.features import block_features
from nonet.gaze.observers import Camera, Observer, follow, see
from nonet.gaze.samples import Samples

__all__ = ["Blocks", "simulated_blocks"]

_SECONDS, _PERIOD_MS, _RADIUS, _STEP_MS = 30, 4000.0, 3.0, 10.0


@dataclass(frozen=True)
class Blocks:
    """Blocks of tracking.

    Attributes:
        features: see `features.FEATURES`, (b, f).
        participant: whose, (b,).
        block: its number, (b,).
        questionnaire: answers from 0 (alert) to 4, (b,).
    """

    features: Float[np.ndarray, "b f"]
    participant: Int[np.ndarray, " b"]
    block: Int[np.ndarray, " b"]
    questionnaire: Float[np.ndarray, " b"]


def simulated_blocks(people: int, blocks: int, strength: float, seed: int) -> Blocks:
    """Blocks of people who tire.

    Fatigue rises over the blocks at a pace of each participant's own. At full strength 1 it adds 80 ms of lag, takes
    0.2 off the gain, and adds lapses in which the eye stays behind; at 0 it changes the questionnaire alone.

    Args:
        people: how many.
        blocks: of each, from alert to tired.
        strength: of what fatigue does to gaze.
        seed: decides everything random.
    """
    rows, who, number, asked = [], [], [], []
    for person in range(people):
        rng = np.random.default_rng([seed, person])
        lag, gain, noise = rng.normal(120, 25), rng.normal(0.95, 0.03), rng.uniform(0.25, 0.5)
        pace = rng.uniform(0.6, 1.2)
        for block in range(blocks):
            level = pace * block / (blocks - 1)
            tired = strength * level
            observer = Observer(lag_ms=lag + 80 * tired + rng.normal(0, 10), gain=gain - 0.2 * tired)
            rows.append(_track(observer, Camera(noise_cm=noise), tired, rng))
            who.append(person)
            number.append(block)
            asked.append(float(np.clip(round(4 * level + rng.normal(0, 0.4)), 0, 4)))
    return Blocks(np.array(rows), np.array(who), np.array(number), np.array(asked))


def _track(observer: Observer, camera: Camera, tired: float, rng: np.random.Generator) -> Float[np.ndarray, " f"]:
    t = np.arange(0, 1000 * _SECONDS, _STEP_MS)
    angle = 2 * np.pi * t / _PERIOD_MS
    target = np.column_stack([_RADIUS * np.cos(angle), _RADIUS * np.sin(angle) - 6])
    place = follow(observer, t, target, rng)
    for _ in range(rng.poisson(4 * tired)):  # lapses
        start = rng.integers(0, len(t) - 100)
        length = int(rng.uniform(300, 900) / _STEP_MS)
        place[start : start + length] = place[start] + rng.normal(0, 0.2, 2)
    seen_at, gaze = see(t, place, camera, rng)
    openness = np.full(len(seen_at), 0.3)
    for _ in range(rng.poisson((0.25 + 0.2 * tired) * _SECONDS)):
        start = rng.integers(0, len(seen_at) - 6)
        openness[start : start + 4] = 0.05
        gaze[start : start + 4] = np.nan
    samples = Samples(seen_at, gaze, np.full(len(seen_at), 35.0), openness, [""] * len(seen_at))
    return block_features(samples, np.column_stack([np.interp(seen_at, t, column) for column in target.T]))
