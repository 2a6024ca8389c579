"""What every report of a command tells about itself."""

from __future__ import annotations

import datetime
import shlex
import sys

__all__ = ["today", "told"]


def told() -> str:
    """The command line, so that it can be repeated."""
    return shlex.join(["nonet", *sys.argv[1:]])


def today() -> str:
    """The day (ISO)."""
    return datetime.date.today().isoformat()
