"""The web application without any wing's matter: a wing of the test's own is mounted."""

import shlex
import socket
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
import tyro
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from nonet import cli, web
from nonet.foundation.errors import DataError, ResourceError, UsageError
from nonet.foundation.page import Mount, render
from nonet.foundation.sketch import disc, picture, sketch
from nonet.wings import WINGS, Wing

NEEDS_FOLDER = Wing("felix", "edits sentences", "editor/", "FELIX, 2020", "nonet felix train pairs/ --out editor/")
ALWAYS = Wing("optim", "minimises functions", None)


def example_page(name: str) -> types.ModuleType:
    """A wing's ``page`` room with one route of each kind."""
    module = types.ModuleType(f"nonet.{name}.page")

    def mount(source: Path | None) -> Mount:
        router = APIRouter()

        @router.get("/")
        def page() -> dict[str, str]:
            return {"source": str(source)}

        @router.post("/change")
        def change() -> dict[str, bool]:
            return {"changed": True}

        @router.get("/wrong/{kind}")
        def wrong(kind: int) -> None:
            if kind == 422:
                raise DataError("The table is empty.", where="a.tsv", fix="Fill it.")
            raise ResourceError("The disk is full.", fix="Free some space.")

        return Mount(router, f"{name} is ready")

    module.mount = mount  # type: ignore[attr-defined]
    return module


@pytest.fixture
def two_wings(monkeypatch: pytest.MonkeyPatch) -> None:
    for wing in (NEEDS_FOLDER, ALWAYS):
        monkeypatch.setitem(sys.modules, f"nonet.{wing.name}.page", example_page(wing.name))
    monkeypatch.setattr(web, "present", lambda room: [NEEDS_FOLDER, ALWAYS])
    monkeypatch.setattr(Wing, "room", lambda self, room: sys.modules[f"nonet.{self.name}.{room}"])


@pytest.fixture
def app(two_wings: None) -> FastAPI:
    return web.create_app({})


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def test_home_lists_the_wings_and_how_to_start_those_that_are_not_served(client: TestClient) -> None:
    home = client.get("/").text
    assert '<a href="/optim/">optim</a>' in home
    assert "optim is ready" in home
    assert "nonet serve --felix editor/" in home
    assert "nonet felix train pairs/ --out editor/" in home
    assert "Article: FELIX, 2020." in home
    assert 'href="/felix/"' not in home
    assert 'href="/#felix"' in home  # the navigation leads to its card


