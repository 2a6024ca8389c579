"""Ctrl-C as a request: long jobs finish the step they are in, save, and stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ignore_interrupts", "stop_requested"]


@contextmanager
def stop_requested() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one interrupts at once.

    Outside the main thread, which alone receives signals, the event is never set.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def request(number: int, _: FrameType | None) -> None:
        stop.set()
        signal.signal(number, former[signal.Signals(number)])

    for number in former:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def ignore_interrupts(*_: object) -> None:
    """Lets this worker process ignore Ctrl-C, which reaches every process of a terminal: its parent decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
