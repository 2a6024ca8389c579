import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from align.fakes import COLOURS, ColourModel, paint
from fuzzing import fuzz
from nonet.align import page
from nonet.align.indexing import open_or_create, update
from nonet.align.listing import list_pictures
from nonet.align.search import Searcher
from nonet.foundation.page import Mount
from serving import served


@pytest.fixture
def searcher(tmp_path: Path) -> Searcher:
    lines = []
    for colour in COLOURS:
        paint(tmp_path / "photos" / f"{colour}.png", colour)
        lines.append(f"photos/{colour}.png\t{colour} thing")
    (tmp_path / "list.txt").write_text("\n".join(lines))
    model = ColourModel()
    index = open_or_create(tmp_path / "index", model, tmp_path / "model")
    update(index, model, list_pictures(tmp_path / "list.txt"))
    return Searcher(index, model)


@pytest.fixture
def app(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    def mount(source: Path | None) -> Mount:
        return page.pages(searcher)

    monkeypatch.setattr(page, "mount", mount)
    return served("--align", searcher.index.folder)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def ask(client: TestClient, *parts: dict, **options: object) -> dict:
    response = client.post("/align/api/search", json={"parts": parts, **options})
    assert response.status_code == 200, response.text
    return response.json()


def text(value: str, sign: str = "plus") -> dict:
    return {"kind": "text", "value": value, "sign": sign}


def names(answer: dict) -> list[str]:
    return [Path(result["name"]).stem for result in answer["results"]]


def picture_bytes(colour: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (50, 50), COLOURS[colour]).save(buffer, "PNG", **options)
    return buffer.getvalue()


def test_words_find_the_picture(client: TestClient) -> None:
    answer = ask(client, text(" blue "), k=3)
    first = answer["results"][0]
    assert (first["name"], first["captions"], first["width"], first["present"]) == (
        "blue.png",
        ["blue thing"],
        40,
        True,
    )
    assert first["score"] == pytest.approx(1, abs=2e-3)
    assert answer["total"] == 8
    assert len(answer["results"]) == 3
    assert answer["milliseconds"] > 0


def test_signs_weights_and_pages(client: TestClient) -> None:
    assert names(ask(client, text("magenta"), text("red", "minus"), k=1)) == ["blue"]
    ids = {result["name"]: result["id"] for result in ask(client, text("red"))["results"]}
    red = {"kind": "image", "value": ids["red.png"]}
    assert names(ask(client, red, text("blue"), k=1, text_weight=1)) == ["magenta"]
    assert names(ask(client, red, text("blue"), k=1, text_weight=50)) == ["blue"]
    whole = names(ask(client, text("red"), k=8))
    assert names(ask(client, text("red"), k=4, offset=4)) == whole[4:]


def test_an_uploaded_picture_is_looked_for_and_outlives_the_server(client: TestClient, searcher: Searcher) -> None:
    response = client.post("/align/api/uploads", content=picture_bytes("cyan"))
    assert response.status_code == 200
    uploaded = response.json()
    assert (uploaded["width"], uploaded["height"]) == (50, 50)
    part = {"kind": "upload", "value": uploaded["id"]}
    assert names(ask(client, part, k=1)) == ["cyan"]
    again = FastAPI()
    again.include_router(page.pages(searcher).router, prefix="/align")
    assert names(ask(TestClient(again), part, k=1)) == ["cyan"]
    shown = client.get(f"/align/api/uploads/{uploaded['id']}")
    assert shown.headers["content-type"] == "image/jpeg"
    assert client.get(f"/align/api/uploads/{'0' * 64}").status_code == 404


def bomb() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"not a picture", "not a picture"),
        (picture_bytes("red")[:60], "broken"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not a picture"),
        (bomb(), "too many pixels"),
    ],
    ids=["empty", "text", "truncated", "svg", "bomb"],
)
def test_an_upload_that_is_no_picture_is_refused_with_a_reason(client: TestClient, content: bytes, said: str) -> None:
    response = client.post("/align/api/uploads", content=content)
    assert response.status_code == 422
    assert said in response.json()["detail"]


@pytest.mark.parametrize(("megabytes", "limit"), [(36, "32 MB"), (200, "40 MB")], ids=["a picture's", "any request's"])
def test_an_upload_that_does_not_end_is_cut_off(client: TestClient, megabytes: int, limit: str) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < megabytes * 2**20:
            sent += 2**20
            yield bytes(2**20)

    response = client.post("/align/api/uploads", content=endless())
    assert response.status_code == 413
    assert limit in response.json()["detail"]


def test_pictures_are_given_by_id_only(client: TestClient, searcher: Searcher) -> None:
    found = ask(client, text("red"), k=1)["results"][0]
    image = client.get(f"/align/api/images/{found['id']}")
    assert image.headers["content-type"] == "image/png"
    assert image.headers["x-content-type-options"] == "nosniff"
    thumb = client.get(f"/align/api/thumbs/{found['id']}")
    assert thumb.headers["content-type"] == "image/webp"
    assert "immutable" in thumb.headers["cache-control"]
    for path in ("999", "-1", "..%2f..%2fmanifest.json", "%2fetc%2fpasswd", str(2**64)):
        assert client.get(f"/align/api/images/{path}").status_code in {404, 422}
        assert client.get(f"/align/api/thumbs/{path}").status_code in {404, 422}
    everything = json.dumps(ask(client, text("red"), k=8))
    assert str(searcher.index.folder.parent) not in everything  # no path of the machine is told


