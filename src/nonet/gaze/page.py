"""The study page and its routes: thin over `live.Studio`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse, Response
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.page import Mount, render
from nonet.foundation.sketch import disc, fitted, line, sketch
from nonet.gaze import api
from nonet.gaze.camera.advice import ADVICE
from nonet.gaze.camera.reader import MAX_FRAME_BYTES
from nonet.gaze.geometry import Screen
from nonet.gaze.live import Answer, Live, Studio
from nonet.gaze.settings import StudySettings, read_settings
from nonet.gaze.store.rights import export
from nonet.gaze.tasks.paths import spread_dots

__all__ = ["mount", "pages"]

SessionId = Annotated[str, InPath(pattern=r"^s-[a-z0-9]{16}$")]
ParticipantId = Annotated[str, InPath(pattern=r"^p-[a-z0-9]{16}$")]
Time = Annotated[float, Query(ge=0, le=1e13, allow_inf_nan=False)]
Number = Annotated[int, Query(ge=-1, le=100_000)]


def mount(source: Path | None) -> Mount:
    """The study page of a network's folder, or of a folder with ``study.json``.

    Raises:
        UsageError: if no folder is named.
        ArtifactError: if there is no network in it.
    """
    if source is None:
        raise UsageError("The study page needs a network.", fix="Name its folder: nonet serve --gaze model/")
    return pages(read_settings(source))


def pages(settings: StudySettings) -> Mount:
    """The study page of given settings."""
    studio = Studio(settings)
    router = APIRouter()
    _add_pages(router, studio)
    _add_recording(router, studio)
    _add_judging(router, studio)
    _add_rights(router, studio)

    def state() -> str:
        kept = len(studio.store.sessions())
        return f"{settings.title}: {len(settings.tasks)} tasks, {kept:,} session{'s' * (kept != 1)} recorded"

    return Mount(router, state, lambda: _drawing(settings))


def _drawing(settings: StudySettings) -> Markup:
    """Dots of a calibration on a screen, and the way that the eyes take through them."""
    edges = [(0, 0), (1280, 0), (1280, 720), (0, 720), (0, 0)]
    screen = Screen(33.9, 19.0, 1280, 720, -17.0, -1.0)
    dots = spread_dots(screen, settings.pace.dots, np.random.default_rng(settings.seed or 0))
    place = fitted(edges)
    way = [place(dot) for dot in dots]
    marks = [disc(x, y, 3, "accent") for x, y in way]
    return sketch("Dots to look at", [line(map(place, edges), "faint"), line(way, "line"), *marks])


def _add_pages(router: APIRouter, studio: Studio) -> None:
    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        simulate = bool(getattr(request.app.state, "simulate", False))
        paragraphs = [part.strip() for part in studio.settings.consent.split("\n\n") if part.strip()]
        return render(request, "gaze/study.html", title=studio.settings.title, paragraphs=paragraphs, simulate=simulate)

    @router.get("/pictures/{name}", response_class=FileResponse, responses=_problems(404))
    def picture(name: str) -> FileResponse:
        """A picture of the study; only names that the study lists are served."""
        folder = studio.settings.pictures
        if folder is None or name not in studio.settings.picture_names():
            raise HTTPException(404, "There is no such picture.")
        return FileResponse(folder / name)


def _add_recording(router: APIRouter, studio: Studio) -> None:
    @router.post("/api/consents", responses=_problems(422))
    def consent(agreement: api.Agreement) -> api.Welcome:
        """Signs the consent. Nothing is recorded of anybody before."""
        return api.Welcome(participant=studio.admit(agreement.name, keep_frames=agreement.keep_frames))

    @router.post("/api/sessions", responses=_problems(404, 422))
    def begin(wish: api.Begin) -> api.Begun:
        """Begins a session of a participant who has signed."""
        width, height = wish.width_px / wish.px_per_cm, wish.height_px / wish.px_per_cm
        screen = Screen(width, height, wish.width_px, wish.height_px, wish.camera_x_cm, wish.camera_y_cm)
        session = _or_404(studio.begin, wish.participant, screen, source=wish.source, distance_cm=wish.distance_cm)
        record = session.record
        return api.Begun(session=record.session, plan=_plan(studio.live(record.session)), stage=record.stage)

    @router.get("/api/sessions/{session}", responses=_problems(404, 422))
    def fetch(session: SessionId) -> api.Fetched:
        """A session that goes on after a break."""
        live = _or_404(studio.live, session)
        record = live.session.record
        return api.Fetched(
            session=session,
            plan=_plan(live),
            stage=record.stage,
            participant=record.participant,
            source=record.settings["source"],
            width_px=record.screen.width_px,
            height_px=record.screen.height_px,
            calibrated=live.fit is not None,
        )

    @router.post("/api/sessions/{session}/frames", responses=_problems(404, 413, 422), openapi_extra=_BINARY_BODY)
    async def frame(request: Request, session: SessionId, t: Time, stage: Number, trial: Number) -> api.FrameAnswer:
        """Takes in a frame of the camera, the bytes of a JPEG; only what is computed from it is kept."""
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > MAX_FRAME_BYTES:
                raise HTTPException(413, f"The frame is larger than {MAX_FRAME_BYTES // 2**20} MB.")
        await run_in_threadpool(_or_404, studio.live, session)
        return _shown(await run_in_threadpool(studio.frame, session, bytes(content), t, stage, trial))

    @router.post("/api/sessions/{session}/mouse", responses=_problems(404, 422))
    def mouse(session: SessionId, moved: api.Mouse) -> api.FrameAnswer:
        """Takes in places of the mouse, which stands in for a tracker."""
        _or_404(studio.live, session)
        return _shown(studio.mouse(session, [(p.t, p.x, p.y, p.stage, p.trial) for p in moved.points]))

    @router.post("/api/sessions/{session}/events", status_code=204, responses=_problems(404, 422))
    def events(session: SessionId, happened: api.Events) -> None:
        """Takes in what the display and the participant did."""
        live = _or_404(studio.live, session)
        with live.recording() as kept:
            kept.add_events(row.model_dump(exclude_none=True) for row in happened.rows)

    @router.put("/api/sessions/{session}/stage", status_code=204, responses=_problems(404, 422))
    def stage(session: SessionId, next: api.Stage) -> None:
        """Remembers the stage that comes next."""
        with _or_404(studio.live, session).recording() as kept:
            kept.set_stage(next.stage)


def _add_judging(router: APIRouter, studio: Studio) -> None:
    @router.post("/api/sessions/{session}/calibration", responses=_problems(404, 422))
    def calibrate(session: SessionId) -> api.Calibrated:
        """Fits the calibration that was just recorded, or says why it cannot be used."""
        _or_404(studio.live, session)
        return api.Calibrated(**studio.calibrate(session))

    @router.get("/api/sessions/{session}/validation", responses=_problems(404, 422))
    def validate(session: SessionId, stage: Annotated[int, Query(ge=0, le=1000)]) -> api.Validated:
        """How far off, on the dots of a stage."""
        _or_404(studio.live, session)
        return api.Validated(**asdict(studio.validate(session, stage)))

    @router.get("/api/sessions/{session}/report", response_class=HTMLResponse, responses=_problems(404, 422))
    def report(session: SessionId) -> HTMLResponse:
        """The session's report."""
        from nonet.gaze.reporting import session_report

        live = _or_404(studio.live, session)
        page = HTMLResponse(session_report(live.session).to_html())
        # the report is one page with its script inside
        page.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
        )
        return page


