"""The rating page: its routes, and raters in a real browser while the server is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from nonet.cxc.page import mount, open_study
from nonet.cxc.rating.pairs import PairToRate, write_pairs
from nonet.cxc.rating.records import Settings
from nonet.foundation.errors import DataError
from nonet.web import create_app


def write_study(folder: Path, texts: int = 4) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, colour in (("red", "red"), ("blue", "blue")):
        Image.new("RGB", (320, 200), colour).save(folder / f"{name}.jpg")
    pairs = [
        PairToRate("sts", f"a{n}", f"b{n}", "c2c_isim", left_text=f"First caption {n}", right_text=f"Second {n}")
        for n in range(texts)
    ]
    pairs.append(PairToRate("sis", "red", "blue", "i2i_csim", left_image="red.jpg", right_image="blue.jpg"))
    pairs.append(PairToRate("sits", "a0", "red", "c2i_intrasim", left_text="<b>A red field</b>", right_image="red.jpg"))
    path = folder / "to_rate.parquet"
    write_pairs(path, pairs)
    return path


@pytest.fixture
def study(tmp_path) -> Path:
    return write_study(tmp_path)


@pytest.fixture
def client(study) -> TestClient:
    return TestClient(create_app({"cxc": study}))


def test_from_joining_to_the_last_pair(client, study):
    link = client.post("/cxc/join", json={"name": "Ann"}).json()["link"]
    seen = []
    while (asked := client.get(f"{link}/next").json())["question"] is not None:
        question = asked["question"]
        assert (asked["done"], asked["remaining"]) == (len(seen), 6 - len(seen))
        assert client.get(f"{link}/next").json()["question"]["pair"] == question["pair"]  # a reload
        seen.append(question["kind"])
        answer = {"score": len(seen) / 2, "seconds": 1.5}
        assert client.put(f"{link}/judgements/{question['pair']}", json=answer).status_code == 204
    assert seen == ["sts"] * 4 + ["sis", "sits"]
    assert (asked["done"], asked["remaining"]) == (6, 0)
    back = client.get(f"{link}/previous").json()["question"]
    assert (back["pair"], back["score"]) == (5, 3.0)
    further = client.get(f"{link}/previous", params={"before": back["made"]}).json()["question"]
    assert (further["pair"], further["score"]) == (4, 2.5)
    assert [j.score for j in open_study(study)[1].judgements()] == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert mount(study).state() == "6 of 30 ratings made"


def test_pictures_are_those_of_the_pairs_alone(client):
    link = client.post("/cxc/join", json={"name": "Ann"}).json()["link"]
    assert client.get(f"{link}/picture/4/left").headers["content-type"] == "image/jpeg"
    assert client.get(f"{link}/picture/5/left").status_code == 404
    assert client.get(f"{link}/picture/99/left").status_code == 404
    assert client.get(f"{link}/picture/4/up").status_code == 422
    assert client.get("/cxc/rate/guessed/picture/4/left").status_code == 404


@pytest.mark.parametrize("answer", [{"score": 5.1}, {"score": -1}, {"score": "x"}, {}, {"score": 1, "seconds": -1}])
def test_refuses_wrong_answers(client, study, answer):
    link = client.post("/cxc/join", json={"name": "Ann"}).json()["link"]
    client.get(f"{link}/next")
    assert client.put(f"{link}/judgements/0", json=answer).status_code == 422
    assert client.put(f"{link}/judgements/3", json={"score": 1}).status_code == 422  # not given to this rater
    assert client.put("/cxc/rate/guessed/judgements/0", json={"score": 1}).status_code == 404
    assert open_study(study)[1].judgements() == []


def test_a_closed_study_takes_invited_raters_only(client, study):
    store = open_study(study)[1]
    store.change_settings(Settings(open=False))
    assert client.post("/cxc/join", json={"name": "Eve"}).status_code == 403
    invited = store.add_rater("Ann", 0.0)
    assert client.get(f"/cxc/rate/{invited.token}", headers={"accept": "text/html"}).status_code == 200
    assert "Raters are invited" in client.get("/cxc/").text
    assert client.get("/cxc/rate/guessed", headers={"accept": "text/html"}).status_code == 404


def test_a_taken_name_is_refused(client):
    assert client.post("/cxc/join", json={"name": "Ann"}).status_code == 200
    assert "already" in client.post("/cxc/join", json={"name": "Ann"}).json()["detail"]


def test_a_missing_picture_is_found_before_anybody_rates(study):
    (study.parent / "red.jpg").unlink()
    with pytest.raises(DataError, match=r"picture 'red\.jpg' of row 5 is missing"):
        mount(study)


class Server:
    """`nonet serve` in a process of its own."""

    def __init__(self, study: Path, port: int) -> None:
        self.study, self.port, self.process = study, port, None
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "nonet", "serve", "--cxc", str(self.study), "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def served(study):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(study, port)
    yield server
    server.kill()


def join(browser, server: Server, name: str):
    context = browser.new_context()
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.port}/cxc/")
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Start rating").click()
    page.locator("#task").wait_for()
    return page


def rate(page, key: str) -> None:
    """Rates the pair on the screen by keyboard and waits for the next one or the end."""
    before = page.locator("#done").text_content()
    page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.getElementById('done').textContent !== before", arg=before)


@pytest.mark.browser
@pytest.mark.slow
def test_three_raters_at_once_and_a_server_killed_in_the_middle(browser, served, study):
    pages = {name: join(browser, served, name) for name in ("Ann", "Ben", "Cem")}
    for key in "135":
        for page in pages.values():
            rate(page, key)
    served.kill()
    for page, key in zip(pages.values(), "024", strict=True):  # answered while nobody listens
        page.keyboard.press(key)
        page.keyboard.press("Enter")
    pages["Ann"].get_by_text("The server does not answer.").wait_for()
    served.start()
    for page in pages.values():
        page.get_by_text("4 rated.").wait_for()
    for page in pages.values():
        rate(page, "2")
        rate(page, "3")
        page.get_by_text("All pairs are rated.").wait_for()
    judgements = open_study(study)[1].judgements()
    scores = {name: [j.score for j in judgements if j.rater == name] for name in pages}
    assert scores == {"Ann": [1, 3, 5, 0, 2, 3], "Ben": [1, 3, 5, 2, 2, 3], "Cem": [1, 3, 5, 4, 2, 3]}


@pytest.mark.browser
@pytest.mark.slow
def test_an_unsent_rating_outlives_a_closed_page(browser, served, study):
    """The page is left while the server is away; the rating is sent when the link is opened again."""
    page = join(browser, served, "Ann")
    link, context = page.url, page.context
    served.kill()
    page.keyboard.press("4")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("The server does not answer.").wait_for()
    page.close()
    served.start()
    page = context.new_page()
    page.goto(link)
    page.get_by_text("1 rated.").wait_for()
    assert [(j.pair, j.score) for j in open_study(study)[1].judgements()] == [(0, 4.1)]
    assert page.evaluate("Object.keys(localStorage).length") == 0


@pytest.mark.browser
@pytest.mark.slow
def test_mouse_slider_back_and_phone(browser, served, study, tmp_path):
    page = join(browser, served, "Ann")
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    assert page.get_by_role("button", name="Next pair").is_disabled()
    page.get_by_role("button", name="3 The gist").click()
    assert page.locator("#shown").text_content() == "3.0"
    page.get_by_role("button", name="Next pair").click()
    page.get_by_text("1 rated.").wait_for()
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Keep").wait_for()
    assert page.get_by_text("First caption 0").is_visible()
    page.get_by_label("Finer").fill("1.7")
    page.get_by_role("button", name="Keep").click()
    page.get_by_text("First caption 1").wait_for()
    assert [j.score for j in open_study(study)[1].judgements()] == [1.7]
    for _ in range(3):
        rate(page, "1")
    page.wait_for_function("() => document.querySelector('#left img').naturalWidth === 320")
    rate(page, "1")
    assert page.get_by_text("<b>A red field</b>").is_visible()  # shown as text
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert errors == []