def test_a_picture_deleted_since_is_marked_and_not_an_error(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "photos" / "red.png").unlink()
    found = ask(client, text("red"), k=1)["results"][0]
    assert (found["name"], found["present"]) == ("red.png", False)
    response = client.get(f"/align/api/thumbs/{found['id']}")
    assert response.status_code == 404
    assert "gone" in response.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"parts": []},
        {"parts": [text("")]},
        {"parts": [text("   ")]},
        {"parts": [text("x" * 1_000_000)]},
        {"parts": [text("red")], "k": 0},
        {"parts": [text("red")], "k": 10**9},
        {"parts": [text("red")], "offset": -1},
        {"parts": [text("red", "minus")]},
        {"parts": [text("red"), text("red", "minus")]},
        {"parts": [text("red", "times")]},
        {"parts": [{"kind": "image", "value": 777}]},
        {"parts": [{"kind": "image", "value": 2**70}]},
        {"parts": [{"kind": "image", "value": "../../etc/passwd"}]},
        {"parts": [{"kind": "upload", "value": "0" * 64}]},
        {"parts": [{"kind": "upload", "value": "../" * 20 + "passwd"}]},
        {"parts": [text("red")] * 21},
        {"parts": [text("red")], "text_weight": 0},
    ],
)
def test_bad_requests_are_answered_with_a_reason(client: TestClient, body: dict) -> None:
    response = client.post("/align/api/search", json=body)
    assert response.status_code == 422
    assert response.json()["detail"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"parts": [{"kind": "text", "value": "\\ud800"}]}', b"\xff\xfe"]
)
def test_bodies_that_are_no_json_are_refused(client: TestClient, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    assert client.post("/align/api/search", content=content, headers=headers).status_code in {400, 422}


def test_the_page_says_how_many_and_suggests_what_is_there(client: TestClient) -> None:
    shown = client.get("/align/").text
    assert "8 pictures, found by" in shown
    assert ">red thing</button>" in shown
    assert "8 pictures indexed" in client.get("/").text


def test_an_empty_index_says_how_to_fill_it(client: TestClient, searcher: Searcher) -> None:
    searcher.index.delete(range(8))
    assert "holds no pictures yet" in client.get("/align/").text
    assert ask(client, text("red")) | {"milliseconds": 0} == {"results": [], "total": 0, "milliseconds": 0}


def test_pictures_indexed_meanwhile_are_found(client: TestClient, searcher: Searcher, tmp_path: Path) -> None:
    model = ColourModel()
    paint(tmp_path / "more" / "orange.png", (255, 128, 0))
    update(open_or_create(searcher.index.folder, model, tmp_path), model, list_pictures(tmp_path / "more"))
    assert ask(client, text("red"))["total"] == 9


@pytest.mark.slow
def test_fuzzed_the_api_never_fails(app: FastAPI) -> None:
    assert fuzz(app, "^/align/api/", max_examples=25) == {
        ("POST", "/align/api/search"),
        ("POST", "/align/api/labels"),
        ("POST", "/align/api/uploads"),
        ("GET", "/align/api/uploads/{sha256}"),
        ("GET", "/align/api/images/{id}"),
        ("GET", "/align/api/thumbs/{id}"),
    }


def test_conditions_and_near_duplicates(client: TestClient, searcher: Searcher, tmp_path: Path) -> None:
    answer = ask(client, text("red"), where="name LIKE 'b%' AND captions ILIKE '%THING'", k=8)
    assert set(names(answer)) == {"blue", "black"}
    assert answer["total"] == 2
    paint(tmp_path / "photos" / "red again.png", (254, 1, 1))
    (tmp_path / "list.txt").write_text((tmp_path / "list.txt").read_text() + "\nphotos/red again.png\tred again")
    update(searcher.index, ColourModel(), list_pictures(tmp_path / "list.txt"))
    assert len(ask(client, text("red"), k=9)["results"]) == 9
    once = ask(client, text("red"), k=9, collapse=True)["results"]
    assert len(once) == 8
    assert {row["copies"] for row in once if row["name"].startswith("red")} == {1}
    # pages of collapsed results follow each other
    two = [ask(client, text("red"), k=4, offset=start, collapse=True)["results"] for start in (0, 4)]
    assert [row["id"] for row in two[0] + two[1]] == [row["id"] for row in once]


@pytest.mark.parametrize("where", ["width >", "path LIKE '/%'", "(SELECT 1) = 1", "width > 'x'"])
def test_what_is_no_condition_is_refused_with_a_reason(client: TestClient, where: str) -> None:
    response = client.post("/align/api/search", json={"parts": [text("red")], "where": where})
    assert response.status_code == 422
    assert "condition" in response.json()["detail"]


def test_labels_have_probabilities(client: TestClient) -> None:
    uploaded = client.post("/align/api/uploads", content=picture_bytes("cyan")).json()
    part = {"kind": "upload", "value": uploaded["id"]}
    answer = client.post("/align/api/labels", json={"picture": part, "labels": ["red", "cyan", "black"]}).json()
    assert answer["labels"] == ["red", "cyan", "black"]
    assert sum(answer["probabilities"]) == pytest.approx(1)
    assert max(zip(answer["probabilities"], answer["labels"], strict=True))[1] == "cyan"
    (first, *_) = ask(client, text("green"))["results"]
    indexed = {"picture": {"kind": "image", "value": first["id"]}, "labels": ["blue", "green"]}
    assert client.post("/align/api/labels", json=indexed).json()["probabilities"][1] > 0.9
    gone = {"picture": {"kind": "image", "value": 10**9}, "labels": ["blue"]}
    assert client.post("/align/api/labels", json=gone).status_code == 422
