"""What the study page and the server say to each other."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Agreement",
    "Begin",
    "Begun",
    "Calibrated",
    "EventRow",
    "Events",
    "Fetched",
    "FrameAnswer",
    "Id",
    "Mouse",
    "MousePoint",
    "Stage",
    "Validated",
    "Welcome",
]

Id = Annotated[str, Field(pattern=r"^[ps]-[a-z0-9]{16}$")]
Millis = Annotated[float, Field(ge=0, le=1e13, allow_inf_nan=False)]
Pixels = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=-1, le=100_000)]
Centimetres = Annotated[float, Field(ge=-500, le=500, allow_inf_nan=False)]


class Agreement(BaseModel):
    """A signature under the consent text."""

    name: Annotated[str, Field(min_length=1, max_length=120, pattern=r"\S")]
    agree: Literal[True]
    keep_frames: bool = False


class Welcome(BaseModel):
    """The participant's random id."""

    participant: str


class Begin(BaseModel):
    """A session to begin: the drawing area as the participant measured it."""

    participant: Id
    width_px: Annotated[int, Field(ge=1, le=20_000)]
    height_px: Annotated[int, Field(ge=1, le=20_000)]
    px_per_cm: Annotated[float, Field(gt=1, le=1000, allow_inf_nan=False)]
    camera_x_cm: Centimetres
    camera_y_cm: Centimetres
    distance_cm: Annotated[float, Field(ge=10, le=300, allow_inf_nan=False)]
    source: Literal["camera", "mouse"] = "camera"


class Begun(BaseModel):
    """The session and what is to be shown in it."""

    session: str
    plan: dict[str, Any]
    stage: int


class Fetched(Begun):
    """A session that goes on."""

    participant: str
    source: str
    width_px: int
    height_px: int
    calibrated: bool


class EventRow(BaseModel):
    """Something that the display or the participant did."""

    model_config = ConfigDict(extra="forbid")
    t: Millis
    kind: Literal[
        "trial", "end", "tap", "answer", "hidden", "visible", "camera lost", "camera back", "resized", "paused"
    ]
    stage: Number = -1
    trial: Number = -1
    x: Pixels | None = None
    y: Pixels | None = None
    answer: Number | None = None


class Events(BaseModel):
    """Several of them, in order."""

    rows: Annotated[list[EventRow], Field(max_length=2000)]


class MousePoint(BaseModel):
    """Where the mouse was."""

    t: Millis
    x: Pixels
    y: Pixels
    stage: Number
    trial: Number


class Mouse(BaseModel):
    """Several of them, in order."""

    points: Annotated[list[MousePoint], Field(min_length=1, max_length=2000)]


class Stage(BaseModel):
    """The stage that comes next."""

    stage: Annotated[int, Field(ge=0, le=1000)]


class FrameAnswer(BaseModel):
    """What a frame showed: a gaze in pixels, or why there is none and what to do."""

    reason: str
    advice: str
    gaze: tuple[float, float] | None
    distance_cm: float | None


class Calibrated(BaseModel):
    """The chosen fit and the errors of all on dots left out."""

    rung: str
    errors_cm: dict[str, float]


class Validated(BaseModel):
    """How far off, on dots that were not used to calibrate."""

    cm: float
    deg: float
    distance_cm: float
    lost: float
    dots: list[dict[str, float]]
