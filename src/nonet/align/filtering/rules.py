"""Each rule as an expression: true for the pairs that it drops."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false, reportReturnType=false, reportIndexIssue=false, reportCallIssue=false
# (an ibis column knows its type only when it runs)
from __future__ import annotations

from pathlib import Path

import ibis
from ibis import _
from ibis.expr.types import Value

from nonet.align.filtering.config import Rules
from nonet.align.filtering.ngrams import positions, rare_texts, words_of
from nonet.align.filtering.tables import settle
from nonet.foundation.errors import DataError
from nonet.foundation.reading import made_sense_of

__all__ = ["label", "rule_names"]


_UNUSABLE = "unusable"
_THRESHOLDS = {
    "language": "language",
    "shorter_side": "shorter_side_above",
    "aspect": "aspect_below",
    "texts_per_image": "texts_per_image_at_most",
    "images_per_text": "images_per_text_at_most",
    "too_short": "words_at_least",
    "too_long": "words_at_most",
    "rare_ngram": "vocabulary",
    "safety_words": "safety_words",
    "safety_scores": "safety_scores",
}
"""The rules in the order of counting, each with the field of `Rules` that switches it on."""


def rule_names(rules: Rules) -> list[str]:
    """The names of the rules that are on, in the order in which drops are counted."""
    return [_UNUSABLE] + [name for name, threshold in _THRESHOLDS.items() if getattr(rules, threshold) is not None]


def label(candidates: ibis.Table, rules: Rules) -> ibis.Table:
    """The candidates with a column ``dropped_by``: the first rule that drops the pair, or null.

    Rows without an image, a text or a size cannot be judged and are dropped as ``unusable``.

    Args:
        candidates: the raw table; frequencies are counted on it, before any rule.
        rules: which rules, with which thresholds.
    """
    names = rule_names(rules)
    usable = candidates.image.notnull() & candidates.alt.notnull() & (candidates.width > 0) & (candidates.height > 0)
    raw = candidates.mutate(unusable=~ibis.coalesce(usable, False))
    # distinct pairs first: grouping them spills to disk, counting distinct values inside a group does not
    distinct = settle(raw.filter(~_.unusable).group_by("image", "alt").agg(pairs=_.count()))
    images = _first_rule(_bad_images(distinct, rules), names, "image")
    texts = _first_rule(_bad_texts(distinct, rules), names, "alt")
    # only images and texts that a rule drops are joined: far fewer than there are
    table = raw.left_join(images, "image").drop("image_right").left_join(texts, "alt")
    alone = ibis.cases(
        *((drop, names.index(name)) for name, drop in _bad_pairs(table, rules).items()), else_=len(names)
    )
    first = ibis.least(alone, *(ibis.coalesce(table[f"rule_of_{of}"], len(names)) for of in ("image", "alt")))
    return table.mutate(dropped_by=first.cases(*enumerate(names), else_=ibis.null(str))).select(
        *candidates.columns, "dropped_by"
    )


def _bad_pairs(table: ibis.Table, rules: Rules) -> dict[str, Value]:
    """The rules that look at a pair alone, in their order: the condition on which each drops it."""
    shorter = ibis.least(table.width, table.height)
    longer = ibis.greatest(table.width, table.height)
    drops: dict[str, Value] = {_UNUSABLE: table.unusable}
    if rules.language is not None:
        primary = ibis.coalesce(table.language, "").lower().re_replace("[-_].*", "")
        drops["language"] = (primary != "") & (primary != rules.language.lower())
    if rules.shorter_side_above is not None:
        drops["shorter_side"] = shorter <= rules.shorter_side_above
    if rules.aspect_below is not None:
        drops["aspect"] = longer.cast("float64") >= rules.aspect_below * shorter.cast("float64")
    return drops


def _bad_images(distinct: ibis.Table, rules: Rules) -> dict[str, ibis.Table]:
    """The rules that look at all pairs of an image: the images that each drops."""
    bad: dict[str, ibis.Table] = {}
    if rules.texts_per_image_at_most is not None:
        counts = distinct.group_by("image").agg(texts=_.count())
        bad["texts_per_image"] = counts.filter(_.texts > rules.texts_per_image_at_most)
    if rules.safety_scores is not None:
        bad["safety_scores"] = _with_scores(rules.safety_scores, rules.safety_score_below)
    return bad


def _bad_texts(distinct: ibis.Table, rules: Rules) -> dict[str, ibis.Table]:
    """The rules that look at all pairs of an alt-text: the texts that each drops."""
    texts = distinct.group_by("alt").agg(images=_.count(), pairs=_.pairs.sum())
    texts = texts.mutate(words=words_of(texts.alt))
    texts = settle(texts.mutate(length=texts.words.length()))
    bad: dict[str, ibis.Table] = {}
    if rules.images_per_text_at_most is not None:
        bad["images_per_text"] = texts.filter(_.images > rules.images_per_text_at_most)
    if rules.words_at_least is not None:
        bad["too_short"] = texts.filter(_.length < rules.words_at_least)
    if rules.words_at_most is not None:
        bad["too_long"] = texts.filter(_.length > rules.words_at_most)
    if rules.vocabulary is not None:
        bad["rare_ngram"] = rare_texts(texts, rules.vocabulary)
    if rules.safety_words is not None:
        bad["safety_words"] = _with_words(texts, rules.safety_words)
    return bad


def _first_rule(bad: dict[str, ibis.Table], names: list[str], key: str) -> ibis.Table:
    """Of each image or text that a rule drops, the place of the first such rule among the names, as ``rule_of_…``."""
    place = f"rule_of_{key}"
    if not bad:
        return ibis.memtable({key: [], place: []}, schema={key: "string", place: "int64"})
    found = [table.select(key, place=ibis.literal(names.index(name), "int64")) for name, table in bad.items()]
    return ibis.union(*found).group_by(key).agg(**{place: _.place.min()})


def _with_words(texts: ibis.Table, words: Path) -> ibis.Table:
    with made_sense_of(words, what="The list of words is not text in UTF-8"):
        lines = words.read_text(encoding="utf-8").splitlines()
    listed = sorted({" ".join(line.lower().split()) for line in lines} - {""})
    if not listed:
        raise DataError("The list of words is empty.", where=words, fix="Write one word or two-word phrase a line.")
    placed = positions(texts.select("alt", "words"))
    unsafe = ibis.memtable({"phrase": listed})
    found = ibis.union(
        placed.select("alt", phrase="word"), placed.select("alt", phrase=placed.word.concat(" ", placed.next))
    )
    return found.semi_join(unsafe, "phrase").select("alt").distinct()


def _with_scores(scores: Path, below: float) -> ibis.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with made_sense_of(scores, what="The scores cannot be read", fix="Parquet with `image` and `score`."):
        schema = pa.schema([("image", pa.string()), ("score", pa.float64())])
        table = pq.read_table(scores, columns=["image", "score"]).select(schema.names).cast(schema)
    return ibis.memtable(table).filter(_.score >= below).select("image").distinct()
