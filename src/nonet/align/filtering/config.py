"""What can be chosen about the data rules: the paper's thresholds are the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nonet.foundation.errors import UsageError

__all__ = ["Rules", "TableConfig"]


@dataclass(frozen=True)
class Rules:
    """Which pairs are dropped (Jia et al. 2021, section 3); None switches a rule off.

    The paper does not state the order of its rules. Here every rule looks at the raw table, so which pairs survive
    does not depend on an order; a dropped pair is counted under the first rule, in the order below, that drops it.

    Attributes:
        language: drops pairs whose page declares another language (``en`` keeps ``en-GB``); pages that declare none
            are kept. The paper's corpus is English.
        shorter_side_above: drops images whose shorter side, in pixels, is not strictly above this.
        aspect_below: drops images whose longer side over shorter side is not strictly below this.
        texts_per_image_at_most: drops images with more distinct alt-texts than this.
        images_per_text_at_most: drops alt-texts shared by more distinct images than this.
        words_at_least: drops alt-texts with fewer unigrams than this.
        words_at_most: drops alt-texts with more unigrams than this.
        vocabulary: drops alt-texts with any unigram or bigram that is not among this many most frequent ones of the
            raw table, counted together; frequencies count pairs; of equal ones unigrams come first, then the
            alphabetically first.
        safety_words: drops alt-texts with a word or two-word phrase of this file, one a line. Off by default.
        safety_scores: drops images that a classifier of yours scored too high: a Parquet file with the columns
            ``image`` (SHA-256, as in the candidates) and ``score``, such as `nonet align score` writes. Off by default.
        safety_score_below: the score that an image must stay below.
    """

    language: str | None = "en"
    shorter_side_above: int | None = 200
    aspect_below: float | None = 3.0
    texts_per_image_at_most: int | None = 1000
    images_per_text_at_most: int | None = 10
    words_at_least: int | None = 3
    words_at_most: int | None = 20
    vocabulary: int | None = 100_000_000
    safety_words: Path | None = None
    safety_scores: Path | None = None
    safety_score_below: float = 0.5

    def __post_init__(self) -> None:
        low, high = self.words_at_least, self.words_at_most
        if low is not None and high is not None and low > high:
            raise UsageError(f"No text has at least {low} and at most {high} words.", fix="Swap the two numbers.")
        if self.aspect_below is not None and self.aspect_below <= 1:
            raise UsageError("The longer side is never shorter than the shorter: no image has an aspect below 1.")
        if self.vocabulary is not None and self.vocabulary < 1:
            raise UsageError("A vocabulary holds at least one n-gram.", fix="Use None to switch the rule off.")


@dataclass(frozen=True)
class TableConfig:
    """Where the tables are computed.

    Attributes:
        engine: ``duckdb`` on this machine, spilling to disk; ``spark`` on a cluster.
        memory: DuckDB's memory limit; what does not fit is spilled.
        threads: DuckDB's threads; 0 takes one per core.
        master: the Spark master, such as ``local[2]``; None lets ``spark-submit`` decide.
    """

    engine: Literal["duckdb", "spark"] = "duckdb"
    memory: str = "4GB"
    threads: int = 0
    master: str | None = None
