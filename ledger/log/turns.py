"""One at a time for each name, over all threads and processes of a deployment.

    turns = Turns(folder / "run" / "turns")
    with turns.taken(["authorisation/..."]):
        ...                                  # count, decide, append

A name falls on one of a fixed number of files, which the kernel locks; two names that fall on the same one
merely wait for each other. Several names are taken in one order, so that nobody waits for himself or in a
circle. Whoever dies lets go.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ledger.errors import StoreBusy
from ledger.gm import sm3

FILES = 64
LONGEST_WAIT_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.02


class Turns:
    """See the module. Safe for threads; not reentrant."""

    def __init__(self, folder: Path, files: int = FILES, longest_wait: float = LONGEST_WAIT_SECONDS) -> None:
        self._folder = folder
        self._locks = [threading.Lock() for _ in range(files)]
        self._longest_wait = longest_wait

    @contextmanager
    def taken(self, names: Iterable[str]) -> Iterator[None]:
        """Hold the turn of all these names; raises `StoreBusy` when it does not come in time."""
        places = sorted({self._place(name) for name in names})
        deadline = time.monotonic() + self._longest_wait
        with ExitStack() as held:
            for place in places:
                # Among this process's threads first: they then wait in the kernel's order, not by trying.
                if not self._locks[place].acquire(timeout=max(0.0, deadline - time.monotonic())):
                    raise StoreBusy("others have the turn for too long; try again later")
                held.callback(self._locks[place].release)
                held.callback(os.close, self._lock_file(place, deadline))
            yield

    def _place(self, name: str) -> int:
        return int.from_bytes(sm3(name.encode())[:4], "big") % len(self._locks)

    def _lock_file(self, place: int, deadline: float) -> int:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{place:02d}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreBusy("the folder of locks cannot be used") from error
        pause = _FIRST_PAUSE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    raise StoreBusy("another process has the turn for too long; try again later") from None
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            return descriptor
