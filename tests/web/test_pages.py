"""What holds for every page: quiet, for the keyboard, for the phone, by day and by night."""

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page, expect

from browsing import DESKTOP, PHONE, Opener
from web.pages import PAGES

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# WCAG 2.2 at level AA, and axe's own good practices
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
BLOCKING_BYTES = 40_000  # what the first paint waits for: the page, and its styles

FOUND = """async rules => {
  const { violations } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  const said = ({ any, failureSummary }) => any[0]?.message ?? failureSummary;
  return violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target.join(" ")} (${said(node)})`));
}"""
LOADED = """() => ["resource", "navigation"].flatMap(kind => performance.getEntriesByType(kind)).map(each => ({
  name: new URL(each.name).pathname, bytes: each.decodedBodySize,
  blocks: each.entryType === "navigation" || each.renderBlockingStatus === "blocking",
}))"""
FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex='0']"
# of what can be focused: what shows no outline when it is
UNSEEN = """async focusable => {
  const frame = () => new Promise(requestAnimationFrame);
  const unseen = [], modal = document.querySelector("dialog:modal");
  for (const element of document.querySelectorAll(focusable)) {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.disabled || element.tabIndex < 0) continue;
    if (modal && !modal.contains(element)) continue; // nothing else can be reached now
    document.activeElement.blur(); // what a click has focused shows no outline, rightly
    element.focus({ focusVisible: true });
    await frame();
    if (document.activeElement !== element) { unseen.push(`not focused: ${element.outerHTML.slice(0, 90)}`); continue; }
    // itself, or what frames it
    const around = [element, element.parentElement, element.closest("li, label")].filter(Boolean);
    const marked = around.some(each => {
      const style = getComputedStyle(each);
      return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    });
    if (!marked) unseen.push(element.outerHTML.slice(0, 90));
  }
  return unseen;
}"""


def findings(page: Page) -> list[str]:
    page.evaluate(AXE)
    return page.evaluate(FOUND, RULES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everybody(opened: Opener, name: str) -> None:
    """Rules of accessibility on a screen by day, on a phone by night; quiet, whole, not too wide, and for the keys."""
    shown = PAGES[name]
    for device in (DESKTOP | {"color_scheme": "light"}, PHONE | {"color_scheme": "dark"}):
        with opened(shown.path, reduced_motion="reduce", **device) as page:
            shown.prepare(page)
            assert findings(page) == []
            visible = page.locator("h1:visible")
            assert visible.count() == 1, visible.all_text_contents()
            assert page.locator("header:visible, main:visible, footer:visible, nav:visible").count() == 4
            assert page.title().endswith("nonet")
            assert page.evaluate("document.documentElement.scrollWidth") <= device["viewport"]["width"]
            if device["color_scheme"] == "light":
                assert page.evaluate(UNSEEN, FOCUSABLE) == []


@pytest.mark.parametrize(
    "name", ["home", "align", "cxc", "felix", "cka", "gaze", "recsim", "rendezvous", "optim", "eigen"]
)
def test_little_stands_before_the_first_paint(opened: Opener, name: str) -> None:
    """The page and its styles, from this machine, and no script."""
    with opened(PAGES[name].path) as page:
        found = page.evaluate(LOADED)
    blocking = [each for each in found if each["blocks"]]
    assert not [each["name"] for each in blocking if each["name"].endswith(".js")]
    assert len(blocking) <= 3, blocking
    assert sum(each["bytes"] for each in blocking) < BLOCKING_BYTES, blocking


def test_the_navigation_is_on_every_page_and_marks_where_one_is(opened: Opener) -> None:
    from nonet.wings import WINGS

    with opened("/", **PHONE) as page:
        for wing in WINGS:
            page.get_by_role("navigation", name="Wings").get_by_role("link", name=wing.name, exact=True).click()
            page.wait_for_url(f"**/{wing.name}/**")
            current = page.locator(".bar nav [aria-current=page]")
            assert current.all_text_contents() == [wing.name]
            box = current.bounding_box()  # the strip has moved to it
            assert box is not None
            assert 0 <= box["x"] <= 390 - box["width"]


def test_the_first_tab_skips_to_the_content(opened: Opener) -> None:
    with opened("/eigen/") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_light_and_dark_are_switched_remembered_and_followed_by_drawings(opened: Opener) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened("/optim/", color_scheme="light") as page:
        PAGES["optim"].prepare(page)
        light, ink = page.evaluate(ground), page.locator("#plot .xtitle").get_attribute("style")
        assert ink is not None
        page.get_by_role("button", name="Use dark colours").click()
        dark = page.evaluate(ground)
        assert dark != light
        expect(page.locator("#plot .xtitle")).not_to_have_attribute("style", ink)
        page.goto("/eigen/")  # the server writes it into the next page
        assert page.locator("html").get_attribute("data-scheme") == "dark"
        assert page.evaluate(ground) == dark
        page.get_by_role("button", name="Use light colours").click()
        assert page.evaluate(ground) == light
    with opened("/eigen/", color_scheme="dark") as page:
        assert page.evaluate(ground) == dark  # as the system wishes


def test_a_page_that_is_not_there_is_as_the_others(opened: Opener, browser, address: str) -> None:
    with browser.new_context(base_url=address, **PHONE) as place:
        page = place.new_page()
        page.goto("/nowhere")
        assert findings(page) == []
        assert page.get_by_role("heading", level=1).inner_text() == "Not found"
