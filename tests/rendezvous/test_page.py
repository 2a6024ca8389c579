"""The page plays a meeting in a browser, in the light, in the dark, and on a phone."""

import pytest
from playwright.sync_api import expect

from house import a_meeting
from nonet.rendezvous.saving import write_episode
from nonet.web import create_app
from serving import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(team_folder, untaught):
    write_episode(team_folder / "episodes" / "hall.json", a_meeting(), untaught.config.world.lidar, 0.2)
    with running(create_app({"rendezvous": team_folder})) as at:
        yield at


def test_the_page_plays_a_meeting(opened, tmp_path):
    with opened("/rendezvous/#hall", viewport={"width": 1200, "height": 900}) as page:
        page.wait_for_selector("body[data-ready]")
        expect(page.locator("#outcome")).to_have_text("Within a metre after 3.9 s; 0 contacts.")
        page.locator("#frame").fill("10")
        expect(page.locator("#clock")).to_have_text("2.0 s")
        # halfway, each has driven 0.8 of its 1.6 m
        expect(page.locator("#numbers td").nth(1)).to_have_text("1.8, 2.0")
        assert "2.4 m apart" in (page.get_attribute("#world", "aria-label") or "")
        page.click("#play")
        expect(page.locator("#frame")).to_have_value("19", timeout=20_000)
        expect(page.locator("#play")).to_have_text("Play")
        page.screenshot(path=tmp_path / "light.png")
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=tmp_path / "dark.png")
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.screenshot(path=tmp_path / "phone.png", full_page=True)
