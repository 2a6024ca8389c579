"""A method trained on pairs and judged on texts that it has not seen: what benches and studies do again and again."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from nonet.felix.config import DecodeConfig, LabelConfig, LearningConfig, Method
from nonet.felix.data import Pair
from nonet.felix.encoders import Loaded
from nonet.felix.evaluate import Judgement, judge
from nonet.felix.run import AnyEditor, Run, learn
from nonet.felix.sari import easse_tokens, sari_easse, sari_t2t_sentence
from nonet.felix.tokens import Vocabulary
from nonet.foundation.report import Estimate

__all__ = ["BIASES", "LEAST", "ChosenBy", "Outcome", "Splits", "Trial", "gap", "short", "try_out", "tuned"]

ChosenBy = Literal["sari_t2t", "sari_easse", "ter"]
_SAMPLES = 1000
BIASES = (0.0, -1.0, 1.0, 2.0, 4.0)  # keep biases that validation chooses from; of equals the first
LEAST = (0.5, 0.7, 0.8, 0.9, 0.95)  # minimum edit probabilities that are tried then, where that is asked for


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
        texts: what it made of the test texts.
    """

    judged: Judgement
    decoding: DecodeConfig
    training_seconds: float
    editing_ms: float
    texts: tuple[str, ...]


def try_out(trial: Trial, splits: Splits, encoder: Loaded, metric: ChosenBy, least: Sequence[float] = ()) -> Outcome:
    """Trains, chooses how cautious to be on the validation texts, and judges on the test texts.

    Args:
        trial: the method.
        splits: the pairs.
        encoder: what its networks begin with.
        metric: what that is chosen by, which is higher (TER: lower) for the better editor.
        least: minimum edit probabilities to choose from, after the keep bias.
    """
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(), Path(), trial.method, labels=trial.labels, learning=trial.learning)
        editor = learn(run, list(splits.train), [], Path(folder), encoder).editor
    trained = time.process_time()
    decoding = tuned(editor, splits.validation, metric, least) if trial.method != "seq2seq" else editor.config.decoding
    begun = time.process_time()
    made = _texts(editor, splits.test, decoding)
    edited = time.process_time()
    judged = judge([pair.source for pair in splits.test], made, [pair.targets for pair in splits.test])
    return Outcome(judged, decoding, trained - start, 1000 * (edited - begun) / len(splits.test), tuple(made))


def tuned(editor: AnyEditor, validation: Sequence[Pair], metric: ChosenBy, least: Sequence[float] = ()) -> DecodeConfig:
    """The keep bias with which an editor does best on validation texts, then the minimum edit probability beside it."""

    def best(choices: Iterable[DecodeConfig]) -> DecodeConfig:
        return max(choices, key=lambda decoding: _score(validation, _texts(editor, validation, decoding), metric))

    biased = best(replace(editor.config.decoding, keep_bias=bias) for bias in BIASES)
    values = (biased.min_edit_probability, *least)
    return best(replace(biased, min_edit_probability=value) for value in values) if least else biased


def gap(first: Outcome, second: Outcome, test: Sequence[Pair], *, seed: int = 0) -> Estimate:
    """By how much the first is better: `sari_t2t` with a 95 % interval of a bootstrap over texts, in pairs.

    Args:
        first: an outcome.
        second: another one on the same texts.
        test: those texts.
        seed: of the bootstrap.
    """
    better = _sari(test, first.texts) - _sari(test, second.texts)
    drawn = np.random.default_rng(seed).integers(len(better), size=(_SAMPLES, len(better)))
    low, high = np.percentile(better[drawn].mean(axis=1), [2.5, 97.5])
    basis = f"95 % paired bootstrap over {len(better):,} texts"
    return Estimate(float(better.mean()), float(low), float(high), "points of SARI", basis)


def _score(pairs: Sequence[Pair], texts: Sequence[str], metric: ChosenBy) -> float:
    """One metric, higher for the better."""
    if metric == "sari_t2t":
        return float(_sari(pairs, texts).mean())
    if metric == "sari_easse":
        return sari_easse([pair.source for pair in pairs], texts, [pair.targets for pair in pairs]).score
    from sacrebleu.metrics import TER  # type: ignore[attr-defined]

    return -TER().corpus_score(list(texts), [[pair.targets[0] for pair in pairs]]).score


def _sari(pairs: Sequence[Pair], texts: Sequence[str]) -> Float[np.ndarray, "texts"]:
    """`sari_t2t` of each text."""
    cut = easse_tokens()
    rows = zip(pairs, texts, strict=True)
    return np.array(
        [sari_t2t_sentence(cut(pair.source), cut(text), [cut(t) for t in pair.targets]).score for pair, text in rows]
    )


def short(pairs: Sequence[Pair], vocabulary: Vocabulary, most: int) -> list[Pair]:
    """The pairs none of whose texts has more tokens than so many."""
    kept = []
    for pair in pairs:
        if all(len(pieces) <= most for pieces in vocabulary.encode([pair.source, *pair.targets])):
            kept.append(pair)
    return kept


def _texts(editor: AnyEditor, pairs: Sequence[Pair], decoding: DecodeConfig) -> list[str]:
    return [one.text for one in editor.edit([pair.source for pair in pairs], decoding)]
