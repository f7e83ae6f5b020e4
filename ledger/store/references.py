"""Who refers to what, and what is due by when, in SQLite; the contract is in `port`."""

import sqlite3
from collections.abc import Iterator, Sequence

from ledger.errors import IntegrityError
from ledger.store.backfill import BACKLOG, parse_backlog, reference_rows
from ledger.store.connection import SqliteFile
from ledger.store.ids import id_bytes
from ledger.store.port import NewEntry, StoredDue

_DUE = "SELECT kind, day, idx, settled FROM due "
_INSERT_REFERENCE = "INSERT OR IGNORE INTO reference (issuer, id, idx) VALUES (?, ?, ?)"
_INSERT_DUE = "INSERT OR IGNORE INTO due (idx, kind, day, settled) VALUES (?, ?, ?, '')"


class ReferenceTables:
    """The tables `reference` and `due`, which hold nothing that the entries do not say."""

    _log: SqliteFile

    def referrers(self, issuer: str, id: str) -> list[int]:
        with self._log.reading() as reader:
            rows = reader.execute(
                "SELECT idx FROM reference WHERE issuer = ? AND id = ? ORDER BY idx", (issuer, id_bytes(id))
            ).fetchall()
        return [index for (index,) in rows]

    def due(self, kind: str, until: str, limit: int, after: StoredDue | None = None) -> list[StoredDue]:
        day, index = (after.day, after.index) if after else ("", -1)
        with self._log.reading() as reader:
            rows = reader.execute(
                # With a constant for the fourth, the index alone answers.
                "SELECT kind, day, idx, '' FROM due WHERE kind = ? AND settled = '' AND (day, idx) > (?, ?)"
                " AND day <= ? ORDER BY day, idx LIMIT ?",
                (kind, day, index, until, limit),
            ).fetchall()
        return [StoredDue(*row) for row in rows]

    def settled_due(self, kind: str, since: str) -> Iterator[StoredDue]:
        place: tuple[str, str, int] = (since, "", -1)
        while True:
            with self._log.reading() as reader:
                rows = reader.execute(
                    _DUE + "WHERE kind = ? AND settled > '' AND (settled, day, idx) > (?, ?, ?)"
                    " ORDER BY settled, day, idx LIMIT 500",
                    (kind, *place),
                ).fetchall()
            if not rows:
                return
            yield from (StoredDue(*row) for row in rows)
            last = StoredDue(*rows[-1])
            place = (last.settled, last.day, last.index)

    def settle(self, dues: Sequence[StoredDue], day: str) -> None:
        with self._log.writing() as writer:
            writer.executemany(
                "UPDATE due SET settled = ? WHERE idx = ? AND kind = ? AND day = ? AND settled = ''",
                [(day, each.index, each.kind, each.day) for each in dues],
            )
            # Commit point. A crash before: they stay open, are found done again and settled then.

    def due_backlog(self) -> tuple[int, int] | None:
        with self._log.reading() as reader:
            return parse_backlog(_backlog_fact(reader))

    def work_off(self, start: int, stop: int, dues: Sequence[StoredDue]) -> None:
        with self._log.writing() as writer:
            backlog = parse_backlog(_backlog_fact(writer))
            if backlog is None or backlog[0] != start or stop > backlog[1]:
                raise IntegrityError(f"the backlog does not begin at {start}")
            writer.executemany(_INSERT_DUE, [(each.index, each.kind, each.day) for each in dues])
            writer.execute(
                "UPDATE fact SET value = ? WHERE name = ?", (b"%d %d" % (stop, backlog[1]), BACKLOG)
            )
            # Commit point. A crash before: the same stretch is worked off again, to the same rows.


def insert_references(writer: sqlite3.Connection, first: int, news: Sequence[NewEntry]) -> None:
    """Add what these entries, from index `first` on, refer to and what is due of them, in a transaction."""
    references = reference_rows(first, [new.refers for new in news])
    if references:
        writer.executemany(_INSERT_REFERENCE, references)
    dues = [(index, kind, day) for index, new in enumerate(news, first) for kind, day in new.due]
    if dues:
        writer.executemany(_INSERT_DUE, dues)


def _backlog_fact(connection: sqlite3.Connection) -> bytes | None:
    row = connection.execute("SELECT value FROM fact WHERE name = ?", (BACKLOG,)).fetchone()
    return row[0] if row else None
