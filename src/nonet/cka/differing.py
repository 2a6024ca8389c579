"""Do two populations of networks err on the same examples? Tests beside the null of two halves of one population.

The article compares wide with deep networks of equal accuracy, example by example and class by class, and two disjoint
sets of seeds of one architecture for the null. Its program has no test; here each example gets Fisher's exact test on
the counts of networks that are right, each class Welch's t test on accuracies, both with Benjamini and Hochberg's
correction, and the whole a permutation test over networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from nonet.foundation.errors import DataError

__all__ = ["Differences", "agreement", "benjamini_hochberg", "closeness", "differences", "mean_divergence"]


@dataclass(frozen=True)
class Differences:
    """How two populations differ.

    Attributes:
        accuracy: mean accuracies of both, in [0, 1].
        accuracy_p: two-sided p value of the difference of mean accuracies (permutation of networks).
        per_example: share right of the first minus that of the second, for each example.
        example_q: corrected p values of Fisher's exact test, for each example.
        per_class: mean accuracy of the first minus that of the second, by class.
        class_q: corrected p values of Welch's t test, by class (NaN where it cannot be computed).
        distance: root mean square of `per_example`, over what chance alone adds.
        distance_null: the same between random halves of all networks together.
        distance_p: share of those at least as large (plus one in numerator and denominator).
        half_distance: the same statistic between disjoint halves of each population: the article's null.
    """

    accuracy: tuple[float, float]
    accuracy_p: float
    per_example: np.ndarray
    example_q: np.ndarray
    per_class: np.ndarray
    class_q: np.ndarray
    distance: float
    distance_null: np.ndarray
    distance_p: float
    half_distance: np.ndarray

    def most_different(self, count: int) -> np.ndarray:
        """The examples on which the populations differ most, the largest difference first."""
        return np.argsort(-np.abs(self.per_example), kind="stable")[:count]


def differences(
    first: Bool[np.ndarray, "networks examples"],
    second: Bool[np.ndarray, "others same_examples"],
    labels: Int[np.ndarray, " labels"],
    *,
    permutations: int = 999,
    seed: int = 0,
) -> Differences:
    """Compares who is right where.

    Args:
        first: whether each network of the first population is right on each example.
        second: the same for the second, on the same examples.
        labels: the classes.
        permutations: of networks, for the tests of the whole.
        seed: of them.
    Raises:
        DataError: if there are fewer than two networks on a side, or the examples differ in number.
    """
    if first.shape[1] != second.shape[1] or len(labels) != first.shape[1]:
        raise DataError("The populations were asked different numbers of examples.", fix="Ask both the same.")
    if min(len(first), len(second)) < 2:
        raise DataError("A population needs two networks at least.", fix="Train more seeds.")
    random = np.random.default_rng(seed)
    pooled = np.concatenate([first, second]).astype(np.float64)
    size = len(first)
    distances, gaps = np.empty(permutations), np.empty(permutations)
    for number in range(permutations):
        order = random.permutation(len(pooled))
        left, right = pooled[order[:size]], pooled[order[size:]]
        distances[number] = _distance(left, right)
        gaps[number] = abs(left.mean() - right.mean())
    distance = _distance(first, second)
    gap = abs(float(first.mean()) - float(second.mean()))
    per_class, class_p = _by_class(first, second, labels)
    halves = [_halves(side, random) for side in (first, second) for _ in range(10) if len(side) >= 4]
    return Differences(
        (float(first.mean()), float(second.mean())),
        float((1 + (gaps >= gap - 1e-12).sum()) / (1 + permutations)),
        first.mean(0) - second.mean(0),
        benjamini_hochberg(_fisher(first, second)),
        per_class,
        benjamini_hochberg(class_p),
        distance,
        distances,
        float((1 + (distances >= distance - 1e-12).sum()) / (1 + permutations)),
        np.array(halves),
    )


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    """Root of the mean squared difference of shares right, less what drawing so many networks adds by chance.

    The unbiased variance of a mean of m yes-or-no answers is p (1 - p) / (m - 1).
    """
    shares = first.mean(0), second.mean(0)
    noise = sum(p * (1 - p) / (len(side) - 1) for p, side in zip(shares, (first, second), strict=True))
    excess = float((np.square(shares[0] - shares[1]) - noise).mean())
    return float(np.sign(excess) * np.sqrt(abs(excess)))


def _halves(side: np.ndarray, random: np.random.Generator) -> float:
    order = random.permutation(len(side))
    middle = len(side) // 2
    return _distance(side[order[:middle]], side[order[middle:]])


def _fisher(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two-sided p of Fisher's exact test for each example; equal counts share one computation."""
    from scipy.stats import fisher_exact

    counts = np.stack([first.sum(0), second.sum(0)], axis=1)
    kinds, which = np.unique(counts, axis=0, return_inverse=True)
    values = [
        fisher_exact([[a, len(first) - a], [b, len(second) - b]]).pvalue  # type: ignore[attr-defined]
        for a, b in kinds.tolist()
    ]
    return np.array(values)[which.ravel()]


def _by_class(first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.stats import ttest_ind

    classes = np.unique(labels)
    gaps, values = np.empty(len(classes)), np.empty(len(classes))
    for number, label in enumerate(classes):
        sides = [side[:, labels == label].mean(1) for side in (first, second)]
        gaps[number] = sides[0].mean() - sides[1].mean()
        spread = sides[0].std() + sides[1].std()
        values[number] = np.asarray(ttest_ind(*sides, equal_var=False))[1] if spread > 0 else np.nan
    return gaps, values


def benjamini_hochberg(p_values: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """P values corrected for the rate of false discoveries; NaN stays NaN and does not count."""
    found = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known])]
    scaled = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return found


def agreement(first: Int[np.ndarray, " examples"], second: Int[np.ndarray, " examples"]) -> float:
    """The share of examples to which two networks give the same answer, in [0, 1]."""
    return float((first == second).mean())


def mean_divergence(
    first: Float[np.ndarray, "examples classes"], second: Float[np.ndarray, "examples classes"]
) -> float:
    """Mean Kullback–Leibler divergence of the second network's probabilities from the first's, in nats.

    Args:
        first: log-probabilities.
        second: log-probabilities.
    """
    return float((np.exp(first) * (first - second)).sum(1).mean())


def closeness(
    first: Float[np.ndarray, "networks examples classes"], second: Float[np.ndarray, "others examples classes"]
) -> list[tuple[str, float, float]]:
    """Agreement and Kullback–Leibler divergence, as means over pairs of networks (the article's program has both).

    Args:
        first: log-probabilities of the first population.
        second: those of the second, of the same examples.
    Returns:
        For pairs of different networks within each population, and between the two: what they are, the share of equal
        answers, and the divergence in both directions averaged.
    """
    sides = {"of the first": (first, first), "of the second": (second, second), "of both": (first, second)}
    found = []
    for name, (left, right) in sides.items():
        pairs = [(a, b) for i, a in enumerate(left) for j, b in enumerate(right) if left is not right or i != j]
        same = np.mean([agreement(a.argmax(1), b.argmax(1)) for a, b in pairs])
        divergence = np.mean([(mean_divergence(a, b) + mean_divergence(b, a)) / 2 for a, b in pairs])
        found.append((name, float(same), float(divergence)))
    return found
