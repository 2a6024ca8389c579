"""The store of judgements: SQLite, so that what was acknowledged survives a crash, and many raters write at once.

A pair has a fixed number of places, and each place belongs to one rater at most; the database refuses the rest, so
two requests at the same moment cannot both get the last one. A place that nobody filled in time is given on, but the
late judgement is kept too.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nonet.foundation.errors import ArtifactError, DataError, UsageError

__all__ = ["Judgement", "Rater", "Settings", "Store", "Task", "store_path"]

_VERSION = 1
_SCHEMA = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE pair (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, left TEXT NOT NULL, right TEXT NOT NULL,
                   gold REAL, UNIQUE (kind, left, right)) STRICT;
CREATE TABLE rater (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, token TEXT NOT NULL UNIQUE,
                    made REAL NOT NULL) STRICT;
CREATE TABLE place (pair INTEGER NOT NULL REFERENCES pair, slot INTEGER NOT NULL,
                    rater INTEGER NOT NULL REFERENCES rater, given REAL NOT NULL,
                    PRIMARY KEY (pair, slot), UNIQUE (pair, rater)) STRICT;
CREATE TABLE judgement (pair INTEGER NOT NULL REFERENCES pair, rater INTEGER NOT NULL REFERENCES rater,
                        score REAL NOT NULL CHECK (score BETWEEN 0 AND 5), seconds REAL NOT NULL, made REAL NOT NULL,
                        PRIMARY KEY (pair, rater)) STRICT;
CREATE INDEX place_of_rater ON place (rater);
"""


@dataclass(frozen=True)
class Settings:
    """What a collection of ratings keeps to.

    Attributes:
        raters_per_pair: judgements wanted for each pair.
        gold_every: a rater's every n-th pair is a control question, while there are any.
        hold_seconds: how long a pair is kept for the rater who was given it.
        open: whether anybody who reaches the page may join.
    """

    raters_per_pair: int = 5
    gold_every: int = 10
    hold_seconds: float = 1800.0
    open: bool = True

    def __post_init__(self) -> None:
        if self.raters_per_pair < 1 or self.gold_every < 2 or self.hold_seconds <= 0:
            raise UsageError("raters_per_pair must be 1 or more, gold_every 2 or more, hold_seconds above 0.")


@dataclass(frozen=True)
class Rater:
    """Somebody who rates.

    Attributes:
        id: number in the store.
        name: shown to the person who runs the study.
        token: the secret part of the rater's link.
    """

    id: int
    name: str
    token: str


@dataclass(frozen=True)
class Task:
    """What a rater is asked next.

    Attributes:
        pair: row in the file of pairs.
        done: how many pairs this rater has judged.
    """

    pair: int
    done: int


@dataclass(frozen=True)
class Judgement:
    """One rater's score of one pair.

    Attributes:
        pair: row in the file of pairs.
        rater: the rater's name.
        score: 0 to 5.
        seconds: from seeing the pair to the answer.
        made: when, in seconds since 1970.
        gold: the known score of a control question, else None.
    """

    pair: int
    rater: str
    score: float
    seconds: float
    made: float
    gold: float | None


def store_path(pairs: Path) -> Path:
    """Where the judgements of a file of pairs are kept: beside it."""
    return pairs.with_suffix(".ratings.sqlite")


