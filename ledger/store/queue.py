"""Who writes a database file next, over all processes: a kernel lock on a file beside it.

SQLite's own way of waiting for a writer of another process is to sleep and to try again, at last a tenth of a
second long; a waiter here is woken when the writer before it lets go. Whoever dies lets go. A program that
writes without queueing, the `sqlite3` shell say, is still kept apart by SQLite itself.

The kernel's wait for such a lock has no end, so where the lock is taken it is left to a thread of its own,
which a waiter can give up waiting for.
"""

import fcntl
import os
import threading
from pathlib import Path


class WriteQueue:
    """The lock of one file. Used by one thread at a time, who holds the process's own lock around it."""

    def __init__(self, path: Path) -> None:
        """Open or create the lock's file; raises `OSError`."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._state = threading.Lock()
        self._asked = threading.Semaphore(0)
        self._granted = threading.Semaphore(0)
        self._waiting = False
        """Whether the thread is asked for the lock, or waits for it; then nobody here holds it."""
        self._wanted = False
        """Whether somebody still wants what the thread waits for."""
        self._closed = False
        self._thread: threading.Thread | None = None

    def take(self, seconds: float) -> bool:
        """Take the lock; False when others hold it for so long."""
        with self._state:
            # What an earlier waiter gave up waiting for may still be coming.
            if not self._waiting:
                try:
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self._waiting = True
                    self._ask()
                else:
                    return True
            self._wanted = True
        if self._granted.acquire(timeout=seconds):
            return True
        with self._state:
            self._wanted = False
            # It may have come between the end of the wait and now.
            return self._granted.acquire(blocking=False)

    def give(self) -> None:
        """Let the next one have the lock."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file; a thread that waits closes it when it comes to its turn."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            self._wanted = False
            if not self._waiting:
                os.close(self._file)
            self._asked.release()

    def __del__(self) -> None:
        # A database that nobody closed; the files of one that could not be opened at all are none.
        if hasattr(self, "_closed"):
            self.close()

    def _ask(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._wait, name="write-queue", daemon=True)
            self._thread.start()
        self._asked.release()

    def _wait(self) -> None:
        while True:
            self._asked.acquire()
            with self._state:
                if not self._waiting:
                    return
            fcntl.flock(self._file, fcntl.LOCK_EX)
            with self._state:
                self._waiting = False
                if self._wanted:
                    self._wanted = False
                    self._granted.release()
                else:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                if self._closed:
                    os.close(self._file)
                    return
