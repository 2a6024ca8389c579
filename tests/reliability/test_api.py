"""Nothing that can be asked of any wing makes the server fail."""

import warnings
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nonet.wings import WINGS
from reliability.visitors import SCREEN

pytestmark = pytest.mark.slow

COSTLY = {"/rendezvous/api/episodes"}  # a meeting is driven
PATIENCE_S = 600  # the first meeting waits for the compiler, and the machine may be busy


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def known(client: TestClient) -> dict[str, Any]:
    """Names of things that are there, by the parameter that takes them: without them every answer would be 404."""
    rater = client.post("/cxc/join", json={"name": "A visitor"}).json()["link"].rpartition("/")[2]
    participant = client.post("/gaze/api/consents", json={"name": "Ada", "agree": True}).json()["participant"]
    session = client.post("/gaze/api/sessions", json={"participant": participant, **SCREEN}).json()["session"]
    picture = client.get("/align/api/images/1").content
    uploaded = client.post("/align/api/uploads", content=picture).json()["id"]
    return {
        "token": rater, "participant": participant, "session": session, "sha256": uploaded, "report": "first",
        "name": "hall", "pair": 1, "id": 2, "user": 0, "side": "left", "stage": 0,
    }  # fmt: skip


def operations(app: FastAPI) -> set[tuple[str, str]]:
    """Method and path of everything that the application answers, but files and pages for people."""
    return {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}


def test_all_wings_are_mounted(app: FastAPI) -> None:
    assert {path.split("/")[1] for _, path in operations(app)} == {wing.name for wing in WINGS}
    assert len(operations(app)) >= 30
    assert [wing.name for wing, mount in app.state.wings if mount] == [wing.name for wing in WINGS]


def test_no_request_makes_the_server_fail(app: FastAPI, client: TestClient, known: dict[str, Any]) -> None:
    import schemathesis
    from schemathesis.core.errors import InvalidSchema
    from schemathesis.specs.openapi.checks import response_schema_conformance

    asked = set()
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    for operation in (result.ok() for result in schema.get_all_operations()):

        @settings(
            max_examples=1 if operation.path in COSTLY else 12,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), real=st.sampled_from([True, True, False]))
        def ask(case, real: bool) -> None:
            if real:
                for where in (case.path_parameters, case.query):
                    for name in where or {}:
                        if name in known:
                            where[name] = known[name]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = case.call(timeout=PATIENCE_S)
                assert answer.status_code < 500, (case.as_curl_command(), answer.text)
                if answer.status_code != 400:  # a body that is no JSON is refused by the framework
                    with suppress(InvalidSchema):  # tuples of OpenAPI 3.1 are beyond schemathesis
                        response_schema_conformance(SimpleNamespace(), answer, case)

        ask()
        asked.add((operation.method.upper(), operation.path))
    assert asked == operations(app)


@pytest.mark.parametrize("wing", [wing.name for wing in WINGS])
def test_every_page_opens(client: TestClient, wing: str) -> None:
    assert client.get(f"/{wing}/", headers={"accept": "text/html"}).status_code == 200
