"""What eyes do: fixations, saccades, post-saccadic oscillations, smooth pursuit and blinks, from gaze over time."""

from nonet.gaze.events.detect import Detection, detect
from nonet.gaze.events.labels import Event, Interval, intervals
from nonet.gaze.events.thresholds import idt, ivt, noise_adaptive

__all__ = ["Detection", "Event", "Interval", "detect", "idt", "intervals", "ivt", "noise_adaptive"]
