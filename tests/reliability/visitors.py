"""Visitors of the web application, who use every wing, rightly and wrongly, over real connections."""

import http.client
import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SCREEN", "Asked", "Visitor"]

SCREEN = {
    "width_px": 900,
    "height_px": 600,
    "px_per_cm": 40,
    "camera_x_cm": -11,
    "camera_y_cm": -1,
    "distance_cm": 50,
    "source": "mouse",
}
WORDS = ("red", "a blue thing", "green square", "yellow", "nothing of the kind", "\u202e\U0001f600")
FORMULAE = ("(1-x)**2 + 5*(y-x**2)**2", "x**2 + y**2", "sin(x) + y**2", "x +", "__import__('os')", "x**2 + y**2 + z")
_ELSEWHERE = {"sec-fetch-site": "cross-site"}
TEXTS = ("They said no .", "I likes tea.", "", "a b c " * 40)


@dataclass(frozen=True)
class Asked:
    """One request and its answer.

    Attributes:
        at: seconds of the clock, when the answer was whole.
        wing: that was asked.
        status: of the answer; 0 where the connection broke.
        expected: whether the status is one that the request deserves.
        seconds: that it took.
    """

    at: float
    wing: str
    status: int
    expected: bool
    seconds: float


@dataclass
class Visitor:
    """One client with one connection at a time.

    Args:
        port: of the server on this machine.
        seed: decides what is asked.
        pause: longest wait between two requests, in seconds.
    """

    port: int
    seed: int
    pause: float
    asked: list[Asked] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    def visit(self, until: float, most: int, stop: threading.Event) -> None:
        """Asks one thing after the other."""
        self._chance = random.Random(self.seed)
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        steps = self._steps()
        while time.monotonic() < until and len(self.asked) < most and not stop.is_set():
            try:
                next(steps)
            except (TypeError, KeyError, StopIteration) as error:  # an answer was missing or of another kind
                self._surprise(f"cannot go on: {error!r}")
                steps = self._steps()
            stop.wait(self._chance.uniform(0, self.pause))
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None, *, wanted: tuple[int, ...] = (200,), **headers: str) -> Any:
        """Sends a request; returns the JSON of the answer where it has some."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {"content-type": "application/json"} if body is not None and not isinstance(body, bytes) else {}
        began, status, said = time.monotonic(), 0, b""
        for kept in (self._connection.sock is not None, False):
            try:
                self._connection.request(method, path, content, kind | headers)
                answer = self._connection.getresponse()
                status, said = answer.status, answer.read()
                break
            except (OSError, http.client.HTTPException) as error:
                said = repr(error).encode()
                self._connection.close()  # the next request opens another one
                if not (kept and isinstance(error, ConnectionError)):
                    break  # else an idle connection was closed just now: as browsers do, once more on another one
        now = time.monotonic()
        self.asked.append(Asked(now, path.split("/")[1] or "home", status, status in wanted, now - began))
        if status not in wanted:
            self._surprise(f"{method} {path}: {status} {said[:200]!r}")
            return None
        return json.loads(said) if said[:1] in (b"{", b"[") else said

    def _surprise(self, what: str) -> None:
        self.surprises.append(what)
        print(f"visitor {self.seed}: {what}", file=sys.stderr, flush=True)

    def _steps(self) -> Iterator[None]:
        """Now one wing, now another; studies and ratings go on where they were."""
        going = {"gaze": self._study(), "cxc": self._ratings()}
        once: tuple[Callable[[], object], ...] = (
            self._search, self._search, self._label, self._edit, self._edit, self._eigen, self._optimise,
            self._report, self._simulation, self._meetings, self._mistake, self._mistake, self._pages,
        )  # fmt: skip
        while True:
            chosen = self._chance.randrange(len(once) + 8)
            if chosen < len(once):
                once[chosen]()
            else:
                next(going["gaze" if chosen < len(once) + 5 else "cxc"])
            yield

    def _search(self) -> None:
        part = {"kind": "text", "value": self._chance.choice(WORDS)}
        parts = [part, {"kind": "image", "value": self._chance.randrange(8), "sign": "minus"}]
        found = self.ask("POST", "/align/api/search", {"parts": parts[: self._chance.randint(1, 2)], "k": 5})
        if found and self._chance.random() < 0.5:
            self.ask("GET", f"/align/api/thumbs/{found['results'][0]['id']}")

    def _label(self) -> None:
        picture = self.ask("GET", f"/align/api/images/{self._chance.randrange(8)}")
        if picture:
            named = self.ask("POST", "/align/api/uploads", picture)
            query = {"picture": {"kind": "upload", "value": named["id"]}, "labels": ["red", "blue"]}
            self.ask("POST", "/align/api/labels", query)

    def _edit(self) -> None:
        self.ask("POST", "/felix/edit", {"texts": self._chance.sample(TEXTS, 2)})

    def _eigen(self) -> None:
        a, b, c, d = (self._chance.uniform(-9, 9) for _ in range(4))
        self.ask("GET", f"/eigen/explain?a={a}&b={b}&c={c}&d={d}")
        self.ask("GET", f"/eigen/spin?polar={20 * a}&azimuth={20 * b}")

    def _optimise(self) -> None:
        self.ask("POST", "/optim/walk", {"formula": self._chance.choice(FORMULAE)}, wanted=(200, 422))

    def _report(self) -> None:
        self.ask("GET", "/cka/data?report=first")

    def _simulation(self) -> None:
        self.ask("GET", "/recsim/api/runs")

    def _meetings(self) -> None:
        self.ask("GET", "/rendezvous/api/episodes")
        self.ask("GET", "/rendezvous/api/episodes/hall")

    def _pages(self) -> None:
        for path in ("/", f"/{self._chance.choice(('align', 'cka', 'gaze', 'optim', 'recsim'))}/"):
            self.ask("GET", path, accept="text/html")

    def _mistake(self) -> None:
        """What must be refused, each in its way."""
        nobody = "s-" + "0" * 16
        mistakes: tuple[Callable[[], object], ...] = (
            lambda: self.ask("GET", "/nowhere", wanted=(404,)),
            lambda: self.ask("GET", "/static/frame/..%2f..%2fpage.py", wanted=(404,)),
            lambda: self.ask("GET", "/rendezvous/api/episodes/..", wanted=(404, 422)),
            lambda: self.ask("POST", "/align/api/search", b"{", wanted=(422,)),
            lambda: self.ask("POST", "/align/api/uploads", b"no picture", wanted=(422,)),
            lambda: self.ask("POST", "/felix/edit", {"texts": []}, wanted=(422,)),
            lambda: self.ask("POST", f"/gaze/api/sessions/{nobody}/events", {"rows": []}, wanted=(404,)),
            lambda: self.ask("GET", "/", wanted=(400,), host="evil.example"),
            lambda: self.ask(
                "POST", "/felix/edit", {"texts": ["x"]}, wanted=(403,), **{"sec-fetch-site": "cross-site"}
            ),
        )
        self._chance.choice(mistakes)()

    def _study(self) -> Iterator[None]:
        """A participant signs, looks about, is calibrated and withdraws; then another one comes."""
        while True:
            admitted = self.ask("POST", "/gaze/api/consents", {"name": f"Ada {self.seed}", "agree": True})
            begun = self.ask("POST", "/gaze/api/sessions", {"participant": admitted["participant"], **SCREEN})
            session = f"/gaze/api/sessions/{begun['session']}"
            yield
            t = 1000.0
            for number, trial in enumerate(begun["plan"]["stages"][0]["trials"]):
                x, y = trial["dot"][0][1:]
                points = [
                    {"t": t + ms, "x": x, "y": y, "stage": 0, "trial": number} for ms in range(0, trial["ms"], 66)
                ]
                rows = [
                    {"t": t + ms, "kind": kind, "stage": 0, "trial": number}
                    for ms, kind in ((0, "trial"), (trial["ms"], "end"))
                ]
                self.ask("POST", f"{session}/events", {"rows": rows}, wanted=(204,))
                self.ask("POST", f"{session}/mouse", {"points": points})
                t += trial["ms"] + 10
                yield
            self.ask("POST", f"{session}/calibration")
            yield
            self.ask("GET", session)
            self.ask("GET", f"{session}/report", wanted=(200, 422))
            yield
            self.ask("POST", f"/gaze/api/participants/{admitted['participant']}/withdraw")
            yield

    def _ratings(self) -> Iterator[None]:
        """A rater joins, rates what there is, and changes their mind again and again."""
        joined = self.ask("POST", "/cxc/join", {"name": f"Ann {self.seed}"})
        link = joined["link"]
        while True:
            question = self.ask("GET", f"{link}/next")["question"] or self.ask("GET", f"{link}/previous")["question"]
            yield
            if question:
                score = round(self._chance.uniform(0, 5), 1)
                address = f"{link}/judgements/{question['pair']}"
                self.ask("PUT", address, {"score": score, "seconds": 1.0}, wanted=(204,))
            yield
