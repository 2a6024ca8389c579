"""The editing page in a real browser, by mouse and by keyboard."""

import shutil
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Page, expect, sync_playwright

from nonet.felix.config import DecodeConfig
from nonet.felix.runtime import open_editor
from nonet.web import create_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TEXT = "Anna likes tea. They like snow."
EDITED = "Anna likes tea and snow."


@pytest.fixture(scope="module")
def address(toy_editor) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app({"felix": toy_editor}), log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:  # who comes before the server is ready, waits
        running = threading.Thread(target=server.run, args=([listening],), daemon=True)
        running.start()
        yield "http://{}:{}".format(*listening.getsockname())
        server.should_exit = True
        running.join(20)


@pytest.fixture(scope="module")
def page(address) -> Iterator[Page]:
    """A page that may neither complain on its console nor ask another host."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=address)
        page.set_default_timeout(20_000)
        complaints, strangers = [], []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("request", lambda asked: strangers.append(asked.url) if not asked.url.startswith(address) else None)
        page.goto("/felix/")
        yield page
        browser.close()
        assert (complaints, strangers) == ([], [])


def edit(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.locator("#text").press("Control+Enter")
    expect(page.locator("#status")).to_contain_text("ms")
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")


def test_a_text_is_edited_and_shows_what_went_and_what_came(page):
    edit(page, TEXT)
    expect(page.locator(".final output")).to_have_text(EDITED)
    expect(page.locator(".marked ins")).to_have_text("and")
    assert "They like" in page.locator(".marked del").first.inner_text()
    shown = page.locator(".edits .probability").all_text_contents()
    assert shown
    assert all(text.endswith("%") for text in shown)


def test_edits_are_rejected_and_accepted_by_keyboard(page):
    edit(page, TEXT)
    box = page.locator(".edits input").first
    box.focus()
    page.keyboard.press("Space")
    expect(page.locator(".final output")).not_to_have_text(EDITED)
    expect(page.locator(".marked .rejected").first).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator(".final output")).to_have_text(EDITED)
    page.get_by_role("button", name="Reject all").click()
    expect(page.locator(".final output")).to_have_text(TEXT)
    page.get_by_role("button", name="Accept all").click()
    expect(page.locator(".final output")).to_have_text(EDITED)


def test_each_slider_edits_anew_with_its_caution(page, toy_editor):
    """Texts like those learnt, about which the editor is not sure; what it makes of them depends on its caution."""
    texts = [f"{TEXT} They like rain.", "Emma likes books. Hugo like rain."]
    editor, shown = open_editor(toy_editor), page.locator(".final output")
    plain = [one.text for one in editor.edit(texts)]
    edit(page, "\n".join(texts))
    expect(shown).to_have_text(plain)
    for slider, value, decoding in (
        ("#bias", "-5", DecodeConfig(keep_bias=-5)),
        ("#bias", "5", DecodeConfig(keep_bias=5)),
        ("#least", "0.95", DecodeConfig(min_edit_probability=0.95)),
    ):
        cautious = [one.text for one in editor.edit(texts, decoding)]
        assert cautious != plain
        page.locator(slider).fill(value)  # nothing else is pressed
        expect(shown).to_have_text(cautious)
        page.locator(slider).fill("0")
        expect(shown).to_have_text(plain)


def test_text_is_shown_as_text(page):
    edit(page, "<img src=x onerror=alert(1)> likes tea.")
    assert page.locator(".results img").count() == 0
