"""One damaged input given to one loader, and what came of it."""

import os
import shutil
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nonet.foundation.errors import readable
from reliability.damage import Damage, apply
from reliability.loaders import Loader

__all__ = ["Outcome", "attempt", "sample_of"]


@dataclass(frozen=True)
class Outcome:
    """What a loader made of an input.

    Attributes:
        kind: ``ok``, ``refused`` (an error that a person can read), or ``fault``.
        error: what was said.
        place: the last line of nonet that a fault passed through.
        seconds: of CPU that it took.
    """

    kind: str
    error: str = ""
    place: str = ""
    seconds: float = 0.0


def sample_of(loader: Loader, home: Path) -> Path:
    """The valid sample of a loader, made once in a folder."""
    folder = home / loader.name.replace("/", "-")
    note = folder / ".made"
    if not note.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(os.fspath(loader.make(folder).relative_to(folder)))
    return folder / note.read_text()


def attempt(loader: Loader, plan: Sequence[Damage], home: Path, scratch: Path) -> Outcome:
    """Copies the sample, damages it and loads it.

    Args:
        loader: what reads it.
        plan: the damage; none for the sample as it is.
        home: where samples are made.
        scratch: an absent folder for the copy, removed afterwards.
    """
    sample = sample_of(loader, home)
    inside = sample.relative_to(home)
    shutil.copytree(home / inside.parts[0], scratch / inside.parts[0], symlinks=True)
    (scratch / inside.parts[0] / ".made").unlink()
    outside = scratch / "outside.txt"
    outside.write_text("not of this sample\n")
    began = time.process_time()
    try:
        apply(plan, scratch / inside, outside)
        began = time.process_time()
        loader.load(scratch / inside)
        outcome = Outcome("ok")
    except Exception as error:
        outcome = _judged(error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Outcome(outcome.kind, outcome.error, outcome.place, time.process_time() - began)


def _judged(error: Exception) -> Outcome:
    """A defect of ours, or an error to show; to run out of memory is a defect too, since the sample is small."""
    if type(error).__name__ == "TypeCheckError":  # of the tests, which check what a release does not
        return Outcome("refused", "by the type checker")
    shown = readable(error)
    if shown is not None and not isinstance(error, (MemoryError, ModuleNotFoundError)):
        return Outcome("refused", f"{type(shown).__name__}: {shown}"[:300])
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/nonet/" in frame.filename]
    frames = frames or traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    place = f"{Path(last.filename).parent.name}/{Path(last.filename).name}:{last.lineno} {last.name}"
    said = str(error).encode("utf-8", "replace").decode()
    return Outcome("fault", f"{type(error).__name__}: {said}"[:300], place)
