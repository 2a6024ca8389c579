"""Simulated observers with known truth: what a camera of 30 Hz would see of eyes that jump, follow and search.

Saccades follow the main sequence (duration 2.2 ms a degree and 21 ms; Carpenter 1988), pursuit has lag, gain and
catch-up saccades, fixations drift; the camera adds noise, exposure and its frames' times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.signal import lfilter

from nonet.gaze.geometry import degrees

__all__ = ["Camera", "Observer", "follow", "jump", "scan", "see"]

_STEP_MS = 1.0


@dataclass(frozen=True)
class Camera:
    """What lies between the eyes and the samples.

    Attributes:
        rate_hz: frames a second.
        noise_cm: spread of an estimate in each direction.
        jitter_ms: spread of the frames' times.
        lost: share of frames without gaze.
    """

    rate_hz: float = 30.0
    noise_cm: float = 0.3
    jitter_ms: float = 2.0
    lost: float = 0.02


@dataclass(frozen=True)
class Observer:
    """A participant.

    Attributes:
        latency_ms: mean latency of saccades.
        latency_sd_ms: its spread.
        lag_ms: of pursuit.
        gain: of pursuit.
        distance_cm: from the screen.
        drift_cm: spread of slow drift in fixation.
    """

    latency_ms: float = 210.0
    latency_sd_ms: float = 35.0
    lag_ms: float = 120.0
    gain: float = 0.95
    distance_cm: float = 35.0
    drift_cm: float = 0.05


def jump(
    observer: Observer,
    start_cm: np.ndarray,
    target_cm: np.ndarray,
    jump_ms: float,
    length_ms: float,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 2"], float]:
    """A saccade to a target that jumped.

    Args:
        observer: who.
        start_cm: fixated before, (2,).
        target_cm: jumped to, (2,).
        jump_ms: when.
        length_ms: of the trial.
        rng: source of randomness.
    Returns:
        Times each millisecond, places, and the true latency in ms.
    """
    t = np.arange(0, length_ms, _STEP_MS)
    latency = max(90.0, rng.normal(observer.latency_ms, observer.latency_sd_ms))
    landing = start_cm + (target_cm - start_cm) * rng.normal(0.96, 0.03)
    share = _main_sequence(t - jump_ms - latency, start_cm, landing, observer.distance_cm)
    correction = _main_sequence(t - jump_ms - latency - 180, landing, target_cm, observer.distance_cm)
    place = start_cm + share[:, None] * (landing - start_cm) + correction[:, None] * (target_cm - landing)
    return t, place + _drift(len(t), observer.drift_cm, rng), latency


def follow(
    observer: Observer, t_ms: Float[np.ndarray, " n"], target_cm: Float[np.ndarray, "n 2"], rng: np.random.Generator
) -> Float[np.ndarray, "n 2"]:
    """Pursuit of a moving target: late, a little slow, with saccades that catch up.

    Args:
        observer: who.
        t_ms: times, evenly spaced.
        target_cm: the target at these times.
        rng: source of randomness.
    """
    delayed = np.column_stack([np.interp(t_ms - observer.lag_ms, t_ms, column) for column in target_cm.T])
    step = float(t_ms[1] - t_ms[0])
    slips = (1 - observer.gain) * np.gradient(delayed, t_ms, axis=0) * step
    noticed = rng.random(len(t_ms)) < step / 80  # it takes a while to notice
    slip_x = slip_y = 0.0
    slipped = np.empty_like(delayed)
    for i, (x, y) in enumerate(slips.tolist()):
        slip_x, slip_y = slip_x + x, slip_y + y
        if noticed[i] and slip_x * slip_x + slip_y * slip_y > 0.36:
            slip_x = slip_y = 0.0
        slipped[i] = slip_x, slip_y
    return delayed - slipped + _drift(len(t_ms), observer.drift_cm, rng)


def scan(
    observer: Observer,
    items_cm: Float[np.ndarray, "k 2"],
    target: int,
    start_cm: np.ndarray,
    guided: float,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 2"], int]:
    """A search: one item after the other until the target is fixated.

    Args:
        observer: who.
        items_cm: places of the items.
        target: which one is sought.
        start_cm: where the eyes begin.
        guided: chance at each fixation to go to the target at once; 1 is a target that pops out.
        rng: source of randomness.
    Returns:
        Times each millisecond, places, and the true number of fixations on items.
    """
    rest = [i for i in rng.permutation(len(items_cm)) if i != target]
    order = []
    while not order or order[-1] != target:
        order.append(target if not rest or rng.random() < guided else rest.pop())
    pieces, here = [np.repeat(start_cm[None], int(max(90, rng.normal(220, 40))), axis=0)], np.array(start_cm, float)
    for item in order:
        place = items_cm[item] + rng.normal(0, 0.15, 2)
        duration = int(np.ceil(_duration_ms(here, place, observer.distance_cm)))
        share = _smooth(np.arange(duration) / duration)
        pieces.append(here + share[:, None] * (place - here))
        pieces.append(np.repeat(place[None], int(max(140, rng.normal(250, 50))), axis=0))
        here = place
    pieces.append(np.repeat(here[None], 300, axis=0))
    places = np.concatenate(pieces)
    return np.arange(len(places)) * _STEP_MS, places + _drift(len(places), observer.drift_cm, rng), len(order)


def see(
    t_ms: Float[np.ndarray, " n"], place_cm: Float[np.ndarray, "n 2"], camera: Camera, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m 2"]]:
    """The samples that a camera gives of eyes: times, and places with NaN where a frame was lost."""
    period = 1000 / camera.rate_hz
    t = np.arange(t_ms[0] + rng.uniform(0, period), t_ms[-1], period)
    t = np.sort(t + rng.normal(0, camera.jitter_ms, len(t))).clip(t_ms[0], t_ms[-1])
    seen = np.column_stack([np.interp(t, t_ms, column) for column in place_cm.T])
    seen = seen + rng.normal(0, camera.noise_cm, seen.shape)
    seen[rng.random(len(t)) < camera.lost] = np.nan
    return t, seen


def _duration_ms(start: np.ndarray, stop: np.ndarray, distance_cm: float) -> float:
    return 21 + 2.2 * float(degrees(np.hypot(*(stop - start)), distance_cm))


def _main_sequence(since_ms: np.ndarray, start: np.ndarray, stop: np.ndarray, distance_cm: float) -> np.ndarray:
    return _smooth(np.clip(since_ms / _duration_ms(start, stop, distance_cm), 0, 1))


def _smooth(share: np.ndarray) -> np.ndarray:
    """The minimum-jerk profile, which saccades resemble."""
    return share**3 * (10 - 15 * share + 6 * share**2)


def _drift(count: int, spread: float, rng: np.random.Generator) -> np.ndarray:
    """A walk that is drawn back, of the given spread."""
    kicks = rng.normal(0, spread * np.sqrt(2 / 300), (count, 2))
    return np.asarray(lfilter([1.0], [1.0, -(1 - 1 / 300)], kicks, axis=0))
