"""Texts to read and to proofread, laid out line by line so that the analysis knows where each line and word is."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np

from nonet.gaze.geometry import Screen
from nonet.gaze.tasks.plan import Item, Question, Trial

__all__ = ["PASSAGES", "TIRED", "Passage", "proof_trials", "reading_trials"]

_LETTER = 0.52  # width of a letter in heights of the type, for laying out
_TYPE_CM, _LINE = 0.42, 1.9  # height of the type; distance of the lines in heights


@dataclass(frozen=True)
class Passage:
    """A text with a question about one of its sentences.

    Attributes:
        sentences: in their order.
        relevant: the number of the sentence that answers the question.
        question: with choices.
        kind: `factual` or `interpretive`.
    """

    sentences: tuple[str, ...]
    relevant: int
    question: Question
    kind: str


TIRED = Question("How tired are you now?", ("not at all", "a little", "somewhat", "very", "extremely"))
"""The questionnaire after each block of a long task."""
PASSAGES = (
    Passage(
        (
            "The lighthouse was built on a rock that the sea covers twice a day.",
            "For eleven years its keeper wrote down the wind, the waves and every ship.",
            "He counted four hundred and six storms, and never once left his post.",
            "When the lamp was made electric, he asked to stay and mend the clock.",
        ),
        2,
        Question("How many storms did the keeper count?", ("About a hundred", "Four hundred and six", "Eleven"), 1),
        "factual",
    ),
    Passage(
        (
            "Two sisters inherited a bakery and could not agree about the bread.",
            "One wanted the old oven, the other a machine that never burnt a loaf.",
            "They tried both for a month and asked nobody what they liked better.",
            "On the last day a boy bought the burnt loaf because it smelt of home.",
        ),
        3,
        Question("What does the story favour?", ("The machine", "The old oven", "Closing the bakery"), 1),
        "interpretive",
    ),
    Passage(
        (
            "Swifts sleep while they fly and land only to breed.",
            "A young swift leaves its nest without practice, by simply letting go.",
            "It may stay in the air for three years before it touches anything again.",
            "Its legs are so short that it can hardly rise from flat ground.",
        ),
        2,
        Question("How long may a young swift stay in the air?", ("Three days", "Three months", "Three years"), 2),
        "factual",
    ),
)
_PROOF = (
    ("The train was late agian and nobody said why.", "agian"),
    ("She put the recieved letters in a wooden box.", "recieved"),
    ("Our garden needs water evry morning in July.", "evry"),
    ("They walked untill the road ended at the lake.", "untill"),
    ("A good map is beter than a long explanation.", "beter"),
    ("The clock in the hall had stoped at a quarter to nine.", "stoped"),
    ("He forgot his umbrela on the bus and walked home wet.", "umbrela"),
    ("Nobody had beleived her until the bell began to ring.", "beleived"),
    ("The bridge was closed becuase of the wind that night.", "becuase"),
    ("Fresh bread and a litle salt were all they asked for.", "litle"),
    ("My neighbour keeps his ladders in a seperate shed.", "seperate"),
    ("A letter came on Wensday with a stamp from Peru.", "Wensday"),
    ("The choir sang twice, and the audiance stood up.", "audiance"),
    ("We counted thirteen swans befor the fog came down.", "befor"),
    ("The old ferry is shorter then the pier it leaves.", "then"),
)
_PROOF_SENTENCES = 5  # in a block


def reading_trials(screen: Screen, rng: np.random.Generator) -> list[Trial]:
    """Each passage until the participant goes on, then its question."""
    trials = []
    for number in rng.permutation(len(PASSAGES)):
        passage = PASSAGES[number]
        lines = [
            (line, "relevant" if sentence == passage.relevant else "")
            for sentence, text in enumerate(passage.sentences)
            for line in _wrapped(text, screen)
        ]
        condition = {"passage": int(number), "kind": passage.kind}
        items = [_line(screen, row, text, role) for row, (text, role) in enumerate(lines)]
        trials.append(
            Trial(0, items=items, condition=condition, respond="tap", question=passage.question, longest_ms=60_000)
        )
    return trials


def proof_trials(screen: Screen, rng: np.random.Generator, blocks: int) -> list[Trial]:
    """Texts with a misspelt word in each sentence; none is shown twice before all were."""
    order = np.concatenate([rng.permutation(len(_PROOF)) for _ in range(-(-blocks * _PROOF_SENTENCES // len(_PROOF)))])
    shares = [
        order[start : start + _PROOF_SENTENCES] for start in range(0, blocks * _PROOF_SENTENCES, _PROOF_SENTENCES)
    ]
    return [_proof_trial(screen, block, share) for block, share in enumerate(shares)]


def _proof_trial(screen: Screen, block: int, sentences: np.ndarray) -> Trial:
    items, row = [], 0
    for sentence, wrong in (_PROOF[number] for number in sentences):
        for line in _wrapped(sentence, screen):
            items.append(_line(screen, row, line, "line"))
            if wrong in line.split():
                items.append(_word_box(screen, row, line, wrong))
            row += 1
    return Trial(0, items=items, condition={"block": block}, respond="tap", question=TIRED, longest_ms=90_000)


def _type_px(screen: Screen) -> float:
    return _TYPE_CM * screen.px_per_cm


def _wrapped(text: str, screen: Screen) -> list[str]:
    letters = int(0.88 * screen.width_px / (_LETTER * _type_px(screen)))
    return textwrap.wrap(text, max(12, letters))


def _line(screen: Screen, row: int, text: str, role: str) -> Item:
    size = _type_px(screen)
    width = len(text) * _LETTER * size
    y = 0.08 * screen.height_px + (row + 0.5) * _LINE * size
    return Item("text", 0.06 * screen.width_px + width / 2, y, width, _LINE * size, "#eee", text=text, role=role)


def _word_box(screen: Screen, row: int, line: str, word: str) -> Item:
    """The place of a word, drawn as nothing; the analysis looks there."""
    size = _type_px(screen)
    start = line.index(word)
    whole = _line(screen, row, line, "line")
    x = 0.06 * screen.width_px + (start + len(word) / 2) * _LETTER * size
    return Item("text", x, whole.y, len(word) * _LETTER * size, whole.height, "transparent", text="", role="error")
