"""SARI in the two definitions that articles report; they differ by points and are never to be mixed.

`sari_t2t` is the one of Tensor2Tensor, LaserTagger and, by its figures, FELIX: a mean over sentences of scores on sets
of n-grams. `sari_easse` is the corpus-level one of the simplification literature (Alva-Manchego et al. 2019). Both are
after Xu et al. 2016, n from 1 to 4, times 100.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["Sari", "easse_counts", "easse_from_counts", "sari_easse", "sari_t2t", "sari_t2t_sentence"]

_ORDERS = range(1, 5)
Tokenise = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Sari:
    """SARI and its three parts, in [0, 100].

    Attributes:
        score: their mean.
        add: of what was added.
        keep: of what was kept.
        delete: of what was deleted.
    """

    score: float
    add: float
    keep: float
    delete: float


def sari_t2t_sentence(
    source: Sequence[str], edited: Sequence[str], references: Sequence[Sequence[str]], *, beta: float = 1.0
) -> Sari:
    """SARI of one sentence as in Tensor2Tensor.

    Args:
        source: tokens before.
        edited: tokens of the system.
        references: tokens of each reference.
        beta: of the deletion's F score: 1 as LaserTagger has it, 0 for precision alone (Tensor2Tensor's default).
    """
    add, keep, delete = [], [], []
    for order in _ORDERS:
        before, after = _ngrams(source, order), _ngrams(edited, order)
        filled = [grams for grams in (_ngrams(reference, order) for reference in references) if grams]
        weight = Counter(gram for grams in filled for gram in grams)
        share = {gram: count / len(filled) for gram, count in weight.items()}
        added, wanted = after - before, set(share) - before
        add.append(_f(len(added & wanted), len(added), len(wanted)))
        shares = [share.get(gram, 0.0) for gram in before & after]
        keep.append(_f(sum(shares), len(shares), sum(share.get(gram, 0.0) for gram in before)))
        shares = [1 - share.get(gram, 0.0) for gram in before - after]
        gone = sum(1 - share.get(gram, 0.0) for gram in before)
        delete.append(_f(sum(shares), len(shares), gone, beta))
    parts = [100 * float(np.mean(part)) for part in (add, keep, delete)]
    return Sari(float(np.mean(parts)), *parts)


def sari_t2t(
    sources: Sequence[Sequence[str]],
    edited: Sequence[Sequence[str]],
    references: Sequence[Sequence[Sequence[str]]],
    *,
    beta: float = 1.0,
) -> Sari:
    """The mean of `sari_t2t_sentence` over sentences."""
    rows = [sari_t2t_sentence(*row, beta=beta) for row in zip(sources, edited, references, strict=True)]
    means = [float(np.mean([getattr(row, part) for row in rows])) for part in ("score", "add", "keep", "delete")]
    return Sari(*means)


def easse_counts(
    source: Sequence[str], edited: Sequence[str], references: Sequence[Sequence[str]]
) -> Float[np.ndarray, "3 3 4"]:
    """What one sentence adds to EASSE's sums: for add, keep and delete the right, the system's and the references'
    n-grams, by order."""  # noqa: D209, D205
    counts = np.zeros((3, 3, 4))
    many = len(references)
    for place, order in enumerate(_ORDERS):
        before, after = (_multiplied(_counted(text, order), many) for text in (source, edited))
        wanted: Counter = Counter()
        for reference in references:
            wanted += _counted(reference, order)
        added, missing = set(after) - set(before), set(wanted) - set(before)
        counts[0, :, place] = len(added & set(wanted)), len(added), len(missing)
        for row, system, gold in ((1, before & after, before & wanted), (2, before - after, before - wanted)):
            counts[row, :, place] = (system & gold).total(), system.total(), gold.total()
    return counts


def easse_from_counts(counts: Float[np.ndarray, "3 3 4"]) -> Sari:
    """SARI from summed counts: the F1 of each order, then their mean; nothing of nothing counts as 0."""
    right, system, gold = counts[:, 0], counts[:, 1], counts[:, 2]
    parts = 100 * np.where(right > 0, 2 * right / np.maximum(system + gold, 1), 0).mean(axis=1)
    return Sari(float(parts.mean()), *(float(part) for part in parts))


def sari_easse(sources: Sequence[str], edited: Sequence[str], references: Sequence[Sequence[str]]) -> Sari:
    """Corpus-level SARI as in EASSE: lower case, tokenised like sacrebleu's ``13a``, F1 for all three parts.

    Args:
        sources: texts before.
        edited: texts of the system.
        references: one or more a row.
    """
    cut = easse_tokens()
    rows = zip(sources, edited, references, strict=True)
    return easse_from_counts(
        np.sum([easse_counts(cut(a), cut(b), [cut(text) for text in many]) for a, b, many in rows], axis=0)
    )


def easse_tokens() -> Tokenise:
    """Lower case and ``13a``."""
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    tokenizer = Tokenizer13a()
    return lambda text: tokenizer(text.lower()).split()


def _ngrams(tokens: Sequence[str], order: int) -> set[tuple[str, ...]]:
    return {tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1)}


def _counted(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))


def _multiplied(counts: Counter, factor: int) -> Counter:
    return Counter({gram: count * factor for gram, count in counts.items()})


def _f(right: float, selected: float, relevant: float, beta: float = 1.0) -> float:
    """An F score in which nothing of nothing counts as 1."""
    precision = right / selected if selected > 0 else 1.0
    if beta == 0:
        return precision
    recall = right / relevant if relevant > 0 else 1.0
    if precision <= 0 or recall <= 0:
        return 0.0
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)
