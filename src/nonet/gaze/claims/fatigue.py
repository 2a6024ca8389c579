"""The fatigue claim, with simulated participants whose tiredness has a graded effect on their gaze."""

from __future__ import annotations

import numpy as np

from nonet.foundation.report import Claim, Figure
from nonet.gaze.fatigue import Fatigue, judge_fatigue, normalised, progress_figure, simulated_blocks
from nonet.gaze.fatigue.progress import TIRED_FROM

__all__ = ["fatigue_claim"]

STRENGTHS = (0.0, 0.3, 1.0)


def fatigue_claim(people: int, seed: int, command: str) -> tuple[Claim, Figure]:
    """That tiredness is told from gaze of people whom the model has not seen, the better the stronger it is."""
    runs = {strength: _judged(people, strength, seed) for strength in STRENGTHS}
    found = {strength: judged for strength, (judged, _) in runs.items()}
    aucs = np.array([found[strength].auc for strength in STRENGTHS])
    full = found[1.0]
    claim = Claim(
        text="Mental fatigue is told from gaze in a few minutes of following an object.",
        article="a simple model on gaze tracks the fatigue score over time on task (Tseng 2021; figures not quoted)",
        measured=f"AUC {', '.join(f'{auc:.2f} at strength {s:g}' for auc, s in zip(aucs, STRENGTHS, strict=True))}; at "
        f"full strength balanced accuracy {full.balanced_accuracy:.2f}, Spearman over time {full.spearman:.2f}, "
        f"permutation p {full.p:.2g}, shuffled labels {full.chance_auc:.2f}",
        holds=bool(full.p < 0.05 and aucs[-1] > 0.75 and abs(full.chance_auc - 0.5) < 0.06),
        how=f"{people} simulated people, 6 blocks each, one left out after the other, changes against their first "
        f"block; strength 0 has no effect on gaze. {command}",
    )
    return claim, runs[STRENGTHS[-1]][1]


def _judged(people: int, strength: float, seed: int) -> tuple[Fatigue, Figure]:
    blocks = simulated_blocks(people, 6, strength, seed)
    change = normalised(blocks.features, blocks.participant, blocks.block)
    later = blocks.block > 0
    asked, who = blocks.questionnaire[later], blocks.participant[later]
    found = judge_fatigue(change[later], asked >= TIRED_FROM, asked, who, permutations=40, seed=seed)
    title = f"Simulated fatigue, strength {strength:g}"
    figure = progress_figure(title, blocks.block[later], who, found.score, asked, "chance of being tired")
    return found, figure
