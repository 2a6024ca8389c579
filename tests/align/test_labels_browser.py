"""Filters and labels in a real browser, with a model that knows colours."""

import re

import pytest
from playwright.sync_api import Page, expect

from align.fakes import COLOURS, ColourModel, paint
from nonet import web
from nonet.align import page as room
from nonet.align.indexing import open_or_create, update
from nonet.align.listing import list_pictures
from nonet.align.search import Searcher
from serving import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def address(tmp_path, monkeypatch):
    lines = []
    for number, colour in enumerate(COLOURS):
        paint(tmp_path / f"{colour}.png", colour, (40 + 100 * number, 40))
        lines.append(f"{colour}.png\t{colour} thing")
    paint(tmp_path / "red again.png", (254, 1, 1), (41, 40))
    (tmp_path / "list.txt").write_text("\n".join([*lines, "red again.png\tred again"]))
    model = ColourModel()
    index = open_or_create(tmp_path / "index", model, tmp_path / "model")
    update(index, model, list_pictures(tmp_path / "list.txt"))
    searcher = Searcher(index, model)
    monkeypatch.setattr(room, "mount", lambda source: room.pages(searcher))
    with running(web.create_app({"align": index.folder})) as at:
        yield at


@pytest.fixture
def page(opened):
    with opened("/align/", forgiven="Failed to load resource") as page:  # a wrong filter is answered with 422
        yield page


def test_filters_are_in_the_address_and_a_wrong_one_is_explained(page: Page):
    page.get_by_label("Describe a picture").fill("red")
    expect(page.locator("#results > li")).to_have_count(9)
    page.get_by_text("Filters").click()
    page.get_by_label("One of several near-duplicates").check()
    expect(page.locator("#results > li")).to_have_count(8)
    expect(page.locator(".copies")).to_have_text("+1")
    page.get_by_label("Only pictures with").fill("width > 300")
    page.keyboard.press("Enter")
    expect(page.locator("#results > li")).to_have_count(5)
    expect(page.get_by_role("status").first).to_contain_text(re.compile(r"of 5 pictures · \d+ ms"))
    assert "where=width" in page.url
    assert "collapse=1" in page.url
    page.reload()
    expect(page.locator("#results > li")).to_have_count(5)
    page.get_by_label("Only pictures with").fill("width >")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not a condition")


def test_labels_over_a_picture(page: Page, tmp_path):
    page.get_by_role("tab", name="Labels").click()
    page.locator("#file").set_input_files(paint(tmp_path / "mine.png", "cyan"))
    expect(page.get_by_alt_text("The picture to label")).to_be_visible()
    page.get_by_label("Names of classes").fill("red, cyan\nblack, red")
    expect(page.locator("#bars li")).to_have_count(3)
    expect(page.locator("#bars li").first).to_contain_text(re.compile(r"cyan\s*\d+ %"))
    page.keyboard.press("Control+Home")
    page.get_by_role("tab", name="Search").click()
    page.get_by_label("Describe a picture").fill("black")
    page.locator("#results button.result").first.click()
    page.get_by_role("button", name="Label it").click()
    expect(page.locator("#bars li").first).to_contain_text("black")
    expect(page.get_by_role("tab", name="Labels")).to_have_attribute("aria-selected", "true")
