"""The articles' claims, re-made with simulated participants; each says what was simulated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nonet.foundation import console
from nonet.foundation.engine import Engine
from nonet.foundation.errors import UsageError
from nonet.foundation.report import Report
from nonet.gaze.claims.fatigue import fatigue_claim
from nonet.gaze.claims.personalisation import climb, holding_claim, ladder_figure, personalisation_claim
from nonet.gaze.claims.tasks import heatmap_claim, latency_claim, pursuit_claim, reading_claim, search_claims
from nonet.gaze.config import Learning, Synthesis
from nonet.gaze.making import from_synthesis
from nonet.gaze.model import load

__all__ = ["StudyConfig", "study"]


@dataclass(frozen=True)
class StudyConfig:
    """What a study runs on."""

    out: Path
    """A folder for the report, for what is known of each person, and for the network that is trained if none is given;
    an interrupted study goes on from there."""
    model: Path | None = None
    """A network learnt from rendered people."""
    scale: Literal["minutes", "hours"] = "minutes"
    """`minutes` learns from 150 rendered people, calibrates 6 new ones and simulates 12 at the tasks; `hours` trains
    the article's network on 400 and takes 40 of both."""
    people: int | None = None
    """How many participants are rendered and simulated; the scale decides if not given."""
    seed: int = 0
    """Decides everything random."""
    workers: int = 0
    """Processes; 0 for one per core."""

    @property
    def rendered(self) -> int:
        """How many people are rendered and calibrated, which takes the most time."""
        return self.people or (6 if self.scale == "minutes" else 40)

    @property
    def participants(self) -> int:
        """How many are simulated at the tasks."""
        return self.people or (12 if self.scale == "minutes" else 40)

    @property
    def learning(self) -> tuple[Synthesis, Learning]:
        """What the network learns from and how, if none is given."""
        minutes = self.scale == "minutes"
        synthesis = Synthesis(people=150 if minutes else 400, seed=self.seed)
        return synthesis, Learning(preset="64-half" if minutes else "128", seed=self.seed)

    @property
    def command(self) -> str:
        """What repeats the study."""
        model = "" if self.model is None else " --model MODEL"
        people = "" if self.people is None else f" --people {self.people}"
        return f"nonet gaze study --out OUT{model} --scale {self.scale}{people} --seed {self.seed}"

    def __post_init__(self) -> None:
        if self.people is not None and self.people < 3:
            raise UsageError("A study needs at least 3 participants.", where="people")


def study(config: StudyConfig) -> Report:
    """Re-makes the claims at the scale that the configuration names."""
    engine = Engine(workers=config.workers)
    model = config.model or config.out / f"model-{config.scale}-{config.seed}"
    if config.model is None and not (model / "config.json").exists():
        from_synthesis(*config.learning, model, engine)
    net = load(model)
    people, folder = config.participants, config.out / "people"
    console.note("Calibrating rendered participants …")
    stand = climb(net, config.rendered, "stand", seed=config.seed, folder=folder, engine=engine)
    hand = climb(net, config.rendered, "hand", seed=config.seed, folder=folder, engine=engine)
    console.note("Running the tasks …")
    fatigue, progress = fatigue_claim(people, config.seed, config.command)
    claims = [
        personalisation_claim(stand, config.command),
        holding_claim(stand, hand, config.command),
        latency_claim(people, config.seed, config.command),
        pursuit_claim(people, config.seed, config.command),
        *search_claims(people, config.seed, config.command),
        heatmap_claim(people, config.seed, config.command),
        reading_claim(people, config.seed, config.command),
        fatigue,
    ]
    return Report(
        title="gaze: smartphone eye tracking and the fatigue biomarker",
        summary="Every participant of this report is simulated: rendered eyes for the accuracy, generated gaze for the "
        "tasks. It shows that the chain measures what is put into it, not what real eyes would give.",
        claims=claims,
        tables=[stand.table("on a stand"), hand.table("in the hand")],
        figures=[ladder_figure(stand, hand), progress],
        facts={
            "scale": config.scale,
            "seed": config.seed,
            "people rendered": config.rendered,
            "people simulated": people,
        },
    )
