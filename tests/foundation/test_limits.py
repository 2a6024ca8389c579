from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from nonet.foundation.limits import BodyLimit


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = FastAPI()
    app.add_middleware(BodyLimit, most=2**20)

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.post("/keys")
    def keys(given: dict[str, str]) -> int:
        return len(given)

    with TestClient(app) as client:
        yield client


def test_what_a_page_takes_passes(client: TestClient) -> None:
    assert client.post("/size", content=bytes(2**20)).json() == 2**20
    assert client.post("/keys", json={"a": "b"}).json() == 1


@pytest.mark.parametrize("path", ["/size", "/keys"])
def test_a_larger_body_is_refused_by_its_declared_size(client: TestClient, path: str) -> None:
    answer = client.post(path, content=bytes(2**20 + 1))
    assert (answer.status_code, answer.json()) == (413, {"detail": "The request is larger than 1 MB."})


@pytest.mark.parametrize("path", ["/size", "/keys"])
def test_a_body_of_no_declared_size_is_refused_when_too_much_has_come(client: TestClient, path: str) -> None:
    sent = []

    def parts() -> Iterator[bytes]:
        for _ in range(5):
            sent.append(1)
            yield bytes(2**19)

    answer = client.post(path, content=parts(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
