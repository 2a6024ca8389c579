"""Repeated-measures statistics over participants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import ttest_rel

from nonet.foundation.errors import DataError

__all__ = ["Anova", "Paired", "paired", "repeated_measures"]


@dataclass(frozen=True)
class Anova:
    """A one-way repeated-measures analysis of variance.

    Attributes:
        f: the F value.
        df: degrees of freedom of effect and error.
        p: of no effect.
    """

    f: float
    df: tuple[float, float]
    p: float

    def __str__(self) -> str:
        return f"F({self.df[0]:.0f},{self.df[1]:.0f}) = {self.f:.2f}, p = {self.p:.2g}"


@dataclass(frozen=True)
class Paired:
    """A paired t test.

    Attributes:
        difference: mean of first minus second.
        t: the t value.
        df: degrees of freedom.
        p: two-sided.
    """

    difference: float
    t: float
    df: int
    p: float

    def __str__(self) -> str:
        return f"t({self.df}) = {self.t:.2f}, p = {self.p:.2g}"


def repeated_measures(table: Float[np.ndarray, "p c"]) -> Anova:
    """Whether a measure differs between conditions, each participant being their own control.

    Args:
        table: a row a participant, a column a condition; rows with gaps are left out.
    Raises:
        DataError: if fewer than two complete participants or conditions are left.
    """
    from statsmodels.stats.anova import AnovaRM

    whole = table[np.isfinite(table).all(axis=1)]
    if whole.shape[0] < 2 or whole.shape[1] < 2:
        raise DataError("Two participants with two conditions each are the least.", where="repeated measures")
    import pandas as pd

    who, what = np.indices(whole.shape)
    frame = pd.DataFrame({"who": who.ravel(), "what": what.ravel(), "value": whole.ravel()})
    row = AnovaRM(frame, "value", "who", within=["what"]).fit().anova_table.iloc[0]
    return Anova(float(row["F Value"]), (float(row["Num DF"]), float(row["Den DF"])), float(row["Pr > F"]))


def paired(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> Paired:
    """Whether two measures of the same participants differ.

    Raises:
        DataError: if fewer than two participants have both.
    """
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 2:
        raise DataError("Two participants with both measures are the least.", where="paired test")
    found = ttest_rel(first[known], second[known])
    return Paired(
        float((first - second)[known].mean()), float(found.statistic), int(known.sum() - 1), float(found.pvalue)
    )
