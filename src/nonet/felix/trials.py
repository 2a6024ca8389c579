"""A method trained on pairs and judged on texts that it has not seen: what benches and studies do again and again."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nonet.felix.config import DecodeConfig, LabelConfig, LearningConfig, Method
from nonet.felix.data import Pair
from nonet.felix.encoders import Loaded
from nonet.felix.evaluate import LOWER_IS_BETTER, Judgement, judge
from nonet.felix.run import AnyEditor, Run, learn
from nonet.felix.tokens import Vocabulary

__all__ = ["BIASES", "Outcome", "Splits", "Trial", "short", "try_out", "tuned"]

BIASES = (0.0, -1.0, 1.0, 2.0, 4.0)  # keep biases that validation chooses from; of equals the first


@dataclass(frozen=True)
class Splits:
    """Pairs to learn from, to choose on, and to judge by."""

    train: Sequence[Pair]
    validation: Sequence[Pair]
    test: Sequence[Pair]


@dataclass(frozen=True)
class Trial:
    """What is tried: a method and how it learns."""

    method: Method = "felix"
    labels: LabelConfig = field(default_factory=LabelConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        judged: all metrics on the test texts.
        decoding: what validation chose.
        training_seconds: CPU time of learning.
        editing_ms: CPU time a test text.
    """

    judged: Judgement
    decoding: DecodeConfig
    training_seconds: float
    editing_ms: float


def try_out(trial: Trial, splits: Splits, encoder: Loaded, metric: str) -> Outcome:
    """Trains, chooses the keep bias on the validation texts, and judges on the test texts.

    Args:
        trial: the method.
        splits: the pairs.
        encoder: what its networks begin with.
        metric: what the keep bias is chosen by, a name of `evaluate.METRICS`.
    """
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(), Path(), trial.method, labels=trial.labels, learning=trial.learning)
        editor = learn(run, list(splits.train), [], Path(folder), encoder).editor
    trained = time.process_time()
    decoding = tuned(editor, splits.validation, metric) if trial.method != "seq2seq" else editor.config.decoding
    begun = time.process_time()
    made = _texts(editor, splits.test, decoding)
    edited = time.process_time()
    judged = judge([pair.source for pair in splits.test], made, [pair.targets for pair in splits.test])
    return Outcome(judged, decoding, trained - start, 1000 * (edited - begun) / len(splits.test))


def tuned(editor: AnyEditor, validation: Sequence[Pair], metric: str) -> DecodeConfig:
    """The keep bias with which an editor does best on validation texts."""
    sources, targets = [pair.source for pair in validation], [pair.targets for pair in validation]

    def score(decoding: DecodeConfig) -> float:
        value = judge(sources, _texts(editor, validation, decoding), targets).system[metric].value
        return -value if metric in LOWER_IS_BETTER else value

    return max((replace(editor.config.decoding, keep_bias=bias) for bias in BIASES), key=score)


def short(pairs: Sequence[Pair], vocabulary: Vocabulary, most: int) -> list[Pair]:
    """The pairs none of whose texts has more tokens than so many."""
    kept = []
    for pair in pairs:
        if all(len(pieces) <= most for pieces in vocabulary.encode([pair.source, *pair.targets])):
            kept.append(pair)
    return kept


def _texts(editor: AnyEditor, pairs: Sequence[Pair], decoding: DecodeConfig) -> list[str]:
    return [one.text for one in editor.edit([pair.source for pair in pairs], decoding)]
