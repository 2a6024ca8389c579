"""The tour: every wing's study, one process each, and one report of all.

It knows a wing's name and that ``nonet WING study --out OUT --scale SCALE --seed SEED [--data FOLDER]`` leaves a
``report.json`` in OUT, nothing else of it.
"""

from nonet.tour.running import TourConfig, tour
from nonet.tour.state import TourState, WingState, read_state

__all__ = ["TourConfig", "TourState", "WingState", "read_state", "tour"]
