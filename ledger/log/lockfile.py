"""One of a kind at a time: an exclusive lock on a file, which the kernel lets go when its holder dies."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from ledger.errors import AlreadyRunning, StoreBusy, WorkerRunning


class LockFile:
    """A context that holds the lock; entering raises `refusal` when another process has it, and `StoreBusy`
    when the file cannot be written.

    A forked child holds it too, as long as it lives.
    """

    def __init__(
        self, path: Path, what: str = "worker", refusal: type[AlreadyRunning] = WorkerRunning
    ) -> None:
        self._path = path
        self._what = what
        self._refusal = refusal
        self._descriptor: int | None = None

    def __enter__(self) -> "LockFile":
        try:
            self._descriptor = self._locked()
        except OSError as error:
            raise StoreBusy(f"{self._path.name} cannot be used: {error.strerror}") from error
        return self

    def _locked(self) -> int:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise self._refusal(f"another {self._what} (process {holder}) holds {self._path.name}") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The file stays: removing it would let a third process lock a new file beside the second's old one.
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
