"""Results of an editor for people and for programs."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nonet.felix.editor import Edited
from nonet.felix.edits import Edit, Plan

__all__ = ["Segment", "as_dict", "segments", "shown"]

_SIGNS = {"insert": "+", "delete": "-", "replace": "~", "move": ">"}


def shown(edited: Edited, way: Literal["text", "edits", "json", "html"]) -> str:
    """A result as text.

    Args:
        edited: the result.
        way: the edited text alone, the edits one a line below it, one JSON object, or an HTML fragment.
    """
    if way == "json":
        return json.dumps(as_dict(edited), ensure_ascii=False)
    if way == "html":
        return _html(edited)
    if way == "text":
        return edited.text
    lines = [edited.text, *(_line(edit) for edit in edited.edits)]
    if edited.fallback:
        lines.append(f"  kept: {edited.fallback}")
    return "\n".join(lines)


def as_dict(edited: Edited) -> dict[str, Any]:
    """A result in JSON's types."""
    edits = [
        {
            "id": number,
            "kind": edit.kind,
            "start": edit.start,
            "end": edit.end,
            "old": edit.old,
            "new": edit.new,
            "probability": round(edit.probability, 4),
        }
        for number, edit in enumerate(edited.edits)
    ]
    return {
        "source": edited.source,
        "text": edited.text,
        "probability": edited.probability,
        "edits": edits,
        "fallback": edited.fallback,
        "windows": edited.windows,
    }


def _line(edit: Edit) -> str:
    change = {"insert": edit.new, "replace": f"{edit.old} -> {edit.new}"}.get(edit.kind, edit.old)
    return f"  {_SIGNS[edit.kind]} {edit.kind:8}{edit.probability:6.1%}  {edit.start}-{edit.end}  {change}"


@dataclass(frozen=True)
class Segment:
    """A stretch of an edited text as it is shown.

    Attributes:
        kind: ``keep``, ``delete`` or ``from`` (a block that moves away) for what is in the source; ``insert`` or ``to``
            (a block that comes here) for what is not.
        text: its characters.
        edit: the number of its edit; None for what stays.
    """

    kind: Literal["keep", "delete", "from", "insert", "to"]
    text: str
    edit: int | None = None


def segments(edited: Edited) -> list[Segment]:
    """The source from left to right, with what goes, comes and moves where it does.

    The texts of ``keep``, ``delete`` and ``from`` together are the source, character by character.
    """
    made: list[Segment] = []
    first = 0
    for plan in edited.plans:
        made += _of_plan(plan, first)
        first += len(plan.edits)
    return made or [Segment("keep", edited.source)]


def _of_plan(plan: Plan, first: int) -> list[Segment]:
    source = plan.source
    leaving = {i: n for n, edit in enumerate(plan.edits) for i in edit.tokens}
    coming = {edit.after: n for n, edit in enumerate(plan.edits) if edit.new}
    moved = {i for n, edit in enumerate(plan.edits) if edit.kind == "move" for i in edit.tokens}
    arriving: dict[int, list[int]] = {}  # what comes behind each token that stays, in the order of the result
    stays = before = 0
    for item in plan.items:
        if isinstance(item, int):
            before = item
            if item not in moved:
                stays = item
            elif leaving[item] not in arriving.setdefault(stays, []):
                arriving[stays].append(leaving[item])
        elif before in coming:
            arriving.setdefault(stays, []).append(coming[before])
    made: list[Segment] = []
    waiting: list[int] = []
    for index in range(len(source)):
        if index not in leaving:
            made += [_arrival(plan.edits[number], first + number) for number in waiting]
            waiting = arriving.get(index, [])
            made.append(Segment("keep", source.gap(index) + source.of(index)))
            continue
        number = leaving[index]
        kind = "from" if plan.edits[number].kind == "move" else "delete"
        made.append(Segment(kind, source.gap(index) + source.of(index), first + number))
    return _joined(made)


def _arrival(edit: Edit, number: int) -> Segment:
    if edit.kind == "move":
        return Segment("to", " " + edit.old, number)
    return Segment("insert", edit.new if edit.new[:1] in ",.;:!?)" else " " + edit.new, number)


def _joined(parts: Sequence[Segment]) -> list[Segment]:
    made: list[Segment] = []
    for part in parts:
        if made and (made[-1].kind, made[-1].edit) == (part.kind, part.edit):
            made[-1] = Segment(part.kind, made[-1].text + part.text, part.edit)
        elif part.text:
            made.append(part)
    return made


_ELEMENTS = {"delete": "del", "insert": "ins", "from": "s", "to": "mark"}


def _html(edited: Edited) -> str:
    """The source with edits marked, as one element."""
    parts = []
    for segment in segments(edited):
        text = html.escape(segment.text)
        if segment.edit is not None:
            edit = edited.edits[segment.edit]
            name = _ELEMENTS[segment.kind]
            text = f'<{name} title="{edit.kind}, {edit.probability:.1%}">{text}</{name}>'
        parts.append(text)
    return f'<p class="felix-edit">{"".join(parts)}</p>'
