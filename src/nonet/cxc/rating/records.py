"""What a collection of ratings is made of: its settings, raters, questions and judgements."""

from __future__ import annotations

from dataclasses import dataclass

from nonet.foundation.errors import UsageError

__all__ = ["Judgement", "Rater", "Settings", "Task"]


@dataclass(frozen=True)
class Settings:
    """What a collection of ratings keeps to.

    Attributes:
        raters_per_pair: judgements wanted for each pair.
        gold_every: a rater's every n-th pair is a control question, while there are any.
        hold_seconds: how long a pair is kept for the rater who was given it.
        open: whether anybody who reaches the page may join.
    """

    raters_per_pair: int = 5
    gold_every: int = 10
    hold_seconds: float = 1800.0
    open: bool = True

    def __post_init__(self) -> None:
        if self.raters_per_pair < 1 or self.gold_every < 2 or self.hold_seconds <= 0:
            raise UsageError("raters_per_pair must be 1 or more, gold_every 2 or more, hold_seconds above 0.")


@dataclass(frozen=True)
class Rater:
    """Somebody who rates.

    Attributes:
        id: number in the store.
        name: shown to the person who runs the study.
        token: the secret part of the rater's link.
    """

    id: int
    name: str
    token: str


@dataclass(frozen=True)
class Task:
    """What a rater is asked next.

    Attributes:
        pair: row in the file of pairs.
        done: how many pairs this rater has judged.
        left: how many there are still for this rater, this one included, unless others take their places.
    """

    pair: int
    done: int
    left: int


@dataclass(frozen=True)
class Judgement:
    """One rater's score of one pair.

    Attributes:
        pair: row in the file of pairs.
        rater: the rater's name.
        score: 0 to 5.
        seconds: from seeing the pair to the answer.
        made: when, in seconds since 1970.
        gold: the known score of a control question, else None.
    """

    pair: int
    rater: str
    score: float
    seconds: float
    made: float
    gold: float | None
