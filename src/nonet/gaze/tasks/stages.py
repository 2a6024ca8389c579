"""The tasks themselves. Durations that the article's public parts do not give are ours, and can be chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nonet.foundation.errors import UsageError
from nonet.gaze.geometry import Screen
from nonet.gaze.tasks.paths import around_box, around_circle, spread_dots
from nonet.gaze.tasks.plan import Item, Plan, Stage, Trial
from nonet.gaze.tasks.texts import TIRED, proof_trials, reading_trials

__all__ = ["TASKS", "Pace", "make_plan"]

CONTRASTS = (0.15, 0.3, 0.6, 1.0)
SET_SIZES = (5, 10, 15)
TURNS = (7, 15, 75)  # degrees between target and distractors


@dataclass(frozen=True)
class Pace:
    """How many and how long; `quick` is for trying out and for tests."""

    dots: int = 16
    """Calibration dots."""
    dot_ms: int = 1800
    """Time of each, of which the first 700 ms are for finding it."""
    checks: int = 6
    """Validation dots, at other places."""
    saccades: int = 20
    """Saccade trials."""
    rounds: float = 3
    """Rounds of each pursuit."""
    repeats: int = 2
    """Search trials of each condition."""
    picture_ms: int = 3000
    """Time of each picture."""
    tracking_blocks: int = 4
    """Blocks of object tracking."""
    tracking_s: int = 60
    """Length of each."""
    proof_blocks: int = 3
    """Blocks of proofreading, five sentences each."""

    @staticmethod
    def quick() -> Pace:
        """Everything once, in about a minute."""
        return Pace(
            dots=9,
            dot_ms=1200,
            checks=4,
            saccades=4,
            rounds=1,
            repeats=0,
            picture_ms=800,
            tracking_blocks=2,
            tracking_s=4,
            proof_blocks=2,
        )


SETTLE_MS = 700  # of a calibration dot: the eye is still on its way


def calibration(screen: Screen, rng: np.random.Generator, pace: Pace) -> Stage:
    """Dots all over the screen."""
    return Stage(
        "calibration",
        "Calibration",
        "Look at the middle of each dot until it moves. Keep your head still.",
        [Trial(pace.dot_ms, [(0, x, y)], condition={"dot": i}) for i, (x, y) in _numbered(screen, pace.dots, rng)],
    )


def validation(screen: Screen, rng: np.random.Generator, pace: Pace) -> Stage:
    """Dots at other places, which tell how far off the calibration is."""
    return Stage(
        "validation",
        "How far off?",
        "Look at each dot again. This tells how exact the measurement is.",
        [Trial(pace.dot_ms, [(0, x, y)], condition={"dot": i}) for i, (x, y) in _numbered(screen, pace.checks, rng)],
    )


def saccade(screen: Screen, rng: np.random.Generator, pace: Pace) -> Stage:
    """Prosaccades: the dot jumps from the middle to a random place."""
    trials = []
    for number in range(pace.saccades):
        wait = int(rng.integers(700, 1000))
        angle = rng.uniform(0, 2 * math.pi)
        far = rng.uniform(0.55, 0.85) / 2
        x = screen.width_px * (0.5 + far * math.cos(angle))
        y = screen.height_px * (0.5 + far * math.sin(angle))
        middle = (screen.width_px / 2, screen.height_px / 2)
        dot = [(0, *middle), (wait, *middle), (wait + 0.01, x, y), (wait + 1000, x, y)]
        trials.append(Trial(wait + 1000, dot, condition={"number": number, "jump_ms": wait}))
    return Stage("saccade", "Jumping dot", "Look at the dot. When it jumps, follow it as fast as you can.", trials)


def pursuit(screen: Screen, rng: np.random.Generator, pace: Pace) -> Stage:
    """Smooth pursuit on a circle and on a box."""
    circle = around_circle(screen, 3.0, 5.0, pace.rounds, float(rng.uniform(0, 2 * math.pi)))
    box = around_box(screen, 5.0, 6.0, pace.rounds)
    return Stage(
        "pursuit",
        "Moving dot",
        "Follow the dot with your eyes.",
        [
            Trial(int(circle[-1][0]), circle, condition={"shape": "circle"}),
            Trial(int(box[-1][0]), box, condition={"shape": "box"}),
        ],
    )


def search(screen: Screen, rng: np.random.Generator, pace: Pace) -> Stage:
    """One bar differs by colour intensity, or by its turn among more or fewer others."""
    conditions: list[dict] = [{"kind": "colour", "contrast": c, "items": 12} for c in CONTRASTS]
    conditions += [{"kind": "turn", "turn": turn, "items": size} for turn in TURNS for size in SET_SIZES]
    if pace.repeats == 0:
        conditions = [conditions[0], conditions[3], conditions[-1]]
    order = rng.permutation(len(conditions) * max(1, pace.repeats))
    trials = [_search_trial(screen, conditions[i % len(conditions)], rng) for i in order]
    return Stage(
        "search", "Find the odd one", "One bar differs from the others. Tap or click it when you see it.", trials
    )


def viewing(screen: Screen, rng: np.random.Generator, pace: Pace, pictures: Sequence[str]) -> Stage:
    """Pictures of the study's own, each shown for a while."""
    order = rng.permutation(len(pictures))
    trials = []
    for picture in (pictures[int(i)] for i in order):
        item = Item(
            "picture", screen.width_px / 2, screen.height_px / 2, screen.width_px * 0.96, screen.height_px * 0.96,
            text=picture,
        )  # fmt: skip
        trials.append(Trial(pace.picture_ms, items=[item], condition={"picture": picture}))
    return Stage("viewing", "Pictures", "Look at the pictures as you like.", trials)


