"""Each rule as an expression: true for the pairs that it drops."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false, reportReturnType=false, reportIndexIssue=false, reportCallIssue=false
# (an ibis column knows its type only when it runs)
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import ibis
from ibis import _
from ibis.expr.types import BooleanValue

from nonet.align.filtering.config import Rules
from nonet.align.filtering.ngrams import positions, rare_texts, words_of
from nonet.align.filtering.tables import settle
from nonet.foundation.errors import DataError

__all__ = ["label"]

_UNUSABLE = "unusable"


def label(candidates: ibis.Table, rules: Rules) -> ibis.Table:
    """The candidates with a column ``dropped_by``: the first rule that drops the pair, or null.

    Rows without an image, a text or a size cannot be judged and are dropped as ``unusable``.

    Args:
        candidates: the raw table; frequencies are counted on it, before any rule.
        rules: which rules, with which thresholds.
    """
    usable = candidates.image.notnull() & candidates.alt.notnull() & (candidates.width > 0) & (candidates.height > 0)
    raw = candidates.mutate(usable=ibis.coalesce(usable, False))
    table = _with_counts(raw, rules)
    drops = {_UNUSABLE: ~table.usable} | _drops(table, rules)
    first = ibis.cases(*((drop, name) for name, drop in drops.items()), else_=ibis.null(str))
    return table.mutate(dropped_by=first).select(*candidates.columns, "dropped_by")


def rule_names(rules: Rules) -> list[str]:
    """The names of the rules that are on, in the order in which drops are counted."""
    empty = ibis.table({**_COLUMNS, **_COUNTS}, name="none")
    return [_UNUSABLE, *_drops(empty, rules)]


_COLUMNS = {"language": "string", "width": "int32", "height": "int32"}
_COUNTS = {
    "texts_of_image": "int64",
    "images_of_text": "int64",
    "words_in_text": "int64",
    "rare": "boolean",
    "unsafe_text": "boolean",
    "unsafe_image": "boolean",
}


def _drops(table: ibis.Table, rules: Rules) -> Mapping[str, BooleanValue]:
    """Name and condition of each rule that is on."""
    shorter = ibis.least(table.width, table.height)
    longer = ibis.greatest(table.width, table.height)
    drops: dict[str, BooleanValue] = {}
    if rules.language is not None:
        primary = ibis.coalesce(table.language, "").lower().re_replace("[-_].*", "")
        drops["language"] = (primary != "") & (primary != rules.language.lower())
    if rules.shorter_side_above is not None:
        drops["shorter_side"] = shorter <= rules.shorter_side_above
    if rules.aspect_below is not None:
        drops["aspect"] = longer.cast("float64") >= rules.aspect_below * shorter.cast("float64")
    if rules.texts_per_image_at_most is not None:
        drops["texts_per_image"] = table.texts_of_image > rules.texts_per_image_at_most
    if rules.images_per_text_at_most is not None:
        drops["images_per_text"] = table.images_of_text > rules.images_per_text_at_most
    if rules.words_at_least is not None:
        drops["too_short"] = table.words_in_text < rules.words_at_least
    if rules.words_at_most is not None:
        drops["too_long"] = table.words_in_text > rules.words_at_most
    if rules.vocabulary is not None:
        drops["rare_ngram"] = table.rare
    if rules.safety_words is not None:
        drops["safety_words"] = table.unsafe_text
    if rules.safety_scores is not None:
        drops["safety_scores"] = table.unsafe_image
    return drops


def _with_counts(raw: ibis.Table, rules: Rules) -> ibis.Table:
    """The table with what a rule must know about a pair's whole image or whole text."""
    usable = raw.filter(_.usable)
    # distinct pairs first: grouping them spills to disk, counting distinct values inside a group does not
    distinct = usable.group_by("image", "alt").agg(pairs=_.count())
    texts = distinct.group_by("alt").agg(images_of_text=_.count(), pairs=_.pairs.sum())
    texts = texts.mutate(words=words_of(texts.alt))
    texts = settle(texts.mutate(words_in_text=texts.words.length()))
    images = distinct.group_by("image").agg(texts_of_image=_.count())
    if rules.safety_scores is not None:
        images = _with_scores(images, rules.safety_scores, rules.safety_score_below)
    else:
        images = images.mutate(unsafe_image=ibis.literal(False))

    of_text = texts.select("alt", "images_of_text", "words_in_text")
    of_text = _flag(of_text, "rare", None if rules.vocabulary is None else rare_texts(texts, rules.vocabulary))
    of_text = _flag(of_text, "unsafe_text", _with_words(texts, rules.safety_words))
    return raw.left_join(of_text, "alt").drop("alt_right").left_join(images, "image").drop("image_right")


def _flag(texts: ibis.Table, name: str, marked: ibis.Table | None) -> ibis.Table:
    """The texts with a boolean column: whether they are among the marked ones."""
    if marked is None:
        return texts.mutate(**{name: ibis.literal(False)})
    joined = texts.left_join(marked.mutate(**{name: ibis.literal(True)}), "alt").drop("alt_right")
    return joined.mutate(**{name: ibis.coalesce(joined[name], False)})


def _with_words(texts: ibis.Table, words: Path | None) -> ibis.Table | None:
    if words is None:
        return None
    listed = sorted({" ".join(line.lower().split()) for line in words.read_text(encoding="utf-8").splitlines()} - {""})
    if not listed:
        raise DataError("The list of words is empty.", where=words, fix="Write one word or two-word phrase a line.")
    placed = positions(texts.select("alt", "words"))
    unsafe = ibis.memtable({"phrase": listed})
    found = ibis.union(
        placed.select("alt", phrase="word"), placed.select("alt", phrase=placed.word.concat(" ", placed.next))
    )
    return found.semi_join(unsafe, "phrase").select("alt").distinct()


def _with_scores(images: ibis.Table, scores: Path, below: float) -> ibis.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(scores, columns=["image", "score"])
    except (pa.ArrowInvalid, pa.ArrowKeyError, FileNotFoundError) as error:
        raise DataError("The scores cannot be read.", where=scores, fix="Parquet with `image` and `score`.") from error
    unsafe = ibis.memtable(table).filter(_.score >= below).select("image").distinct()
    joined = images.left_join(unsafe.mutate(unsafe_image=ibis.literal(True)), "image").drop("image_right")
    return joined.mutate(unsafe_image=ibis.coalesce(joined.unsafe_image, False))
