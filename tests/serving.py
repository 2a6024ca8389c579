"""The application that a `nonet serve` command makes, without serving it, and an application that a thread serves."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import uvicorn
from fastapi import FastAPI

from nonet import cli


def served(*words: object) -> FastAPI:
    """What `nonet serve WORDS` would serve until Ctrl-C, on a port that is free."""
    with mock.patch.object(uvicorn.Server, "run", autospec=True) as run:
        assert cli.run(["serve", *map(str, words), "--port", "0"]) == 0
    return run.call_args.args[0].config.app


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The address of an application, for as long as one looks at it."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:  # who comes before the server is ready, waits
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield "http://{}:{}".format(*listening.getsockname())
        server.should_exit = True
        thread.join(20)
