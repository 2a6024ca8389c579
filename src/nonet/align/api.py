"""What goes through the search page's JSON API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nonet.align.filters import PUBLIC, Condition
from nonet.align.gallery import Gallery
from nonet.align.search import Answer, Indexed, Part, PictureFile, Query, Result, Words

__all__ = [
    "MAX_ID",
    "Found",
    "LabelsAnswer",
    "LabelsRequest",
    "SearchAnswer",
    "SearchRequest",
    "Sha256",
    "Uploaded",
    "answer",
    "labelled",
    "query",
]

_COLLAPSED = 0.97  # cosine from which on results are near-duplicates of each other

MAX_ID = 2**63 - 1
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    """What every part of a query says.

    Attributes:
        sign: whether it is added or taken away.
    """

    model_config = ConfigDict(extra="forbid")
    sign: Literal["plus", "minus"] = "plus"


class TextPart(_Part):
    """Words."""

    kind: Literal["text"]
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class ImagePart(_Part):
    """A picture of the index, by its id."""

    kind: Literal["image"]
    value: int = Field(ge=0, le=MAX_ID)


class UploadPart(_Part):
    """A picture that was uploaded, by the id that the upload gave."""

    kind: Literal["upload"]
    value: Sha256


class SearchRequest(BaseModel):
    """A query.

    Attributes:
        parts: what is added and what is taken away.
        k: how many results to give.
        offset: how many of the best results to pass over.
        text_weight: of words where a picture weighs 1; by default 2.
        where: a condition on name, captions, width and height, as in SQL, such as width > 800.
        collapse: show one of several near-duplicates.
    """

    model_config = ConfigDict(extra="forbid")
    parts: list[Annotated[TextPart | ImagePart | UploadPart, Field(discriminator="kind")]] = Field(
        min_length=1, max_length=20
    )
    k: int = Field(24, ge=1, le=200)
    offset: int = Field(0, ge=0, le=10_000)
    text_weight: float | None = Field(None, gt=0, le=100, allow_inf_nan=False)
    where: str | None = Field(None, max_length=500)
    collapse: bool = False


class Found(BaseModel):
    """A picture that was found.

    Attributes:
        id: of the picture; see ``images/{id}`` and ``thumbs/{id}``.
        score: cosine similarity with the query.
        name: of its file, without the folder.
        captions: its texts.
        width: in pixels.
        height: in pixels.
        present: whether its file is still there.
        copies: near-duplicates that were collapsed into it.
    """

    id: int
    score: float
    name: str
    captions: list[str]
    width: int
    height: int
    present: bool
    copies: int


class SearchAnswer(BaseModel):
    """Results, best first.

    Attributes:
        results: the pictures found.
        total: how many pictures there are that meet the condition.
        milliseconds: that the search took in the server.
    """

    results: list[Found]
    total: int
    milliseconds: float


class LabelsRequest(BaseModel):
    """Which of some labels fits a picture.

    Attributes:
        picture: of the index or uploaded; its sign does not matter.
        labels: names of classes, such as ``cat``.
    """

    model_config = ConfigDict(extra="forbid")
    picture: Annotated[ImagePart | UploadPart, Field(discriminator="kind")]
    labels: list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=100
    )


class LabelsAnswer(BaseModel):
    """How likely each label is, if one of them is right.

    Attributes:
        labels: in the order asked.
        probabilities: of the same length; their sum is 1.
        milliseconds: that it took in the server.
    """

    labels: list[str]
    probabilities: list[float]
    milliseconds: float


class Uploaded(BaseModel):
    """An uploaded picture.

    Attributes:
        id: to name it by in a query.
        width: in pixels.
        height: in pixels.
    """

    id: Sha256
    width: int
    height: int


def query(request: SearchRequest, gallery: Gallery) -> Query:
    """The query that a request means.

    Raises:
        DataError: if a picture of it is no longer kept.
        UsageError: if its condition is none.
    """

    def part(asked: TextPart | ImagePart | UploadPart) -> Part:
        if isinstance(asked, TextPart):
            return Words(asked.value)
        if isinstance(asked, ImagePart):
            return Indexed(asked.value)
        return PictureFile(gallery.upload(asked.value))

    return Query(
        plus=tuple(part(asked) for asked in request.parts if asked.sign == "plus"),
        minus=tuple(part(asked) for asked in request.parts if asked.sign == "minus"),
        text_weight=request.text_weight,
        where=Condition.parse(request.where, PUBLIC) if request.where and request.where.strip() else None,
        collapse=_COLLAPSED if request.collapse else None,
    )


def labelled(request: LabelsRequest, gallery: Gallery) -> Indexed | PictureFile:
    """The picture that a request means.

    Raises:
        DataError: if it is no longer kept.
    """
    if isinstance(request.picture, ImagePart):
        return Indexed(request.picture.value)
    return PictureFile(gallery.upload(request.picture.value))


def answer(found: Answer, milliseconds: float) -> SearchAnswer:
    """An answer as the API gives it."""
    return SearchAnswer(
        results=[_found(result) for result in found.results], total=found.total, milliseconds=milliseconds
    )


def _found(result: Result) -> Found:
    picture = result.picture
    return Found(
        id=result.id,
        score=round(result.score, 4),
        name=picture.path.replace("\\", "/").rpartition("/")[2],
        captions=list(picture.captions),
        width=picture.width,
        height=picture.height,
        present=result.present,
        copies=result.copies,
    )
