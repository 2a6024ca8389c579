"""Eye tracking with a plain camera: its tasks, its error stated, and the mental-fatigue biomarker.

Valliappan, Dai, Steinberg, He, Rogers, Ramachandran, Xu, Shojaeizadeh, Guo, Kohlhoff, Navalpakkam: "Accelerating eye
movement research via accurate and affordable smartphone eye tracking", Nature Communications 11, 4553 (2020).
Tseng, Valliappan, Ramachandran, Choudhury, Navalpakkam: "Digital biomarker of mental fatigue", npj Digital Medicine 4,
47 (2021).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nonet.gaze.events import detect, idt, ivt, noise_adaptive
    from nonet.gaze.geometry import Screen
    from nonet.gaze.model import GazeNet
    from nonet.gaze.personal import Calibration, Fit, choose
    from nonet.gaze.samples import Samples
    from nonet.gaze.store import Store

# loaded at first use: torch, scikit-learn and scipy are heavy
_ROOMS = {
    "Calibration": "personal",
    "Fit": "personal",
    "GazeNet": "model",
    "Samples": "samples",
    "Screen": "geometry",
    "Store": "store",
    "choose": "personal",
    "detect": "events",
    "idt": "events",
    "ivt": "events",
    "noise_adaptive": "events",
}
__all__ = [
    "Calibration",
    "Fit",
    "GazeNet",
    "Samples",
    "Screen",
    "Store",
    "choose",
    "detect",
    "idt",
    "ivt",
    "noise_adaptive",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'nonet.gaze' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nonet.gaze.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
