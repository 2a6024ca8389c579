"""The tasks' claims, with simulated observers seen through a noisy camera of 30 frames a second."""

from __future__ import annotations

import numpy as np

from nonet.foundation.report import Claim
from nonet.gaze.geometry import LAPTOP, PHONE
from nonet.gaze.measures.dispersion import gaze_entropy
from nonet.gaze.measures.heatmaps import heatmap, object_correlation, pixel_correlation, split_half
from nonet.gaze.measures.latency import saccade_latency
from nonet.gaze.measures.pursuit import pursuit
from nonet.gaze.measures.reading import difficulty_correlation
from nonet.gaze.measures.search import search_slope, search_trial
from nonet.gaze.measures.statistics import repeated_measures
from nonet.gaze.observers import Camera, Observer, follow, jump, scan, see
from nonet.gaze.samples import Samples

__all__ = ["heatmap_claim", "latency_claim", "pursuit_claim", "reading_claim", "search_claims"]

MIDDLE = np.array([0.0, -6.0])
GUIDED = {75: 1.0, 15: 0.35, 7: 0.05}  # degrees of turn, and the simulated chance to see the target at once


def latency_claim(people: int, seed: int, command: str) -> Claim:
    """That latencies of saccades come out right."""
    rng = np.random.default_rng([seed, 1])
    found, truth = [], []
    for _ in range(people):
        observer = Observer(latency_ms=rng.normal(210, 20))
        mine = [_latency(observer, rng) for _ in range(20)]
        valid = [(a, b) for a, b in mine if np.isfinite(a)]
        found.append(np.mean([a for a, _ in valid]))
        truth.append(np.mean([b for _, b in valid]))
    bias = np.array(found) - np.array(truth)
    return Claim(
        text="Saccade latency is measured with a camera of 30 frames a second.",
        article="mean 210 ms, within the 200 to 250 ms of the literature (Valliappan 2020)",
        measured=f"mean {np.mean(found):.0f} ms where {np.mean(truth):.0f} ms are true: bias {bias.mean():+.1f} ms",
        holds=bool(abs(bias.mean()) < 10),
        how=f"{people} simulated observers, 20 trials each, noise 0.3 cm; holds if the bias is below 10 ms. {command}",
    )


def pursuit_claim(people: int, seed: int, command: str) -> Claim:
    """That the lag of pursuit comes out right."""
    rng = np.random.default_rng([seed, 2])
    errors, bias = [], []
    t = np.arange(0, 15_000, 5.0)
    target = MIDDLE + 3 * np.column_stack([np.cos(t * 2 * np.pi / 5000), np.sin(t * 2 * np.pi / 5000)])
    for _ in range(people):
        observer = Observer(lag_ms=rng.uniform(60, 200))
        seen_at, gaze = see(t, follow(observer, t, target, rng), Camera(), rng)
        there = np.column_stack([np.interp(seen_at, t, column) for column in target.T])
        found = pursuit(seen_at, gaze, there)
        if found:
            errors.append(found.error_cm)
            bias.append(found.lag_ms - observer.lag_ms)
    return Claim(
        text="Smooth pursuit is measured: the gaze follows a dot on a circle, and its lag is found.",
        article="smooth pursuit as a task (Valliappan 2020); its figures are not quoted here",
        measured=f"error {np.mean(errors):.2f} cm; bias of the lag {np.mean(bias):+.1f} ms "
        f"(spread {np.std(bias):.1f} ms)",
        holds=bool(abs(np.mean(bias)) < 10),
        how=f"{people} simulated observers with lags of 60 to 200 ms; holds if the bias is below 10 ms. {command}",
    )


def search_claims(people: int, seed: int, command: str) -> list[Claim]:
    """That saliency makes search easier, and that set size costs only where the target does not pop out."""
    rng = np.random.default_rng([seed, 3])
    made = np.full((people, len(GUIDED)), np.nan)
    slopes: dict[int, list[float]] = {turn: [] for turn in GUIDED}
    truths: dict[int, list[float]] = {turn: [] for turn in GUIDED}
    for person in range(people):
        for column, (turn, guided) in enumerate(GUIDED.items()):
            runs = [(size, *_searched(size, guided, rng)) for size in (5, 10, 15) for _ in range(4)]
            made[person, column] = np.mean([found for _, found, _ in runs])
            slopes[turn].append(search_slope([size for size, _, _ in runs], [found for _, found, _ in runs]))
            truths[turn].append(search_slope([size for size, _, _ in runs], [true for _, _, true in runs]))
    effect = repeated_measures(made)
    hard, hard_true, easy = np.mean(slopes[7]), np.mean(truths[7]), np.mean(slopes[75])
    return [
        Claim(
            text="The more salient the target, the fewer fixations find it.",
            article="fixations fall with the target's saliency (Valliappan 2020)",
            measured=f"{', '.join(f'{n:.1f}' for n in made.mean(axis=0))} fixations at 75°, 15° and 7°: {effect}",
            holds=bool(effect.p < 0.05 and made.mean(axis=0)[0] < made.mean(axis=0)[2]),
            how=f"{people} simulated searchers whom the target draws the more, the more it differs. {command}",
        ),
        Claim(
            text="More items cost fixations only where the target is hardly salient.",
            article="set size matters at low saliency, not at high (Valliappan 2020)",
            measured=f"{hard:+.2f} fixations an item at 7° where {hard_true:+.2f} are true; {easy:+.2f} at 75°",
            holds=bool(abs(hard - hard_true) < 0.1 * abs(hard_true) and abs(easy) < 0.05),
            how=f"12 trials a condition; holds if the steep slope is within 10 % of the truth. {command}",
        ),
    ]


