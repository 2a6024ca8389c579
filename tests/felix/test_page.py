import pytest
from fastapi.testclient import TestClient

from fuzzing import fuzz
from nonet.foundation.errors import UsageError
from serving import served

pytestmark = pytest.mark.slow
TEXT = "Anna likes tea. They like snow."


@pytest.fixture(scope="module")
def app(toy_editor):
    return served("--felix", toy_editor)


@pytest.fixture(scope="module")
def client(app):
    return TestClient(app)


def test_texts_are_edited_in_a_batch_and_edits_are_taken_back(client):
    answer = client.post("/felix/edit", json={"texts": [TEXT, "", "Anna likes tea. Boris likes snow."]})
    found = answer.json()["results"]
    assert [one["text"] for one in found] == ["Anna likes tea and snow.", "", "Anna likes tea. Boris likes snow."]
    assert "".join(s["text"] for s in found[0]["segments"] if s["kind"] in {"keep", "delete", "from"}) == TEXT
    every = [edit["id"] for edit in found[0]["edits"]]
    assert client.post("/felix/rewrite", json={"text": TEXT, "rejected": every}).json() == {"text": TEXT}
    assert client.post("/felix/rewrite", json={"text": TEXT, "rejected": []}).json()["text"] == found[0]["text"]


def test_the_keep_bias_reaches_the_editor(client):
    answer = client.post("/felix/edit", json={"texts": [TEXT], "keep_bias": 20})
    assert answer.json()["results"][0]["text"] == TEXT


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("edit", {"texts": []}),
        ("edit", {"texts": ["x" * 20_001]}),
        ("edit", {"texts": ["x"], "keep_bias": 1000}),
        ("edit", {"texts": ["x"], "more": 1}),
        ("rewrite", {"text": TEXT, "rejected": [99]}),
        ("rewrite", {"text": TEXT, "rejected": [-1]}),
    ],
)
def test_what_cannot_be_meant_is_refused(client, path, body):
    answer = client.post(f"/felix/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_the_page_and_its_files_are_served(client):
    assert "Edit text" in client.get("/felix/").text
    for name in ("edit.js", "edit.css"):
        assert client.get(f"/static/felix/{name}").status_code == 200


def test_without_a_folder_the_page_says_what_to_do():
    from nonet.felix.page import mount

    with pytest.raises(UsageError, match="needs an editor"):
        mount(None)


def test_no_request_makes_the_api_fail(app):
    asked = fuzz(app, "^/felix/", max_examples=8, derandomize=True)
    assert asked == {("POST", "/felix/edit"), ("POST", "/felix/rewrite")}
