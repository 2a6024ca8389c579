"""The study in chromium: with the mouse, with a fake camera, and where things go wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import gaze_film
from browsing import PHONE, chromium
from nonet import web
from nonet.gaze.calibrate import check
from nonet.gaze.config import PRESETS
from nonet.gaze.geometry import Screen
from nonet.gaze.live import plan_of
from nonet.gaze.model import GazeNet, save
from nonet.gaze.personal import RUNGS
from nonet.gaze.settings import StudySettings, write_settings
from nonet.gaze.store.shelf import Store
from nonet.gaze.tasks import TASKS, make_plan
from nonet.gaze.tasks.plan import Stage, dot_at
from nonet.gaze.tasks.stages import Pace
from serving import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROBOT = Path(__file__).with_name("robot.js").read_text()
VIEWER = Path(__file__).with_name("viewer.js").read_text()
MARKS = {1: "red", 2: "lime", 3: "yellow", 4: "blue"}  # of the parts of a film; see viewer.js
PACE = Pace(
    dots=6,
    dot_ms=1000,
    checks=3,
    saccades=1,
    rounds=0.2,
    repeats=0,
    picture_ms=500,
    tracking_blocks=1,
    tracking_s=1,
    proof_blocks=1,
)
SMALL_PHONE = {**PHONE, "viewport": {"width": 360, "height": 740}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    torch.manual_seed(0)
    save(GazeNet(PRESETS["64-half"]), root / "model")
    (root / "pictures").mkdir()
    Image.new("RGB", (40, 30), "teal").save(root / "pictures" / "teal.png")
    settings = StudySettings(tasks=TASKS, pictures=root / "pictures", pace=PACE, seed=2, store=root / "store")
    write_settings(root, settings)
    return root


@pytest.fixture(scope="module")
def address(folder):
    with running(web.create_app({"gaze": folder})) as at:
        yield at


@pytest.fixture
def browser(browser):
    """The browser; no page of a test goes on drawing behind the next."""
    yield browser
    for context in browser.contexts:
        context.close()


def visit(browser: Browser, address: str, query: str = "", **options) -> Page:
    page = browser.new_context(**{"viewport": {"width": 900, "height": 650}, **options}).new_page()
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


def test_a_whole_study_of_all_tasks_with_the_mouse_from_consent_to_report(browser, address, folder):
    page = visit(browser, address, "?simulate")
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
    assert {stage["task"] for stage in plan["stages"]} == {"calibration", "validation", *TASKS}
    ended = [(row["stage"], row["trial"]) for row in session.events() if row["kind"] == "end"]
    assert ended == [(n, trial) for n, stage in enumerate(plan["stages"]) for trial in range(len(stage["trials"]))]
    assert {row["kind"] for row in session.events()} >= {"tap", "answer"}
    with page.expect_popup() as popup:
        page.evaluate("window.open(document.getElementById('report-link').href)")
    report = popup.value.locator("body")
    for said in ("simulated by the mouse", "Saccade latency", "Smooth pursuit", "Visual search", "Free viewing",
                 "Reading", "Proofreading", "Object tracking"):  # fmt: skip
        expect(report).to_contain_text(said)


def test_a_participant_withdraws_and_nothing_is_left(browser, address, folder):
    page = visit(browser, address, "?simulate")
    sign(page, "Withdrawn Person")
    page.get_by_role("button", name="Stop and withdraw").click()
    expect(page.get_by_role("heading", name="Everything is deleted")).to_be_visible()
    everything = b"".join(path.read_bytes() for path in (folder / "store").rglob("*") if path.is_file())
    assert b"Withdrawn Person" not in everything


def test_a_refused_camera_is_explained(browser, address):
    page = visit(browser, address, permissions=[])
    sign(page, "Grace")
    page.get_by_role("button", name="Turn the camera on").click()
    expect(page.get_by_role("alert")).to_contain_text("camera")
    expect(page.locator("#camera-state")).to_have_text("The camera is not on.")


def test_a_reload_goes_on_and_a_hidden_tab_interrupts(browser, address):
    page = visit(browser, address, "?simulate")
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


def width(page: Page) -> int:
    """Of all that can be scrolled to."""
    return page.evaluate("document.documentElement.scrollWidth")


def test_two_sessions_at_once_on_a_desk_and_on_a_phone_do_not_mix(browser, address, folder):
    pages = [visit(browser, address, "?simulate", **options) for options in ({}, SMALL_PHONE)]
    phone = pages[1]
    assert width(phone) <= 360  # it scrolls in one direction only
    for page, name in zip(pages, ("Emmy", "Sonja"), strict=True):
        sign(page, name)
        assert width(phone) <= 360
        page.get_by_role("button", name="Begin", exact=True).click()
        expect(page.locator("#between-title")).to_have_text("Calibration")
        session = kept(page)["session"]
        plan = page.evaluate("async id => (await (await fetch('/gaze/api/sessions/' + id)).json()).plan", session)
        page.evaluate(ROBOT, plan)
    for page in pages:
        page.locator("#go").click()
    for page in pages:
        expect(page.locator("#between-title")).to_have_text("How far off?")
    run_stage(phone, "How far off?")
    expect(phone.locator("#accuracy-text")).to_contain_text("on dots that were not used to calibrate")
    assert width(phone) <= 360
    store = Store(folder / "store")
    first, second = (store.session(kept(page)["session"]) for page in pages)
    assert first.record.participant != second.record.participant
    for session in (first, second):
        assert session.calibration_facts()["rung"] != "base"
        begun = [row["trial"] for row in session.events() if row["kind"] == "trial" and row["stage"] == 0]
        assert begun == list(range(PACE.dots))
    times = {row["t"] for row in first.samples()}
    assert len(times & {row["t"] for row in second.samples()}) < len(times) / 10


def fake_camera(play, path: Path) -> Browser:
    """A browser whose camera is a film that begins anew at its end."""
    return chromium(
        play,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={path}",
    )


@pytest.fixture
def still_film(tmp_path) -> Path:
    """One face that stays still."""
    path = tmp_path / "camera.mjpeg"
    with path.open("wb") as file:
        for frame in gaze_film.film(np.tile(gaze_film.SCREEN.centre_cm, (30, 1))):
            frame.save(file, "JPEG", quality=90)
    return path


LOSE_CAMERA = """(trial) => new Promise((done) => {
  const waiting = setInterval(() => {
    if (document.getElementById("stage").dataset.at !== trial) return;
    clearInterval(waiting);
    const [track] = document.getElementById("camera").srcObject.getTracks();
    track.stop();
    track.dispatchEvent(new Event("ended"));
    done();
  }, 20);
})"""


def test_a_camera_lost_in_mid_task_and_eyes_that_do_not_follow(play, address, folder, still_film):
    browser = fake_camera(play, still_film)
    try:
        page = visit(browser, address)
        sign(page, "Sally")
        page.get_by_role("button", name="Turn the camera on").click()
        expect(page.locator("#camera-state")).to_have_text("The camera is on.")
        page.get_by_role("button", name="Begin", exact=True).click()
        page.locator("#go").click()
        page.evaluate(LOSE_CAMERA, "0.2")
        expect(page.locator("#notice")).to_contain_text("The camera was lost")
        page.get_by_role("button", name="Go on", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("calibration:")
        session = Store(folder / "store").session(kept(page)["session"])
        happened = [(row["kind"], row.get("trial")) for row in session.events()]
        lost = happened.index(("camera lost", 2))
        assert happened[lost - 1 : lost] == [("trial", 2)]
        assert [kind for kind, _ in happened[lost + 1 : lost + 3]] == ["camera back", "trial"]
        assert happened[lost + 2 :] == [
            pair for trial in range(2, PACE.dots) for pair in (("trial", trial), ("end", trial))
        ]
        seen = [row for row in session.samples() if "base" in row]
        assert seen
        assert np.median([row["distance"] for row in seen]) == pytest.approx(50, rel=0.1)
        assert not list(session.folder.rglob("*.jpg"))
        assert page.complaints == []
    finally:
        browser.close()


FILM_PACE = Pace(dots=5, dot_ms=1600, checks=3, saccades=2)
LATE_MS = 600.0  # the eyes on film are behind the dots, so that a page that draws slowly is still before them
LEAD_MS = (5000.0, 3500.0, 2000.0, 2000.0)  # of each part: time for consent, for the fit of the calibration
RATE = 8  # frames a second


def filmed(screen: Screen, stage: Stage, part: int) -> bytes:
    """A part of the film: eyes rest on the first dot while the part's mark is in the corner, then follow all dots."""
    starts = np.cumsum([0, *(trial.ms for trial in stage.trials)])
    ms = np.maximum(0, np.arange(-LEAD_MS[part - 1], starts[-1] + LATE_MS + 300, 1000 / RATE) - LATE_MS)
    trial = np.searchsorted(starts[1:-1], ms, side="right")
    looks = [dot_at(stage.trials[n], np.array([at - starts[n]]))[0] for n, at in zip(trial, ms, strict=True)]
    places, which = np.unique(screen.to_cm(np.array(looks)), axis=0, return_inverse=True)
    encoded = []
    for colour in (MARKS[part], "black"):
        for frame in gaze_film.film(places, part):
            frame.paste(colour, (0, 0, 16, 16))
            encoded.append(gaze_film.y4m_frame(frame))
    marked = np.arange(len(ms)) < LEAD_MS[part - 1] * RATE / 1000
    return b"".join(encoded[place if mark else place + len(places)] for place, mark in zip(which, marked, strict=True))


