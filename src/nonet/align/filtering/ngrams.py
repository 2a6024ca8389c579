"""Unigrams and bigrams of alt-texts, and which of them are too rare.

The paper does not state how it cuts text into unigrams, nor whether unigrams and bigrams share one vocabulary. Here a
unigram is a run of letters, digits and combining marks, lower-cased; both kinds share one vocabulary.
"""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import ArrayValue, StringValue

from nonet.align.filtering.tables import settle

__all__ = ["grams_of", "rare_texts", "words_of"]

_NOT_A_WORD = r"[^\p{L}\p{N}\p{M}]+"


def words_of(text: StringValue) -> ArrayValue:
    """The unigrams of a text, in order; an empty array for a text without any."""
    spaced = text.lower().re_replace(_NOT_A_WORD, " ").strip()
    return spaced.split(" ").filter(lambda word: word != "")


def grams_of(words: ArrayValue) -> ArrayValue:
    """The unigrams and the bigrams (two words with a space between) of a text."""
    last = ibis.greatest(words.length() - 1, 0)
    return words.concat(ibis.range(0, last).map(lambda at: words[at].concat(" ", words[at + 1])))


def rare_texts(texts: ibis.Table, size: int) -> ibis.Table:
    """The alt-texts with any n-gram outside the vocabulary.

    Args:
        texts: one row a distinct alt-text, with ``alt``, ``words`` and ``pairs`` (how many pairs have it).
        size: how many n-grams the vocabulary holds, the most frequent first, ties in alphabetical order.

    Returns:
        A table with the column ``alt``, each once.
    """
    unnested = texts.select("alt", "pairs", gram=grams_of(texts.words).unnest())
    counts = settle(unnested.group_by("gram").agg(count=_.pairs.sum()))
    rare = _outside(counts, size)
    if rare is None:
        return texts.select("alt").limit(0)
    return unnested.semi_join(rare, "gram").select("alt").distinct()


def _outside(counts: ibis.Table, size: int) -> ibis.Table | None:
    """The n-grams behind the first ``size``, or None if there are not so many.

    A histogram of the counts (a few thousand rows) tells the count at which the vocabulary ends, so that only the
    n-grams of that very count must be sorted.
    """
    histogram = counts.group_by("count").agg(grams=_.count()).order_by(ibis.desc("count")).to_pyarrow()
    room = size
    for count, grams in zip(histogram["count"].to_pylist(), histogram["grams"].to_pylist(), strict=True):
        if grams > room:
            break
        room -= grams
    else:
        return None
    edge = counts.filter(_["count"] == count).order_by("gram").limit(room + 1).gram.max().execute()  # the first outside
    return counts.filter((_["count"] < count) | ((_["count"] == count) & (_.gram >= edge))).select("gram")
