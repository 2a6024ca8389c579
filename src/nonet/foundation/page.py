"""What the wings' web pages share: one template frame, one style, one way to answer with an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    select_autoescape,
)
from markupsafe import Markup

from nonet.foundation.report import cell

__all__ = ["Mount", "plotly_script", "render"]

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Mount:
    """A wing in the web application.

    A wing's ``page.py`` has ``mount(source: Path | None) -> Mount``.

    Attributes:
        router: the wing's routes, relative to ``/NAME``; ``/`` is its page.
        state: one line for the home page on how things stand, such as "3,120 pictures indexed"; where that changes,
            what says it at each visit.
        drawing: draws that (see `nonet.foundation.sketch`); where it has nothing to draw yet, the wing's
            ``templates/idle.svg`` stands there.
    """

    router: APIRouter
    state: str | Callable[[], str]
    drawing: Callable[[], Markup | None] = lambda: None


@cache
def _templates() -> Environment:
    """Templates of the frame (``base.html``) and of the wings (``align/search.html``)."""
    wings = {folder.parent.name: FileSystemLoader(folder) for folder in sorted(_PACKAGE.glob("*/templates"))}
    loader = ChoiceLoader([wings.pop("foundation"), PrefixLoader(wings)])
    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = cell
    return environment


def render(request: Request, template: str, **context: Any) -> HTMLResponse:
    """A page in the frame of the application.

    Args:
        request: the request being answered; its application knows the wings, and a cookie whether the visitor chose
            light or dark.
        template: ``WING/NAME.html``, a file of the wing's ``templates/``, extending ``base.html``.
        context: what the template uses.
    """
    wings = request.app.state.wings
    here = next((wing for wing, _ in wings if request.url.path.startswith(f"/{wing.name}/")), None)
    chosen = request.cookies.get("scheme")
    scheme = chosen if chosen in {"light", "dark"} else None
    page = _templates().get_template(template)
    return HTMLResponse(page.render(request=request, wings=wings, here=here, scheme=scheme, **context))


def plotly_script() -> Path:
    """The plotly script that the Python package carries, so that pages need no other host."""
    import plotly

    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
