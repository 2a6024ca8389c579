"""Looking at a meeting in the browser right after it was run."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import webbrowser
from pathlib import Path

__all__ = ["watch_episode"]


def watch_episode(team: Path, episode: Path, port: int) -> None:
    """Serves the team's page until Ctrl-C, and opens an episode in the browser once the page answers."""
    address = f"http://127.0.0.1:{port}/rendezvous/#{episode.stem}"
    threading.Thread(target=_open_when_served, args=(address, port), daemon=True).start()
    # through the front door, as a user would: the wings know nothing of the application
    words = ["serve", "--rendezvous", str(team), "--port", str(port)]
    subprocess.run([sys.executable, "-m", "nonet", *words], check=False)


def _open_when_served(address: str, port: int, patience_s: float = 60.0) -> None:
    given_up = time.monotonic() + patience_s
    while time.monotonic() < given_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.2)
        else:
            webbrowser.open(address)
            return