def tracking(screen: Screen, rng: np.random.Generator, pace: Pace) -> Stage:
    """Object tracking for the fatigue measure: a dot on a circle, block after block."""
    trials = []
    for block in range(pace.tracking_blocks):
        rounds = pace.tracking_s / 4
        path = around_circle(screen, 3.0, 4.0, rounds, float(rng.uniform(0, 2 * math.pi)))
        trials.append(Trial(int(path[-1][0]), path, condition={"block": block}, question=TIRED))
    return Stage("tracking", "Follow the object", "Follow the dot with your eyes for as long as it moves.", trials)


_Maker = Callable[[Screen, np.random.Generator, Pace], Stage]
_MAKERS: dict[str, _Maker] = {
    "calibration": calibration,
    "validation": validation,
    "saccade": saccade,
    "pursuit": pursuit,
    "search": search,
    "tracking": tracking,
    "reading": lambda screen, rng, pace: Stage(
        "reading",
        "Reading",
        "Read the text and tap or click when you are done. Then a question follows.",
        reading_trials(screen, rng),
    ),
    "proofreading": lambda screen, rng, pace: Stage(
        "proofreading",
        "Proofreading",
        "Read the text and look for misspelt words. Tap or click when you have found all.",
        proof_trials(screen, rng, pace.proof_blocks),
    ),
}
TASKS = ("saccade", "pursuit", "search", "viewing", "reading", "proofreading", "tracking")
"""What can follow calibration and validation."""


def make_plan(
    screen: Screen, tasks: Sequence[str], seed: int, *, pace: Pace | None = None, pictures: Sequence[str] = ()
) -> Plan:
    """The plan of a session: calibration, validation, then the tasks; the same seed makes the same plan.

    Args:
        screen: that it is drawn on.
        tasks: names out of `TASKS`.
        seed: decides places and orders.
        pace: how many and how long.
        pictures: for the task `viewing`, which is left out without any.
    Raises:
        UsageError: if a task is unknown.
    """
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise UsageError(f"There is no task '{unknown[0]}'.", fix=f"Choose from: {', '.join(TASKS)}.")
    pace = pace or Pace()
    stages = []
    for number, task in enumerate(("calibration", "validation", *tasks)):
        rng = np.random.default_rng([seed, number])
        if task == "viewing":
            if pictures:
                stages.append(viewing(screen, rng, pace, pictures))
            continue
        stages.append(_MAKERS[task](screen, rng, pace))
    if tasks:  # once more at the end: how far the calibration has drifted
        again = validation(screen, np.random.default_rng([seed, len(tasks) + 2]), pace)
        stages.append(Stage("validation", "Once more", again.instruction, again.trials))
    return Plan(seed, stages)


def _numbered(screen: Screen, count: int, rng: np.random.Generator) -> list[tuple[int, tuple[float, float]]]:
    return list(enumerate(spread_dots(screen, count, rng)))


def _search_trial(screen: Screen, condition: dict, rng: np.random.Generator) -> Trial:
    places = spread_dots(screen, condition["items"], rng)
    length, width = 0.9 * screen.px_per_cm, 0.28 * screen.px_per_cm
    base = float(rng.uniform(0, 180))
    items = []
    for number, (x, y) in enumerate(places):
        odd = number == 0
        level = 0.5 + 0.5 * condition["contrast"] if odd and condition["kind"] == "colour" else 0.5
        angle = base + (condition["turn"] if odd and condition["kind"] == "turn" else 0)
        shade = round(255 * level)
        items.append(
            Item(
                "bar",
                x,
                y,
                length,
                width,
                f"rgb({shade},{shade},{shade})",
                angle,
                role="target" if odd else "distractor",
            )
        )
    return Trial(0, items=items, condition=condition, respond="tap", longest_ms=8000)
