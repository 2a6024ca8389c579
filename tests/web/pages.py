"""Every page of every wing: its address, and how it is brought to show what it is for."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect


def _nothing(page: Page) -> None:
    """The page shows all it has."""


def _drawn(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-ready", "true")


def _found(page: Page) -> None:
    page.locator("#words").fill("a red thing")
    page.locator("#words").press("Enter")
    expect(page.locator("#results li").first).to_be_visible()


def _labelled(page: Page) -> None:
    _found(page)
    page.locator(".result").first.click()
    page.get_by_role("button", name="Label it").click()
    page.locator("#labels").fill("a red thing, a blue thing")
    expect(page.locator("#bars li")).to_have_count(2)


def _looked_at(page: Page) -> None:
    _found(page)
    page.locator(".result").first.click()
    expect(page.locator("#detail")).to_be_visible()


def _rating(page: Page) -> None:
    page.get_by_label("Your name").fill(f"Rater {id(page)}")
    page.get_by_role("button", name="Start rating").click()
    expect(page.locator("#task")).to_be_visible()
    page.keyboard.press("3")
    expect(page.locator("#shown")).to_have_text("3.0")


def _edited(page: Page) -> None:
    page.locator("#text").fill("Turing was born in 1912. Turing died in 1954.")
    page.locator("#text").press("Control+Enter")
    expect(page.locator(".result").first).to_be_visible()


def _mapped(page: Page) -> None:
    expect(page.locator("#across")).to_contain_text("layers of")


def _signed(page: Page) -> None:
    page.get_by_label("Your name, as your signature").fill("Ann")
    page.locator("#agree").check()
    page.get_by_role("button", name="Sign and begin").click()
    expect(page.get_by_role("heading", name="Your screen")).to_be_visible()


def _walked(page: Page) -> None:
    expect(page.locator("#rows tr")).to_have_count(3)
    expect(page.locator("#plot .legend")).to_be_visible()


def _taught(page: Page) -> None:
    expect(page.locator("#eigenvalues")).to_contain_text("λ₂")
    expect(page.locator("#gauge .bar-row").first).to_be_visible()


@dataclass(frozen=True)
class Shown:
    """A page in one of its states."""

    path: str
    prepare: Callable[[Page], None] = _nothing


PAGES = {
    "home": Shown("/"),
    "align": Shown("/align/"),
    "align, found": Shown("/align/", _found),
    "align, one picture": Shown("/align/", _looked_at),
    "align, labelled": Shown("/align/", _labelled),
    "cxc": Shown("/cxc/"),
    "cxc, rating": Shown("/cxc/", _rating),
    "felix": Shown("/felix/"),
    "felix, edited": Shown("/felix/", _edited),
    "cka": Shown("/cka/", _mapped),
    "cka, minus": Shown("/cka/?report=first&against=second", _mapped),
    "gaze": Shown("/gaze/"),
    "gaze, set up": Shown("/gaze/", _signed),
    "recsim": Shown("/recsim/", _drawn),
    "rendezvous": Shown("/rendezvous/", _drawn),
    "optim": Shown("/optim/", _walked),
    "eigen": Shown("/eigen/", _taught),
}
