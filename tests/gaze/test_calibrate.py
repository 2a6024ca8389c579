import numpy as np
import pytest

from nonet.foundation.errors import DataError
from nonet.gaze.calibrate import check, fit_calibration
from nonet.gaze.geometry import PHONE
from nonet.gaze.tasks import make_plan
from nonet.gaze.tasks.stages import Pace

PLAN = make_plan(PHONE, [], 3, pace=Pace.quick())


def recording(look, *, stage=0, rate=30.0, reason=None, distance=lambda t: 35.0, seed=0):
    """Rows and events of a stage of dots; `look` says what the network sees for a dot in cm."""
    rng = np.random.default_rng(seed)
    rows, events, t = [], [], 1000.0
    for number, trial in enumerate(PLAN.stages[stage].trials):
        place = PHONE.to_cm(np.array([trial.dot[0][1:]]))[0]
        events.append({"t": t, "kind": "trial", "stage": stage, "trial": number})
        for at in np.arange(0, trial.ms, 1000 / rate):
            base = look(place, at) + rng.normal(0, 0.2, 2)
            row = {"t": t + at, "stage": stage, "trial": number, "distance": distance(t + at)}
            why = reason(number, at) if reason else None
            rows.append(
                {**row, "reason": why} if why else {**row, "base": base.tolist(), "features": [*abs(base), 1, 2]}
            )
        t += trial.ms
    return rows, events


def off(place, at):
    return np.array([2.0, 2.0]) if at < 300 else place + np.array([1.2, -0.7])  # the eye arrives late


def test_a_calibration_removes_the_error_and_the_way_to_a_dot_is_not_learnt():
    fit = fit_calibration(PLAN, PHONE, *recording(off))
    assert fit.rung != "base"
    assert fit.errors_cm[fit.rung] < 0.4 < 1 < fit.errors_cm["base"]
    rows, events = recording(off, stage=1, seed=1)
    checked = check(PLAN.stages[1], 1, PHONE, rows, events, fit, 40.0)
    assert checked.cm < 0.5
    assert checked.distance_cm == 35
    assert checked.deg == pytest.approx(np.degrees(2 * np.arctan(checked.cm / 70)))
    assert len(checked.dots) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reason": lambda number, at: "eyes shut" if number % 2 else None}, "shut"),
        ({"reason": lambda number, at: "two faces" if number > 2 else None}, "Only one person"),
        ({"rate": 3.5}, "frames a second"),
        ({"distance": lambda t: 35 + t / 1000}, "moved"),
    ],
)
def test_a_calibration_that_cannot_be_used_is_refused_with_the_reason(change, said):
    with pytest.raises(DataError, match=said):
        fit_calibration(PLAN, PHONE, *recording(off, **change))


def test_looking_elsewhere_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="did not follow the dots"):
        fit_calibration(PLAN, PHONE, *recording(lambda place, at: np.array([0.0, -6.0]) + rng.normal(0, 1.5, 2)))


def test_no_frames_is_refused():
    with pytest.raises(DataError, match="No frame"):
        fit_calibration(PLAN, PHONE, [], recording(off)[1])


def test_a_camera_of_five_frames_a_second_still_calibrates():
    fit = fit_calibration(PLAN, PHONE, *recording(off, rate=5.5))
    assert fit.errors_cm[fit.rung] < 0.6


def test_a_dot_shown_again_counts_from_its_last_showing():
    rows, events = recording(off)
    wrong = [{**row, "t": row["t"] - 60_000, "base": [9.0, 9.0]} for row in rows if row["trial"] == 0 and "base" in row]
    shown = [{"t": events[0]["t"] - 60_000, "kind": "trial", "stage": 0, "trial": 0}]
    again = fit_calibration(PLAN, PHONE, wrong + rows, shown + events)
    assert again.errors_cm == fit_calibration(PLAN, PHONE, rows, events).errors_cm
