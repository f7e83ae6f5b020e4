"""The register: what the credit log says about cases and quality figures, in tables that can be asked.

`register.db` is derived data. It follows the published entries; whoever reads it brings it up to date first,
so it needs no process of its own, and the worker merely keeps it from falling behind. Deleted, or older or
newer than the log it belongs to, it is made anew from the entries. What an answer shows of it is proved by
the log; what it counts, it counts as of `scanned` entries, and says so.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from ledger.formats.statement import Statement
from ledger.services.scan import scan
from ledger.store.connection import SqliteFile
from ledger.store.port import LogStore, StoredEntry

CHUNK = 2_000
"""Entries taken in one transaction."""
MOST_ON_READ = 20_000
"""Entries that a reader takes in before it answers; the rest is the worker's."""

_TABLES = ("cursor", "case_row", "executor", "decided", "report")
_migrations = Migrations("register")


@_migrations(name="0001_register")
def _create(database: Database) -> None:
    for statement in (
        # `leaf` is the hash of the last entry taken, by which another log under the same name is noticed.
        "CREATE TABLE cursor (id INTEGER PRIMARY KEY CHECK (id = 0), scanned INTEGER NOT NULL, leaf BLOB"
        " NOT NULL) STRICT",
        "CREATE TABLE case_row (idx INTEGER PRIMARY KEY, issuer TEXT NOT NULL, id TEXT NOT NULL,"
        " number TEXT NOT NULL, proposer TEXT NOT NULL, started TEXT NOT NULL, until TEXT, approved TEXT,"
        " returned TEXT, matched TEXT, lifted TEXT) STRICT",
        "CREATE UNIQUE INDEX case_id ON case_row (issuer, id)",
        "CREATE INDEX case_proposer ON case_row (proposer, idx)",
        "CREATE TABLE executor (idx INTEGER NOT NULL, uscc TEXT NOT NULL, name TEXT NOT NULL, due TEXT,"
        " answered TEXT, applied TEXT, PRIMARY KEY (uscc, idx)) STRICT, WITHOUT ROWID",
        "CREATE INDEX executor_case ON executor (idx)",
        "CREATE TABLE decided (authority TEXT NOT NULL, month TEXT NOT NULL, name TEXT NOT NULL,"
        " published INTEGER NOT NULL, late INTEGER NOT NULL, PRIMARY KEY (month, authority))"
        " STRICT, WITHOUT ROWID",
        "CREATE TABLE report (authority TEXT NOT NULL, month TEXT NOT NULL, idx INTEGER NOT NULL,"
        " name TEXT NOT NULL, decided INTEGER NOT NULL, published INTEGER NOT NULL,"
        " conforming INTEGER NOT NULL, late INTEGER NOT NULL, withheld INTEGER NOT NULL,"
        " PRIMARY KEY (month, authority, idx)) STRICT, WITHOUT ROWID",
    ):
        database.execute(statement)


class Tally(Protocol):
    """One part of the register: which kinds it takes, and what it makes of them."""

    @property
    def kinds(self) -> frozenset[str]: ...

    def take(
        self, writer: sqlite3.Connection, found: Sequence[tuple[StoredEntry, Statement]], stop: int
    ) -> None:
        """Take statements of these kinds, in log order; all entries below `stop` are known then."""


class Register:
    """`register.db` of one credit log; safe for threads and processes."""

    def __init__(self, path: Path, store: LogStore, tallies: Sequence[Tally]) -> None:
        """Open or create the file. Raises `StoreBusy`, or `IntegrityError` when it is no database."""
        self._store = store
        self._tallies = tuple(tallies)
        self._kinds = frozenset[str]().union(*(tally.kinds for tally in tallies))
        self._file = SqliteFile(
            path,
            _migrations,
            synchronous="NORMAL",
            overwrite_deleted=False,
            busy_timeout=10.0,
            page_bytes=4096,
            cache_kib=8192,
            checkpoint_pages=1_000,
        )

    def catch_up(self, most: int = MOST_ON_READ, stopping: Callable[[], bool] = lambda: False) -> int:
        """Take in published entries, at most about `most`; returns how many are taken in all.

        Raises `StoreBusy`. A crash leaves whole chunks taken in, and the next call goes on there.
        """
        latest = self._store.latest_checkpoint()
        published = latest.size if latest is not None else 0
        scanned, leaf = self._cursor()
        if scanned and not self._is_of_this_log(scanned, leaf, published):
            self._forget(scanned)
            scanned = 0
        stop = min(published, scanned + most)
        while scanned < stop and not stopping():
            end = min(scanned + CHUNK, stop)
            found = list(scan(self._store, scanned, end, self._kinds))
            self._take(scanned, end, found)
            scanned, _ = self._cursor()
        return scanned

    def _take(self, start: int, stop: int, found: Sequence[tuple[StoredEntry, Statement]]) -> None:
        leaf = self._store.leaves(stop - 1, stop)[0][0]
        with self._file.writing() as writer:
            row = writer.execute("SELECT scanned FROM cursor").fetchone()
            if (row[0] if row else 0) != start:
                # Another process was faster.
                return
            for tally in self._tallies:
                tally.take(writer, [each for each in found if each[1].kind in tally.kinds], stop)
            writer.execute(
                "INSERT INTO cursor (id, scanned, leaf) VALUES (0, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET scanned = excluded.scanned, leaf = excluded.leaf",
                (stop, leaf),
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The tables as they stand, all statements inside seeing one state."""
        with self._file.snapshot() as reader:
            yield reader

    def _cursor(self) -> tuple[int, bytes]:
        with self._file.reading() as reader:
            row = reader.execute("SELECT scanned, leaf FROM cursor").fetchone()
        return (int(row[0]), bytes(row[1])) if row else (0, b"")

    def _is_of_this_log(self, scanned: int, leaf: bytes, published: int) -> bool:
        if scanned > published:
            # Published sizes never shrink: this log was restored from an earlier copy, or is another one.
            return False
        return self._store.leaves(scanned - 1, scanned)[0][0] == leaf

    def _forget(self, scanned: int) -> None:
        with self._file.writing() as writer:
            row = writer.execute("SELECT scanned FROM cursor").fetchone()
            if row is not None and row[0] == scanned:
                for table in _TABLES:
                    writer.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

    def close(self) -> None:
        """Let go of the file; any later call raises `StoreBusy`."""
        self._file.close()
