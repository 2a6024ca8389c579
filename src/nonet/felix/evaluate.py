"""How an editor is judged: the field's metrics by their names, always beside the system that does nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nonet.felix.sari import easse_counts, easse_from_counts, easse_tokens, sari_t2t_sentence
from nonet.foundation.errors import DataError
from nonet.foundation.report import Estimate

__all__ = ["METRICS", "Judgement", "exact_match", "judge"]

METRICS = ("exact", "exact_lower", "sari_t2t", "sari_easse", "bleu", "ter", "chrf", "rouge1", "rouge2", "rougeL")
_SAMPLES = 200


@dataclass(frozen=True)
class Judgement:
    """What was measured.

    Attributes:
        rows: how many texts.
        system: each metric with its 95 % bootstrap interval over texts.
        nothing: the same of the system that returns its input.
        unchanged: share of texts that the system returned as they were.
        fallbacks: texts that were returned as they were because something did not fit.
    """

    rows: int
    system: dict[str, Estimate]
    nothing: dict[str, Estimate]
    unchanged: float
    fallbacks: int = 0


def exact_match(edited: Sequence[str], references: Sequence[Sequence[str]], *, lower: bool = False) -> float:
    """Share of texts equal to one of their references (Mallinson et al. 2020, section 4).

    Args:
        edited: one text a row.
        references: one or more accepted texts a row.
        lower: whether capitals count as small letters.
    Returns:
        A number in [0, 1].
    Raises:
        DataError: if the lengths differ or a row has no reference.
    """
    _check(edited, edited, references)
    return float(np.mean(_exact(edited, references, lower)))


def judge(
    sources: Sequence[str],
    edited: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    seed: int = 0,
    fallbacks: int = 0,
) -> Judgement:
    """All metrics, in [0, 100], of a system and of doing nothing.

    BLEU, TER and chrF are sacrebleu's, with its own tokenisers; ROUGE is the best over the references. `sari_t2t` takes
    tokens of ``13a`` in lower case, as `sari_easse` does.

    Args:
        sources: texts before.
        edited: texts of the system.
        references: one or more accepted texts a row.
        seed: of the bootstrap.
        fallbacks: for the record.
    Raises:
        DataError: if the lengths differ, a row has no reference, or there is no row.
    """
    _check(sources, edited, references)
    samples = np.random.default_rng(seed).integers(len(sources), size=(_SAMPLES, len(sources)))
    system, nothing = (_measure(sources, texts, references, samples) for texts in (edited, sources))
    unchanged = float(np.mean([a == b for a, b in zip(sources, edited, strict=True)]))
    return Judgement(len(sources), system, nothing, unchanged, fallbacks)


def _check(sources: Sequence[str], edited: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if not len(sources) == len(edited) == len(references):
        raise DataError(f"There are {len(sources)} sources, {len(edited)} edited texts, {len(references)} references.")
    if not sources:
        raise DataError("There is nothing to judge.", fix="Choose another split.")
    empty = next((row for row, many in enumerate(references) if not many), None)
    if empty is not None:
        raise DataError("A row has no reference.", where=f"row {empty + 1}")


def _measure(
    sources: Sequence[str], edited: Sequence[str], references: Sequence[Sequence[str]], samples: np.ndarray
) -> dict[str, Estimate]:
    """Every metric from sufficient statistics a row, so that a bootstrap sample costs one sum."""
    found: dict[str, Estimate] = {}
    for name, rows in _row_scores(sources, edited, references).items():
        found[name] = _estimate(100 * rows, samples, lambda chosen: chosen.mean(axis=0))
    cut = easse_tokens()
    counts = [
        easse_counts(cut(a), cut(b), [cut(text) for text in many])
        for a, b, many in zip(sources, edited, references, strict=True)
    ]
    found["sari_easse"] = _estimate(
        np.stack(counts), samples, lambda chosen: easse_from_counts(chosen.sum(axis=0)).score
    )
    for name, (statistics, score) in _corpus_statistics(edited, references).items():
        found[name] = _estimate(statistics, samples, lambda chosen, score=score: score(chosen.sum(axis=0)))
    return {name: found[name] for name in METRICS}


def _estimate(rows: np.ndarray, samples: np.ndarray, score: Callable[[np.ndarray], float]) -> Estimate:
    drawn = [float(score(rows[sample])) for sample in samples]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(score(rows)), float(low), float(high), "", f"95 % bootstrap over {len(rows):,} texts")


def _row_scores(
    sources: Sequence[str], edited: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, np.ndarray]:
    from rouge_score.rouge_scorer import RougeScorer

    cut, scorer = easse_tokens(), RougeScorer(["rouge1", "rouge2", "rougeL"])
    sari = [
        sari_t2t_sentence(cut(a), cut(b), [cut(text) for text in many]).score / 100
        for a, b, many in zip(sources, edited, references, strict=True)
    ]
    rouge = [scorer.score_multi(list(many), text) for text, many in zip(edited, references, strict=True)]
    return {
        "exact": _exact(edited, references, lower=False),
        "exact_lower": _exact(edited, references, lower=True),
        "sari_t2t": np.array(sari),
        **{name: np.array([row[name].fmeasure for row in rouge]) for name in ("rouge1", "rouge2", "rougeL")},
    }


def _exact(edited: Sequence[str], references: Sequence[Sequence[str]], lower: bool) -> np.ndarray:
    def same(text: str) -> str:
        spaced = " ".join(text.split())
        return spaced.lower() if lower else spaced

    rows = zip(edited, references, strict=True)
    return np.array([same(text) in {same(reference) for reference in many} for text, many in rows], np.float64)


def _corpus_statistics(
    edited: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, tuple[np.ndarray, Callable[[np.ndarray], float]]]:
    """Sacrebleu's statistics of each row, and what makes a score of their sum."""
    from sacrebleu.metrics import BLEU, CHRF, TER  # type: ignore[attr-defined]

    most = max(map(len, references))
    columns = [[many[min(place, len(many) - 1)] for many in references] for place in range(most)]
    found = {}
    for name, metric in {"bleu": BLEU(effective_order=False), "ter": TER(), "chrf": CHRF()}.items():
        rows = np.array(metric._extract_corpus_statistics(list(edited), columns), np.float64)
        found[name] = (rows, _scorer(metric))
    return found


def _scorer(metric) -> Callable[[np.ndarray], float]:  # the aggregation is the library's, on our sums
    return lambda total: float(metric._compute_score_from_stats(total.tolist()).score)
