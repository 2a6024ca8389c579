"""Active to passive and back: whole blocks of a sentence change places, which is what a pointer is for."""

from __future__ import annotations

from nonet.felix.rules.fusion import inflected
from nonet.felix.rules.parsing import Span, Token, capitalised, tidy

__all__ = ["to_active", "to_passive"]

_OBJECT_FORM = {"he": "him", "she": "her", "they": "them", "we": "us", "i": "me", "who": "whom"}
_SUBJECT_FORM = {form: word for word, form in _OBJECT_FORM.items()}
_KEPT_BEHIND = {"prep", "advmod", "npadvmod"}


def to_passive(sent: Span) -> str | None:
    """*The cat ate the mouse.* becomes *The mouse was eaten by the cat.*; None where that is not sure.

    Only simple sentences: one verb in the simple present or past, a subject, an object, and adverbs or prepositional
    phrases behind it.
    """
    verb = sent.root
    parts = _parts(verb, {"nsubj", "dobj"})
    if verb.tag_ not in {"VBD", "VBZ", "VBP"} or parts is None or verb.lemma_ in {"have", "be", "become", "include"}:
        return None
    subject, thing = parts["nsubj"], parts["dobj"]
    if any(_text(part).endswith(",") for part in (subject, thing)):
        return None
    if thing.lower_ in {"it", "itself", "himself", "herself", "themselves"} or subject.lower_ in {"which", "that"}:
        return None
    is_ = _be(thing, past=verb.tag_ == "VBD")
    doer = _OBJECT_FORM.get(_text(subject).lower(), _inside(subject, sent))
    done = _SUBJECT_FORM.get(_text(thing).lower(), _text(thing))
    rest = _rest(verb, thing.right_edge.i, sent)
    if rest is None:
        return None
    return capitalised(tidy(f"{done} {is_} {inflected(verb.lemma_, 'VBN')} by {doer} {rest}"))


def to_active(sent: Span) -> str | None:
    """*The mouse was eaten by the cat.* becomes *The cat ate the mouse.*; None where that is not sure."""
    verb = sent.root
    parts = _parts(verb, {"nsubjpass", "auxpass", "agent"})
    if verb.tag_ != "VBN" or parts is None or parts["auxpass"].tag_ not in {"VBD", "VBZ", "VBP"}:
        return None
    doer = next((t for t in parts["agent"].children if t.dep_ == "pobj"), None)
    subject = parts["nsubjpass"]
    if any(_text(part).endswith(",") for part in (subject, doer) if part is not None):
        return None
    if doer is None or parts["agent"].i < verb.i or doer.right_edge.i - doer.left_edge.i > 8:
        return None
    past = parts["auxpass"].tag_ == "VBD"
    plural = doer.tag_ in {"NNS", "NNPS"} or doer.lower_ in {"them", "us"} or _joined(doer)
    form = inflected(verb.lemma_, "VBD" if past else "VBP" if plural else "VBZ")
    who = _SUBJECT_FORM.get(_text(doer).lower(), _text(doer))
    what = _OBJECT_FORM.get(_text(subject).lower(), _inside(subject, sent))
    between = sent.doc[verb.i + 1 : parts["agent"].i].text
    rest = _rest(verb, parts["agent"].right_edge.i, sent)
    if rest is None or between:
        return None
    return capitalised(tidy(f"{who} {form} {what} {rest}"))


def _parts(verb: Token, wanted: set[str]) -> dict[str, Token] | None:
    """The wanted children of a verb, each there once, if nothing but punctuation and what may stay is beside them."""
    found: dict[str, Token] = {}
    for child in verb.children:
        if child.dep_ in wanted:
            if child.dep_ in found:
                return None
            found[child.dep_] = child
        elif child.dep_ not in {"punct", *_KEPT_BEHIND}:
            return None
    return found if set(found) == wanted else None


def _rest(verb: Token, last: int, sent: Span) -> str | None:
    """What follows the last part; None if something stands between the parts."""
    for child in verb.children:
        if child.dep_ in _KEPT_BEHIND and child.i < last:
            return None
    rest = sent.doc[last + 1 : sent.end].text
    return None if rest.startswith(",") else rest


def _be(thing: Token, *, past: bool) -> str:
    many = thing.tag_ == "CD" and thing.lower_ not in {"one", "1"}
    plural = many or thing.tag_ in {"NNS", "NNPS"} or thing.lower_ in {"them", "us", "you"} or _joined(thing)
    if thing.lower_ == "me":
        return "was" if past else "am"
    return ("were" if plural else "was") if past else ("are" if plural else "is")


def _joined(noun: Token) -> bool:
    return any(child.dep_ == "conj" for child in noun.children) and any(c.lower_ == "and" for c in noun.children)


def _text(token: Token) -> str:
    return token.doc[token.left_edge.i : token.right_edge.i + 1].text


def _inside(token: Token, sent: Span) -> str:
    """The text of a subject as it stands inside a sentence."""
    text, first = _text(token), token.left_edge
    named = first.pos_ == "PROPN" or first.ent_type_ in {"PERSON", "GPE", "ORG", "NORP"} or first.text == "I"
    return text if (named and first.pos_ != "DET") or first.i != sent.start else text[:1].lower() + text[1:]
