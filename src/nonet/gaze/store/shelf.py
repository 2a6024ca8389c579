"""The store of a study: participants, their consents and sessions, reports over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import platformdirs
from filelock import BaseFileLock, FileLock

from nonet.foundation.errors import DataError, UsageError
from nonet.gaze.geometry import Screen
from nonet.gaze.store.consent import Consent
from nonet.gaze.store.private import make_folder, new_id, read_json, require_id, write_json
from nonet.gaze.store.recording import Session, SessionRecord

__all__ = ["Store", "default_store", "no_such"]

_DEFAULT_DAYS = 365


def default_store() -> Path:
    """Where recordings are kept: ``NONET_GAZE_STORE``, or the user's data folder."""
    named = os.environ.get("NONET_GAZE_STORE")
    return Path(named) if named else Path(platformdirs.user_data_dir("nonet")) / "gaze"


def no_such(participant: str) -> DataError:
    """What is said where nothing is known of a participant."""
    return DataError("There is no such participant.", where=participant, fix="`nonet gaze list` shows them.")


class Store:
    """A folder of recordings.

    ``consents/`` holds names; ``participants/ID/`` what was recorded, without them; ``reports/`` tables over
    participants; ``receipts/`` proofs of deletion.

    Args:
        root: the folder; made at the first recording.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def alone(self) -> BaseFileLock:
        """Keeps others, of this process and of any other, from beginning sessions and from deleting meanwhile."""
        make_folder(self.root)
        return FileLock(self.root / ".lock", mode=0o600)

    def admit(self, name: str, text: str, *, keep_frames: bool, now: datetime, days: int = _DEFAULT_DAYS) -> str:
        """Takes in a participant who has signed.

        Args:
            name: their signature.
            text: what they agreed to.
            keep_frames: whether they allow pictures to be kept.
            now: the time.
            days: after which their data is due for deletion.
        Returns:
            Their random id.
        """
        participant = new_id("p")
        consent = Consent(name.strip(), text, keep_frames, now.isoformat(timespec="seconds"), participant)
        make_folder(self.root)
        self.root.chmod(0o700)
        write_json(self.root / "consents" / f"{new_id('c')}.json", consent.plain())
        due = (now + timedelta(days=days)).date().isoformat()
        about = {"participant": participant, "delete_after": due, "keep_frames": keep_frames}
        write_json(self.folder(participant) / "participant.json", about)
        return participant

    def folder(self, participant: str) -> Path:
        """The folder of a participant.

        Raises:
            UsageError: if that is no id.
        """
        return self.root / "participants" / require_id(participant, "p")

    def participants(self) -> list[str]:
        """All ids."""
        return sorted(path.parent.name for path in (self.root / "participants").glob("p-*/participant.json"))

    def about(self, participant: str) -> dict:
        """What is stored about a participant: dates and permissions.

        Raises:
            DataError: if there is no such participant.
        """
        if not (self.folder(participant) / "participant.json").exists():
            raise no_such(participant)
        return read_json(self.folder(participant) / "participant.json")

    def consents(self) -> Iterator[tuple[Path, dict]]:
        """The consent records with their files."""
        for path in sorted((self.root / "consents").glob("c-*.json")):
            yield path, read_json(path)

    def begin(self, participant: str, screen: Screen, settings: dict, now: datetime) -> Session:
        """Starts a session of an admitted participant.

        Raises:
            DataError: if nobody with that id has agreed to be recorded.
        """
        session = new_id("s")
        record = SessionRecord.new(session, participant, screen, settings, now.isoformat(timespec="seconds"))
        self.about(participant)
        with self.alone():
            self.about(participant)  # they may have been deleted while this waited
            return Session.create(self.folder(participant) / "sessions" / session, record)

    def session(self, name: str) -> Session:
        """A session by its id, or by the path of its folder.

        Raises:
            DataError: if it is not there.
        """
        if os.sep in name or name in {".", ".."}:
            return Session.open(Path(name))
        require_id(name, "s")
        found = list((self.root / "participants").glob(f"*/sessions/{name}"))
        if len(found) != 1:
            raise DataError("There is no such session.", where=name, fix="`nonet gaze list` shows them.")
        return Session.open(found[0])

    def sessions(self, participant: str | None = None) -> list[Session]:
        """The sessions of a participant, or of all, in the order of their beginnings."""
        whose = require_id(participant, "p") if participant else "p-*"
        folders = (self.root / "participants").glob(f"{whose}/sessions/s-*/session.json")
        return sorted((Session.open(path.parent) for path in folders), key=lambda session: session.record.started)


def require_store(root: Path) -> Store:
    """An existing store.

    Raises:
        UsageError: if nothing was recorded there yet.
    """
    if not (root / "participants").is_dir():
        raise UsageError("Nothing is recorded there.", where=root, fix="Name the store's folder with --store.")
    return Store(root)