class Store:
    """Judgements of one file of pairs. Every call is one transaction with a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(
        cls, path: Path, pairs: Sequence[tuple[str, str, str, float | None]], settings: Settings | None = None
    ) -> Store:
        """Opens the store, and makes it if it is not there.

        Args:
            path: the database.
            pairs: kind, left id, right id and gold score of each pair, in the order of the file.
            settings: used when it is made; None takes the usual ones.
        Raises:
            ArtifactError: if it belongs to other pairs or is no such database.
        """
        store = cls(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with store._change() as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    store._create(connection, pairs, settings or Settings())
                elif version != _VERSION:
                    raise ArtifactError(
                        f"The ratings are of format {version}.", where=path, fix="Use the nonet that wrote it."
                    )
                stored = connection.execute("SELECT kind, left, right, gold FROM pair ORDER BY id").fetchall()
        except sqlite3.DatabaseError as error:
            raise ArtifactError(f"This database cannot be used: {error}.", where=path) from error
        if stored != list(pairs):
            raise ArtifactError(
                "These ratings belong to another file of pairs.", where=path, fix="Rename it, or take its own pairs."
            )
        return store

    def _create(
        self, connection: sqlite3.Connection, pairs: Sequence[tuple[str, str, str, float | None]], settings: Settings
    ) -> None:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        rows = [(number, *pair) for number, pair in enumerate(pairs)]
        connection.executemany("INSERT INTO pair VALUES (?, ?, ?, ?, ?)", rows)
        self._write_settings(connection, settings)
        connection.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # acknowledged means on the disk
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the only right to write from its first statement."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    # -- settings and raters ------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """What the collection keeps to."""
        with self._connection() as connection:
            return self._read_settings(connection)

    def change_settings(self, settings: Settings) -> None:
        """Keeps to other settings from now on."""
        with self._change() as connection:
            self._write_settings(connection, settings)

    @staticmethod
    def _read_settings(connection: sqlite3.Connection) -> Settings:
        stored = dict(connection.execute("SELECT name, value FROM setting").fetchall())
        return Settings(
            int(stored["raters_per_pair"]),
            int(stored["gold_every"]),
            float(stored["hold_seconds"]),
            stored["open"] == "1",
        )

    @staticmethod
    def _write_settings(connection: sqlite3.Connection, settings: Settings) -> None:
        rows = [
            ("raters_per_pair", str(settings.raters_per_pair)),
            ("gold_every", str(settings.gold_every)),
            ("hold_seconds", str(settings.hold_seconds)),
            ("open", str(int(settings.open))),
        ]
        connection.executemany("INSERT OR REPLACE INTO setting VALUES (?, ?)", rows)

    def add_rater(self, name: str, now: float) -> Rater:
        """A new rater with a link token.

        Raises:
            DataError: if the name is empty, too long or taken.
        """
        name = name.strip()
        if not 0 < len(name) <= 80:
            raise DataError("A rater's name has 1 to 80 characters.")
        token = secrets.token_urlsafe(18)
        try:
            with self._change() as connection:
                row = connection.execute("INSERT INTO rater (name, token, made) VALUES (?, ?, ?)", (name, token, now))
                return Rater(int(row.lastrowid or 0), name, token)
        except sqlite3.IntegrityError as error:
            raise DataError(f"There is a rater '{name}' already.", fix="Use your own link, or another name.") from error

    def rater(self, token: str) -> Rater | None:
        """Whose link it is."""
        with self._connection() as connection:
            row = connection.execute("SELECT id, name, token FROM rater WHERE token = ?", (token,)).fetchone()
        return Rater(*row) if row else None

    def raters(self) -> list[tuple[Rater, int]]:
        """Everybody, with the number of their judgements."""
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT r.id, r.name, r.token, count(j.pair) FROM rater r LEFT JOIN judgement j ON j.rater = r.id"
                " GROUP BY r.id ORDER BY r.id"
            ).fetchall()
        return [(Rater(*row[:3]), row[3]) for row in rows]

    # -- rating --------------------------------------------------------------------------------------------------

    def next_task(self, rater: Rater, now: float) -> Task | None:
        """What the rater is asked next: what was given and not answered, else a new pair; None when all is done."""
        with self._change() as connection:
            settings = self._read_settings(connection)
            done = connection.execute("SELECT count(*) FROM judgement WHERE rater = ?", (rater.id,)).fetchone()[0]
            waiting = connection.execute(
                "SELECT p.pair FROM place p LEFT JOIN judgement j USING (pair, rater)"
                " WHERE p.rater = ? AND p.slot >= 0 AND j.pair IS NULL ORDER BY p.given LIMIT 1",
                (rater.id,),
            ).fetchone()
            if waiting:
                connection.execute(
                    "UPDATE place SET given = ? WHERE pair = ? AND rater = ?", (now, waiting[0], rater.id)
                )
                return Task(waiting[0], done)
            connection.execute(  # a negative slot takes no place; it remembers that a late answer is welcome
                "UPDATE place SET slot = -1 - rater WHERE slot >= 0 AND given < ? AND NOT EXISTS"
                " (SELECT 1 FROM judgement j WHERE j.pair = place.pair AND j.rater = place.rater)",
                (now - settings.hold_seconds,),
            )
            gold_due = (done + 1) % settings.gold_every == 0
            chosen = (self._gold(connection, rater) if gold_due else None) or self._open_pair(
                connection, rater, settings
            )
            chosen = chosen or self._gold(connection, rater)
            if chosen is None:
                return None
            pair, slot = chosen
            connection.execute("INSERT INTO place VALUES (?, ?, ?, ?)", (pair, slot, rater.id, now))
            return Task(pair, done)

    @staticmethod
    def _gold(connection: sqlite3.Connection, rater: Rater) -> tuple[int, int] | None:
        """A control question that this rater has not seen; everybody may have it, in a place numbered by the rater."""
        row = connection.execute(
            "SELECT id FROM pair WHERE gold IS NOT NULL AND id NOT IN"
            " (SELECT pair FROM place WHERE rater = ?) ORDER BY id LIMIT 1",
            (rater.id,),
        ).fetchone()
        return (row[0], rater.id) if row else None

    @staticmethod
    def _open_pair(connection: sqlite3.Connection, rater: Rater, settings: Settings) -> tuple[int, int] | None:
        """The first pair in the file's order with a free place, that this rater has not seen."""
        row = connection.execute(
            "SELECT id FROM pair WHERE gold IS NULL"
            " AND (SELECT count(*) FROM place WHERE place.pair = pair.id AND slot >= 0) < :places AND id NOT IN"
            " (SELECT pair FROM place WHERE rater = :rater) ORDER BY id LIMIT 1",
            {"places": settings.raters_per_pair, "rater": rater.id},
        ).fetchone()
        if row is None:
            return None
        taken = {slot for (slot,) in connection.execute("SELECT slot FROM place WHERE pair = ?", row)}
        return row[0], next(slot for slot in range(settings.raters_per_pair) if slot not in taken)

    def judge(self, rater: Rater, pair: int, score: float, seconds: float, now: float) -> None:
        """Keeps a score; given again, the pair's former score of this rater is replaced.

        Raises:
            DataError: if the pair was never given to this rater, or the score is out of range.
        """
        if not 0 <= score <= 5:
            raise DataError(f"The score {score} is not between 0 and 5.")
        with self._change() as connection:
            given = connection.execute("SELECT 1 FROM place WHERE pair = ? AND rater = ?", (pair, rater.id)).fetchone()
            if given is None:
                raise DataError(f"The pair {pair} was not given to you.", fix="Reload the page.")
            connection.execute(
                "INSERT INTO judgement VALUES (?, ?, ?, ?, ?) ON CONFLICT (pair, rater)"
                " DO UPDATE SET score = excluded.score, seconds = excluded.seconds, made = excluded.made",
                (pair, rater.id, float(score), float(max(seconds, 0)), now),
            )

    def last_judged(self, rater: Rater, before: float | None = None) -> tuple[int, float, float] | None:
        """Pair, score and time of this rater's latest judgement, or of the latest before a time."""
        with self._connection() as connection:
            return connection.execute(
                "SELECT pair, score, made FROM judgement WHERE rater = ? AND made < ? ORDER BY made DESC LIMIT 1",
                (rater.id, float("inf") if before is None else before),
            ).fetchone()

    def judgements(self) -> list[Judgement]:
        """Every judgement, in the order of pairs and raters."""
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT j.pair, r.name, j.score, j.seconds, j.made, p.gold FROM judgement j"
                " JOIN rater r ON r.id = j.rater JOIN pair p ON p.id = j.pair ORDER BY j.pair, r.id"
            ).fetchall()
        return [Judgement(*row) for row in rows]

    def progress(self) -> tuple[int, int]:
        """Judgements made, and wanted, control questions apart."""
        with self._connection() as connection:
            wanted = connection.execute("SELECT count(*) FROM pair WHERE gold IS NULL").fetchone()[0]
            places = self._read_settings(connection).raters_per_pair
            counts = connection.execute(
                "SELECT count(*) FROM judgement j JOIN pair p ON p.id = j.pair WHERE p.gold IS NULL GROUP BY j.pair"
            ).fetchall()
        return sum(min(count, places) for (count,) in counts), wanted * places
