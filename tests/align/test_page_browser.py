"""The search page in a real browser, with a model made as the demonstration's over a part of its drawings."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from align.fakes import paint
from browsing import Opener
from nonet import cli, web
from nonet.align.index import Index
from nonet.align.indexing import open_or_create
from nonet.align.model import DualEncoder
from serving import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# what is beyond doubt the right picture, for words that the demonstration's model is expected to know
RIGHT = {
    "pizza": {"pizza"},
    "guitar": {"guitar"},
    "rainbow": {"rainbow"},
    "airplane": {"airplane", "small airplane"},
    "cactus": {"cactus"},
    "bicycle": {"bicycle"},
    "penguin": {"penguin"},
    "snowman": {"snowman", "snowman without snow"},
    "mushroom": {"mushroom", "brown mushroom"},
    "banana": {"banana"},
}


# relative luminance of the text and of its ground, as WCAG defines it
LUMINANCES = """selectors => selectors.map(selector => {
  const rgb = color => color.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  let element = document.querySelector(selector);
  const ink = light(rgb(getComputedStyle(element).color));
  while (rgb(getComputedStyle(element).backgroundColor)[3] === 0) element = element.parentElement;
  return [ink, light(rgb(getComputedStyle(element).backgroundColor))];
})"""
NAMELESS = """all => all.filter(element => !(
  element.getAttribute('aria-label') || element.textContent.trim() || element.labels?.length || element.title
)).length"""


@pytest.fixture(scope="module")
def folder(demo_model: Path, demo_pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the drawings."""
    out = tmp_path_factory.mktemp("search") / "index"
    features = ["--cache", str(demo_model.parent / "features")]  # the training kept them
    assert cli.run(["align", "index", str(demo_model), str(demo_pairs), "--out", str(out), *features]) == 0
    return out


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with running(web.create_app({"align": folder})) as at:
        yield at


@pytest.fixture
def page(opened: Opener) -> Iterator[Page]:
    """The search page; the browser notes a failed request itself, and the page shows the reason."""
    with opened("/align/", forgiven="Failed to load resource") as page:
        yield page


def search(page: Page, words: str) -> None:
    """Types words and waits for their results."""
    page.locator("#words").fill(words)
    settle(page)


def settle(page: Page) -> None:
    """Waits until the results are those of the query."""
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")


def captions(page: Page) -> list[str]:
    return page.locator(".result .caption").all_text_contents()


def test_ten_queries_show_the_right_picture_first(page: Page) -> None:
    firsts = {}
    for words in RIGHT:
        search(page, words)
        firsts[words] = captions(page)[0]
    assert {words: first for words, first in firsts.items() if first not in RIGHT[words]} == {}
    expect(page.locator("#status")).to_contain_text("ms")
    expect(page.locator(".result .score").first).to_have_text(re.compile(r"^\d\.\d\d$"))


def test_a_picture_with_words_added_and_taken_away(page: Page) -> None:
    search(page, "cat")
    plain = captions(page)
    page.locator(".result").first.click()
    page.locator("#detail [data-act=like]").click()
    expect(page.locator("#chips li")).to_have_count(1)
    expect(page.locator("#words")).to_have_value("")
    page.locator("#more").fill("crying")
    page.locator("#refine button[value=plus]").click()
    expect(page.locator("#chips li.plus")).to_have_count(2)
    settle(page)
    assert any("cry" in caption for caption in captions(page)[:6])
    page.locator("#chips li", has_text="crying").locator(".sign").click()  # turned: now taken away
    expect(page.locator("#chips li.minus")).to_have_count(1)
    settle(page)
    assert not any("cry" in caption for caption in captions(page)[:6])
    assert captions(page) != plain
    page.locator("#weight").fill("0.5")
    expect(page.locator("#weighing output")).to_have_text("0.5×")
    page.locator("#chips li.minus .remove").click()
    expect(page.locator("#chips li")).to_have_count(1)
    expect(page.locator("#weighing")).to_be_hidden()


