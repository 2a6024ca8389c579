"""Mental fatigue from gaze (Tseng et al. 2021): features of each block, a model that is judged on unseen people."""

from nonet.gaze.fatigue.features import FEATURES, block_features, normalised
from nonet.gaze.fatigue.scoring import Fatigue, judge_fatigue
from nonet.gaze.fatigue.simulated import simulated_blocks

__all__ = ["FEATURES", "Fatigue", "block_features", "judge_fatigue", "normalised", "simulated_blocks"]
