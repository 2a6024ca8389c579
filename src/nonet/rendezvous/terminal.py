"""Keys of this terminal as they are pressed, and a world that waits for the clock."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nonet.foundation.errors import UsageError
from nonet.rendezvous.agents.base import Agent, Thought
from nonet.rendezvous.control.base import Wheels
from nonet.rendezvous.observation import Observation

__all__ = ["in_real_time", "keys"]


@contextmanager
def keys() -> Iterator[Callable[[], str]]:
    """A function that gives the key pressed since it was asked last, or an empty text.

    Raises:
        UsageError: if there is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError("There is no keyboard here.", where="--keyboard", fix="Run it in a terminal.")
    import termios
    import tty

    former = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield _pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, former)


def _pressed() -> str:
    key = ""
    while select.select([sys.stdin], [], [], 0)[0]:
        key = sys.stdin.read(1)
    return key


def in_real_time(agent: Agent, step_s: float) -> Agent:
    """The same agent, asked no sooner than a step after the last time."""
    return _Paced(agent, step_s)


class _Paced:
    def __init__(self, agent: Agent, step_s: float) -> None:
        self.agent, self.step_s, self.due = agent, step_s, 0.0

    def reset(self, seed: int) -> None:
        self.agent.reset(seed)

    def act(self, seen: Observation) -> tuple[Wheels, Thought]:
        time.sleep(max(0.0, self.due - time.monotonic()))
        self.due = time.monotonic() + self.step_s
        return self.agent.act(seen)
