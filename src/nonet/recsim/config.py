"""What a simulation of a story is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from nonet.foundation.errors import UsageError

__all__ = ["DEFAULT_BOOST", "RunConfig", "WorldConfig"]

DEFAULT_BOOST = 1.2


@dataclass(frozen=True, kw_only=True)
class WorldConfig:
    """The world of a simulation, whatever its story and its policy."""

    users: int = 1000
    """How many users (learners of the bandit stories)."""
    providers: int = 80
    """Content providers of the ecosystem, an even number (they come in pairs of neighbours); creators of the market."""
    horizon: int = 100
    """Steps, the initial one included."""
    runs: int = 10
    """Independent runs; run 7 of one policy meets the same chances as run 7 of another."""
    slate: int = 3
    """Items in a slate."""
    boost: float = DEFAULT_BOOST
    """Largest lift that the provider-aware policy gives a document's score."""
    viability: float = 0.0
    """A provider with less satisfaction than this gives up; 0 for never."""
    arms: int = 10
    """Arms of the bandit story."""
    items: int = 60
    """Items of the stories shop, cascade and soft-attributes."""
    seed: int = 0
    """Same seed, same results."""
    devices: int = 1
    """Over how many devices users are spread."""

    def __post_init__(self) -> None:
        for name in ("users", "horizon", "runs", "slate", "arms", "items", "devices"):
            if getattr(self, name) < 1:
                raise UsageError(
                    f"{getattr(self, name)} {name} cannot be simulated.", where=f"--{name}", fix="Ask for 1 or more."
                )
        if self.providers < 2 or self.providers % 2:
            raise UsageError(
                f"{self.providers} providers cannot be placed in pairs.",
                where="--providers",
                fix="Choose an even number.",
            )
        for name in ("boost", "viability"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"It is {getattr(self, name)}.", where=f"--{name}", fix="Choose 0 or more.")


@dataclass(frozen=True)
class RunConfig(WorldConfig):
    """One simulation of a story that comes with nonet."""

    story: str = "ecosystem"
    """Name of the story; `nonet recsim list` shows them."""
    policy: str | None = None
    """The recommender; None takes the story's first."""
