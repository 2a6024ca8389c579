"""The study in chromium: with the mouse, with a fake camera, and where things go wrong."""

import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from nonet import web
from nonet.gaze.config import PRESETS
from nonet.gaze.model import GazeNet, save
from nonet.gaze.settings import StudySettings, write_settings
from nonet.gaze.store.shelf import Store
from nonet.gaze.tasks.stages import Pace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=90_000)  # a busy machine draws slowly
ROBOT = Path(__file__).with_name("robot.js").read_text()
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PACE = Pace(
    dots=6, dot_ms=1000, checks=4, saccades=2, rounds=1, repeats=0, picture_ms=500, tracking_blocks=1, tracking_s=2
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    torch.manual_seed(0)
    save(GazeNet(PRESETS["64-half"]), root / "model")
    write_settings(root, StudySettings(tasks=("saccade", "search"), pace=PACE, seed=2, store=root / "store"))
    return root


@pytest.fixture(scope="module")
def address(folder):
    server = uvicorn.Server(uvicorn.Config(web.create_app({"gaze": folder}), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


def chromium(play, *more) -> Browser:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    return play.chromium.launch(executable_path=path, args=[*ARGUMENTS, *more])


@pytest.fixture(scope="module")
def play():
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(play):
    browser = chromium(play)
    yield browser
    browser.close()


def opened(browser: Browser, address: str, query: str = "", **options) -> Page:
    page = browser.new_context(viewport={"width": 900, "height": 650}, **options).new_page()
    page.set_default_timeout(60_000)
    page.complaints = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
    page.goto(f"{address}/gaze/{query}")
    return page


def sign(page: Page, name: str) -> None:
    page.locator("#name").fill(name)
    page.locator("#agree").check()
    page.get_by_role("button", name="Sign and begin").click()
    expect(page.locator("#setup")).to_be_visible()


def kept(page: Page) -> dict:
    return json.loads(page.evaluate("localStorage.getItem('gaze-session')"))


def run_stage(page: Page, title: str) -> None:
    expect(page.locator("#between-title")).to_have_text(title)
    expect(page.locator("#go")).to_be_enabled()
    page.locator("#go").click()
    expect(page.locator("#stage")).to_be_visible()
    expect(page.locator("#stage")).to_be_hidden()


def test_a_whole_study_with_the_mouse_from_consent_to_report_and_withdrawal(browser, address, folder):
    page = opened(browser, address, "?simulate")
    sign(page, "Ada")
    page.get_by_role("button", name="Begin", exact=True).click()
    expect(page.locator("#between-title")).to_have_text("Calibration")
    held = kept(page)
    plan = page.evaluate("async id => (await (await fetch('/gaze/api/sessions/' + id)).json()).plan", held["session"])
    page.evaluate(ROBOT, plan)
    for stage in plan["stages"]:
        run_stage(page, stage["title"])
        if stage["task"] == "calibration":
            expect(page.locator("#between-title")).to_have_text("How far off?")
    expect(page.locator("#done")).to_be_visible()
    assert page.complaints == []
    session = Store(folder / "store").session(held["session"])
    assert session.calibration_facts()["rung"] != "base"
    assert {row["kind"] for row in session.events()} >= {"trial", "end", "tap"}
    with page.expect_popup() as popup:
        page.evaluate("window.open(document.getElementById('report-link').href)")
    expect(popup.value.locator("body")).to_contain_text("simulated by the mouse")
    expect(popup.value.locator("body")).to_contain_text("Saccade latency")


def test_a_participant_withdraws_and_nothing_is_left(browser, address, folder):
    page = opened(browser, address, "?simulate")
    sign(page, "Withdrawn Person")
    page.get_by_role("button", name="Stop and withdraw").click()
    expect(page.get_by_role("heading", name="Everything is deleted")).to_be_visible()
    everything = b"".join(path.read_bytes() for path in (folder / "store").rglob("*") if path.is_file())
    assert b"Withdrawn Person" not in everything


def test_a_refused_camera_is_explained(browser, address):
    page = opened(browser, address, permissions=[])
    sign(page, "Grace")
    page.get_by_role("button", name="Turn the camera on").click()
    expect(page.get_by_role("alert")).to_contain_text("camera")
    expect(page.locator("#camera-state")).to_have_text("The camera is not on.")


def test_a_reload_goes_on_and_a_hidden_tab_interrupts(browser, address):
    page = opened(browser, address, "?simulate")
    sign(page, "Mary")
    page.get_by_role("button", name="Begin", exact=True).click()
    expect(page.locator("#between")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Go on with it").click()
    expect(page.locator("#between-title")).to_have_text("Calibration")
    page.locator("#go").click()
    expect(page.locator("#stage")).to_be_visible()
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    expect(page.locator("#notice")).to_contain_text("hidden")
    expect(page.get_by_role("button", name="Go on", exact=True)).to_be_visible()


def test_a_phone_scrolls_in_one_direction_only(browser, address):
    page = opened(browser, address, "?simulate")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    sign(page, "Joan")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.fixture
def film(tmp_path) -> Path:
    """A camera's film of one face that stays still: a portrait in the public domain (NASA), as frames of JPEG."""
    from skimage.data import astronaut

    face = Image.fromarray(astronaut()).crop((120, 0, 360, 180)).resize((640, 480))
    path = tmp_path / "camera.mjpeg"
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for _ in range(30):
            noisy = np.asarray(face, float) + rng.normal(0, 3, (480, 640, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return path


def test_a_fake_camera_is_read_and_eyes_that_do_not_follow_are_refused(play, address, folder, film):
    fake = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )
    browser = chromium(play, *fake)
    try:
        page = opened(browser, address)
        sign(page, "Sally")
        page.get_by_role("button", name="Turn the camera on").click()
        expect(page.locator("#camera-state")).to_have_text("The camera is on.")
        page.get_by_role("button", name="Begin", exact=True).click()
        run_stage(page, "Calibration")
        expect(page.get_by_role("alert")).to_contain_text("calibration:")
        rows = Store(folder / "store").session(kept(page)["session"]).samples()
        seen = [row for row in rows if "base" in row]
        assert len(seen) > 10
        assert 20 < np.median([row["distance"] for row in seen]) < 80
        page.evaluate("document.getElementById('camera').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
        expect(page.locator("#camera-state")).to_have_text("The camera was lost.")
        assert not list((folder / "store").rglob("*.jpg"))
        assert page.complaints == []
    finally:
        browser.close()
