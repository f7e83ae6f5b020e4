"""Which request nonces are used up: each counts once, also across a restart.

A small SQLite file of its own, shared by the threads of the one API process. It is written without waiting
for the disk (`synchronous=OFF`): a killed process loses nothing, since the operating system has the pages;
a power cut may lose the last seconds, in which a repeated submission is still answered by idempotency.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ledger.errors import NonceReplayed, StoreBusy

PRUNE_EVERY = 4096


class NonceStore:
    """Remembers (key, nonce) until the request's time window has passed; safe for any number of threads."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since_pruned = 0
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError:
            # Cut off while being written: it holds nothing but recent nonces, so begin a new one.
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + suffix).unlink()
            self._connection = _open(path)
        self._prune()

    def use(self, keyid: str, nonce: bytes, expires: int) -> None:
        """Use up a nonce until `expires` (seconds since 1970); raises `NonceReplayed` the second time."""
        with self._lock:
            try:
                self._connection.execute(
                    "INSERT INTO nonces (nonce, expires) VALUES (?, ?)",
                    (bytes.fromhex(keyid)[:16] + nonce, expires),
                )
            except sqlite3.IntegrityError:
                raise NonceReplayed from None
            except sqlite3.Error:
                raise StoreBusy("the nonce file cannot be written") from None
            self._since_pruned += 1
            if self._since_pruned >= PRUNE_EVERY:
                self._prune()

    def _prune(self) -> None:
        self._since_pruned = 0
        with suppress(sqlite3.Error):
            self._connection.execute("DELETE FROM nonces WHERE expires < ?", (int(self._clock()),))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS nonces (nonce BLOB PRIMARY KEY, expires INTEGER NOT NULL)"
            " STRICT, WITHOUT ROWID"
        )
        connection.execute("CREATE INDEX IF NOT EXISTS nonces_by_expiry ON nonces (expires)")
    except BaseException:
        connection.close()
        raise
    return connection
