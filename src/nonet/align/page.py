"""The search page and its JSON API: thin routes over `Searcher` and `Gallery`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path as FilePath
from time import perf_counter
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from nonet.align import api
from nonet.align.gallery import Gallery, Shown
from nonet.align.index import Snapshot
from nonet.align.search import Searcher
from nonet.align.segments import Picture
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.page import Mount, render
from nonet.foundation.sketch import HEIGHT, WIDTH, picture, rectangle, sketch

__all__ = ["mount", "pages"]

MAX_UPLOAD = 32 * 2**20  # bytes
_SUGGESTIONS, _LOOKED_AT = 8, 48
_SHORT = 32  # characters of a caption that fits a button
_ACROSS, _DOWN = 4, 2  # pictures of the drawing

PictureId = Annotated[int, Path(ge=0, le=api.MAX_ID)]


def mount(source: FilePath | None) -> Mount:
    """The search page of an index folder.

    Raises:
        UsageError: if no folder is named.
        ArtifactError: if the index or its model cannot be used.
    """
    if source is None:
        raise UsageError("The search page needs an index.", fix="Name its folder: nonet serve --align index/")
    return pages(Searcher.open(source))


def pages(searcher: Searcher) -> Mount:
    """The search page of an opened index."""
    router = APIRouter()
    gallery = Gallery(searcher.index.folder)

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        snapshot = searcher.index.snapshot()
        return render(request, "align/search.html", pictures=len(snapshot), suggestions=_suggestions(snapshot))

    @router.post("/api/search", responses=_problems(422, 503))
    def search(request: api.SearchRequest) -> api.SearchAnswer:
        """The pictures nearest to words and pictures, added and taken away."""
        start = perf_counter()
        found = searcher.search(api.query(request, gallery), request.k, request.offset)
        return api.answer(found, milliseconds=round(1000 * (perf_counter() - start), 2))

    @router.post("/api/labels", responses=_problems(422, 503))
    def labels(request: api.LabelsRequest) -> api.LabelsAnswer:
        """How likely each of some labels is for a picture, without having learnt any of them."""
        start = perf_counter()
        found = searcher.probabilities(api.labelled(request, gallery), request.labels)
        took = round(1000 * (perf_counter() - start), 2)
        return api.LabelsAnswer(labels=request.labels, probabilities=found.tolist(), milliseconds=took)

    @router.post("/api/uploads", responses=_problems(413, 422, 503), openapi_extra=_BINARY_BODY)
    async def upload(request: Request) -> api.Uploaded:
        """Brings a picture, the bytes of its file, for use in queries."""
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > MAX_UPLOAD:
                raise HTTPException(413, f"The picture is larger than {MAX_UPLOAD // 2**20} MB.")
        kept = await run_in_threadpool(gallery.keep, bytes(content))
        return api.Uploaded(id=kept.sha256, width=kept.width, height=kept.height)

    @router.get("/api/uploads/{sha256}", response_class=FileResponse, responses=_problems(404, 422))
    def uploaded(sha256: api.Sha256) -> FileResponse:
        """A picture that was uploaded."""
        try:
            return FileResponse(gallery.upload(sha256), media_type="image/jpeg", headers=_KEEP)
        except DataError as error:
            raise HTTPException(404, error.what) from error

    @router.get("/api/images/{id}", response_class=Response, responses=_problems(404, 422))
    def image(id: PictureId) -> Response:
        """A picture of the index."""
        return _shown(searcher, id, gallery.whole)

    @router.get("/api/thumbs/{id}", response_class=Response, responses=_problems(404, 422))
    def thumb(id: PictureId) -> Response:
        """A small version of a picture of the index."""
        return _shown(searcher, id, gallery.thumbnail)

    def state() -> str:
        return _count(len(searcher.index.snapshot()))

    return Mount(router, state, lambda: _drawing(searcher.index.snapshot(), gallery))


_BINARY_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_KEEP = {"Cache-Control": "private, max-age=86400, immutable"}  # an id never means other bytes


def _problems(*statuses: int) -> dict[int | str, dict[str, object]]:
    said = {
        404: "There is no such picture.",
        413: "The picture is too large.",
        422: "The request cannot be answered; `detail` says why.",
        503: "The machine ran out of something; `detail` says what.",
    }
    shape = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
    return {
        status: {"description": said[status], "content": {"application/json": {"schema": shape}}} for status in statuses
    }


def _shown(searcher: Searcher, id: int, make: Callable[[Picture], Shown]) -> Response:
    picture = searcher.index.snapshot().pictures([id]).get(id)
    if picture is None:
        raise HTTPException(404, "There is no such picture in the index.")
    try:
        shown = make(picture)
    except DataError as error:
        raise HTTPException(404, error.what) from error
    return Response(shown.content, media_type=shown.media_type, headers=_KEEP)


def _drawing(snapshot: Snapshot, gallery: Gallery) -> Markup | None:
    """Pictures from all over the index."""
    last, wanted = max(1, snapshot.manifest.next_id - 1), _ACROSS * _DOWN
    found = snapshot.pictures({last * step // (2 * wanted) for step in range(2 * wanted + 1)})
    there = [id for id, one in sorted(found.items()) if _is_shown(one, gallery)]
    if not there:
        return None
    chosen = there[:: max(1, len(there) // wanted)][:wanted]
    wide, high = WIDTH / _ACROSS, HEIGHT / _DOWN
    shapes = [rectangle(0, 0, WIDTH, HEIGHT, "paper")]
    for place, id in enumerate(chosen):
        row, column = divmod(place, _ACROSS)
        address = f"/align/api/thumbs/{id}"
        shapes.append(picture(address, column * wide + 3, row * high + 3, wide - 6, high - 6))
    return sketch("Pictures of the index", shapes)


def _is_shown(picture: Picture, gallery: Gallery) -> bool:
    try:
        return bool(gallery.thumbnail(picture).content)  # kept for the request that follows
    except DataError:  # it is gone, or was changed
        return False


@lru_cache(1)
def _suggestions(snapshot: Snapshot) -> list[str]:
    """A few short captions from all over the index, to try as queries."""
    last = max(1, snapshot.manifest.next_id - 1)
    looked_at = {last * step // _LOOKED_AT for step in range(_LOOKED_AT)}
    captions = (caption for picture in snapshot.pictures(looked_at).values() for caption in picture.captions[:1])
    short = dict.fromkeys(text for text in captions if len(text) <= _SHORT and text.replace(" ", "").isalpha())
    return list(short)[:: max(1, len(short) // _SUGGESTIONS)][:_SUGGESTIONS]


def _count(pictures: int) -> str:
    return f"{pictures:,} picture{'' if pictures == 1 else 's'} indexed"
