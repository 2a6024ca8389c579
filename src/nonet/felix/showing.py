"""Results of an editor for people and for programs."""

from __future__ import annotations

import html
import json
from typing import Any, Literal

from nonet.felix.editor import Edited
from nonet.felix.edits import Edit

__all__ = ["as_dict", "shown"]

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


def _html(edited: Edited) -> str:
    """The source with deletions and moves marked, insertions beside them, as one element."""
    parts, place = [], 0
    for edit in edited.edits:
        start = max(place, edit.start)
        parts.append(html.escape(edited.source[place:start]))
        title = f'title="{edit.kind}, {edit.probability:.1%}"'
        old = html.escape(edited.source[start : max(start, edit.end)])
        if old:
            parts.append(f"<mark {title}>{old}</mark>" if edit.kind == "move" else f"<del {title}>{old}</del>")
        if edit.new:
            parts.append(f"<ins {title}>{html.escape(edit.new)}</ins>")
        place = max(place, edit.end)
    parts.append(html.escape(edited.source[place:]))
    return f'<p class="felix-edit">{"".join(parts)}</p>'
