"""All events of a recording of 200 Hz or more: saccades, post-saccadic oscillations, fixations, pursuit and blinks.

Saccades stand out from the local median velocity, so that a pursuing eye's own motion is no saccade, by a multiple of
the noise around them. What lies between them is pursuit where the eye travels in one direction, else fixation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from nonet.foundation.errors import UsageError
from nonet.gaze.events.labels import Event, drop_short, runs
from nonet.gaze.events.velocity import local_median, robust_sd, velocity

__all__ = ["Detection", "detect"]

_LEAST_RATE = 200.0  # Hz; a saccade of 30 ms then has six samples


@dataclass(frozen=True)
class Detection:
    """Options of `detect`; the defaults were chosen on half of the observers of Andersson et al. 2017."""

    window_ms: float = 14.0
    """Of the quadratic that velocity comes from."""
    median_ms: float = 200.0
    """Of the local velocity that saccades stand out from."""
    peak: float = 13.0
    """A saccade reaches so many noise spreads."""
    edge: float = 2.5
    """It reaches as far as the speed is above so many."""
    floor: float = 22.0
    """The lowest peak, degrees a second over the local velocity."""
    shortest_ms: float = 8.0
    """The shortest saccade."""
    oscillation: float = 2.5
    """A post-saccadic oscillation lasts while the speed is above so many noise spreads."""
    longest_oscillation_ms: float = 80.0
    """The longest post-saccadic oscillation."""
    blink_pad_ms: float = 36.0
    """Taken from both sides of a gap, where the lid covers the pupil in part."""
    bridge_ms: float = 60.0
    """Two gaps as near as that are one blink."""
    pursuit_speed: float = 1.5
    """The slowest pursuit, degrees a second."""
    pursuit_straight: float = 0.2
    """Least share of the path that leads in one direction."""
    pursuit_ms: float = 200.0
    """The shortest pursuit."""
    fixation_ms: float = 40.0
    """The shortest fixation."""


def detect(
    position_deg: Float[np.ndarray, "n 2"], rate_hz: float, config: Detection | None = None
) -> Int[np.ndarray, " n"]:
    """One label (`Event`) a sample.

    Args:
        position_deg: visual angles; NaN where there is no gaze.
        rate_hz: samples a second, at least 200; use `noise_adaptive` for a camera.
        config: the options.
    Raises:
        UsageError: if the rate is too low for these definitions.
    """
    config = config or Detection()
    if rate_hz < _LEAST_RATE:
        raise UsageError(f"{rate_hz:.0f} Hz are too few for this detector.", fix="Use `noise_adaptive` for a camera.")

    def samples(ms: float) -> int:
        return max(1, round(ms * rate_hz / 1000))

    blink = _blinks(position_deg, samples(config.blink_pad_ms), samples(config.bridge_ms))
    position = np.where(blink[:, None], np.nan, position_deg)
    moving = velocity(position, rate_hz, config.window_ms)
    labels = np.where(blink, int(Event.BLINK), int(Event.NONE)).astype(np.int64)
    if not np.isfinite(moving).any():
        return labels
    over = moving - local_median(moving, samples(config.median_ms))
    speed, noise = np.hypot(*over.T), _noise(over, samples(500))
    for start, stop in _saccades(np.nan_to_num(speed), noise, config, samples):
        labels[start:stop] = Event.SACCADE
        swung = _oscillation(np.nan_to_num(speed), noise, stop, samples(config.longest_oscillation_ms), config)
        labels[stop:swung] = np.where(labels[stop:swung] == Event.NONE, Event.PSO, labels[stop:swung])
    return _between(position, rate_hz, labels, config, samples)


def _blinks(position: np.ndarray, pad: int, bridge: int) -> Bool[np.ndarray, " n"]:
    """Gaps, joined where they are near each other, with the samples around them."""
    gone: np.ndarray = np.logical_not(np.isfinite(position)).any(axis=1)  # pyright: ignore[reportAssignmentType]
    if not gone.any():
        return gone
    for start, stop in runs(~gone):
        if stop - start < bridge and start > 0 and stop < len(gone):
            gone[start:stop] = True
    wide = gone.copy()
    for start, stop in runs(gone):
        wide[max(0, start - pad) : stop + pad] = True
    return wide


def _noise(over: np.ndarray, window: int) -> Float[np.ndarray, " n"]:
    """The spread of speed around each sample, from blocks of half a second, never below half of the whole's."""
    whole = float(np.linalg.norm(robust_sd(over)))
    blocks = max(1, len(over) // window)
    centres, spreads = [], []
    for part in np.array_split(np.arange(len(over)), blocks):
        if np.isfinite(over[part]).all(axis=1).sum() > len(part) // 4:
            centres.append(part.mean())
            spreads.append(float(np.linalg.norm(robust_sd(over[part]))))
    if not centres:
        return np.full(len(over), whole)
    return np.interp(np.arange(len(over)), centres, spreads).clip(min=0.5 * whole, max=3 * whole)


def _saccades(speed: np.ndarray, noise: np.ndarray, config: Detection, samples) -> list[tuple[int, int]]:
    """Peaks, widened to where the speed leaves the noise or, at the end, first turns up again."""
    found = []
    edge = config.edge * noise
    for start, stop in runs(speed > np.maximum(config.peak * noise, config.floor)):
        top = start + int(speed[start:stop].argmax())
        while start > 0 and speed[start - 1] > edge[start - 1] and speed[start - 1] <= speed[start] * 1.05:
            start -= 1
        stop = top + 1
        while stop < len(speed) and speed[stop] > edge[stop]:
            if speed[stop] > speed[stop - 1] and speed[stop - 1] < 0.35 * speed[top]:
                break  # the oscillation begins
            stop += 1
        if found and start < found[-1][1]:
            start = found[-1][1]
        if (
            found
            and start - found[-1][1] < samples(10)
            and speed[top] < 0.35 * speed[found[-1][0] : found[-1][1]].max()
        ):
            continue  # it is the oscillation of the saccade before
        if stop - start >= samples(config.shortest_ms):
            found.append((start, stop))
    return found


def _oscillation(speed: np.ndarray, noise: np.ndarray, start: int, longest: int, config: Detection) -> int:
    """Where the oscillation that begins at `start` ends; `start` itself if there is none."""
    window = speed[start : start + longest]
    above = np.flatnonzero(window > config.oscillation * noise[start : start + longest])
    if not len(above) or above[0] > 4:
        return start
    gaps = np.flatnonzero(np.diff(above) > 4)
    return start + int(above[gaps[0]] if len(gaps) else above[-1]) + 1


def _between(
    position: np.ndarray, rate_hz: float, labels: np.ndarray, config: Detection, samples
) -> Int[np.ndarray, " n"]:
    """Fixation or pursuit for the samples that are nothing else yet."""
    free = (labels == Event.NONE) & np.isfinite(position).all(axis=1)
    for start, stop in runs(drop_short(free, samples(config.fixation_ms))):
        pursued = _pursued(position[start:stop], rate_hz, config, samples)
        labels[start:stop] = np.where(pursued, int(Event.PURSUIT), int(Event.FIXATION))
    return labels


def _pursued(piece: np.ndarray, rate_hz: float, config: Detection, samples) -> Bool[np.ndarray, " n"]:
    """Where the eye travels: the way from start to end of a window is fast enough and most of the path."""
    window = samples(config.pursuit_ms)
    if len(piece) < window:
        return np.zeros(len(piece), bool)
    smooth = _running_mean(piece, samples(20))
    half = max(1, min(window, len(piece) - 1) // 2)
    low, high = np.arange(len(piece)) - half, np.arange(len(piece)) + half
    low, high = np.clip(low, 0, len(piece) - 1), np.clip(high, 0, len(piece) - 1)
    way = smooth[high] - smooth[low]
    path = np.r_[0, np.cumsum(np.hypot(*np.diff(smooth, axis=0).T))]
    length = np.hypot(*way.T)
    fast = length * rate_hz / np.maximum(high - low, 1) > config.pursuit_speed
    straight = length > config.pursuit_straight * (path[high] - path[low])
    return drop_short(fast & straight, window)


def _running_mean(values: np.ndarray, window: int) -> np.ndarray:
    window = max(1, min(window, len(values)) | 1)
    if window > len(values):
        return values
    kernel = np.ones(window) / window
    padded = np.pad(values, ((window // 2, window // 2), (0, 0)), mode="edge")
    return np.column_stack([np.convolve(column, kernel, mode="valid") for column in padded.T])