@pytest.fixture(scope="module")
def followed(tmp_path_factory, acquainted_model):
    """A study, its address, and the film of a participant who looks at all that it shows."""
    root = tmp_path_factory.mktemp("followed")
    settings = StudySettings(acquainted_model, tasks=("saccade",), pace=FILM_PACE, seed=5, store=root / "store")
    write_settings(root, settings)
    plan = make_plan(gaze_film.SCREEN, ["saccade"], 5, pace=FILM_PACE)
    film = root / "camera.y4m"
    with film.open("wb") as file:
        file.write(gaze_film.y4m_header(RATE))
        for part, stage in enumerate(plan.stages, 1):
            file.write(filmed(gaze_film.SCREEN, stage, part))
    with running(web.create_app({"gaze": root})) as address:
        yield root, address, film
    film.unlink()


def test_a_rendered_participant_before_the_camera_from_consent_to_report(play, followed):
    root, address, film = followed
    browser = fake_camera(play, film)
    try:
        page = visit(browser, address)
        sign(page, "Ada")
        page.locator("#card-width").fill("342")  # 40 pixels a centimetre
        page.locator("#distance").fill(str(int(gaze_film.DISTANCE_CM)))
        page.get_by_role("button", name="Turn the camera on").click()
        expect(page.locator("#camera-state")).to_have_text("The camera is on.")
        page.get_by_role("button", name="Begin", exact=True).click()
        expect(page.locator("#between-title")).to_have_text("Calibration")
        session = Store(root / "store").session(kept(page)["session"])
        page.evaluate(VIEWER)
        expect(page.locator("#done")).to_be_visible(timeout=240_000)
        assert page.complaints == []
        assert session.calibration_facts()["rung"] in RUNGS
        with page.expect_popup() as popup:
            page.evaluate("window.open(document.getElementById('report-link').href)")
        expect(popup.value.locator("body")).to_contain_text("Saccade latency")
        expect(popup.value.locator("body")).to_contain_text("off on dots that no calibration saw")
        checked = [
            check(stage, number, session.record.screen, session.samples(), session.events(), session.fit(), 36.0)
            for number, stage in enumerate(plan_of(session).stages)
            if stage.task == "validation"
        ]
        # a machine that is busy may give no frame of a dot
        assert [0 < len(one.dots) <= FILM_PACE.checks for one in checked] == [True, True]
        assert checked[0].cm < 3.0  # the middle of the screen would be 6 cm off
    finally:
        browser.close()
