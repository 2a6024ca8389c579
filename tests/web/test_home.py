"""Home: a card for each wing, served or not, and how far a tour is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from browsing import PHONE, Opener
from nonet.tour.state import Tally, TourState, WingState, held
from nonet.web import create_app
from nonet.wings import WINGS
from serving import running
from web.test_pages import findings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MIDDLE = {
    "align": WingState("align", "done", 61.0, claims=Tally(4, 1, 0), report="align/report.html"),
    "cxc": WingState("cxc", "running", 5.0),
    "felix": WingState("felix", "failed", 2.0, note="the disk is full"),
    "cka": WingState("cka", "skipped", note="needs CIFAR-10"),
}


def write_tour(folder: Path, changes: dict[str, WingState]) -> None:
    """A tour of nine, of which some are further than waiting."""
    wings = tuple(changes.get(wing.name, WingState(wing.name)) for wing in WINGS)
    TourState("minutes", "2026-01-01T10:00:00", wings).write(folder)


@pytest.fixture
def on_tour(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An application of which nothing is served but a tour, which is under way."""
    write_tour(tmp_path, MIDDLE)
    with held(tmp_path), running(create_app({}, tour=tmp_path)) as at:
        yield at, tmp_path


def test_each_card_shows_how_its_wing_stands(opened: Opener) -> None:
    with opened("/") as page:
        said = {wing.name: page.locator(f"#{wing.name} .state").inner_text() for wing in WINGS}
        assert said["align"] == "24 pictures indexed"
        assert re.fullmatch(r"[12] of 15 ratings made", said["cxc"])
        assert said["cka"] == "2 reports of layer similarity"
        assert said["gaze"].startswith("Eye tracking study: 2 tasks")
        assert said["recsim"] == "ecosystem: myopic, provider-aware side by side"
        assert said["rendezvous"] == "1 meeting kept"
        pictures = page.locator("#align image")
        assert pictures.count() == 8
        for address in pictures.evaluate_all("all => all.map(one => one.getAttribute('href'))"):
            assert page.request.get(address).headers["content-type"].startswith("image/")
        bars = page.locator("#cxc rect").evaluate_all("all => all.map(one => Number(one.getAttribute('height')))")
        assert (len(bars), bars[7] > 0, bars[0]) == (11, True, 0)  # somebody gave 3.5, nobody gave 0
        assert page.locator("#rendezvous polyline.accent").count() == 1
        assert page.locator("#recsim polygon").count() == 2
        for wing in WINGS:
            expect(page.locator(f"#{wing.name} .look > *")).to_be_visible()


def test_a_card_changes_with_what_it_shows(opened: Opener) -> None:
    with opened("/") as page:
        before, sessions = (page.locator(f"#{name} .state").inner_text() for name in ("cxc", "gaze"))
        page.request.post("/gaze/api/consents", data={"name": "Ann", "keep_frames": False})
        page.goto("/cxc/")
        page.get_by_label("Your name").fill("Bea")
        page.get_by_role("button", name="Start rating").click()
        expect(page.locator("#task")).to_be_visible()
        page.keyboard.press("5")
        page.keyboard.press("Enter")
        expect(page.locator("#done")).to_have_text("1 rated.")
        page.goto("/")
        made = int(before.split()[0])
        assert page.locator("#cxc .state").inner_text() == f"{made + 1} of 15 ratings made"
        assert page.locator("#gaze .state").inner_text() == sessions  # who has only signed has no session


def test_a_wing_that_is_not_served_shows_what_to_type(opened: Opener, on_tour: tuple[str, Path]) -> None:
    at, _ = on_tour
    for device in ({}, PHONE):
        with opened("/", at=at, **device) as page:
            idle = page.locator(".card.idle")
            assert idle.count() == 7
            for wing in WINGS[:7]:
                card = page.locator(f"#{wing.name}")
                expect(card.locator("svg.sketch")).to_be_visible()
                assert f"nonet serve --{wing.name} {wing.served}" in card.inner_text()
                assert wing.made in card.inner_text()
                assert card.get_by_role("link").count() == 0
            page.get_by_role("navigation", name="Wings").get_by_role("link", name="gaze").click()
            page.wait_for_url("**/#gaze")
            expect(page.locator("#gaze")).to_be_in_viewport()


def test_the_tour_moves_while_one_looks(opened: Opener, on_tour: tuple[str, Path]) -> None:
    at, folder = on_tour
    with opened("/", at=at) as page:
        said, rows = page.locator("#tour-said"), page.locator("#tour li")
        expect(rows).to_have_count(9)
        expect(said).to_have_text("3 of 9 are through. Now: cxc. So far 4 claims hold, 1 fails, 0 cannot be told.")
        assert said.get_attribute("role") == "status"
        assert page.locator("#tour progress").evaluate("bar => [bar.value, bar.max]") == [3, 9]
        assert rows.nth(0).locator(".counts").inner_text().replace("\xa0", " ") == "4 hold · 1 fails · 61 s"
        assert rows.nth(2).locator(".counts").inner_text() == "failed: the disk is full"
        assert rows.nth(3).locator(".counts").inner_text() == "skipped: needs CIFAR-10"
        assert rows.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href'))") == ["/tour/align/"]
        assert findings(page) == []
        over = {wing.name: WingState(wing.name, "done", 1.0, claims=Tally(1, 0, 1)) for wing in WINGS}
        write_tour(folder, over | {name: MIDDLE[name] for name in ("align", "felix", "cka")})
        expect(said).to_have_text("The tour is over: 10 claims hold, 1 fails, 6 cannot be told.")
        expect(page.get_by_role("link", name="the whole report")).to_be_visible()


def test_a_tour_that_cannot_be_read_is_told(opened: Opener, on_tour: tuple[str, Path], browser) -> None:
    at, folder = on_tour
    (folder / "tour.json").write_text("{")
    with browser.new_context(base_url=at) as place:  # the browser itself complains of the answer
        page = place.new_page()
        page.goto("/")
        expect(page.locator("#tour-said")).to_contain_text("This is no tour.")
