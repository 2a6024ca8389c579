"""Chromium, and pages in it that may not complain; `browser` and `opened` of conftest.py are made of these."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from playwright.sync_api import Browser, Page, Playwright

__all__ = ["DESKTOP", "PHONE", "Opener", "chromium", "quiet_page"]

DESKTOP = {"viewport": {"width": 1200, "height": 850}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
Opener = Callable[..., AbstractContextManager[Page]]
"""Opens a path of the application that a test file's `address` serves; see `quiet_page`."""

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def chromium(play: Playwright, *flags: str) -> Browser:
    """The system's Chromium; a test that wants it is skipped where there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    return play.chromium.launch(executable_path=path, args=[*_FLAGS, *flags])


@contextmanager
def quiet_page(
    browser: Browser, at: str, path: str = "/", *, forgiven: str | None = None, **context: object
) -> Iterator[Page]:
    """A page in a context of its own, which may neither complain on its console nor ask another host.

    Args:
        browser: that opens it.
        at: address of the application.
        path: of the page, or the address of a file.
        forgiven: how complaints begin that the test provokes.
        context: what differs from `DESKTOP`.
    """
    complaints: list[str] = []
    strangers: list[str] = []
    own = (at, "data:", "blob:", "file:")
    with contextlib.closing(browser.new_context(base_url=at, **{**DESKTOP, **context})) as place:
        place.set_default_timeout(60_000)  # a busy machine draws slowly
        page = place.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("request", lambda asked: None if asked.url.startswith(own) else strangers.append(asked.url))
        page.goto(path)
        yield page
    if forgiven is not None:
        complaints = [text for text in complaints if not text.startswith(forgiven)]
    assert (complaints, strangers) == ([], [])
