"""The language of a plan: stages of trials, in each a dot that moves, things to look at, and a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

__all__ = ["Item", "Plan", "Question", "Stage", "Trial", "dot_at"]


@dataclass(frozen=True)
class Item:
    """Something on the screen, placed by its middle in pixels.

    Attributes:
        kind: `bar`, `disc`, `text` or `picture`.
        x: across, pixels.
        y: down, pixels.
        width: pixels.
        height: pixels.
        colour: CSS colour.
        angle: degrees, clockwise.
        text: of a text; name of a picture.
        role: `target`, `distractor`, `relevant`, `error` or "".
    """

    kind: Literal["bar", "disc", "text", "picture"]
    x: float
    y: float
    width: float
    height: float
    colour: str = "#eee"
    angle: float = 0.0
    text: str = ""
    role: str = ""


@dataclass(frozen=True)
class Question:
    """Asked after a trial.

    Attributes:
        text: the question.
        choices: the answers to choose from.
        right: number of the right one; -1 where there is none.
    """

    text: str
    choices: Sequence[str]
    right: int = -1


@dataclass(frozen=True)
class Trial:
    """One thing shown.

    Attributes:
        ms: how long; 0 until the participant responds, `longest_ms` at most.
        dot: keyframes (ms, x, y) in pixels of a dot that moves straight between them; none for no dot.
        items: what else is shown.
        condition: what the analysis tells apart.
        respond: `none`, or `tap` on what was found.
        question: asked afterwards.
        longest_ms: end of a trial without a response.
    """

    ms: int
    dot: Sequence[tuple[float, float, float]] = ()
    items: Sequence[Item] = ()
    condition: dict[str, Any] = field(default_factory=dict)
    respond: Literal["none", "tap"] = "none"
    question: Question | None = None
    longest_ms: int = 15_000


@dataclass(frozen=True)
class Stage:
    """A task.

    Attributes:
        task: its name, a key of `TASKS`.
        title: for the participant.
        instruction: for the participant.
        trials: in their order.
    """

    task: str
    title: str
    instruction: str
    trials: Sequence[Trial]

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        return sum((trial.ms or 3000) / 1000 for trial in self.trials)


@dataclass(frozen=True)
class Plan:
    """A study for one participant.

    Attributes:
        seed: that decided it.
        stages: in their order.
    """

    seed: int
    stages: Sequence[Stage]

    def plain(self) -> dict[str, Any]:
        """For the page, as JSON; the right answers stay here."""
        value = asdict(self)
        for stage in value["stages"]:
            for trial in stage["trials"]:
                if trial["question"]:
                    trial["question"].pop("right")
        return value


def dot_at(trial: Trial, ms: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 2"]:
    """Where the dot of a trial is, so many ms after the trial's beginning, pixels; NaN without a dot."""
    if not trial.dot:
        return np.full((len(ms), 2), np.nan)
    t, x, y = np.array(trial.dot, float).T
    return np.column_stack([np.interp(ms, t, x), np.interp(ms, t, y)])
