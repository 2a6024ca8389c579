"""A participant's rights: to get their data, to have it deleted and that proven, and to be forgotten in time."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from nonet.foundation.errors import ResourceError
from nonet.foundation.reading import made_sense_of
from nonet.gaze.store.private import new_id, write_json, write_private
from nonet.gaze.store.shelf import Store, no_such

__all__ = ["Receipt", "expired", "export", "forget", "traces"]


@dataclass(frozen=True)
class Receipt:
    """Proof of a deletion; it names nobody.

    Attributes:
        receipt: its own random id.
        deleted: when, ISO.
        files: how many files were removed.
        rows: how many rows were taken out of reports.
        verified: whether a search of the whole store then found no trace.
    """

    receipt: str
    deleted: str
    files: int
    rows: int
    verified: bool


def forget(store: Store, participant: str, now: datetime) -> Receipt:
    """Deletes everything about a participant and searches the store for what may be left.

    Recordings, features, calibrations, fine-tuned weights and kept pictures lie in one folder, which goes first; then
    the consent record, and the participant's rows in reports. Called again after an interruption, it goes on.

    Args:
        store: the store.
        participant: the id.
        now: the time, for the receipt.
    Raises:
        DataError: if nothing is known of the participant.
        ResourceError: if a trace is left, such as in a file that may not be changed.
    """
    if not store.root.is_dir():
        raise no_such(participant)
    with store.alone():
        return _forget(store, participant, now)


def _forget(store: Store, participant: str, now: datetime) -> Receipt:
    folder = store.folder(participant)
    consents = [(path, record) for path, record in store.consents() if record.get("participant") == participant]
    if not folder.exists() and not consents and not traces(store, [participant]):
        raise no_such(participant)
    names = sorted({record["name"] for _, record in consents if isinstance(record.get("name"), str)} - {""})
    ids = [participant, *(path.name for path in folder.glob("sessions/s-*"))]
    files = sum(path.is_file() for path in folder.rglob("*"))
    rows = sum(_strip(path, participant) for path in _reports(store))
    shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None
    for path, _ in consents:
        path.unlink()
    # somebody else may have the same name, in a consent record of their own
    left = traces(store, ids) + [path for path in traces(store, names) if path.parent.name != "consents"]
    receipt = Receipt(new_id("r"), now.isoformat(timespec="seconds"), files + len(consents), rows, not left)
    write_json(store.root / "receipts" / f"{receipt.receipt}.json", asdict(receipt))
    if left:
        raise ResourceError(
            f"A trace is left in {len(left)} file{'s' if len(left) > 1 else ''}.",
            where=left[0],
            fix="Delete these files by hand: " + ", ".join(map(str, left)),
        )
    return receipt


def traces(store: Store, words: list[str]) -> list[Path]:
    """The files of the store whose name or content has any of the words as a word of its own."""
    if not words:
        return []
    spelt = {spelling for word in words for spelling in (word, json.dumps(word)[1:-1])}
    sought = re.compile(b"|".join(rb"(?<![\w-])" + re.escape(word.encode()) + rb"(?![\w-])" for word in sorted(spelt)))
    found = []
    for path in sorted(_everything(store.root)):
        name = os.fsencode(path.relative_to(store.root))
        if sought.search(name) or (path.is_file() and _contains(path, sought, 2 * max(map(len, spelt)))):
            found.append(path)
    return found


def _everything(root: Path) -> Iterator[Path]:
    """All that lies in a folder; what goes while one looks, such as files that are being replaced, is left out."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for folder, folders, files in os.walk(root, onerror=refuse):
        yield from (Path(folder, name) for name in (*folders, *files))


def export(store: Store, participant: str) -> bytes:
    """Everything about a participant as a zip archive for them, with their consent.

    Raises:
        DataError: if there is no such participant.
    """
    store.about(participant)
    folder = store.folder(participant)
    content = io.BytesIO()
    with store.alone(), zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        store.about(participant)  # they may have been deleted while this waited
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, _utf8(path.relative_to(folder.parent)))
        for path, record in store.consents():
            if record.get("participant") == participant:
                archive.write(path, "consent.json")
        for path in _reports(store):
            rows = [row for row in _table(path) if participant in row.values()]
            if rows:
                archive.writestr(f"reports/{_utf8(path.stem)}.json", json.dumps(rows, indent=1))
    return content.getvalue()


def _utf8(name: str | Path) -> str:
    """A name for an archive, also where whoever named the file did not use UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def expired(store: Store, today: date) -> list[str]:
    """Participants whose data is due for deletion."""
    return [id for id in store.participants() if _due(store, id) <= today]


def _due(store: Store, participant: str) -> date:
    fix = "Write the day as 2027-01-31, or forget the participant."
    with made_sense_of(participant, what="The day when this data is to be deleted cannot be read", fix=fix):
        return date.fromisoformat(store.about(participant)["delete_after"])


def _reports(store: Store) -> list[Path]:
    """Tables over participants: the only files that may hold several people."""
    return sorted((store.root / "reports").glob("*.csv"))


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file, made_sense_of(path, what="This table cannot be read"):
        rows = list(csv.DictReader(file, restkey="", restval=""))
        return [{name: str(cell) for name, cell in row.items()} for row in rows]


def _strip(path: Path, participant: str) -> int:
    """Takes a participant's rows out of a table; how many there were."""
    rows = _table(path)
    kept = [row for row in rows if participant not in row.values()]
    if len(kept) < len(rows):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        write_private(path, text.getvalue())
    return len(rows) - len(kept)


def _contains(path: Path, sought: re.Pattern[bytes], overlap: int) -> bool:
    before = b""
    with suppress(FileNotFoundError), path.open("rb") as file:  # it may have been replaced since it was listed
        while block := file.read(2**20):
            if sought.search(before + block):
                return True
            before = block[-overlap:]
    return False
