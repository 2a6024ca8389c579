"""Runs side by side in a real browser; the runs are written by hand."""

import pytest
from playwright.sync_api import expect

from house import write_run
from nonet import web
from serving import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "myopic", "myopic", 1.0)
    write_run(folder / "caring", "provider-aware", 3.0)
    with running(web.create_app({"recsim": folder})) as at:
        yield at


def test_runs_are_drawn_side_by_side_and_move_together(opened):
    with opened("/recsim/", viewport={"width": 390, "height": 800}) as page:
        page.wait_for_selector("body[data-ready]")
        assert page.locator("#measures > div .main-svg").count() >= 2
        assert (
            page.locator("#measures > div")
            .first.get_attribute("aria-label")
            .startswith("welfare at the end: caring 3.320")
        )
        # caring comes first by name: the myopic one has two less, in every run
        expect(page.locator("tbody tr").filter(has_text="welfare").locator("td").last).to_contain_text("-2")
        circles = page.locator("#maps figure .scatterlayer .points path")
        expect(circles).to_have_count(2 * 4)
        before = circles.last.get_attribute("d")
        page.locator("#frame").fill("11")
        expect(page.locator("#step")).to_have_text("11")
        assert circles.last.get_attribute("d") != before
        # a phone scrolls the table, not the page
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
