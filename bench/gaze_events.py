"""Events on the hand-labelled recordings of Andersson et al. 2017: Cohen's kappa by sample, ours and our peers'.

Run: NONET_DATA=… python bench/gaze_events.py. Annotator RA is the truth, the other annotator the limit. Options of ours
were chosen on every second observer; only the others are judged here. Peers run with their own defaults.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from record import Row, record

from nonet.gaze.events import Event, detect
from nonet.gaze.events.agreement import cohen_kappa
from nonet.gaze.events.andersson import Recording, read_recordings

EVENTS = (Event.FIXATION, Event.SACCADE, Event.PSO, Event.PURSUIT, Event.BLINK)
Labels = Callable[[Recording], np.ndarray]


def compare(source: Path) -> dict[str, dict[Event, float]]:
    """Kappa of each algorithm for each event, on the observers that are judged."""
    recordings = read_recordings(source)
    observers = sorted({recording.observer for recording in recordings})
    judged = [recording for recording in recordings if recording.observer in observers[1::2]]
    truth = np.concatenate([recording.labels["RA"] for recording in judged])
    found = {}
    for name, label in algorithms().items():
        labels = np.concatenate([label(recording) for recording in judged])
        found[name] = {event: cohen_kappa(truth == event, labels == event) for event in EVENTS}
    return found


def algorithms() -> dict[str, Labels]:
    """Ours, the other annotator, and every detector of pymovements and REMoDNaV."""
    from pymovements.events import detection

    def fixations(events, count: int) -> np.ndarray:
        return _labelled(count, events.frame, lambda name: Event.FIXATION)

    def steps(recording: Recording) -> np.ndarray:
        return np.arange(len(recording.position_deg))

    def ivt(recording: Recording) -> np.ndarray:
        events = detection.ivt(velocities=_velocity(recording), timesteps=steps(recording), minimum_duration=50)
        return fixations(events, len(recording.position_deg))

    def idt(recording: Recording) -> np.ndarray:
        events = detection.idt(positions=recording.position_deg, timesteps=steps(recording), minimum_duration=50)
        return fixations(events, len(recording.position_deg))

    def ihmm(recording: Recording) -> np.ndarray:
        events = detection.ihmm(velocities=np.nan_to_num(_velocity(recording)), timesteps=steps(recording))
        return fixations(events, len(recording.position_deg))

    def microsaccades(recording: Recording) -> np.ndarray:
        events = detection.microsaccades(velocities=_velocity(recording), timesteps=steps(recording))
        return _labelled(len(recording.position_deg), events.frame, lambda name: Event.SACCADE)

    return {
        "nonet": lambda recording: detect(recording.position_deg, recording.rate_hz),
        "other annotator": lambda recording: recording.labels["MN"],
        "pymovements I-VT": ivt,
        "pymovements I-DT": idt,
        "pymovements I-HMM": ihmm,
        "pymovements microsaccades": microsaccades,
        "REMoDNaV": _remodnav,
    }


def _velocity(recording: Recording) -> np.ndarray:
    from pymovements.transforms.numpy import pos2vel

    return pos2vel(recording.position_deg, sampling_rate=recording.rate_hz, method="smooth")


def _labelled(count: int, events, event_of: Callable[[str], Event]) -> np.ndarray:
    labels = np.zeros(count, np.int64)
    columns = (events[name].to_list() for name in ("name", "onset", "offset"))
    for name, start, stop in zip(*columns, strict=True):
        labels[int(start) : int(stop) + 1] = event_of(name)
    return labels


def _remodnav(recording: Recording) -> np.ndarray:
    from remodnav import clf
    from scipy import signal

    def tolerant(*arguments, **options):
        """SciPy's filter no longer takes gaps at the ends; this way of padding does, and differs nowhere else."""
        return signal.savgol_filter(*arguments, **{**options, "mode": "nearest"})

    clf.savgol_filter = tolerant
    detector = clf.EyegazeClassifier(px2deg=1.0, sampling_rate=recording.rate_hz)
    gaze = np.rec.fromarrays(list(recording.position_deg.T.copy()), names=["x", "y"])
    kinds = {"FIXA": Event.FIXATION, "PURS": Event.PURSUIT, "SACC": Event.SACCADE, "ISAC": Event.SACCADE}
    labels = np.zeros(len(gaze), np.int64)
    for event in detector(detector.preproc(gaze)):
        start, stop = (round(event[key] * recording.rate_hz) for key in ("start_time", "end_time"))
        labels[start:stop] = kinds.get(event["label"], Event.PSO)
    labels[~np.isfinite(recording.position_deg).all(axis=1)] = Event.BLINK
    return labels


def main() -> None:
    data = os.environ.get("NONET_DATA")
    if not data:
        print("NONET_DATA does not name a folder of real data: nothing to compare on.")
        return
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    start = time.process_time()
    found = compare(Path(data) / "gaze" / "andersson2017.tar.xz")
    limit = found["other annotator"]
    print(f"{'kappa against RA':28}" + "".join(f"{event.name.lower():>10}" for event in EVENTS))
    for name, kappas in found.items():
        print(f"{name:28}" + "".join(f"{kappas[event]:10.3f}" for event in EVENTS))
    ratios = {event: found["nonet"][event] / limit[event] for event in EVENTS}
    print(f"{'nonet / other annotator':28}" + "".join(f"{ratios[event]:10.2f}" for event in EVENTS))
    print(f"{time.process_time() - start:.0f} s of CPU", file=sys.stderr)
    peer = next(name for name in found if name.startswith("REMoDNaV"))
    kept = [
        Row(f"{event.name.lower()}: agreement with a person", "Cohen's kappa", found["nonet"][event], peer,
            found[peer][event], limit[event], "another person")
        for event in EVENTS
    ]  # fmt: skip
    record("gaze_events", "gaze", kept)


if __name__ == "__main__":
    main()
