"""``nonet felix edit``: an editor at work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

__all__ = ["edit"]


def edit(
    editor: Annotated[Path, tyro.conf.Positional],
    text: Annotated[str | None, tyro.conf.Positional] = None,
    show: Literal["text", "edits", "json", "html"] = "text",
    backend: Literal["torch", "onnx", "int8"] = "torch",
    keep_bias: float | None = None,
    min_edit_probability: float | None = None,
    best: int = 1,
) -> None:
    """Edit a text, or every line of standard input.

    Example: nonet felix edit editor/ "Turing was born in 1912. Turing died in 1954."

    Args:
        editor: a folder made by `nonet felix train`.
        text: the text; without it, lines are read from standard input and written in the same order.
        show: the edited text alone, the edits one a line, JSON (one object a line), or an HTML fragment a line.
        backend: torch, or what `nonet felix export` wrote.
        keep_bias: above 0 edits less, below 0 more.
        min_edit_probability: edits below this probability are not made.
        best: show so many different results of each text, the most probable first.
    """
    import sys

    from nonet.felix.commands.learn import chosen_decoding
    from nonet.felix.editor import Editor
    from nonet.felix.runtime import open_editor
    from nonet.felix.showing import shown
    from nonet.foundation.errors import UsageError

    if best < 1:
        raise UsageError(f"{best} results cannot be shown.", where="--best", fix="Ask for at least 1.")
    opened = open_editor(editor, backend)
    decoding = chosen_decoding(opened.config.decoding, keep_bias, min_edit_probability)
    lines = [text] if text is not None else (line.rstrip("\n") for line in _standard_input())
    if best > 1:
        if not isinstance(opened, Editor):
            raise UsageError("A baseline gives one result.", where="--best")
        results = (one for line in lines for one in opened.alternatives(line, best, decoding))
    else:
        results = opened.edit(lines, decoding)
    for result in results:
        sys.stdout.write(shown(result, show) + "\n")


def _standard_input():
    """Lines of standard input; bytes that are no UTF-8 come out as they came in."""
    import io
    import sys

    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    return io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="surrogateescape", newline="\n")
