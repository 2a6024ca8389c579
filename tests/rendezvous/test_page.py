"""The page plays a meeting in a browser, in the light, in the dark, and on a phone."""

import shutil
import socket
import threading
import time

import numpy as np
import pytest
import uvicorn

from nonet.rendezvous.agents.base import Thought
from nonet.rendezvous.config import LidarConfig
from nonet.rendezvous.episode import Episode, Moment
from nonet.rendezvous.maps.layout import from_shapes
from nonet.rendezvous.saving import write_episode
from nonet.rendezvous.scene import rectangle
from nonet.web import create_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STEPS = 40


def an_episode():
    """Two robots that drive towards each other along a line, with a plan at the start."""
    place = from_shapes("hall", [(3.0, 4.0, 0.5)], rectangle(0, 0, 6, 6), (0, 0, 6, 6))
    share = np.linspace(0, 1, STEPS + 1)[:, None, None]
    ends = np.array([[[1.0, 2.0, 0.0], [5.0, 2.0, np.pi]]]), np.array([[[2.6, 2.0, 0.0], [3.4, 2.0, np.pi]]])
    poses = (1 - share) * ends[0] + share * ends[1]
    goals = np.tile(np.array([[3.0, 2.0], [3.0, 2.5]]), (STEPS, 1, 1))
    thought = Thought(goals[0, 0], True, np.random.default_rng(0).normal(3, 0.3, (24, 2)), poses[::10, :, :2])
    met = {0.5: np.inf, 1.0: 3.9, 2.0: 2.5}
    return Episode(
        place, 0.1, poses, goals, np.full((STEPS, 2, 8), 1.5), np.zeros((STEPS, 2), bool), np.array([1.6, 1.6]),
        np.zeros(2, int), met, 4.0, (Moment(0.0, 0, thought),), {"method": "hpp", "episode": 0},
    )  # fmt: skip


@pytest.fixture(scope="module")
def address(team_folder):
    write_episode(team_folder / "episodes" / "hall.json", an_episode(), LidarConfig(beams=8), 0.2)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = create_app({"rendezvous": team_folder})
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/rendezvous/#hall"
    server.should_exit = True
    thread.join(10)


def test_the_page_plays_a_meeting(address, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
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
        browser.close()
    assert not wrong
