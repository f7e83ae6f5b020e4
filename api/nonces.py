"""Which request nonces are used up: each counts once, also across a restart.

The answer comes from memory; a file that only grows lets a restarted process know it again. A nonce is
written there before its request is served, without waiting for the disk: a killed process loses nothing,
since the operating system has the bytes; a power cut may lose the last seconds, in which a repeated
submission is still answered by idempotency. One process at a time uses the file.

The file is records of 40 bytes: half of the keyid (16), nonce (16), end of the time window (seconds since
1970, 8 bytes, big-endian). A second file holds what was written before the last change of files.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ledger.errors import NonceReplayed, StoreBusy

_RECORD_BYTES = 40
_BUCKET_SECONDS = 16
_LONGEST_WINDOW = 602
"""Seconds from the use of a nonce to the end of its time window, at most."""


class NonceStore:
    """Remembers (key, nonce) until the request's time window has passed; safe for any number of threads."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[int, set[bytes]] = {}
        try:
            self._load(self._earlier)
            self._load(path)
            self._file = self._open()
        except OSError:
            raise StoreBusy("the nonce file cannot be read") from None
        self._opened = int(clock())

    def use(self, keyid: str, nonce: bytes, expires: int) -> None:
        """Use up a nonce until `expires` (seconds since 1970); raises `NonceReplayed` the second time."""
        used = bytes.fromhex(keyid)[:16] + nonce
        now = int(self._clock())
        with self._lock:
            if any(used in bucket for bucket in self._buckets.values()):
                raise NonceReplayed
            self._bucket(expires, now).add(used)
        try:
            # Outside the lock: one append is one record, whoever writes it.
            if os.write(self._file, used + expires.to_bytes(8, "big")) != _RECORD_BYTES:
                self._cut_off()
                raise StoreBusy("the nonce file cannot be written whole: the disk may be full")
            if now - self._opened > _LONGEST_WINDOW:
                self._change_files(now)
        except OSError:
            raise StoreBusy("the nonce file cannot be written") from None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            os.close(self._file)

    @property
    def _earlier(self) -> Path:
        return self._path.with_name(self._path.name + ".earlier")

    def _bucket(self, expires: int, now: int) -> set[bytes]:
        """The set of nonces that expire about then; the lock is held."""
        number = expires // _BUCKET_SECONDS
        bucket = self._buckets.get(number)
        if bucket is None:
            over = now // _BUCKET_SECONDS
            self._buckets = {at: kept for at, kept in self._buckets.items() if at >= over}
            bucket = self._buckets[number] = set()
        return bucket

    def _open(self) -> int:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _truncate_to_records(file)
        return file

    def _cut_off(self) -> None:
        with self._lock:
            _truncate_to_records(self._file)

    def _load(self, path: Path) -> None:
        now = int(self._clock())
        with suppress(FileNotFoundError):
            data = path.read_bytes()
            for at in range(0, len(data) - _RECORD_BYTES + 1, _RECORD_BYTES):
                expires = int.from_bytes(data[at + 32 : at + 40], "big")
                if now <= expires <= now + _LONGEST_WINDOW:
                    self._bucket(expires, now).add(data[at : at + 32])

    def _change_files(self, now: int) -> None:
        """Begin a new file; what the one before last held has expired."""
        with self._lock:
            if now - self._opened <= _LONGEST_WINDOW:
                return
            self._path.replace(self._earlier)
            # Writers that are under way still append to the renamed file, through the same descriptor.
            opened = self._open()
            os.dup2(opened, self._file, inheritable=False)
            os.close(opened)
            self._opened = now


def _truncate_to_records(file: int) -> None:
    """Drop a record that was cut off: it would shift all that follow."""
    os.truncate(file, os.fstat(file).st_size // _RECORD_BYTES * _RECORD_BYTES)
