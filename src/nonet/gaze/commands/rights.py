"""Participants' rights: their data, its deletion, and when that is due."""

from __future__ import annotations

from pathlib import Path

import tyro

from nonet.gaze.commands.common import open_store, saved

__all__ = ["data", "expire", "forget"]

Source = tyro.conf.Positional


def data(participant: Source[str], *, out: Path, store: Path | None = None) -> None:
    """Give a participant everything that is stored about them, as a zip archive.

    Example: nonet gaze data p-k3vq7m2xw4ht6bnp --out mine.zip

    Args:
        participant: the random id.
        out: the file of the archive.
        store: where recordings are; the user's data folder if not given.
    """
    from nonet.gaze.store import export
    from nonet.gaze.store.private import write_private

    write_private(out, export(open_store(store), participant))
    saved(out)


def forget(participant: Source[str], *, store: Path | None = None) -> None:
    """Delete everything about a participant, search for traces, and write a receipt.

    Example: nonet gaze forget p-k3vq7m2xw4ht6bnp

    Args:
        participant: the random id.
        store: where recordings are; the user's data folder if not given.
    """
    from datetime import UTC, datetime

    from nonet.foundation import console
    from nonet.gaze.store import forget as delete

    receipt = delete(open_store(store), participant, datetime.now(UTC))
    console.summary(
        "Deleted; no trace is left.",
        {"receipt": receipt.receipt, "files": receipt.files, "rows of reports": receipt.rows},
    )


def expire(*, store: Path | None = None, delete: bool = False) -> None:
    """List participants whose data is due for deletion; delete it with --delete.

    Example: nonet gaze expire --delete

    Args:
        store: where recordings are; the user's data folder if not given.
        delete: forget them.
    """
    from datetime import UTC, datetime

    from nonet.foundation import console
    from nonet.gaze.store import expired
    from nonet.gaze.store import forget as remove

    shelf, now = open_store(store), datetime.now(UTC)
    due = expired(shelf, now.date())
    for participant in due:
        console.say(f"{participant}  {'deleted, ' + remove(shelf, participant, now).receipt if delete else 'due'}")
    console.note(f"{len(due)} participants are due.")