def heatmap_claim(people: int, seed: int, command: str) -> Claim:
    """That a phone's heat maps resemble those of an exact tracker."""
    rng = np.random.default_rng([seed, 4])
    pixel, objects, ceiling, shuffled, entropy = [], [], [], [], []
    former = None
    for _ in range(8):
        centres = np.column_stack([rng.uniform(-2.6, 2.6, 5), rng.uniform(-12.5, -1.8, 5)])
        weights = rng.dirichlet(np.ones(5))
        exact, phone = ([_viewed(centres, weights, noise, rng) for _ in range(people)] for noise in (0.1, 0.46 / 1.25))
        lab, seen = (heatmap(np.concatenate(group), PHONE, sigma_cm=1.0) for group in (exact, phone))
        pixel.append(pixel_correlation(lab, seen))
        objects.append(object_correlation(lab, seen, _discs(centres, lab.shape)))
        ceiling.append(split_half(exact, PHONE, rng))
        entropy.append(gaze_entropy(seen))
        if former is not None:
            shuffled.append(pixel_correlation(former, seen))
        former = lab
    return Claim(
        text="Heat maps of a phone agree with those of an exact tracker, by pixel and by object.",
        article="r = 0.74 by pixel and 0.90 by object, phone against laboratory (blog post on Valliappan 2020)",
        measured=f"r = {np.mean(pixel):.2f} by pixel, {np.mean(objects):.2f} by object; ceiling of split halves "
        f"{np.mean(ceiling):.2f}, other picture {np.mean(shuffled):.2f}",
        holds=bool(np.mean(pixel) > np.mean(shuffled) + 0.2 and np.mean(objects) > 0.5),
        how=f"{people} simulated viewers of 8 scenes of five objects; noise of 0.46 cm against 0.1 cm, blur 1 cm. "
        "The two groups of viewers differ, so the ceiling is below 1. " + command,
    )


def reading_claim(people: int, seed: int, command: str) -> Claim:
    """That the share of time on the relevant passage tells difficulty, through the noise of a phone."""
    rng = np.random.default_rng([seed, 5])
    difficulty = np.linspace(0.1, 0.8, 12)
    measured = []
    for hard in difficulty:
        shares = np.clip(rng.normal(0.75 - 0.5 * hard, 0.12, people), 0.05, 0.95)
        lines = [(share, rng.normal(0, 0.37, 240)) for share in shares]  # noise across lines that are 0.8 cm apart
        seen = [
            np.mean(np.where(np.arange(240) < share * 240, np.abs(noise) < 0.8, np.abs(noise) > 1.2))
            for share, noise in lines
        ]
        measured.append(np.mean(seen))
    r, p = difficulty_correlation(difficulty, np.array(measured))
    return Claim(
        text="The harder the question, the less of the time goes to the relevant passage.",
        article="r = -0.72 between difficulty and time on the relevant passage (Valliappan 2020)",
        measured=f"Spearman {r:.2f}, p = {p:.2g}",
        holds=bool(r < -0.4 and p < 0.05),
        how=f"{people} simulated readers of 12 passages, who were made to look the less at it, the harder it is; "
        f"what is shown is that noise across lines does not hide it. {command}",
    )


def _latency(observer: Observer, rng: np.random.Generator) -> tuple[float, float]:
    angle = rng.uniform(0, 2 * np.pi)
    target = MIDDLE + rng.uniform(2, 4) * np.array([np.cos(angle), np.sin(angle)])
    t, place, truth = jump(observer, MIDDLE, target, 800, 1800, rng)
    found = saccade_latency(*see(t, place, Camera(), rng), 800.0, MIDDLE, target)
    return (found.ms if found.valid else float("nan")), truth


def _searched(size: int, guided: float, rng: np.random.Generator) -> tuple[int, int]:
    items: list[np.ndarray] = []
    while len(items) < size:
        place = np.array([rng.uniform(-14, 14), rng.uniform(-16, -2)])
        if all(np.hypot(*(place - other)) > 2.4 for other in items):
            items.append(place)
    start = np.array(LAPTOP.centre_cm)
    t, place, truth = scan(Observer(distance_cm=50), np.array(items), 0, start, guided, rng)
    seen_at, gaze = see(t, place, Camera(), rng)
    unknown = np.full(len(seen_at), np.nan)
    samples = Samples(seen_at, gaze, np.full(len(seen_at), 50.0), unknown, [""] * len(seen_at))
    return search_trial(samples, 0.0, items[0], float("nan")).fixations, truth


def _viewed(centres: np.ndarray, weights: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """The gaze of somebody who looks at objects for three seconds, ten fixations of nine frames."""
    looked_at = centres[rng.choice(len(centres), 10, p=weights)] + rng.normal(0, 0.4, (10, 2))
    return looked_at.repeat(9, axis=0) + rng.normal(0, noise, (90, 2))


def _discs(centres: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    rows, columns = np.indices(shape)
    x = PHONE.camera_x_cm + (columns + 0.5) * PHONE.width_cm / shape[1]
    y = PHONE.camera_y_cm - (rows + 0.5) * PHONE.height_cm / shape[0]
    return [np.hypot(x - cx, y - cy) < 1.0 for cx, cy in centres]
