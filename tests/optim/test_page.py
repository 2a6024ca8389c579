"""The page's routes, and the page in a browser."""

import pytest
from fastapi.testclient import TestClient

from nonet.web import create_app


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app({})) as opened:
        yield opened


def walk(client, **question):
    return client.post("/optim/walk", json=question)


def test_the_page_is_served(client):
    answer = client.get("/optim/")
    assert answer.status_code == 200 and "Downhill" in answer.text


@pytest.mark.slow
def test_paths_end_where_the_minimum_is(client):
    body = walk(client, formula="(1-x)**2 + 5*(y-x**2)**2", constraints=["x**2+y**2<=1"], start=[-1, 1]).json()
    methods = {path["method"]: path for path in body["paths"]}
    assert set(methods) == {"augmented Lagrangian", "gradient descent", "penalty method"}
    ends = {name: (path["x"][-1], path["y"][-1]) for name, path in methods.items()}
    assert ends["augmented Lagrangian"] == pytest.approx((0.791227, 0.611523), abs=1e-5)
    assert ends["penalty method"] == pytest.approx((0.791227, 0.611523), abs=1e-4)
    assert methods["augmented Lagrangian"]["value"][-1] == pytest.approx(0.04463997, abs=1e-7)
    inside = [[e is not None and e <= 0 for e in row] for row in body["excess"]]
    assert any(map(any, inside)) and not all(map(all, inside))


def test_other_names_and_one_variable_work(client):
    assert walk(client, formula="(a-1)**2 + b**2").json()["names"] == ["a", "b"]
    body = walk(client, formula="(x-2)**2", start=[0, 3]).json()
    assert body["paths"][0]["x"][-1] == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"formula": "x+y+z"}, "3 variables"),
        ({"formula": "__import__('os')"}, "no function"),
        ({"formula": "x**2", "start": [1e9, 0]}, "too far"),
        ({"formula": "x**2", "constraints": ["x"]}, "no comparison"),
        ({"formula": "x**2", "rate": -1}, "rate"),
    ],
)
def test_mistakes_are_answered_readably(client, question, message):
    answer = walk(client, **question)
    assert answer.status_code == 422 and message in answer.json()["detail"]


def test_a_start_outside_the_domain_is_an_answer_too(client):
    body = walk(client, formula="log(x) + y**2", start=[-1, 1]).json()
    assert "not finite" in body["paths"][0]["note"]


@pytest.mark.browser
@pytest.mark.slow
def test_in_a_browser_with_the_keyboard(opened):
    with opened("/optim/", forgiven="Failed to load resource") as page:  # a wrong formula is answered with 422
        page.wait_for_selector("#rows tr:nth-child(3)", timeout=60_000)
        assert page.locator("#plot .contour").count() > 0
        last = page.locator("#rows tr:first-child td:nth-child(5)").inner_text()
        assert float(last) == pytest.approx(0.04464, abs=1e-5)
        page.focus("#step")
        page.keyboard.press("Home")
        assert page.locator("#rows tr:first-child td:nth-child(2)").inner_text() == "0"
        page.keyboard.press("ArrowRight")
        assert page.locator("#rows tr:first-child td:nth-child(2)").inner_text() == "1"
        page.fill("#formula", "sin(")
        page.keyboard.press("Enter")
        page.locator("#problem", has_text="not a formula").wait_for()
