"""Documents to pairs: the rules applied, their results filtered, balanced and kept apart by document."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from nonet.felix.data import Collected, Pair
from nonet.felix.rules.compression import compressed
from nonet.felix.rules.config import RuleConfig
from nonet.felix.rules.disfluency import disfluent
from nonet.felix.rules.fusion import PAIR_RULES, Apart, apart, unrelated
from nonet.felix.rules.parsing import Span, sentences
from nonet.felix.rules.voice import to_active, to_passive
from nonet.felix.sources.prose import Document
from nonet.foundation import console

__all__ = ["acceptable", "balanced", "document_pairs", "rule_pairs"]

_SHORTEST, _LONGEST = 5, 45  # words of a side
_NAMES = 400  # words to be mistaken with, from one document


def rule_pairs(name: str, documents: Sequence[Document], config: RuleConfig) -> Collected:
    """Makes pairs of documents.

    Args:
        name: what the pairs are called.
        documents: plain English.
        config: which rules, how many pairs.
    """
    rng = random.Random(config.seed)
    chosen = list(documents)
    if config.documents:
        chosen = chosen[: config.documents]
    found: list[Pair] = []
    left_out = Counter[str]()
    for document in console.track(chosen, "Reading", len(chosen)):
        for pair in document_pairs(document, config, rng):
            reason = acceptable(pair)
            if reason is None:
                found.append(pair)
            else:
                left_out[reason] += 1
    rng.shuffle(found)
    kept = balanced(found, config)
    left_out["more than their share of a connective"] = len(found) - len(kept)
    return Collected(name, {"train": kept[: config.most]}, {k: v for k, v in left_out.items() if v})


def document_pairs(document: Document, config: RuleConfig, rng: random.Random) -> Iterator[Pair]:
    """All pairs that the rules make of a document."""
    for sents in sentences(document.paragraphs):
        whole = [sent for sent in sents if _is_sentence(sent)]
        if "fuse" in config.task or "split" in config.task:
            for one in _taken_apart(whole, config, rng):
                if not (_closed(one.first) and _closed(one.second)):
                    continue
                kind = one.kind + (f":{one.connective}" if one.connective else "")
                if "fuse" in config.task:
                    yield Pair(one.both, (one.whole,), kind, document.name)
                if "split" in config.task and one.kind.startswith("SINGLE"):
                    yield Pair(one.whole, (one.both,), f"split:{kind}", document.name)
        yield from _rewritten(whole, config, rng, document.name)


def _taken_apart(sents: Sequence[Span], config: RuleConfig, rng: random.Random) -> Iterator[Apart]:
    for place, sent in enumerate(sents):
        if one := apart(sent):
            yield one
        following = sents[place + 1] if place + 1 < len(sents) else None
        if following is None or following.start != sent.end:
            continue
        paired = next((one for rule in PAIR_RULES if (one := rule(sent, following))), None)
        if paired is None and rng.random() < config.unchanged:
            paired = unrelated(sent, following)
        if paired is not None:
            yield paired


def _rewritten(sents: Sequence[Span], config: RuleConfig, rng: random.Random, group: str) -> Iterator[Pair]:
    nouns = [t.text for sent in sents for t in sent if t.pos_ in {"NOUN", "PROPN"} and t.is_alpha][:_NAMES]
    for sent in sents:
        text = " ".join(sent.text.split())
        if "voice" in config.task:
            for kind, rule in (("active_to_passive", to_passive), ("passive_to_active", to_active)):
                if made := rule(sent):
                    yield Pair(text, (made,), kind, group)
        if "compress" in config.task and (made := compressed(sent)):
            yield Pair(text, (made,), "compress", group)
        if "disfluency" in config.task and nouns and (made := disfluent(sent, nouns, rng)):
            yield Pair(" ".join(made.split()), (text,), "disfluency", group)


def acceptable(pair: Pair) -> str | None:
    """Why a pair is left out, or None: length, balanced brackets and quotes."""
    for text in (pair.source, *pair.targets):
        words = len(text.split())
        if not _SHORTEST <= words <= 2 * _LONGEST:
            return "too short or too long"
        if not _closed(text):
            return "brackets or quotes that do not match"
        if sum(character.isalpha() or character == " " for character in text) < 0.8 * len(text):
            return "mostly signs"
    return None


def _closed(text: str) -> bool:
    return text.count("(") == text.count(")") and text.count("[") == text.count("]") and text.count('"') % 2 == 0


def balanced(pairs: Iterable[Pair], config: RuleConfig) -> list[Pair]:
    """At most a share of the pairs for each kind with a connective; others as they come."""
    pairs = list(pairs)
    limit = max(1, round(config.per_connective * min(config.most, len(pairs))))
    counts = Counter[str]()
    kept = []
    for pair in pairs:
        connective = pair.kind.partition(":")[2]
        counts[pair.kind] += 1
        if not connective or counts[pair.kind] <= limit:
            kept.append(pair)
    return kept


def _is_sentence(sent: Span) -> bool:
    text = sent.text.strip()
    return (
        text[:1].isupper()
        and text.endswith((".", "!", "?"))
        and _SHORTEST <= len(sent) <= _LONGEST + 10
        and "\n" not in text
    )
