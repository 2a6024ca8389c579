"""The first paint of every page in chromium, with what it waits for and the answer's own time beside it.

The pages are those of small folders, as the tests make them; server and browser share this machine. A page is opened
anew in each round, in a context without a cache. `answer` is the time until the first byte of the page, below which no
paint can be; all times are medians of elapsed milliseconds.

    python bench/first_paint.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the folders are those of the tests

from playwright.sync_api import Browser, sync_playwright
from record import Row, record

from browsing import DESKTOP, chromium
from house import build
from nonet.foundation import console
from nonet.web import create_app
from serving import running

PATHS = (
    "/",
    *(f"/{name}/" for name in ("align", "cxc", "felix", "cka", "gaze", "recsim", "rendezvous", "optim", "eigen")),
)
SEEN = """async () => {
  const painted = () => performance.getEntriesByName("first-contentful-paint").length;
  while (!painted()) await new Promise(done => setTimeout(done, 20));
  const [page] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const blocking = performance.getEntriesByType("resource").filter(each => each.renderBlockingStatus === "blocking");
  const bytes = [page, ...blocking].reduce((sum, each) => sum + each.decodedBodySize, 0);
  const requests = 1 + blocking.length;
  return { answer: page.responseStart, paint: paint.startTime, loaded: page.loadEventEnd, requests, bytes };
}"""


def visit(browser: Browser, address: str) -> dict[str, float]:
    place = browser.new_context(**DESKTOP)
    page = place.new_page()
    page.goto(address)
    seen = page.evaluate(SEEN)
    place.close()
    return seen


def main(rounds: int) -> None:
    found: dict[str, list[dict[str, float]]] = {path: [] for path in PATHS}
    with (
        tempfile.TemporaryDirectory() as root,
        running(create_app(build(Path(root)))) as address,
        sync_playwright() as play,
    ):
        browser = chromium(play)
        for _ in range(rounds + 1):
            for path in PATHS:
                found[path].append(visit(browser, address + path))
        browser.close()
    shown, kept = [], []
    for path, visits in found.items():
        warm = visits[1:]  # the first finds the server cold
        usual = {name: statistics.median(one[name] for one in warm) for name in visits[0]}
        times = [f"{usual[name]:.0f}" for name in ("answer", "paint", "loaded")]
        shown.append([path, *times, f"{usual['requests']:.0f}", f"{usual['bytes'] / 1000:.1f}"])
        page = Row(
            f"first paint of {path}", "ms", usual["paint"], limit=usual["answer"], limit_is="the page's first byte"
        )
        kept.append(page)
    columns = ["page", "answer, ms", "first paint, ms", "loaded, ms", "requests before it", "kB before it"]
    console.table(columns, shown, title=f"First paint, medians of {rounds} visits")
    record("first_paint", "nonet", kept)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
