"""What goes through the page's JSON API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nonet.felix.config import DecodeConfig
from nonet.felix.editor import Edited
from nonet.felix.showing import segments

__all__ = ["EditAnswer", "EditRequest", "Result", "RewriteAnswer", "RewriteRequest", "result"]

Text = Annotated[str, StringConstraints(max_length=20_000)]


class Caution(BaseModel):
    """How cautious to be.

    Attributes:
        keep_bias: above 0 edits less, below 0 more; the editor's own by default.
        min_edit_probability: edits below this probability are not made; the editor's own by default.
    """

    model_config = ConfigDict(extra="forbid")
    keep_bias: float | None = Field(None, ge=-20, le=20, allow_inf_nan=False)
    min_edit_probability: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)

    def decoding(self, own: DecodeConfig) -> DecodeConfig:
        """What was asked for, on top of the editor's own way."""
        bias = own.keep_bias if self.keep_bias is None else self.keep_bias
        least = own.min_edit_probability if self.min_edit_probability is None else self.min_edit_probability
        return DecodeConfig(bias, least, own.beam)


class EditRequest(Caution):
    """Texts to edit.

    Attributes:
        texts: any number up to 64.
    """

    texts: list[Text] = Field(min_length=1, max_length=64)


class RewriteRequest(Caution):
    """A text, and the edits of it that are rejected.

    Attributes:
        text: as it was sent to be edited, with the same caution.
        rejected: numbers of edits.
    """

    text: Text
    rejected: list[Annotated[int, Field(ge=0)]] = Field(max_length=10_000)


class EditShown(BaseModel):
    """One edit.

    Attributes:
        id: its number, to reject it by.
        kind: what it does.
        start: the first changed character of the source.
        end: the character behind the last one.
        old: what goes or moves.
        new: what comes in.
        probability: that the networks give it.
    """

    id: int
    kind: Literal["insert", "delete", "replace", "move"]
    start: int
    end: int
    old: str
    new: str
    probability: float


class SegmentShown(BaseModel):
    """A stretch of the text as it is shown: what stays, goes (`delete`, `from`) or comes (`insert`, `to`)."""

    kind: Literal["keep", "delete", "from", "insert", "to"]
    text: str
    edit: int | None


class Result(BaseModel):
    """An edited text.

    Attributes:
        source: the text before.
        text: the text after.
        edits: what was changed.
        segments: both at once, to be shown.
        probability: that the networks give the whole result.
        fallback: why the source was kept although it should have been edited; empty otherwise.
        windows: parts that a long text was edited in.
    """

    source: str
    text: str
    edits: list[EditShown]
    segments: list[SegmentShown]
    probability: float
    fallback: str
    windows: int


class EditAnswer(BaseModel):
    """Edited texts, in order.

    Attributes:
        results: one a text.
        milliseconds: that editing took in the server.
    """

    results: list[Result]
    milliseconds: float


class RewriteAnswer(BaseModel):
    """A text without the rejected edits."""

    text: str


def result(edited: Edited) -> Result:
    """A result as the API gives it."""
    names = ("kind", "start", "end", "old", "new")
    edits = [
        EditShown(id=n, probability=round(e.probability, 4), **{name: getattr(e, name) for name in names})
        for n, e in enumerate(edited.edits)
    ]
    shown = [SegmentShown(kind=s.kind, text=s.text, edit=s.edit) for s in segments(edited)]
    return Result(
        source=edited.source,
        text=edited.text,
        edits=edits,
        segments=shown,
        probability=edited.probability,
        fallback=edited.fallback,
        windows=edited.windows,
    )
