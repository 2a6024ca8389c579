"""The web application: one FastAPI app in which every wing mounts its own page.

It serves this machine only unless told otherwise, asks nothing of any other host, and refuses requests that another
site's page makes through the visitor's browser.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from nonet import __version__
from nonet.foundation import console
from nonet.foundation.errors import NonetError, ResourceError, UsageError, readable
from nonet.foundation.limits import BodyLimit
from nonet.foundation.page import Mount, plotly_script, render
from nonet.tour import page as tour_page
from nonet.wings import Wing, present

__all__ = ["create_app", "serve"]

_LOCAL_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class Problem(BaseModel):
    """How every error is answered."""

    detail: str


def create_app(
    sources: Mapping[str, Path | None], *, local: bool = True, simulate: bool = False, tour: Path | None = None
) -> FastAPI:
    """The application with the wings that have something to show.

    Args:
        sources: a wing's name and the folder to serve in it, or None where none was given.
        local: whether only this machine may use it; then other host names are refused (DNS rebinding).
        simulate: whether pages that use a device begin with a simulated one.
        tour: folder of a tour, whose state and reports are shown; None for none.
    Raises:
        NonetError: if a wing cannot open its folder.
    """
    refused: dict[int | str, dict[str, Any]] = {
        422: {"model": Problem, "description": "What was asked cannot be done, and why."}
    }
    app = FastAPI(title="nonet", version=__version__, docs_url=None, redoc_url=None, responses=refused)
    app.state.simulate = simulate
    app.state.tour = tour
    if tour is not None:
        app.include_router(tour_page.routes(tour), prefix="/tour", tags=["tour"])
    app.state.wings = []  # each with what is mounted of it, or None
    for wing in console.track(present("page"), "Opening the nine pages"):
        source = sources.get(wing.name)
        mount = None
        if source is not None or wing.served is None:
            mount = wing.room("page").mount(source)
            app.include_router(mount.router, prefix=f"/{wing.name}", tags=[wing.name])
            _mount_static(app, wing)
        app.state.wings.append((wing, mount))

    package = Path(__file__).parent
    app.mount("/static/frame", StaticFiles(directory=package / "foundation" / "static"), name="frame")

    @app.get("/static/plotly.min.js", include_in_schema=False)
    def plotly() -> FileResponse:
        return FileResponse(plotly_script(), media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})

    @app.get("/favicon.ico", include_in_schema=False)
    def favicon() -> FileResponse:
        return FileResponse(package / "foundation" / "static" / "icon.svg", media_type="image/svg+xml")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def home(request: Request) -> HTMLResponse:
        return render(request, "home.html", cards=[_card(wing, mount) for wing, mount in app.state.wings], tour=tour)

    _guard(app, local)
    return app


def serve(
    sources: Mapping[str, Path | None], *, host: str, port: int, simulate: bool = False, tour: Path | None = None
) -> None:
    """Serves the application until Ctrl-C.

    Args:
        sources: as in `create_app`.
        host: the address to listen on.
        port: the port to listen on.
        simulate: as in `create_app`.
        tour: as in `create_app`.
    Raises:
        ResourceError: if the port is in use or may not be opened.
        UsageError: if nothing is there to serve.
    """
    import uvicorn

    local = _is_loopback(host)
    listener = _listen(host, port)
    with listener:
        app = create_app(sources, local=local, simulate=simulate, tour=tour)
        if tour is None and not any(mount for _, mount in app.state.wings):
            raise UsageError("There is nothing to serve.", fix="Name a folder, for example: nonet serve --align index/")
        if not local:
            console.note(f"Listening on {host}: other machines can reach this application.")
        shown = f"[{host}]" if ":" in host else host
        console.say(f"nonet is at http://{shown}:{listener.getsockname()[1]}  (Ctrl-C stops it)")
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is not a port.", where="--port", fix="Choose a number from 0 to 65535.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        shown = readable(error)
        raise ResourceError(
            shown.what if shown else f"Cannot listen there: {error.strerror}.",
            where=f"{host}:{port}",
            fix="Choose another with --port." if host else None,
        ) from error
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _card(wing: Wing, mount: Mount | None) -> dict[str, Any]:
    """What home shows of a wing, as it is now; a wing that cannot tell says why."""
    if mount is None:
        return {"wing": wing, "served": False, "state": "", "drawing": None}
    try:
        state = mount.state if isinstance(mount.state, str) else mount.state()
        return {"wing": wing, "served": True, "state": state, "drawing": mount.drawing()}
    except Exception as error:
        told = readable(error)
        if told is None:
            raise
        return {"wing": wing, "served": True, "state": str(told), "drawing": None}


def _mount_static(app: FastAPI, wing: Wing) -> None:
    folder = Path(__file__).parent / wing.name / "static"
    if folder.is_dir():
        app.mount(f"/static/{wing.name}", StaticFiles(directory=folder), name=f"{wing.name} files")


def _guard(app: FastAPI, local: bool) -> None:
    """Headers, errors and the refusal of other sites' requests."""
    app.add_middleware(BodyLimit)
    if local:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=_LOCAL_HOSTS)

    @app.middleware("http")
    async def protect(request: Request, call_next) -> Response:
        crosses = request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}
        if crosses and request.method not in {"GET", "HEAD", "OPTIONS"}:
            return _problem(403, "Requests from other sites' pages are refused.")
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        # another site's page must not show, or measure, the pictures that are here
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    @app.exception_handler(NonetError)
    async def user_error(request: Request, error: NonetError) -> Response:
        return _answer(request, 422 if not isinstance(error, ResourceError) else 503, str(error))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        return _answer(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return _answer(request, 422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _answer(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        page = render(request, "problem.html", status=status, message=message)
        page.status_code = status
        return page
    return _problem(status, message, headers)


def _problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(Problem(detail=message).model_dump(), status_code=status, headers=dict(headers or {}))