def test_a_wing_that_cannot_tell_how_it_stands_says_why(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise DataError("The file is damaged.", where="<b>.json")

    state = client.app.state  # type: ignore[attr-defined]
    state.wings = [(ALWAYS, Mount(APIRouter(), broken)), (NEEDS_FOLDER, Mount(APIRouter(), lambda: "is well"))]
    home = client.get("/").text
    assert "&lt;b&gt;.json: The file is damaged." in home
    assert "is well" in home


def test_a_drawing_is_shown_as_it_is_and_its_words_are_escaped(client: TestClient) -> None:
    drawing = sketch("a <b>", [disc(1, 2.04, 3), picture("/x?a&b", 0, 0, 10, 10)])
    client.app.state.wings = [(ALWAYS, Mount(APIRouter(), lambda: "is well", lambda: drawing))]  # type: ignore[attr-defined]
    home = client.get("/").text
    assert '<circle class="ink" cx="1" cy="2" r="3"/><image href="/x?a&amp;b"' in home
    assert 'aria-label="a &lt;b&gt;"' in home


@pytest.mark.parametrize(("cookie", "said"), [("dark", True), ("light", True), ("'><script>", False), (None, False)])
def test_light_and_dark_as_the_visitor_chose(client: TestClient, cookie: str | None, said: bool) -> None:
    page = client.get("/", headers={"cookie": f"scheme={cookie}"} if cookie else {}).text
    assert (f'data-scheme="{cookie}"' in page) == said
    assert said or "data-scheme" not in page


@pytest.mark.parametrize("wing", [wing for wing in WINGS if wing.served])
def test_what_a_card_says_to_type_is_understood(wing: Wing, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (wing.made, f"nonet serve --{wing.name} {wing.served}"):
        called = []
        monkeypatch.setattr(
            cli, "_call", lambda function, prog, words, called=called: called.append((function, prog, words))
        )
        assert cli.run(shlex.split(command)[1:]) == 0
        function, prog, words = called[0]
        options = [word for word in words if word.startswith("--")]
        shown = tyro.extras.get_parser(function, prog=prog, config=(tyro.conf.FlagCreatePairsOff,)).format_help()
        assert [option for option in options if option not in shown] == []


def test_a_wing_is_mounted_with_its_folder(two_wings: None, tmp_path: Path) -> None:
    with TestClient(web.create_app({"felix": tmp_path})) as client:
        assert client.get("/felix/").json() == {"source": str(tmp_path)}
        assert client.get("/optim/").json() == {"source": "None"}
        assert 'aria-current="page"' not in client.get("/").text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
def test_another_host_name_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:9", "localhost"])
def test_names_of_this_machine_are_accepted(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


def test_served_to_others_any_host_name_is_accepted(two_wings: None) -> None:
    with TestClient(web.create_app({}, local=False)) as client:
        assert client.get("/", headers={"host": "machine.lan"}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_requests_of_other_sites_pages_change_nothing(client: TestClient, site: str) -> None:
    headers = {"sec-fetch-site": site}
    refused = client.post("/optim/change", headers=headers)
    assert refused.status_code == 403
    assert refused.json() == {"detail": "Requests from other sites' pages are refused."}
    assert client.get("/optim/", headers=headers).status_code == 200  # a link from elsewhere may be followed


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}])
def test_own_pages_and_programs_may_change_things(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/optim/change", headers=headers).json() == {"changed": True}


@pytest.mark.parametrize("path", ["/", "/optim/", "/nowhere", "/static/frame/frame.css", "/optim/wrong/422"])
def test_every_answer_carries_the_policy(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(rule.strip().split(" ", 1) for rule in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "script-src" not in policy  # so that default-src holds: no inline scripts, no other hosts
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_pages_name_no_other_host(client: TestClient) -> None:
    for path in ("/", "/static/frame/frame.css"):
        assert "http://" not in client.get(path).text.replace("http://www.w3.org", "")
        assert "https://" not in client.get(path).text


def test_a_page_that_is_not_there_is_a_page_for_people_and_json_for_programs(client: TestClient) -> None:
    for_people = client.get("/nowhere", headers={"accept": "text/html,*/*"})
    assert for_people.status_code == 404
    assert "<h1>Not found</h1>" in for_people.text
    assert '<a href="/">Home</a>' in for_people.text
    for_programs = client.get("/nowhere")
    assert (for_programs.status_code, for_programs.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        (422, 422, "a.tsv: The table is empty. Fill it."),
        (503, 503, "The disk is full. Free some space."),
    ],
)
def test_errors_for_users_are_sentences(client: TestClient, kind: int, status: int, said: str) -> None:
    answer = client.get(f"/optim/wrong/{kind}")
    assert (answer.status_code, answer.json()) == (status, {"detail": said})


def test_an_argument_of_the_wrong_kind_is_named(client: TestClient) -> None:
    answer = client.get("/optim/wrong/x")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("path.kind: ")


def test_what_a_page_shows_is_escaped(app: FastAPI) -> None:
    from fastapi import Request

    @app.get("/shown")
    def shown(request: Request):
        return render(request, "problem.html", status=400, message="<script>alert(1)</script>")

    with TestClient(app) as client:
        assert "&lt;script&gt;" in client.get("/shown").text


def test_plotly_comes_from_this_machine(client: TestClient) -> None:
    script = client.get("/static/plotly.min.js")
    assert script.status_code == 200
    assert b"plotly.js" in script.content[:500]


def test_static_files_stay_below_their_folder(client: TestClient) -> None:
    assert client.get("/static/frame/..%2f..%2fpage.py").status_code == 404
    assert client.get("/static/frame/../../page.py").status_code == 404


def test_nothing_to_serve_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "present", lambda room: [NEEDS_FOLDER])
    with pytest.raises(UsageError, match="nothing to serve"):
        web.serve({}, host="127.0.0.1", port=0)


def test_a_port_in_use_is_one_paragraph_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert cli.run(["serve", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port}: The port is in use by another program. Choose another with --port." in said
    assert "Traceback" not in said
    assert said.strip().count("\n") == 0


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_number_that_is_no_port(port: int) -> None:
    with pytest.raises(UsageError, match="not a port"):
        web.serve({}, host="127.0.0.1", port=port)


def test_a_host_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(ResourceError, match=r"192\.0\.2\.1"):
        web.serve({}, host="192.0.2.1", port=0)
