"""The whole application in a browser: nine wings served from small folders, and pages that may not complain."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from web.house import build
from web.serving import CHROMIUM_ARGUMENTS, served

DESKTOP = {"viewport": {"width": 1200, "height": 850}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
Opener = Callable[..., AbstractContextManager[Page]]

expect.set_options(timeout=60_000)  # a busy machine draws slowly


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-gallery", metavar="HOUSE", help="write docs/gallery/ from the folders in HOUSE")


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What is served, by wing."""
    return build(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="session")
def address(house: dict[str, Path]) -> Iterator[str]:
    """The application with all nine wings."""
    with served(house, simulate=True) as at:
        yield at


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, address: str) -> Opener:
    """Opens pages that may neither complain on their console nor ask another host."""

    @contextmanager
    def opener(path: str, at: str = address, **context: object) -> Iterator[Page]:
        complaints: list[str] = []
        strangers: list[str] = []
        with contextlib.closing(browser.new_context(base_url=at, **{**DESKTOP, **context})) as place:
            place.set_default_timeout(60_000)
            page = place.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
            page.on("request", lambda asked: strangers.append(asked.url) if _is_strange(asked.url, at) else None)
            page.goto(path)
            yield page
        assert (complaints, strangers) == ([], [])

    return opener


def _is_strange(url: str, at: str) -> bool:
    return not url.startswith((at, "data:", "blob:"))
