"""The editing page in a real browser, by mouse and by keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from nonet.felix.config import DecodeConfig
from nonet.felix.runtime import open_editor
from nonet.web import create_app
from serving import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TEXT = "Anna likes tea. They like snow."
EDITED = "Anna likes tea and snow."


@pytest.fixture(scope="module")
def address(toy_editor) -> Iterator[str]:
    with running(create_app({"felix": toy_editor})) as at:
        yield at


@pytest.fixture
def page(opened) -> Iterator[Page]:
    with opened("/felix/") as page:
        yield page


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
