"""Sentences taken apart: each rule turns one parsed sentence, or two neighbours, into two that can stand alone.

The kinds have the names of DiscoFuse. A rule returns None where it does not apply or is not sure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nonet.felix.rules.connectives import FORWARD, INNER, backward, bare
from nonet.felix.rules.parsing import Span, Token, capitalised, finite, tidy

__all__ = ["PAIR_RULES", "SINGLE_RULES", "Apart", "apart"]

_RELATIVE = {"who": "", "which": "", "whose": "'s"}
_COORDINATED = {"and", "but", "or", "so", "yet"}
_FEMALE = {"she", "her"}
_MALE = {"he", "his", "him"}


@dataclass(frozen=True)
class Apart:
    """Two sentences and what they come from.

    Attributes:
        first: a sentence.
        second: the sentence after it.
        whole: the text that says both together.
        kind: the phenomenon, in DiscoFuse's words.
        connective: what links them; empty where nothing does.
    """

    first: str
    second: str
    whole: str
    kind: str
    connective: str = ""

    @property
    def both(self) -> str:
        """The two sentences as one text."""
        return f"{self.first} {self.second}"


def forward_connective(sent: Span) -> Apart | None:
    """Takes apart, as SINGLE_CONN_START, the like of: Although it rained, they went out."""
    text = sent.text.strip()
    phrase = next((p for p in FORWARD if text.lower().startswith(p + " ")), None)
    if phrase is None:
        return None
    many = len(phrase.split())
    comma = next((t.i - sent.start for t in sent if t.text == "," and _outer(t, sent, many)), None)
    if comma is None or not finite(sent[many:comma]) or not finite(sent[comma + 1 :]):
        return None
    first, second = sent[many:comma], sent[comma + 1 :]
    return _made(first.text, second.text, text, "SINGLE_CONN_START", bare(phrase))


def inner_connective(sent: Span) -> Apart | None:
    """Takes apart, as SINGLE_CONN_INNER, the like of: They went out although it rained."""
    text = sent.text.strip()
    for phrase in INNER:
        many = len(phrase.split())
        for place in range(2, len(sent) - 3):
            if sent[place : place + many].text.lower() != phrase:
                continue
            before, after = sent[:place], sent[place + many :]
            if sent[place - 1].text.lower() in {"and", "but"}:
                before = sent[: place - 1]
            if finite(before) and finite(after) and after[0].text != "of":
                return _made(before.text, after.text, text, "SINGLE_CONN_INNER", bare(phrase))
    return None


def cataphora(sent: Span) -> Apart | None:
    """Takes apart, as SINGLE_CATAPHORA, the like of: Stating that it was late, Walker left."""
    first = sent[0]
    if first.tag_ != "VBG" or first.dep_ != "advcl":
        return None
    comma = next((t.i - sent.start for t in sent if t.text == ","), None)
    root = sent.root
    subject = _subject(root)
    if comma is None or subject is None or root.tag_ != "VBD" or not finite(sent[comma + 1 :]):
        return None
    name = _phrase(subject)
    if not name or subject.left_edge.i - sent.start != comma + 1:
        return None
    past = inflected(first.lemma_, "VBD")
    rest = sent[1:comma].text
    return _made(f"{name} {past} {rest}", sent[comma + 1 :].text, sent.text.strip(), "SINGLE_CATAPHORA")


def sentence_coordination(sent: Span) -> Apart | None:
    """Takes apart, as SINGLE_S_COORD, the like of: It rained, and they stayed."""
    for token in sent:
        subject = _added_subject(token, sent)
        if subject is None or subject.left_edge.i != token.i + 1:
            continue
        before, after = sent[: token.i - sent.start], sent[token.i + 1 - sent.start :]
        if finite(before) and finite(after):
            return _made(before.text, after.text, sent.text.strip(), "SINGLE_S_COORD", token.lower_)
    return None


def verb_coordination(sent: Span) -> Apart | None:
    """Takes apart, as SINGLE_VP_COORD, the like of: They stayed and read."""
    root = sent.root
    subject = _subject(root)
    if subject is None:
        return None
    for token in root.children:
        if token.dep_ != "cc" or token.lower_ not in {"and", "but"}:
            continue
        conjunct = next((t for t in root.conjuncts if 0 < t.i - token.i <= 5), None)
        if conjunct is None or not _like(conjunct, root) or _subject(conjunct) is not None:
            continue
        before, after = sent[: token.i - sent.start], sent[token.i + 1 - sent.start :]
        name = sent.doc[subject.left_edge.i : subject.right_edge.i + 1].text
        if finite(before) and len(after) > 1:
            second = f"{capitalised(name)} {after.text}"
            return _made(before.text, second, sent.text.strip(), "SINGLE_VP_COORD", token.lower_)
    return None


def relative_clause(sent: Span) -> Apart | None:
    """Takes apart, as SINGLE_RELATIVE, the like of: Turing, who was born in 1912, was a mathematician."""
    for token in sent:
        place = token.i - sent.start
        if token.lower_ not in _RELATIVE or place < 2 or sent[place - 1].text != ",":
            continue
        clause = next((t for t in token.ancestors if t.dep_ == "relcl"), None)
        if clause is None:
            continue
        noun, end = (
            clause.head,
            next((t.i - sent.start for t in sent[place:] if t.text == "," and t.i > clause.i), None),
        )
        stop = end if end is not None else len(sent) - (1 if sent[-1].is_punct else 0)
        name = _phrase(noun)
        if not name or noun.left_edge.i >= token.i or not _inflected(sent[place:stop]):
            continue
        if end is not None and not sent.start + end < sent.root.i:
            continue  # the comma ends no clause in the middle: what follows it is another one
        after = sent[end + 1 :].text if end is not None else ""
        second = f"{capitalised(name)}{_RELATIVE[token.lower_]} {sent[place + 1 : stop].text}"
        first = f"{sent[: place - 1].text} {after}"
        if token.dep_ in {"nsubj", "nsubjpass", "poss"} and len(first.split()) > 3:
            return _made(first, second, sent.text.strip(), "SINGLE_RELATIVE", token.lower_)
    return None


def apposition(sent: Span) -> Apart | None:
    """Takes apart, as SINGLE_APPOSITION, the like of: Turing, a mathematician, was born in 1912."""
    for token in sent:
        start, stop = token.left_edge.i - sent.start, token.right_edge.i + 1 - sent.start
        if token.dep_ != "appos" or start < 2 or stop >= len(sent) - 1:
            continue
        first = sent[start]
        closed = sent[start - 1].text == "," and sent[stop].text == ","
        if not closed or (first.dep_ not in {"det", "poss"} and first.pos_ != "DET"):
            continue
        name = _phrase(token.head)
        if not name or "," in sent[start:stop].text:
            continue
        is_ = "was" if any(t.tag_ == "VBD" for t in sent) else "is"
        if token.head.tag_ in {"NNS", "NNPS"}:
            is_ = {"was": "were", "is": "are"}[is_]
        rest = f"{sent[: start - 1].text} {sent[stop + 1 :].text}"
        second = f"{capitalised(name)} {is_} {sent[start:stop].text}"
        return _made(rest, second, sent.text.strip(), "SINGLE_APPOSITION")
    return None


def paired_connective(first: Span, second: Span) -> Apart | None:
    """Takes apart, as PAIR_CONN, the like of: It rained. However, they went out."""
    before, after = first.text.strip(), second.text.strip()
    found = backward(after)
    if found is None or not finite(first) or not finite(second):
        return None
    phrase, rest = found
    return _made(before, rest, f"{before} {after}", "PAIR_CONN", bare(phrase))


def anaphora(first: Span, second: Span) -> Apart | None:
    """Takes apart, as PAIR_ANAPHORA, the like of: Turing was born in 1912. He died in 1954.

    Without a model of coreference only the clearest case is taken: the second sentence begins with a personal pronoun
    as its subject, and the first has one person as its subject and names no other.
    """
    pronoun = second[0]
    if pronoun.lower_ not in {"he", "she"} or pronoun.dep_ not in {"nsubj", "nsubjpass"}:
        return None
    subject = _subject(first.root)
    people = [entity for entity in first.ents if entity.label_ == "PERSON"]
    if subject is None or len(people) != 1 or not people[0].start <= subject.i < people[0].end:
        return None
    other = _FEMALE if pronoun.lower_ in _MALE else _MALE
    if any(token.lower_ in other for token in (*first, *second)) or any(e.label_ == "PERSON" for e in second.ents):
        return None
    before, after = first.text.strip(), second.text.strip()
    rest = after[len(pronoun.text) :].strip()
    return _made(before, f"{people[0].text} {rest}", f"{before} {after}", "PAIR_ANAPHORA", pronoun.lower_)


def unrelated(first: Span, second: Span) -> Apart | None:
    """Neighbours that stay as they are (PAIR_NONE)."""
    before, after = first.text.strip(), second.text.strip()
    if backward(after) or not finite(first) or not finite(second) or second[0].pos_ == "PRON":
        return None
    return _made(before, after, f"{before} {after}", "PAIR_NONE")


SINGLE_RULES: tuple[Callable[[Span], Apart | None], ...] = (
    forward_connective,
    inner_connective,
    cataphora,
    sentence_coordination,
    verb_coordination,
    relative_clause,
    apposition,
)
PAIR_RULES: tuple[Callable[[Span, Span], Apart | None], ...] = (paired_connective, anaphora)


def apart(sent: Span) -> Apart | None:
    """The first rule for single sentences that applies."""
    return next((found for rule in SINGLE_RULES if (found := rule(sent))), None)


def inflected(lemma: str, tag: str) -> str:
    """A form of a verb, such as the past of its lemma."""
    from lemminflect import getInflection

    forms = getInflection(lemma, tag)
    return forms[0] if forms else lemma


def _made(first: str, second: str, whole: str, kind: str, connective: str = "") -> Apart:
    return Apart(capitalised(tidy(first)), capitalised(tidy(second)), " ".join(whole.split()), kind, connective)


def _subject(verb: Token) -> Token | None:
    return next((t for t in verb.children if t.dep_ in {"nsubj", "nsubjpass"}), None)


def _added_subject(token: Token, sent: Span) -> Token | None:
    """The subject of the sentence that a conjunction adds to the one before it; None if it adds none."""
    place = token.i - sent.start
    if token.lower_ not in _COORDINATED or place < 3:
        return None
    if token.dep_ == "cc" and token.head.i == sent.root.i:
        verb = next((t for t in token.head.conjuncts if t.i > token.i and t.pos_ in {"VERB", "AUX"}), None)
    else:  # ", so" is parsed as an adverb of the sentence that it begins
        verb = token.head if token.dep_ == "advmod" and sent[place - 1].text == "," else None
    subject = None if verb is None else _subject(verb)
    return subject if subject is not None and verb is not None and token.i < subject.i < verb.i else None


def _like(verb: Token, root: Token) -> bool:
    """Whether a verb can stand alone with the subject of the root; the present of "they" is parsed as an infinitive."""
    return verb.tag_ in {"VBD", "VBZ", "VBP"} or (verb.tag_ == "VB" and root.tag_ == "VBP")


def _inflected(span: Span) -> bool:
    return any(token.tag_ in {"VBD", "VBZ", "VBP", "MD"} for token in span)


def _phrase(noun: Token) -> str:
    """A noun with what stands before it and names it; what comes behind it (clauses, appositions) is left out."""
    words = [
        t for t in noun.children if t.i < noun.i and t.dep_ in {"det", "compound", "amod", "nummod", "poss", "nmod"}
    ]
    start = min([w.left_edge.i for w in words], default=noun.i)
    return noun.doc[start : noun.i + 1].text


def _outer(comma: Token, sent: Span, least: int) -> bool:
    """Whether a comma may end the clause that a sentence begins with: behind a verb, and the main subject after it."""
    subject = _subject(sent.root)
    place = comma.i - sent.start
    return subject is not None and place > least + 1 and subject.left_edge.i == comma.i + 1
