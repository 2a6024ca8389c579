"""Sessions while they run: frames come in, features are kept, pictures are dropped."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from PIL import Image

from nonet.foundation.errors import DataError
from nonet.foundation.reading import made_sense_of
from nonet.foundation.settings import rebuild
from nonet.gaze.calibrate import Checked, check, fit_calibration
from nonet.gaze.camera.reader import IRIS_CM, FaceReader, UnusableFrameError, decode
from nonet.gaze.geometry import Screen
from nonet.gaze.model import GazeNet, as_input, load
from nonet.gaze.personal import Fit
from nonet.gaze.settings import StudySettings
from nonet.gaze.store.private import write_private
from nonet.gaze.store.recording import Session
from nonet.gaze.store.rights import Receipt, forget
from nonet.gaze.store.shelf import Store, default_store
from nonet.gaze.tasks.plan import Plan
from nonet.gaze.tasks.stages import make_plan

__all__ = ["Answer", "Live", "Studio", "plan_of"]

MOUSE_BIAS_CM = (0.8, -0.6)  # what the simulated tracker is off, so that a calibration has something to find
_MOUSE_NOISE_CM = 0.25
_RUNNING = 256  # sessions held in memory
_FOCAL = 0.95  # focal length in widths of the frame, where the distance was not given


@dataclass(frozen=True)
class Answer:
    """What a frame showed.

    Attributes:
        reason: why there is no gaze; "" where there is one.
        gaze_px: where the participant looks, pixels.
        distance_cm: from the screen, where it is known.
    """

    reason: str
    gaze_px: tuple[float, float] | None
    distance_cm: float | None


@dataclass
class Live:
    """What is held in memory of a running session.

    Attributes:
        session: on disk.
        plan: what is shown.
        keep_frames: whether the participant agreed to that.
        fit: the calibration, once there is one.
        reader: of the camera's frames, once one has come.
        focal: length of the camera, pixels, once it is known.
        frames: how many were kept.
        lock: held while a frame is worked on.
    """

    session: Session
    plan: Plan
    keep_frames: bool
    fit: Fit | None
    reader: FaceReader | None = None
    focal: float | None = None
    frames: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def recording(self) -> Iterator[Session]:
        """The session, which nobody withdraws meanwhile.

        Raises:
            DataError: if it was withdrawn.
        """
        with self.lock:
            self.require()
            yield self.session

    def require(self) -> None:
        """Refuses a session that was withdrawn.

        Raises:
            DataError: if it was.
        """
        if not (self.session.folder / "session.json").exists():
            raise DataError("This session was withdrawn.", where=self.session.record.session)


class Studio:
    """Runs the sessions of a study.

    Args:
        settings: of the study.
    """

    def __init__(self, settings: StudySettings) -> None:
        self.settings = settings
        self.net: GazeNet = load(settings.model)
        self.store = Store(settings.store or default_store())
        self._running: dict[str, Live] = {}
        self._opening = threading.Lock()  # no session is taken up while one is withdrawn
        self._one = threading.Lock()  # the networks of the camera's path serve one frame at a time
        self._networks: Any = None

    def admit(self, name: str, *, keep_frames: bool) -> str:
        """Takes in a participant who signed; nothing is recorded of anybody before."""
        now = datetime.now(UTC)
        return self.store.admit(name, self.settings.consent, keep_frames=keep_frames, now=now, days=self.settings.days)

    def begin(self, participant: str, screen: Screen, *, source: str, distance_cm: float) -> Session:
        """Starts a session.

        Args:
            participant: who agreed.
            screen: as they measured it.
            source: `camera` or `mouse`.
            distance_cm: as they measured it.
        """
        settings = {
            "seed": secrets.randbelow(2**31) if self.settings.seed is None else self.settings.seed,
            "tasks": list(self.settings.tasks),
            "pace": vars(self.settings.pace),
            "pictures": self.settings.picture_names(),
            "source": source,
            "distance_cm": distance_cm,
            "model": str(self.settings.model),
        }
        session = self.store.begin(participant, screen, settings, datetime.now(UTC))
        self.live(session.record.session)
        return session

    def live(self, session: str) -> Live:
        """A running session; one from before a restart of the server is taken up again.

        Raises:
            DataError: if it is not there, or was withdrawn.
        """
        found = self._running.get(session)
        if found is None:
            with self._opening:
                found = self._taken_up(session)
        found.require()
        return found

    def _taken_up(self, session: str) -> Live:
        opened = self.store.session(session)
        about = self.store.about(opened.record.participant)
        found = self._running[session] = Live(opened, plan_of(opened), bool(about["keep_frames"]), opened.fit())
        for former in list(self._running)[:-_RUNNING]:  # one that still runs is taken up again from its files
            self._running.pop(former, None)
        return found

    def frame(self, session: str, content: bytes, t: float, stage: int, trial: int) -> Answer:
        """Takes in a camera's frame.

        Args:
            session: whose.
            content: JPEG.
            t: when it was taken, on the display's clock, ms.
            stage: that is running; -1 between stages, when nothing is stored.
            trial: that is running.
        Raises:
            DataError: if it is no picture.
        """
        live = self.live(session)
        picture = decode(content)
        row: dict[str, Any] = {"t": t, "stage": stage, "trial": trial}
        with self._one, live.recording():
            try:
                self._look(live, picture, row)
            except UnusableFrameError as reason:
                row["reason"] = reason.reason
            if stage >= 0:
                self._keep(live, content, row)
        return self._answer(live, row)

    def mouse(self, session: str, points: Sequence[tuple[float, float, float, int, int]]) -> Answer:
        """Takes in places of the mouse (t, x, y, stage, trial) as a simulated tracker's, which is off by a little."""
        live = self.live(session)
        row: dict[str, Any] = {"reason": "no face"}
        rows = []
        for t, x, y, stage, trial in points:
            noise = np.random.default_rng(int(t * 1000) % 2**32).normal(0, _MOUSE_NOISE_CM, 2)
            base = live.session.record.screen.to_cm(np.array([[x, y]]))[0] + MOUSE_BIAS_CM + noise
            units = np.maximum(0, 20 + np.array([base[0], base[1], base[0] + base[1], base[0] - base[1]]))
            row = {"t": t, "stage": stage, "trial": trial, "base": base.tolist(), "features": units.tolist()}
            if stage >= 0:
                rows.append(row)
        if rows:
            with live.recording() as kept:
                kept.add_samples(rows)
        return self._answer(live, row)

    def calibrate(self, session: str) -> dict[str, Any]:
        """Fits the calibration that was just recorded.

        Raises:
            DataError: with the reason, if it cannot be used.
        """
        live = self.live(session)
        with live.recording() as kept:
            fit = fit_calibration(live.plan, kept.record.screen, kept.samples(), kept.events())
            kept.save_fit(fit, {"fitted": datetime.now(UTC).isoformat(timespec="seconds")})
            live.fit = fit
        return {"rung": fit.rung, "errors_cm": fit.errors_cm}

    def validate(self, session: str, stage: int) -> Checked:
        """How far off the calibration is on the dots of a stage.

        Raises:
            DataError: if the stage shows no dots, or none was seen.
        """
        live = self.live(session)
        if not 0 <= stage < len(live.plan.stages) or live.plan.stages[stage].task != "validation":
            raise DataError("This stage is no validation.", where=f"stage {stage}")
        record = live.session.record
        distance = float(record.settings["distance_cm"])
        rows, events = live.session.samples(), live.session.events()
        return check(live.plan.stages[stage], stage, record.screen, rows, events, live.fit, distance)

    def withdraw(self, participant: str) -> Receipt:
        """Ends everything of a participant and deletes it."""
        with self._opening, ExitStack() as at_rest:
            theirs = {n: live for n, live in self._running.items() if live.session.record.participant == participant}
            for live in theirs.values():
                at_rest.enter_context(live.lock)
            receipt = forget(self.store, participant, datetime.now(UTC))
            for name in theirs:
                self._running.pop(name)
        return receipt

    def _look(self, live: Live, picture: Image.Image, row: dict[str, Any]) -> None:
        if live.reader is None:
            if self._networks is None:
                from nonet.gaze.camera.networks import Networks

                self._networks = Networks()
            live.reader = FaceReader(self.net.config.pixels, self._networks)
        seen = live.reader.read(picture)
        row.update(open=round(seen.openness, 3), head=[round(angle, 1) for angle in seen.head])
        row["distance"] = self._distance(live, picture, seen.iris_px)
        with torch.inference_mode():
            crops = torch.from_numpy(np.stack([seen.left, seen.right]).copy())
            numbers = torch.from_numpy(seen.corners).float()[None]
            gaze, features = self.net(as_input(crops[:1]), as_input(crops[1:]), numbers)
        row.update(base=gaze[0].tolist(), features=features[0].tolist())

    def _distance(self, live: Live, picture: Image.Image, iris_px: float) -> float | None:
        """By the iris; the distance that the participant measured tells the camera's focal length."""
        if not np.isfinite(iris_px) or iris_px <= 0:
            return None
        if live.focal is None:
            given = float(live.session.record.settings["distance_cm"])
            live.focal = given * iris_px / IRIS_CM if given else _FOCAL * max(picture.size)
        return round(live.focal * IRIS_CM / iris_px, 1)

    def _keep(self, live: Live, content: bytes, row: dict[str, Any]) -> None:
        live.session.add_samples([row])
        if live.keep_frames:
            live.frames += 1
            write_private(live.session.folder / "frames" / f"{int(row['t'] * 1000):014d}.jpg", content)

    def _answer(self, live: Live, row: dict[str, Any]) -> Answer:
        if row.get("base") is None:
            return Answer(row.get("reason", ""), None, None)
        base, features = np.array([row["base"]]), np.array([row["features"]])
        gaze = live.fit.predict(base, features) if live.fit else base
        x, y = live.session.record.screen.to_px(gaze)[0].round(1).tolist()
        return Answer("", (x, y), row.get("distance"))


def plan_of(session: Session) -> Plan:
    """The plan that a session was made from; its settings decide it."""
    from nonet.gaze.tasks.stages import Pace

    held = session.record.settings
    with made_sense_of(session.folder / "session.json", what="The settings of this session are damaged"):
        return make_plan(
            session.record.screen,
            held["tasks"],
            held["seed"],
            pace=rebuild(Pace, held["pace"]),
            pictures=held["pictures"],
        )
