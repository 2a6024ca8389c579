import io
from functools import cache

import numpy as np
import pytest
from fastapi.testclient import TestClient

from nonet.cka.blocks import find_blocks
from nonet.cka.config import BlockOptions
from nonet.cka.findings import Dominant, Findings, Panel, Spectrum
from nonet.cka.showing import picture
from nonet.cka.similarity import Similarity
from nonet.foundation.errors import ArtifactError, DataError
from nonet.web import create_app
from serving import running, served

LAYERS = 576


@cache
def findings(shift=0.0, layers=LAYERS):
    distance = np.abs(np.arange(layers)[:, None] - np.arange(layers)[None, :]) / layers
    values = np.clip(1 - 1.1 * distance - shift * (distance > 0), -0.05, 1)
    values[5, :] = values[:, 5] = np.nan
    names = tuple(f"stages.{row // 8}.<conv>{row % 8}" for row in range(layers))
    found = Similarity(
        names,
        names,
        values,
        np.full_like(values, 0.01),
        {names[5]: "its features are the same for every example"},
        "net",
        "net",
        {"inputs": "a", "groups": 4},
    )
    spectrum = Spectrum(
        names, [0.2] * layers, [0.5] * layers, [Dominant(3, 0.4, picture(np.zeros((3, 4, 4), np.uint8)), "cat")]
    )
    probes = {"net": [(name, 0.5, 0.9) for name in names]}
    return Findings(
        "net",
        [Panel("CKA", found, find_blocks(values, BlockOptions(permutations=19)))],
        {"net": spectrum},
        probes,
        {"command": "</script>"},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("reports")
    findings().save(out / "a")
    findings(0.2).save(out / "b")
    return out


@pytest.mark.slow
def test_a_report_is_written_and_read(folder, tmp_path):
    again = Findings.load(folder / "a")
    np.testing.assert_array_equal(again.panels[0].map.values, findings().panels[0].map.values)
    assert again.to_dict() == findings().to_dict()
    page = (folder / "a" / "index.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count("</script>") == 5  # the data's own is escaped
    with pytest.raises(ArtifactError, match="no report"):
        Findings.load(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ArtifactError, match="something else"):
        findings(layers=8).save(tmp_path)


@pytest.mark.slow
def test_the_routes(folder, tmp_path):
    client = TestClient(served("--cka", folder))
    assert "/cka/data?report=a&amp;against=b" in client.get("/cka/?report=a&against=b").text
    answer = client.get("/cka/data", params={"report": "a", "against": "b"}).json()
    assert answer["report"]["title"] == answer["against"]["title"] == "net"
    assert len(answer["report"]["panels"][0]["rows"]) == LAYERS
    assert client.get("/cka/data", params={"report": "../a"}).status_code == 404
    assert client.get("/cka/?report=c").status_code == 404
    with pytest.raises(DataError, match="no report"):
        create_app({"cka": tmp_path})


@pytest.fixture(scope="module")
def address(folder):
    with running(create_app({"cka": folder})) as at:
        yield at


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("where", ["served", "file"])
def test_a_map_of_576_layers_is_read_zoomed_and_taken_away(opened, folder, where):
    path = "/cka/?report=a" if where == "served" else (folder / "a" / "index.html").as_uri()
    with opened(path, viewport={"width": 1200, "height": 1000}) as page:
        _is_read_and_zoomed(page)
        _is_taken_away(page)


def _is_read_and_zoomed(page):
    from playwright.sync_api import expect

    canvas, reading = page.locator("#map"), page.locator("#reading")
    expect(canvas).to_have_attribute("aria-label", "CKA: 576 by 576 layers")
    expect(page.locator("#blocks td").first).to_be_visible()
    expect(page.locator("#dominant img")).to_have_attribute("alt", "cat")

    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(reading).to_contain_text("0: stages.0.<conv>0")
    page.keyboard.press("ArrowRight")
    expect(reading).to_contain_text("CKA 0.998 ± 0.010")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(reading).to_contain_text("not a number: its features are the same")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -300)
    assert page.evaluate("cka.map.view.span") == pytest.approx(576 * 0.8)
    page.keyboard.press("0")
    assert page.evaluate("cka.map.view.span") == 576
    page.get_by_role("button", name="Zoom in").click()
    assert page.evaluate("cka.map.view.span") == pytest.approx(576 * 0.7)
    page.get_by_role("button", name="whole map").click()
    assert page.evaluate("cka.map.view.span") == 576
    expect(page.locator("#across")).to_have_text("layers of net →")
    expect(page.locator(".cka-ends span")).to_have_text(["1", "0"])
    expect(reading).to_contain_text("probe 0.500")


def _is_taken_away(page):
    with page.expect_download() as taken:
        page.get_by_role("button", name="NPZ").click()
    stored = np.load(io.BytesIO(taken.value.path().read_bytes()), allow_pickle=False)
    expected = findings().panels[0].map
    np.testing.assert_allclose(stored["values"], expected.values, atol=4e-5)
    assert tuple(stored["rows"]) == expected.rows
    for form, start in (("CSV", b"layer,"), ("SVG", b"<svg "), ("PNG", b"\x89PNG")):
        with page.expect_download() as taken:
            page.get_by_role("button", name=form).click()
        assert taken.value.path().read_bytes().startswith(start)


@pytest.mark.browser
@pytest.mark.slow
def test_two_reports_are_subtracted(opened):
    from playwright.sync_api import expect

    with opened("/cka/?report=a&against=b", viewport={"width": 390, "height": 844}) as page:
        expect(page.locator("#title")).to_have_text("net minus net")
        page.locator("#map").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#reading")).to_contain_text("difference 0.200")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
