"""The application in a thread, and how chromium is started to look at it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from nonet.web import create_app

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def served(sources: dict[str, Path], **options: object) -> Iterator[str]:
    """The address of an application."""
    server = uvicorn.Server(uvicorn.Config(create_app(sources, **options), log_level="warning"))  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as listening:  # who comes before the server is ready, waits
        running = threading.Thread(target=server.run, args=([listening],), daemon=True)
        running.start()
        yield "http://{}:{}".format(*listening.getsockname())
        server.should_exit = True
        running.join(20)
