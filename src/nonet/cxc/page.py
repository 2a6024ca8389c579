"""The rating page: thin routes over the store of judgements."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse
from markupsafe import Markup
from pydantic import BaseModel, Field

from nonet.cxc.rating.pairs import PairToRate, read_pairs
from nonet.cxc.rating.records import Rater
from nonet.cxc.rating.scale import SCALES
from nonet.cxc.rating.store import Store, store_path
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import is_file
from nonet.foundation.page import Mount, render
from nonet.foundation.sketch import line, rectangle, sketch

__all__ = ["mount", "open_study"]

PairNumber = Annotated[int, InPath(ge=0, le=2**31)]
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".avif", ".tif", ".tiff"})


class Join(BaseModel):
    """A wish to rate."""

    name: Annotated[str, Field(min_length=1, max_length=80)]


class Joined(BaseModel):
    """Where a rater rates: a personal link."""

    link: str


class Side(BaseModel):
    """One item of a pair: a text, or the address of a picture."""

    text: str | None
    image: str | None


class Question(BaseModel):
    """A pair to rate, with the rater's former score when it comes up again."""

    pair: int
    kind: Literal["sts", "sis", "sits"]
    question: str
    anchors: list[str]
    left: Side
    right: Side
    score: float | None = None
    made: float | None = None


class Next(BaseModel):
    """The next question, or none when all is done; how many are answered, and how many there are still."""

    question: Question | None
    done: int
    remaining: int


class Previous(BaseModel):
    """A question that was answered before, or none."""

    question: Question | None


class Answer(BaseModel):
    """A score."""

    score: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


def open_study(source: Path) -> tuple[list[PairToRate], Store]:
    """The pairs of a file and the store of their judgements, made if it is not there.

    Raises:
        DataError: if the file of pairs is broken or a picture is missing.
    """
    pairs = read_pairs(source)
    for number, pair in enumerate(pairs, 1):
        for image in (pair.left_image, pair.right_image):
            if image and not is_file(source.parent / image):
                raise DataError(f"The picture '{image}' of row {number} is missing.", where=source)
            # the page hands it to anybody with a link: a table must not name other files of this machine
            if image and Path(image).suffix.lower() not in _PICTURES:
                raise DataError(f"'{image}' of row {number} is not named as a picture.", where=source)
    return pairs, Store.open(store_path(source), [(p.kind, p.left, p.right, p.gold) for p in pairs])


def mount(source: Path | None) -> Mount:
    """The rating page for a file of pairs."""
    if source is None:
        raise UsageError("There are no pairs to rate.", fix="Name a file: nonet serve --cxc to_rate.parquet")
    pairs, store = open_study(source)
    router = APIRouter()
    _add_joining(router, len(pairs), store)
    _add_rating(router, source.parent, pairs, store)

    def state() -> str:
        made, wanted = store.progress()
        return f"{made:,} of {wanted:,} ratings made"

    return Mount(router, state, lambda: _drawing([judgement.score for judgement in store.judgements()]))


def _drawing(scores: list[float]) -> Markup | None:
    """How often each score was given, to the nearest half."""
    if not scores:
        return None
    counts = [sum(round(2 * score) == place for score in scores) for place in range(11)]
    tallest = max(counts)
    bars = [
        rectangle(15 + 12 * at, 78 - 66 * n / tallest, 9, 66 * n / tallest, "accent") for at, n in enumerate(counts)
    ]
    return sketch("How often each score from 0 to 5 was given", [*bars, line([(10, 78.8), (150, 78.8)], "faint")])


def _add_joining(router: APIRouter, pairs: int, store: Store) -> None:
    """The page that everybody may open, and how one becomes a rater there."""

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def overview(request: Request) -> HTMLResponse:
        made, wanted = store.progress()
        context = {"made": made, "wanted": wanted, "pairs": pairs, "settings": store.settings, "scales": SCALES}
        return render(request, "cxc/overview.html", **context)

    @router.post("/join")
    def join(wish: Join) -> Joined:
        """Makes a personal link, while anybody may join."""
        if not store.settings.open:
            raise HTTPException(403, "This study takes raters by invitation only.")
        return Joined(link=f"/cxc/rate/{store.add_rater(wish.name, time.time()).token}")


def _add_rating(router: APIRouter, folder: Path, pairs: list[PairToRate], store: Store) -> None:
    """What a rater with a personal link sees and sends; pictures lie in the folder."""

    def rater_of(token: str) -> Rater:
        rater = store.rater(token)
        if rater is None:
            raise HTTPException(404, "This link is not valid. Ask for a new one.")
        return rater

    @router.get("/rate/{token}", response_class=HTMLResponse, include_in_schema=False)
    def rate(request: Request, token: str) -> HTMLResponse:
        return render(request, "cxc/rate.html", rater=rater_of(token), scales=SCALES)

    @router.get("/rate/{token}/next")
    def following(token: str) -> Next:
        """The pair this rater was given and has not answered, else a new one."""
        rater = rater_of(token)
        task = store.next_task(rater, time.time())
        if task is None:
            done = {other.id: count for other, count in store.raters()}[rater.id]
            return Next(question=None, done=done, remaining=0)
        return Next(question=_question(pairs, token, task.pair), done=task.done, remaining=task.left)

    @router.get("/rate/{token}/previous")
    def previous(token: str, before: float = math.inf) -> Previous:
        """The pair answered last, or last before a time, to look at it again."""
        found = store.last_judged(rater_of(token), before)
        if found is None:
            return Previous(question=None)
        pair, score, made = found
        question = _question(pairs, token, pair)
        return Previous(question=question.model_copy(update={"score": score, "made": made}))

    @router.put("/rate/{token}/judgements/{pair}", status_code=204)
    def judge(token: str, pair: PairNumber, answer: Answer) -> None:
        """Keeps a score. Sent twice, it is kept once; another score replaces the former."""
        store.judge(rater_of(token), pair, answer.score, answer.seconds, time.time())

    @router.get("/rate/{token}/picture/{pair}/{side}", response_class=FileResponse)
    def picture(token: str, pair: PairNumber, side: Literal["left", "right"]) -> FileResponse:
        """A picture of a pair."""
        rater_of(token)
        name = getattr(pairs[pair], f"{side}_image") if 0 <= pair < len(pairs) else None
        if not name:
            raise HTTPException(404, "There is no such picture.")
        return FileResponse(folder / name, headers={"Cache-Control": "private, max-age=3600"})


def _question(pairs: list[PairToRate], token: str, number: int) -> Question:
    pair = pairs[number]

    def side(name: Literal["left", "right"]) -> Side:
        image: Any = getattr(pair, f"{name}_image")
        address = f"/cxc/rate/{token}/picture/{number}/{name}" if image else None
        return Side(text=getattr(pair, f"{name}_text"), image=address)

    scale = SCALES[pair.kind]
    return Question(
        pair=number,
        kind=pair.kind,
        question=scale.question,
        anchors=list(scale.anchors),
        left=side("left"),
        right=side("right"),
    )