def _add_rights(router: APIRouter, studio: Studio) -> None:
    @router.post("/api/participants/{participant}/withdraw", responses=_problems(404, 422))
    def withdraw(participant: ParticipantId) -> dict[str, object]:
        """Ends the participant's sessions and deletes everything about them; answers with the receipt."""
        return asdict(_or_404(studio.withdraw, participant))

    @router.get("/api/participants/{participant}/data", response_class=Response, responses=_problems(404, 422))
    def data(participant: ParticipantId) -> Response:
        """Everything that is stored about the participant, as a zip archive."""
        content = _or_404(export, studio.store, participant)
        headers = {"Content-Disposition": "attachment; filename=my-gaze-data.zip", "Cache-Control": "no-store"}
        return Response(content, media_type="application/zip", headers=headers)


_BINARY_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _problems(*statuses: int) -> dict[int | str, dict[str, object]]:
    said = {
        404: "There is no such participant, session or picture.",
        413: "The frame is too large.",
        422: "The request cannot be answered; `detail` says why.",
    }
    shape = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
    return {
        status: {"description": said[status], "content": {"application/json": {"schema": shape}}} for status in statuses
    }


def _or_404(find, *arguments, **options):
    """What `find` returns; what is not there is a 404."""
    try:
        return find(*arguments, **options)
    except DataError as error:
        raise HTTPException(404, str(error)) from error


def _plan(live: Live) -> dict[str, Any]:
    """The plan with the screen that it is drawn on."""
    screen = live.session.record.screen
    return {**live.plan.plain(), "screen": {**asdict(screen), "px_per_cm": screen.px_per_cm}}


def _shown(answer: Answer) -> api.FrameAnswer:
    return api.FrameAnswer(
        reason=answer.reason,
        advice=ADVICE.get(answer.reason, ""),
        gaze=answer.gaze_px,
        distance_cm=answer.distance_cm,
    )