def test_the_address_holds_the_state_and_the_back_button_undoes(page: Page, folder: Path, tmp_path: Path) -> None:
    search(page, "fruit")
    page.locator("#file").set_input_files(paint(tmp_path / "red.png", "red", (60, 60)))
    expect(page.locator("#chips img")).to_have_count(1)
    page.locator("#more").fill("green")
    page.locator("#refine button[value=minus]").click()
    expect(page.locator("#chips li.minus")).to_have_count(1)
    settle(page)
    shown, link = captions(page), page.url
    other = page.context.new_page()
    other.goto(link)
    expect(other.locator("#words")).to_have_value("fruit")
    expect(other.locator("#chips li.minus")).to_contain_text("green")
    expect(other.locator(".result").first).to_be_visible()
    settle(other)
    assert captions(other) == shown
    assert other.locator("#chips img").evaluate("image => image.naturalWidth") == 60
    other.close()
    page.go_back()
    expect(page.locator("#chips li")).to_have_count(1)
    page.go_back()
    expect(page.locator("#chips li")).to_have_count(0)
    expect(page.locator("#words")).to_have_value("fruit")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.locator("body").click()
    page.keyboard.press("/")
    expect(page.locator("#words")).to_be_focused()
    search(page, "castle")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".result").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".result").nth(1)).to_be_focused()
    row = page.locator(".result").evaluate_all("all => all.filter(b => b.offsetTop === all[0].offsetTop).length")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".result").nth(1 + row)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator(".result").nth(1 + row)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#words")).to_be_focused()


def test_more_results_follow_without_repeating(page: Page) -> None:
    page.goto("/align/?q=animal")
    expect(page.locator(".result")).to_have_count(24)
    page.get_by_role("button", name="More results").click()
    expect(page.locator(".result")).to_have_count(48)
    ids = page.locator(".result").evaluate_all("all => all.map(button => button.dataset.id)")
    assert len(set(ids)) == 48


def test_fast_typing_ends_at_the_last_words(page: Page) -> None:
    page.locator("#words").press_sequentially("cactus", delay=15)
    expect(page.locator(".result .caption").first).to_have_text("cactus")
    assert "q=cactus" in page.url


def test_what_is_typed_is_not_lost_when_something_is_added_at_once(page: Page) -> None:
    page.locator("#more").fill("a hat")
    page.evaluate(  # within the pause after which typed words are searched for
        """() => {
          const words = document.getElementById("words");
          words.value = "a cat";
          words.dispatchEvent(new Event("input"));
          document.querySelector("#refine button[value=plus]").click();
        }"""
    )
    settle(page)
    expect(page.locator("#words")).to_have_value("a cat")
    expect(page).to_have_url(re.compile("q=a.cat.*a.hat"))


def test_a_broken_upload_is_explained_and_the_page_goes_on(page: Page, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    page.locator("#file").set_input_files(tmp_path / "broken.png")
    expect(page.get_by_role("alert")).to_contain_text("picture")
    expect(page.locator("#chips li")).to_have_count(0)
    search(page, "pizza")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_server_that_is_gone_is_explained_and_can_be_tried_again(page: Page) -> None:
    page.route("**/align/api/search", lambda route: route.abort())
    page.locator("#words").fill("pizza")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    page.unroute("**/align/api/search")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".result .caption").first).to_have_text("pizza")


def test_a_picture_deleted_after_indexing_is_shown_as_gone(page: Page, folder: Path) -> None:
    search(page, "penguin")
    id = int(page.locator(".result").first.get_attribute("data-id") or "")
    file = Path(Index.open(folder).snapshot().pictures([id])[id].path)
    aside = file.rename(file.with_suffix(".aside"))
    try:
        page.goto("/align/?q=penguin")
        expect(page.locator(".result").first).to_contain_text("This file is gone")
    finally:
        aside.rename(file)


def test_an_empty_index_says_what_to_do(browser: Browser, demo_model: Path, tmp_path: Path) -> None:
    open_or_create(tmp_path / "index", DualEncoder.load(demo_model), demo_model)
    with running(web.create_app({"align": tmp_path / "index"})) as address:
        page = browser.new_page()
        page.goto(f"{address}/align/")
        expect(page.get_by_role("heading", name="This index holds no pictures yet")).to_be_visible()
        page.locator("#words").fill("pizza")
        expect(page.get_by_role("status")).to_have_text("No pictures found.")
        page.close()


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_scrolls_in_one_direction_only(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.goto("/align/?q=a+cat&plus=text:a+rather+long+phrase+to+be+added+to+it&minus=text:crying&minus=image:5")
    expect(page.locator(".result").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.locator("button:visible, input:visible").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).filter(box => box.height < 24 && box.width < 24).length"
    )
    assert small == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_by_day_and_by_night(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto("/align/?q=castle")
    expect(page.locator(".result").first).to_be_visible()
    luminances = page.evaluate(LUMINANCES, [".result .caption", ".result .score", "#status", "#words"])
    for ink, ground in luminances:
        assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 4.5
    assert (luminances[2][1] < 0.1) == (scheme == "dark")


def test_a_screen_reader_is_told(page: Page) -> None:
    search(page, "pizza")
    expect(page.get_by_role("searchbox", name="Describe a picture")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("Best 24 of")
    expect(page.get_by_role("button", name="pizza, score")).to_be_visible()
    nameless = page.locator("button:visible, input:visible, a:visible").evaluate_all(NAMELESS)
    assert nameless == 0
