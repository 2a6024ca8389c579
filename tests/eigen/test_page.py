import pytest
from fastapi.testclient import TestClient

from nonet.web import create_app


@pytest.fixture(scope="module")
def client():
    return TestClient(create_app({}))


def test_the_route_answers_with_the_lesson(client):
    found = client.get("/eigen/explain", params={"a": 3, "b": 1, "c": 4, "d": 1}).json()
    assert found["mean"] == 2
    assert found["product"] == -1
    assert found["eigenvalues"][1][0] == pytest.approx(2 + 5**0.5)


@pytest.mark.parametrize("value", ["nan", "inf", "1e200", "x", ""])
def test_the_route_refuses_what_is_no_number(client, value):
    answer = client.get("/eigen/explain", params={"a": value, "b": 1, "c": 4, "d": 1})
    assert answer.status_code == 422
    assert "a" in answer.json()["detail"]


def test_the_route_turns_a_spin(client):
    found = client.get("/eigen/spin", params={"polar": 90, "azimuth": 90}).json()
    assert found["matrix"][1] == pytest.approx([0, -1], abs=1e-15)
    assert found["points"][1] == pytest.approx([0, 1, 0], abs=1e-14)
    assert client.get("/eigen/spin", params={"polar": "nan", "azimuth": 0}).status_code == 422


def test_the_page_and_its_files_are_served(client):
    assert "mean and product" in client.get("/eigen/").text
    for name in ("lesson.js", "drawings.js", "lesson.css"):
        assert client.get(f"/static/eigen/{name}").status_code == 200


@pytest.mark.browser
@pytest.mark.slow
def test_the_numbers_move_the_drawings(opened):
    from playwright.sync_api import expect

    with opened("/eigen/", viewport={"width": 390, "height": 844}) as page:
        values = page.locator("#eigenvalues")
        expect(values).to_have_text("λ₁ = -0.2360679774997897, λ₂ = 4.23606797749979")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("#shape line.first, #shape line.second").count() == 2

        page.locator("#number-b").fill("-5")
        expect(values).to_contain_text("2 ± 4.3588989435")
        assert page.locator("#shape line.first").count() == 0
        page.locator("#slider-b").focus()
        page.keyboard.press("End")
        expect(page.locator("#number-b")).to_have_value("10")
        expect(values).to_contain_text("λ₂ = 8.4")

        page.locator("#hard").select_option(label="nearly singular")
        expect(page.locator("#gauge .bar-row").nth(0)).to_contain_text("10.")
        expect(page.locator("#gauge .bar-row").nth(2)).to_contain_text("all")

        page.locator("#polar").focus()
        page.keyboard.press("Home")
        expect(page.locator("#spin-caption")).to_contain_text("for λ = 1: (1, 0)")
        assert page.locator("#sphere circle.dot").count() == 2

        page.locator("#number-a").fill("")
        expect(page.locator("#problem")).to_contain_text("needs a number")
        page.locator("#answer-low").fill("4")
        page.locator("#answer-high").fill("10")
        page.locator("#quiz button[type=submit]").click()
        expect(page.locator("#verdict")).to_contain_text("Right")
