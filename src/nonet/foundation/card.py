"""The card of a trained thing: what a person should know before using it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from nonet import __version__

__all__ = ["Card"]


@dataclass(frozen=True)
class Card:
    """What ``README.md`` of an artifact says.

    Attributes:
        title: its name.
        description: what it does and what it cannot do.
        data: what it was made from.
        figures: what was measured on it: name and value.
        command: the command that makes it again.
        date: the day it was made.
    """

    title: str
    description: str = ""
    data: str = ""
    figures: Mapping[str, object] = field(default_factory=dict)
    command: str = ""
    date: date | None = None

    def markdown(self) -> str:
        """The card as Markdown."""
        parts = [f"# {self.title}", self.description]
        if self.data:
            parts += ["## Data", self.data]
        if self.figures:
            rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in self.figures.items()]
            parts += ["## Figures", "\n".join(["| measure | value |", "|---|---|", *rows])]
        if self.command:
            parts += ["## Made by", f"```\n{self.command}\n```"]
        made = f" on {self.date.isoformat()}" if self.date else ""
        parts.append(f"Made with nonet {__version__}{made}.")
        return "\n\n".join(part for part in parts if part) + "\n"


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
