"""Which request nonces are used up: each counts once, over all processes and restarts.

Every use is a record at the end of a file that only grows; whose record of a nonce comes first has used it,
and the others see that when they read what was written before theirs. So the order of the file decides, no
lock is held over processes, and a process that was restarted knows what was used before. Each process answers
for what it has read from memory.

A record is written before its request is served, without waiting for the disk: a killed process loses
nothing, since the operating system has the bytes; a power cut may lose the last seconds, in which a repeated
submission is still answered by idempotency.

There is a file for each stretch of time, by the end of the request's time window. The same request always
falls into the same one, whatever the clock says, and a file goes when its time is over. A record:

    4 mark, 16 half of the keyid, 16 nonce, 4 end of the time window (seconds since 1970), 4 who wrote it,
    4 CRC-32 of all that; numbers big-endian

What a full disk cut off is passed over up to the next record, by the mark.
"""

import os
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ledger.errors import NonceReplayed, StoreBusy

SLOT_SECONDS = 256
"""The stretch of time of one file."""
_MARK = b"XZn1"
_RECORD_BYTES = 48
_READ_BYTES = 4096
"""How much is read at once after a use, when little is new."""
_CATCH_UP_BYTES = 1 << 20
_GRACE_SECONDS = 60
"""How long a file outlives its time: a request may have been held up between its checks."""
_LOOK_SECONDS = 1.0
"""How often the files of other stretches than a request's own are looked at."""


class _Slot:
    """One file: what is used up by it, as far as it is read."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self.used: set[bytes] = set()
        self.claimed: dict[bytes, bool | None] = {}
        """What this process is about to use, or just used: whether it was first, once that is read."""
        self.read_to = 0

    def __del__(self) -> None:
        # When the last thread that writes to it is done.
        if hasattr(self, "file"):
            os.close(self.file)

    def take(self, start: int, data: bytes, own: bytes) -> None:
        """Take in what stands in the file from `start` on; the store's lock is held."""
        behind = self.read_to - start
        if behind >= len(data):
            return
        taken = behind
        for used, writer, end in _records(data, behind):
            taken = end
            if used not in self.claimed:
                self.used.add(used)
            elif self.claimed[used] is None:
                self.claimed[used] = writer == own
        # What is no record, and too long to be the beginning of one, never will be one.
        self.read_to = start + max(taken, len(data) - _RECORD_BYTES + 1)


def _records(data: bytes, at: int) -> Iterator[tuple[bytes, bytes, int]]:
    """The whole records of `data` from `at` on: what is used, who wrote it, where it ends."""
    while (at := data.find(_MARK, at)) >= 0 and at + _RECORD_BYTES <= len(data):
        end = at + _RECORD_BYTES
        if zlib.crc32(data[at : end - 4]) == int.from_bytes(data[end - 4 : end], "big"):
            yield data[at + 4 : at + 36], data[at + 40 : at + 44], end
            at = end
        else:
            at += 1


class NonceStore:
    """Remembers (key, nonce) until the request's time window has passed; safe for any number of threads, and
    of processes with stores of their own over the same path."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """`path` is what the files' names begin with. Raises `StoreBusy`."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: dict[int, _Slot] = {}
        self._own = os.urandom(4)
        self._looked = clock()
        try:
            # Of the version before this one; nothing in them is in force a few minutes later.
            for earlier in (path, path.with_name(f"{path.name}.earlier")):
                earlier.unlink(missing_ok=True)
            self._drop_over(int(clock()))
            for number in self._numbers():
                self._slots[number] = _Slot(self._file(number))
            self._look_at(list(self._slots.values()))
        except OSError:
            raise StoreBusy("the nonce files cannot be read") from None

    def use(self, keyid: str, nonce: bytes, expires: int) -> None:
        """Use up a nonce until `expires` (seconds since 1970); raises `NonceReplayed` the second time."""
        used = bytes.fromhex(keyid)[:16] + nonce
        record = _MARK + used + expires.to_bytes(4, "big") + self._own
        record += zlib.crc32(record).to_bytes(4, "big")
        try:
            slot = self._slot(expires // SLOT_SECONDS)
            with self._lock:
                if any(used in each.used or used in each.claimed for each in self._slots.values()):
                    raise NonceReplayed
                slot.claimed[used] = None
            # Outside the lock: one append is one record, whoever writes it.
            if os.write(slot.file, record) != _RECORD_BYTES:
                raise StoreBusy("the nonce file cannot be written whole: the disk may be full")
            first = self._is_first(slot, used)
        except OSError:
            raise StoreBusy("the nonce file cannot be written") from None
        if not first:
            raise NonceReplayed

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            self._slots.clear()

    def _is_first(self, slot: _Slot, used: bytes) -> bool:
        """Whether this process's record, which is written, is the first of its nonce."""
        more = True
        while True:
            with self._lock:
                # Another thread may have read as far meanwhile, so this is asked after every reading.
                first = slot.claimed[used]
                if first is not None:
                    del slot.claimed[used]
                    slot.used.add(used)
                    return first
            if not more:
                raise StoreBusy("the nonce file has not what was written to it")
            more = self._read(slot, _READ_BYTES)

    def _read(self, slot: _Slot, size: int) -> bool:
        """Read on in a file; whether there was more."""
        start = slot.read_to
        data = os.pread(slot.file, size, start)
        with self._lock:
            slot.take(start, data, self._own)
            return slot.read_to > start

    def _look_at(self, slots: list[_Slot]) -> None:
        for slot in slots:
            while self._read(slot, _CATCH_UP_BYTES):
                pass

    def _slot(self, number: int) -> _Slot:
        """The file of a stretch of time, made where it is not there; sees to the others now and then."""
        now = self._clock()
        with self._lock:
            slot = self._slots.get(number)
            look = slot is None or abs(now - self._looked) >= _LOOK_SECONDS
            if look:
                self._looked = now
                self._drop_over(int(now))
                for each in {number, *self._numbers()} - self._slots.keys():
                    self._slots[each] = _Slot(self._file(each))
                slot = self._slots[number]
                slots = list(self._slots.values())
        if look:
            # A nonce that its owner used in a request of another time window.
            self._look_at(slots)
        assert slot is not None
        return slot

    def _file(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _numbers(self) -> set[int]:
        """The stretches of time that there are files of."""
        names = (path.name.rpartition(".")[2] for path in self._path.parent.glob(f"{self._path.name}.*"))
        return {int(name) for name in names if name.isascii() and name.isdigit()}

    def _drop_over(self, now: int) -> None:
        """Forget what can be used by no request any more; the files are whoever's is first to delete them."""
        for number in self._numbers() | self._slots.keys():
            if (number + 1) * SLOT_SECONDS + _GRACE_SECONDS < now:
                self._slots.pop(number, None)
                with suppress(FileNotFoundError):
                    self._file(number).unlink()
