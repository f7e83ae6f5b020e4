"""One SQLite file: a writer behind a lock, read-only connections for who reads, errors in our own words."""

import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from ledger.errors import IntegrityError, StoreBusy
from ledger.store.queue import WriteQueue

_MAPPED_BYTES = 1 << 31
"""How much of a file is read through memory mapping rather than copied; SQLite as usually built takes no
more."""

_READER_CACHE_KIB = 64 << 10
"""What a reading connection keeps at most: the inner nodes of all tables of ten million entries. There are as
many connections as threads that read at the same moment, and the one used last is used first."""

_MIGRATION_PATIENCE = 15 * 60.0
"""How many seconds a process waits for another that brings a large database up to date."""

_NOT_NOW = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn the library's errors into `StoreBusy` (try again) or `IntegrityError` (stop).

    Only SQLite's own name of the error is passed on: its messages may quote stored values.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _translation(error) from error


def _translation(error: sqlite3.Error) -> StoreBusy | IntegrityError:
    if isinstance(error, sqlite3.ProgrammingError):
        return StoreBusy("the database is closed")
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    # The low byte is the error's family.
    if getattr(error, "sqlite_errorcode", -1) & 0xFF in _NOT_NOW:
        return StoreBusy(f"the database cannot be used now: {name}")
    return IntegrityError(f"the database refused or contradicts itself: {name}")


class _Connection(sqlite3.Connection):
    """A connection that can be referred to weakly, so that all can be closed at the end."""


class SqliteFile:
    """A database file in WAL mode.

    `synchronous` FULL makes each commit survive a power cut; NORMAL may lose the last commits then, in
    order and as a whole. `overwrite_deleted` zeroes what is deleted, instead of merely unlinking it.
    """

    def __init__(
        self,
        path: Path,
        migrations: Migrations,
        *,
        synchronous: Literal["FULL", "NORMAL"],
        overwrite_deleted: bool,
        busy_timeout: float,
        page_bytes: int,
        cache_kib: int,
        checkpoint_pages: int,
    ) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._lock = threading.Lock()
        self._readers: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._idle: list[_Connection] = []
        self._closed = False
        try:
            self._queue = WriteQueue(path.with_name(f"{path.name}-queue"))
        except OSError:
            raise StoreBusy("the database's folder cannot be written to") from None
        with translated():
            self._writer = self._connect("rwc")
            for setting in (
                f"page_size={page_bytes}",
                "journal_mode=WAL",
                f"synchronous={synchronous}",
                f"secure_delete={int(overwrite_deleted)}",
                "foreign_keys=ON",
                f"cache_size=-{cache_kib}",
                f"mmap_size={_MAPPED_BYTES}",
                f"wal_autocheckpoint={checkpoint_pages}",
                "journal_size_limit=67108864",
            ):
                self._writer.execute(f"PRAGMA {setting}")
            self._migrate(migrations)

    def _connect(self, mode: str) -> _Connection:
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            factory=_Connection,
        )

    def _migrate(self, migrations: Migrations) -> None:
        """Bring the schema up to date.

        The write lock is taken first: sqlite-utils begins deferred, and two processes that start at once
        would both find the same migrations pending. A crash leaves the schema as it was.
        """
        database = Database(self._writer, execute_plugins=False)
        if not migrations.pending(database):
            return
        self._writer.execute(f"PRAGMA busy_timeout={round(_MIGRATION_PATIENCE * 1000)}")
        try:
            with self._transaction(_MIGRATION_PATIENCE):
                migrations.apply(database)
        finally:
            self._writer.execute(f"PRAGMA busy_timeout={round(self._busy_timeout * 1000)}")

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """One write transaction, committed at the end, rolled back on any error.

        Raises `StoreBusy` after the busy timeout.
        """
        return self._transaction(self._busy_timeout)

    @contextmanager
    def _transaction(self, patience: float) -> Iterator[sqlite3.Connection]:
        with self._turn(patience), translated():
            writer = self._writer
            # A deferred transaction that turns to writing cannot wait and fails.
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield writer
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _turn(self, patience: float) -> Iterator[None]:
        """Be the one that writes, of this process's threads first and then of the processes."""
        deadline = time.monotonic() + patience
        if not self._lock.acquire(timeout=patience):
            raise StoreBusy("another thread keeps the database busy")
        try:
            if self._closed:
                raise StoreBusy("the database is closed")
            if not self._queue.take(max(0.0, deadline - time.monotonic())):
                raise StoreBusy("another process keeps the database busy")
            try:
                yield
            finally:
                self._queue.give()
        finally:
            self._lock.release()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection; each statement sees one snapshot."""
        reader = self._borrow()
        try:
            with translated():
                yield reader
        finally:
            self._give_back(reader)

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of one reading statement; what a check does dozens of times, so without a context."""
        reader = self._borrow()
        try:
            return reader.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise _translation(error) from error
        finally:
            self._give_back(reader)

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection, all statements inside seeing one snapshot."""
        with self.reading() as reader:
            reader.execute("BEGIN")
            try:
                yield reader
            finally:
                if reader.in_transaction:
                    reader.execute("ROLLBACK")

    def _borrow(self) -> _Connection:
        """A read-only connection for this thread alone: the one used last, whose cache is the warmest."""
        try:
            return self._idle.pop()
        except IndexError:
            pass
        if self._closed:
            raise StoreBusy("the database is closed")
        with translated():
            reader = self._connect("ro")
            for setting in (
                "query_only=ON",
                f"cache_size=-{_READER_CACHE_KIB}",
                f"mmap_size={_MAPPED_BYTES}",
            ):
                reader.execute(f"PRAGMA {setting}")
        self._readers.add(reader)
        return reader

    def _give_back(self, reader: _Connection) -> None:
        # Those of a closed file are closed, and say so when they are used.
        self._idle.append(reader)

    def tidy(self) -> None:
        """Copy committed pages from the write-ahead log to their place, as far as nobody is in the way."""
        with self._lock, translated():
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def truncate(self) -> bool:
        """Copy all of the write-ahead log to its place and empty it; False if a reader is in the way.

        What was overwritten or deleted then stands nowhere any more, if `overwrite_deleted` was asked for.
        """
        # Writers are kept waiting for this anyway: better in the queue than in SQLite's sleep.
        with self._turn(self._busy_timeout), translated():
            busy, _, _ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def close(self) -> None:
        """Close all connections; later use raises `StoreBusy`."""
        with self._lock:
            self._closed = True
            for reader in list(self._readers):
                reader.close()
            self._writer.close()
            self._queue.close()
