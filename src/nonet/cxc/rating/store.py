"""The store of judgements: SQLite, so that what was acknowledged survives a crash, and many raters write at once.

What stands in the tables' constraints no request can break, however many come at once: a place of a pair has one
rater, a rater has one place of a pair and one judgement of it, and a score lies between 0 and 5.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nonet.cxc.rating import assignment
from nonet.cxc.rating.records import Judgement, Rater, Settings, Task
from nonet.foundation.errors import ArtifactError, DataError
from nonet.foundation.reading import made_sense_of

__all__ = ["Store", "store_path"]

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
        with store._change() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                store._create(connection, pairs, settings or Settings())
            elif version != _VERSION:
                raise ArtifactError(
                    f"The ratings are of format {version}.", where=path, fix="Use the nonet that wrote it."
                )
            stored = connection.execute("SELECT kind, left, right, gold FROM pair ORDER BY id").fetchall()
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
        except sqlite3.IntegrityError:  # a constraint held: the request is at fault, not the database
            raise
        except sqlite3.DatabaseError as error:
            raise ArtifactError(f"This database cannot be used: {error}.", where=self.path) from error
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

    def _read_settings(self, connection: sqlite3.Connection) -> Settings:
        stored = dict(connection.execute("SELECT name, value FROM setting").fetchall())
        with made_sense_of(self.path, ArtifactError, what="The settings in this database are damaged"):
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
            return assignment.next_task(connection, rater, self._read_settings(connection), now)

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
