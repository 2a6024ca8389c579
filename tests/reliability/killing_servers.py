"""Kills servers at random moments, and looks on the disk for what they had acknowledged."""

import http.client
import json
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from children import start
from reliability.killing import Torment

__all__ = ["SERVERS", "Served", "torment_server"]


@dataclass(frozen=True)
class Served:
    """Something that visitors send to a page, which acknowledges it.

    Attributes:
        name: of the page.
        prepare: makes what is served in a folder; returns it by wing.
        begin: what a visitor does first; returns what `send` needs.
        send: sends the thing of a number; returns whether it was acknowledged.
        missing: which of the acknowledged numbers are not on the disk.
    """

    name: str
    prepare: Callable[[Path], dict[str, Path]]
    begin: Callable[["Client"], Any]
    send: Callable[["Client", Any, int], bool]
    missing: Callable[[Path, Any, Sequence[int]], set[int]]


class Client:
    """Asks a server on this machine; no answer is an answer too."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status, 0 if the connection broke, and the JSON of the answer."""
        try:
            self._connection.request(method, path, json.dumps(body).encode(), {"content-type": "application/json"})
            answer = self._connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0, None
        return answer.status, json.loads(said) if said else None


def torment_server(served: Served, folder: Path, *, kills: int, seed: int) -> Torment:
    """Sends one thing after the other, kills the server at random moments, and looks what is on the disk.

    Args:
        served: what is served and sent.
        folder: a new one.
        kills: how often.
        seed: of the moments.
    """
    chance = random.Random(seed)
    sources = served.prepare(folder)
    state: Any = None
    acknowledged: list[int] = []
    number = 0
    for _ in range(kills):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = _started(sources, port)
        client = _connected(port, process)
        state = state or served.begin(client)
        until = number + chance.randint(1, 40)
        while True:
            if number == until:  # the next one is on its way when the server dies
                os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
            answered = served.send(client, state, number)
            if answered:
                acknowledged.append(number)
            number += 1
            if number > until and not answered:
                break
        process.join()
    lost = served.missing(folder, state, acknowledged)
    return Torment(served.name, kills, len(acknowledged) - len(lost), len(lost))


def _started(sources: dict[str, Path], port: int) -> Any:
    return start(lambda: _serve(sources, port))


def _serve(sources: dict[str, Path], port: int) -> None:
    import uvicorn

    from nonet.web import create_app

    uvicorn.run(create_app(sources), host="127.0.0.1", port=port, log_level="error")


def _connected(port: int, process: Any) -> Client:
    for _ in range(3000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return Client(port)
        assert process.exitcode is None, "the server did not start"
        time.sleep(0.1)
    raise AssertionError("the server did not start")


def _gaze(folder: Path) -> dict[str, Path]:
    from reliability.loaders import loaders_of

    return {"gaze": loaders_of("gaze")["gaze/study"].make(folder)}


def _admitted(client: Client) -> tuple[str, str]:
    from reliability.visitors import SCREEN

    participant = client.ask("POST", "/gaze/api/consents", {"name": "Ada", "agree": True})[1]["participant"]
    begun = client.ask("POST", "/gaze/api/sessions", {"participant": participant, **SCREEN})[1]
    return participant, begun["session"]


def _looked(client: Client, state: tuple[str, str], number: int) -> bool:
    session = f"/gaze/api/sessions/{state[1]}"
    rows = [{"t": number, "kind": "trial", "stage": 0, "trial": 0}]
    points = [{"t": number, "x": 1, "y": 1, "stage": 0, "trial": 0}]
    happened = client.ask("POST", f"{session}/events", {"rows": rows})[0] == 204
    return happened and client.ask("POST", f"{session}/mouse", {"points": points})[0] == 200


def _unseen(folder: Path, state: tuple[str, str], acknowledged: Sequence[int]) -> set[int]:
    from nonet.gaze.store import Store

    session = Store(folder / "it" / "store").session(state[1])
    seen = [{int(row["t"]) for row in rows} for rows in (session.samples(), session.events())]
    return {number for number in acknowledged if not all(number in one for one in seen)}


def _ratings(folder: Path) -> dict[str, Path]:
    from nonet.cxc.rating.pairs import PairToRate, write_pairs

    pairs = [PairToRate("sts", f"a{n}", f"b{n}", "m", left_text=f"One {n}", right_text="Two") for n in range(2000)]
    write_pairs(folder / "to_rate.parquet", pairs)
    return {"cxc": folder / "to_rate.parquet"}


def _joined(client: Client) -> dict[str, Any]:
    return {"link": client.ask("POST", "/cxc/join", {"name": "Ann"})[1]["link"], "pair_of": {}}


def _rated(client: Client, state: dict[str, Any], number: int) -> bool:
    status, said = client.ask("GET", f"{state['link']}/next")
    if status != 200:
        return False
    pair = state["pair_of"][number] = said["question"]["pair"]
    score = {"score": number % 51 / 10, "seconds": 1.0}
    return client.ask("PUT", f"{state['link']}/judgements/{pair}", score)[0] == 204


def _unrated(folder: Path, state: dict[str, Any], acknowledged: Sequence[int]) -> set[int]:
    from nonet.cxc.page import open_study

    kept = {one.pair: one.score for one in open_study(folder / "to_rate.parquet")[1].judgements()}
    return {number for number in acknowledged if kept.get(state["pair_of"][number]) != number % 51 / 10}


SERVERS = {
    "gaze sessions": Served("gaze sessions", _gaze, _admitted, _looked, _unseen),
    "cxc rating": Served("cxc rating", _ratings, _joined, _rated, _unrated),
}
