"""Who is asked what next, within one transaction of the store.

A pair has a fixed number of places, and each place belongs to one rater at most; the database refuses the rest, so
two requests at the same moment cannot both get the last one. A place that nobody filled in time is given on, but the
late judgement is kept too.
"""

from __future__ import annotations

from sqlite3 import Connection

from nonet.cxc.rating.records import Rater, Settings, Task

__all__ = ["next_task"]

_FREE = "(SELECT count(*) FROM place WHERE place.pair = pair.id AND slot >= 0) < :places"
_UNSEEN = "id NOT IN (SELECT pair FROM place WHERE rater = :rater)"


def next_task(connection: Connection, rater: Rater, settings: Settings, now: float) -> Task | None:
    """What was given to the rater and not answered, else a new pair; None when all is done.

    Args:
        connection: in a transaction that may write.
        rater: who asks.
        settings: how many raters a pair, how many control questions, how long a pair is held.
        now: seconds since 1970.
    """
    done = connection.execute("SELECT count(*) FROM judgement WHERE rater = ?", (rater.id,)).fetchone()[0]
    places = settings.raters_per_pair
    pair = _unanswered(connection, rater)
    if pair is not None:
        connection.execute("UPDATE place SET given = ? WHERE pair = ? AND rater = ?", (now, pair, rater.id))
    else:
        _give_up(connection, now - settings.hold_seconds)
        gold_due = (done + 1) % settings.gold_every == 0
        chosen = _gold(connection, rater) if gold_due else None
        chosen = chosen or _open_pair(connection, rater, places) or _gold(connection, rater)
        if chosen is None:
            return None
        pair, slot = chosen
        connection.execute("INSERT INTO place VALUES (?, ?, ?, ?)", (pair, slot, rater.id, now))
    return Task(pair, done, 1 + _unseen(connection, rater, places))


def _unanswered(connection: Connection, rater: Rater) -> int | None:
    """The pair that the rater was given first and has not answered."""
    row = connection.execute(
        "SELECT p.pair FROM place p LEFT JOIN judgement j USING (pair, rater)"
        " WHERE p.rater = ? AND p.slot >= 0 AND j.pair IS NULL ORDER BY p.given LIMIT 1",
        (rater.id,),
    ).fetchone()
    return row[0] if row else None


def _give_up(connection: Connection, before: float) -> None:
    """Frees the places that were taken before a time and not filled.

    A negative slot takes no place; it remembers that a late answer is welcome.
    """
    connection.execute(
        "UPDATE place SET slot = -1 - rater WHERE slot >= 0 AND given < ? AND NOT EXISTS"
        " (SELECT 1 FROM judgement j WHERE j.pair = place.pair AND j.rater = place.rater)",
        (before,),
    )


def _gold(connection: Connection, rater: Rater) -> tuple[int, int] | None:
    """A control question that this rater has not seen; everybody may have it, in a place numbered by the rater."""
    row = connection.execute(
        f"SELECT id FROM pair WHERE gold IS NOT NULL AND {_UNSEEN} ORDER BY id LIMIT 1", {"rater": rater.id}
    ).fetchone()
    return (row[0], rater.id) if row else None


def _open_pair(connection: Connection, rater: Rater, places: int) -> tuple[int, int] | None:
    """The first pair in the file's order with a free place, that this rater has not seen; and the place."""
    row = connection.execute(
        f"SELECT id FROM pair WHERE gold IS NULL AND {_FREE} AND {_UNSEEN} ORDER BY id LIMIT 1",
        {"places": places, "rater": rater.id},
    ).fetchone()
    if row is None:
        return None
    taken = {slot for (slot,) in connection.execute("SELECT slot FROM place WHERE pair = ?", row)}
    return row[0], next(slot for slot in range(places) if slot not in taken)


def _unseen(connection: Connection, rater: Rater, places: int) -> int:
    """How many pairs and control questions this rater may still be given."""
    return connection.execute(
        f"SELECT count(*) FROM pair WHERE (gold IS NOT NULL OR {_FREE}) AND {_UNSEEN}",
        {"places": places, "rater": rater.id},
    ).fetchone()[0]
