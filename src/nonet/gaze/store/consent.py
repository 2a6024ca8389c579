"""What a participant agreed to, kept apart from everything that is recorded about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from nonet.foundation.errors import DataError

__all__ = ["CONSENT_TEXT", "Consent"]

CONSENT_TEXT = """\
This study measures where you look on the screen. A camera films your face while you do a few tasks.

The pictures stay on the computer that shows this page. From each of them the position of your eyes is computed, and \
then the picture is deleted at once, unless you allow below that it is kept. What is kept is stored under a random \
number, apart from your name.

Taking part is voluntary. You can stop at any time with the button "Stop and withdraw": then everything that was \
recorded is deleted. You can also ask for your data, or for its deletion, at any later time.
"""
"""The text shown where a study brings none of its own."""
_LONGEST_NAME = 120


@dataclass(frozen=True)
class Consent:
    """A signed consent.

    Attributes:
        name: what the participant signed with.
        text: what they read.
        keep_frames: whether pictures may be kept.
        signed: date and time, ISO.
        participant: the random id that their data is stored under.
    """

    name: str
    text: str
    keep_frames: bool
    signed: str
    participant: str

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > _LONGEST_NAME:
            raise DataError("A consent needs a signature.", fix=f"Type your name, at most {_LONGEST_NAME} characters.")

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
