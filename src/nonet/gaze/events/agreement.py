"""How far two labellings agree beyond chance: Cohen's kappa by sample, for each event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Bool, Int

from nonet.gaze.events.labels import Event

__all__ = ["cohen_kappa", "kappas"]


def cohen_kappa(first: Bool[np.ndarray, " n"], second: Bool[np.ndarray, " n"]) -> float:
    """Cohen's kappa of two yes-or-no labellings (Cohen 1960).

    Returns:
        1 for full agreement, 0 for that of chance; NaN where both never or always say yes.
    """
    seen = float((first == second).mean())
    chance = float(first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean()))
    return (seen - chance) / (1 - chance) if chance < 1 else float("nan")


def kappas(
    truth: Int[np.ndarray, " n"], labels: Int[np.ndarray, " n"], events: Iterable[Event]
) -> Mapping[Event, float]:
    """Kappa of each event against everything else."""
    return {event: cohen_kappa(truth == event, labels == event) for event in events}
