"""Unigrams and bigrams of alt-texts, and which of them are too rare.

The paper does not state how it cuts text into unigrams, whether unigrams and bigrams share one vocabulary, or how ties
are broken. Here a unigram is a run of letters, digits and combining marks, lower-cased; both kinds share one
vocabulary; of equally frequent n-grams unigrams come first, then the alphabetically first.

That order means that a bigram is in the vocabulary only if both of its words are. So the n-grams of a text are all in
the vocabulary if its bigrams are (or its only word is), and a text is read once, word by word with its neighbour.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false, reportReturnType=false, reportIndexIssue=false, reportCallIssue=false
# (an ibis column knows its type only when it runs)
from __future__ import annotations

import ibis
import numpy as np
from ibis import _
from ibis.expr.types import ArrayValue, BooleanValue, StringValue

from nonet.align.filtering.tables import settle

__all__ = ["positions", "rare_texts", "words_of"]

# Spaces stay out of the class: a replacement costs far more than a comparison, and most gaps are single spaces
_NOT_A_WORD = r"[^\p{L}\p{N}\p{M} ]+"
_NONE = ""  # the neighbour of a last word


def words_of(text: StringValue) -> ArrayValue:
    """The unigrams of a text, in order; an empty array for a text without any."""
    return text.lower().re_replace(_NOT_A_WORD, " ").split(" ").filter(lambda word: word != "")


def positions(texts: ibis.Table) -> ibis.Table:
    """One row for each word of each text, with the word that follows it.

    Args:
        texts: a table with ``words``; its other columns are repeated.

    Returns:
        The other columns, ``word`` and ``next`` (empty behind the last word).
    """
    others = [name for name in texts.columns if name != "words"]
    placed = texts.mutate(at=ibis.range(0, texts.words.length()).unnest())
    follows = placed["at"] + 1 < placed.words.length()
    following = ibis.ifelse(follows, placed.words[placed["at"] + 1], _NONE)
    return placed.select(*others, word=placed.words[placed["at"]], next=following)


def rare_texts(texts: ibis.Table, size: int) -> ibis.Table:
    """The alt-texts with any n-gram outside the vocabulary.

    Args:
        texts: one row a distinct alt-text, with ``alt``, ``words``, ``length`` (of words) and ``pairs`` (that have it).
        size: how many n-grams the vocabulary holds, the most frequent first.

    Returns:
        A table with the column ``alt``, each once.
    """
    words = texts.agg(words=texts.length.sum()).to_pyarrow()["words"][0].as_py() or 0
    if 2 * words <= size:  # there are not so many n-grams, so none is outside and none need be counted
        return texts.select("alt").limit(0)
    placed = positions(texts.select("alt", "pairs", "words"))
    counts = settle(placed.group_by("word", "next").agg(count=_.pairs.sum()))
    unigrams = counts.group_by("word").agg(count=_["count"].sum()).mutate(next=ibis.literal(_NONE))
    bigrams = counts.filter(_.next != _NONE)
    grams = ibis.union(unigrams.select("word", "next", "count"), bigrams.select("word", "next", "count"))
    outside = _outside(grams, size)
    if outside is None:
        return texts.select("alt").limit(0)
    rare = grams.filter(outside).select("word", "next")
    return placed.semi_join(rare, ["word", "next"]).select("alt").distinct()


def _outside(grams: ibis.Table, size: int) -> BooleanValue | None:
    """Which n-grams stand behind the first ``size``; None if there are not so many.

    A histogram of the counts (a few thousand rows) tells the count at which the vocabulary ends, so that only the
    n-grams of that very count must be sorted.
    """
    histogram = grams.group_by("count").agg(grams=_.count()).order_by(ibis.desc("count")).to_pyarrow()
    total = np.cumsum(histogram["grams"].to_numpy())
    if not len(total) or total[-1] <= size:
        return None
    last = int(np.searchsorted(total, size, side="right"))
    edge, room = histogram["count"][last].as_py(), size - int(total[last - 1] if last else 0)
    at_edge = grams.filter(_["count"] == edge).mutate(bigram=_.next != _NONE)
    inside = at_edge.order_by("bigram", "word", "next").limit(room + 1)
    first_out = inside.order_by(ibis.desc("bigram"), ibis.desc("word"), ibis.desc("next")).limit(1)
    row = first_out.select("word", "next").to_pyarrow().to_pylist()[0]
    later = (grams.word > row["word"]) | ((grams.word == row["word"]) & (grams.next >= row["next"]))
    bigram = grams.next != _NONE
    # where the vocabulary ends among the unigrams, every bigram of this count is outside
    later = (later | bigram) if row["next"] == _NONE else (later & bigram)
    return (grams["count"] < edge) | ((grams["count"] == edge) & later)
