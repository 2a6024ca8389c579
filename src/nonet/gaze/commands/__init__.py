"""``nonet gaze …``: the wing on the command line."""

from __future__ import annotations

from collections.abc import Callable

from nonet.gaze.commands.learning import evaluate, onnx, study, train
from nonet.gaze.commands.rights import data, expire, forget
from nonet.gaze.commands.sessions import calibrate, convert, fatigue, list_, report, setup

__all__ = ["COMMANDS"]

COMMANDS: dict[str, Callable[..., None]] = {
    "train": train,
    "evaluate": evaluate,
    "onnx": onnx,
    "setup": setup,
    "list": list_,
    "calibrate": calibrate,
    "report": report,
    "convert": convert,
    "fatigue": fatigue,
    "data": data,
    "forget": forget,
    "expire": expire,
    "study": study,
}
