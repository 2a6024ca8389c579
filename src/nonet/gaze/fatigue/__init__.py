"""Mental fatigue from gaze (Tseng et al. 2021): features of each block, a model that is judged on unseen people."""

from nonet.gaze.fatigue.features import FEATURES, PROOF_FEATURES, block_features, normalised, proof_features
from nonet.gaze.fatigue.progress import fatigue_report, progress_figure, write_blocks
from nonet.gaze.fatigue.recorded import TASKS, Recorded, recorded_blocks
from nonet.gaze.fatigue.scoring import Fatigue, judge_fatigue
from nonet.gaze.fatigue.simulated import simulated_blocks

__all__ = [
    "FEATURES",
    "PROOF_FEATURES",
    "TASKS",
    "Fatigue",
    "Recorded",
    "block_features",
    "fatigue_report",
    "judge_fatigue",
    "normalised",
    "progress_figure",
    "proof_features",
    "recorded_blocks",
    "simulated_blocks",
    "write_blocks",
]
