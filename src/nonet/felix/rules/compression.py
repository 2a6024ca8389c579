"""Sentences made shorter by what can be left out: appositions, bracketed asides and relative clauses between commas."""

from __future__ import annotations

import re

from nonet.felix.rules.fusion import apposition, relative_clause
from nonet.felix.rules.parsing import Span

__all__ = ["compressed"]

_ASIDE = re.compile(r"\s*\([^()]*\)")


def compressed(sent: Span) -> str | None:
    """A sentence without its aside, apposition or relative clause; None if it has none."""
    text = " ".join(sent.text.split())
    shorter = _ASIDE.sub("", text)
    if shorter == text:
        found = apposition(sent) or relative_clause(sent)
        shorter = found.first if found else text
    return shorter if shorter != text and len(shorter.split()) >= 4 else None
