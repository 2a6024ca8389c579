"""The pictures of docs/gallery.md: taken here, of folders that somebody made with the commands shown there.

``pytest tests/web/test_gallery.py --write-gallery HOUSE`` takes them anew. HOUSE holds what ``nonet serve`` takes, by
wing: ``align/``, ``cxc/to_rate.parquet``, ``felix/`` and so on, and a tour in ``tour/``.
"""

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from browsing import DESKTOP, PHONE
from nonet.web import create_app
from serving import running
from web.pages import PAGES

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
LARGEST = 150_000  # bytes of a picture
DECODED = """async () => {
  for (const image of document.querySelectorAll("#results img")) image.loading = "eager";
  await Promise.all([...document.querySelectorAll("#results img")].map(image => image.decode()));
}"""


def _mixed(page: Page) -> None:
    page.locator("#words").fill("a cat laughing")
    page.locator("#more").fill("in love")
    page.locator("#refine button[value=plus]").click()
    page.locator("#more").fill("crying")
    page.locator("#refine button[value=minus]").click()
    expect(page.locator("#chips li")).to_have_count(2)
    for _ in range(2):  # at the second time the model has seen the words, and the pictures are cached
        expect(page.locator("#results")).to_have_attribute("aria-busy", "false")
        expect(page.locator("#results li").first).to_be_visible()
        page.evaluate(DECODED)
        page.reload()
    expect(page.locator("#results li").first).to_be_visible()
    page.evaluate(DECODED)


def _labelled(page: Page) -> None:
    PAGES["align, labelled"].prepare(page)
    page.locator("#labels").fill("a cat, a fruit, a vehicle, a building")
    expect(page.locator("#bars li")).to_have_count(4)


def _met(page: Page) -> None:
    PAGES["rendezvous"].prepare(page)
    page.locator("#frame").fill(str(int(page.locator("#frame").get_attribute("max") or 0) // 2))
    page.locator("#show-title").scroll_into_view_if_needed()


def _reported(page: Page) -> None:
    page.wait_for_load_state("networkidle")


def _touring(page: Page) -> None:
    expect(page.locator("#tour li")).to_have_count(9)
    page.wait_for_load_state("networkidle")


DARK = {"color_scheme": "dark"}
PICTURES = {
    "home": ("/", _touring, DESKTOP | {"viewport": {"width": 1200, "height": 1100}}),
    "home-phone": ("/", _touring, PHONE | DARK),
    "align": ("/align/", _mixed, DESKTOP),
    "align-labels": ("/align/", _labelled, DESKTOP | {"viewport": {"width": 1200, "height": 640}}),
    "cxc": ("/cxc/", PAGES["cxc, rating"].prepare, PHONE),
    "felix": ("/felix/", PAGES["felix, edited"].prepare, DESKTOP | {"viewport": {"width": 1200, "height": 640}}),
    "cka": ("/cka/", PAGES["cka"].prepare, DESKTOP),
    "gaze": ("/gaze/", PAGES["gaze, set up"].prepare, DESKTOP),
    "recsim": ("/recsim/", PAGES["recsim"].prepare, DESKTOP),
    "rendezvous": ("/rendezvous/", _met, DESKTOP | {"viewport": {"width": 1200, "height": 1000}}),
    "optim": ("/optim/", PAGES["optim"].prepare, DESKTOP | DARK),
    "eigen": ("/eigen/", PAGES["eigen"].prepare, DESKTOP | DARK | {"viewport": {"width": 1200, "height": 1000}}),
    "report": ("/tour/", _reported, DESKTOP),
}


@pytest.mark.browser
@pytest.mark.slow
def test_the_pictures_are_taken(request: pytest.FixtureRequest) -> None:
    house = request.config.getoption("--write-gallery", None)
    if not house:
        pytest.skip("--write-gallery HOUSE was not given")
    browser: Browser = request.getfixturevalue("browser")
    root = Path(house)
    sources = {path.name: path for path in root.iterdir() if path.is_dir() and path.name != "tour"}
    sources["cxc"] = root / "cxc" / "to_rate.parquet"
    GALLERY.mkdir(exist_ok=True)
    with running(create_app(sources, simulate=True, tour=root / "tour")) as address:
        for name, (path, prepare, context) in PICTURES.items():
            place = browser.new_context(base_url=address, reduced_motion="reduce", **context)
            place.set_default_timeout(60_000)
            page = place.new_page()
            page.goto(path)
            prepare(page)
            _keep(page.screenshot(), GALLERY / f"{name}.png")
            place.close()


def _keep(content: bytes, path: Path) -> None:
    """With 128 colours a drawing looks as it did."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < LARGEST, path.name


def test_the_gallery_shows_every_picture_with_its_command() -> None:
    text = (GALLERY.parent / "gallery.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]{10,}\]\(gallery/([\w-]+)\.png\)", text)
    assert shown == list(PICTURES)
    assert sorted(path.stem for path in GALLERY.glob("*.png")) == sorted(shown)
    assert text.count("```console") == len(re.findall(r"^## ", text, flags=re.M))
    for path in GALLERY.glob("*.png"):
        assert path.stat().st_size < LARGEST, path.name
        with Image.open(path) as picture:
            assert picture.width in {390, 1200}
