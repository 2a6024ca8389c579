"""The editing page and its JSON API: thin routes over an editor."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from time import perf_counter

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from nonet.felix import api
from nonet.felix.editor import Edited, Editor
from nonet.felix.runtime import open_editor
from nonet.felix.showing import segments
from nonet.foundation.errors import UsageError
from nonet.foundation.page import Mount, render

__all__ = ["mount", "pages"]

_SAMPLE = "Turing was born in 1912. Turing died in 1954."


def mount(source: Path | None) -> Mount:
    """The editing page of an editor's folder; graphs of ONNX Runtime are used where they were exported.

    Raises:
        UsageError: if no folder is named, or it holds a baseline.
        ArtifactError: if the editor cannot be used.
    """
    if source is None:
        raise UsageError("The editing page needs an editor.", fix="Name its folder: nonet serve --felix editor/")
    backend = "onnx" if (source / "onnx").is_dir() else "torch"
    editor = open_editor(source, backend)
    if not isinstance(editor, Editor):
        raise UsageError("The page shows the edits of FELIX; this is a baseline.", where=source)
    return pages(editor, source.resolve().name)


def pages(editor: Editor, name: str) -> Mount:
    """The editing page of an opened editor."""
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        return render(request, "felix/edit.html", name=name, decoding=editor.config.decoding)

    @router.post("/edit", responses=_PROBLEM)
    def edit(request: api.EditRequest) -> api.EditAnswer:
        """Edits texts, and says what was changed and how sure that is."""
        start = perf_counter()
        made = list(editor.edit(request.texts, request.decoding(editor.config.decoding)))
        took = 1000 * (perf_counter() - start)
        return api.EditAnswer(results=[api.result(one) for one in made], milliseconds=round(took, 2))

    @router.post("/rewrite", responses=_PROBLEM)
    def rewrite(request: api.RewriteRequest) -> api.RewriteAnswer:
        """The text if some of its edits are rejected."""
        edited = next(editor.edit([request.text], request.decoding(editor.config.decoding)))
        unknown = [number for number in request.rejected if number >= len(edited.edits)]
        if unknown:
            raise HTTPException(422, f"This text has {len(edited.edits)} edits; there is no edit {unknown[0]}.")
        return api.RewriteAnswer(text=editor.rewrite(edited, request.rejected))

    @cache
    def drawing() -> Markup:
        return _drawing(next(iter(editor.edit([_SAMPLE]))))

    return Mount(router, f"The editor {name} is ready", drawing)


def _drawing(edited: Edited) -> Markup:
    """What the editor does to a sample, as marked text."""
    tags = {"insert": "ins", "to": "ins", "delete": "del", "from": "del"}
    parts = []
    for segment in segments(edited):
        tag = tags.get(segment.kind)
        parts.append(Markup("<{0}>{1}</{0}>").format(tag, segment.text) if tag else escape(segment.text))
    return Markup('<div class="sketch-text"><p>{}</p></div>').format(Markup("").join(parts))


_PROBLEM: dict[int | str, dict[str, object]] = {
    422: {
        "description": "The request cannot be answered; `detail` says why.",
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
            }
        },
    }
}
