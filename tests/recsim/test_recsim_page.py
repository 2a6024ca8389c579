"""Runs side by side in a real browser; the runs are written by hand."""

import json
import shutil
import socket
import threading
import time
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
from playwright.sync_api import expect, sync_playwright

from nonet import web
from nonet.recsim.config import RunConfig

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STEPS, PROVIDERS = 5, 4


def _run(folder, policy, welfare):
    folder.mkdir()
    config = RunConfig(policy=policy, users=30, providers=PROVIDERS, horizon=STEPS, runs=2)
    (folder / "run.json").write_text(json.dumps(asdict(config)))
    run, step = np.repeat([0, 1], STEPS), np.tile(np.arange(STEPS), 2)
    series = {"run": run, "step": step, "welfare": welfare + 0.1 * run, "gini": 0.1 * step}
    pq.write_table(pa.table(series), folder / "series.parquet")
    step, provider = np.repeat(np.arange(STEPS), PROVIDERS), np.tile(np.arange(PROVIDERS), STEPS)
    clicks = (step * (provider + 1)).astype(np.float32)
    table = {"step": step, "provider": provider, "x": 1.0 * provider, "y": -1.0 * provider}
    pq.write_table(
        pa.table(table | {"satisfaction": clicks, "clicks": clicks, "alive": clicks < 12}), folder / "providers.parquet"
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    _run(folder / "myopic", "myopic", 1.0)
    _run(folder / "caring", "provider-aware", 3.0)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(web.create_app({"recsim": folder}), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/recsim/"
    server.should_exit = True
    thread.join(10)


def test_runs_are_drawn_side_by_side_and_move_together(address):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.set_default_timeout(60_000)
        complaints = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        assert page.locator("#measures > div .main-svg").count() >= 2
        assert (
            page.locator("#measures > div")
            .first.get_attribute("aria-label")
            .startswith("welfare at the end: caring 3.050")
        )
        # caring comes first by name: the myopic one has two less, in every run
        expect(page.locator("tbody tr").filter(has_text="welfare").locator("td").last).to_contain_text("-2")
        circles = page.locator("#maps figure .scatterlayer .points path")
        expect(circles).to_have_count(2 * PROVIDERS)
        before = circles.last.get_attribute("d")
        page.locator("#frame").fill(str(STEPS - 1))
        expect(page.locator("#step")).to_have_text(str(STEPS - 1))
        assert circles.last.get_attribute("d") != before
        # a phone scrolls the table, not the page
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert complaints == []
        browser.close()
