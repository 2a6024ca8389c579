"""RecSim NG: recommender ecosystems, simulated, scored, fitted and inferred.

After Mladenov, Hsu, Jain, Ie, Colby, Mayoraz, Pham, Tran, Vendrov and Boutilier, "RecSim NG: Toward Principled
Uncertainty Modeling for Recommender Ecosystems", arXiv 2103.08057 (2021).
"""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "language": ["Population", "Story", "Variable", "parameter", "story", "variables"],
    "runtime": ["Record", "State", "Trajectory", "advance", "start"],
    "simulation": ["simulate", "profile"],
    "probability": ["log_prob", "site_log_probs", "sites"],
    "gradients": ["expected_return_gradient"],
    "populations": ["each", "group", "total"],
    "random": ["key"],
}
_HOME = {name: room for room, names in _PLACES.items() for name in names}

__all__ = [
    "Population",
    "Record",
    "State",
    "Story",
    "Trajectory",
    "Variable",
    "advance",
    "each",
    "expected_return_gradient",
    "group",
    "key",
    "log_prob",
    "parameter",
    "profile",
    "simulate",
    "site_log_probs",
    "sites",
    "start",
    "story",
    "total",
    "variables",
]


def __getattr__(name: str) -> Any:  # jax is imported when the first of these is used
    if name not in _HOME:
        raise AttributeError(f"module 'nonet.recsim' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nonet.recsim.{_HOME[name]}"), name)
