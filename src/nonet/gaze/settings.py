"""What a study is: network, tasks, consent text, pictures; a ``study.json`` that a researcher can write by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nonet.foundation.errors import DataError, NonetError
from nonet.foundation.files import replace_file
from nonet.foundation.reading import parse_json
from nonet.foundation.settings import plain, rebuild
from nonet.gaze.store.consent import CONSENT_TEXT
from nonet.gaze.tasks.stages import TASKS, Pace

__all__ = ["STUDY", "StudySettings", "read_settings", "write_settings"]

STUDY = "study.json"
_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class StudySettings:
    """A study as the page runs it."""

    model: Path = Path("model")
    """The base network, made by `nonet gaze train`; relative to the file."""
    title: str = "Eye tracking study"
    """Shown to participants."""
    consent: str = CONSENT_TEXT
    """What participants read and sign; blank lines part paragraphs."""
    tasks: tuple[str, ...] = ("saccade", "pursuit", "search", "viewing", "reading")
    """Tasks in their order; `viewing` needs pictures."""
    pictures: Path | None = None
    """A folder of pictures for free viewing; relative to the file."""
    pace: Pace = field(default_factory=Pace)
    """How many trials, how long."""
    seed: int | None = None
    """Decides every session's trials; None draws another seed for each."""
    store: Path | None = None
    """Where recordings are kept; None for the user's data folder."""
    days: int = 365
    """After how many days recordings are due for deletion."""

    def picture_names(self) -> list[str]:
        """File names of the pictures, in order."""
        if self.pictures is None:
            return []
        return sorted(path.name for path in self.pictures.iterdir() if path.suffix.lower() in _PICTURES)


def read_settings(source: Path) -> StudySettings:
    """The study of a folder with ``study.json``, or the default study with a network's folder.

    Raises:
        DataError: if the file is broken, or names what is not there.
    """
    path = source / STUDY if source.is_dir() else source
    if source.is_dir() and not path.exists():
        return StudySettings(model=source)
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
        settings = rebuild(StudySettings, values)
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(f"This is not a JSON file of settings: {error}.", where=path) from error
    except NonetError as error:
        raise DataError(error.what, where=path, fix="See docs/gaze.md for its fields.") from error
    base = path.parent
    settings = replace(
        settings,
        model=base / settings.model,
        pictures=None if settings.pictures is None else base / settings.pictures,
        store=None if settings.store is None else base / settings.store,
    )
    if settings.pictures is not None and not settings.pictures.is_dir():
        raise DataError("The folder of pictures is not there.", where=settings.pictures)
    _require_tasks(settings.tasks, path)
    return settings


def write_settings(folder: Path, settings: StudySettings) -> Path:
    """Writes ``study.json`` for a researcher to edit.

    Raises:
        DataError: if there is one already, a task is unknown, or there is no such network or no such pictures.
    """
    path = folder / STUDY
    _require_tasks(settings.tasks, path)
    for named in (settings.model, settings.pictures):
        if named is not None and not (folder / named).is_dir():
            raise DataError("There is no such folder.", where=named, fix="Check the spelling of the path.")
    if path.exists():
        raise DataError("There is a study already.", where=path, fix="Edit it, or choose another folder.")
    replace_file(path, json.dumps(plain(settings), ensure_ascii=False, indent=2) + "\n")
    return path


def _require_tasks(tasks: Sequence[str], path: Path) -> None:
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise DataError(f"There is no task '{unknown[0]}'.", where=path, fix=f"Choose from: {', '.join(TASKS)}.")
