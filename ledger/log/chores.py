"""The worker's chores: what is seen to again and again beside integrating, publishing and anchoring.

    Chore("expiry", run, interval=60_000)

Each has a thread of its own, so that none waits for another. A chore that fails is logged, shown in the
status file and tried again, ever more slowly; it never stops the worker: what it has to do waits, and the log
goes on. Whatever a chore does must be safe to do again, since a kill may come at any point.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.errors import LedgerError
from ledger.log.clock import Clock
from ledger.log.status import ChoreStatus

logger = logging.getLogger("xinzheng.chore")

_FIRST_RETRY = 1_000
"""Milliseconds until a chore that failed is tried again; doubled each time, up to its interval."""

Stopping = Callable[[], bool]
"""Says whether the worker is stopping: a chore with much to do asks now and then, and leaves the rest."""
Run = Callable[[Stopping], Sequence[str]]
"""Does what there is to do; returns the codes of the alarms that stand. May raise `LedgerError`."""


@dataclass(frozen=True, slots=True)
class Chore:
    """One chore; `interval` in milliseconds between two rounds."""

    name: str
    run: Run
    interval: int = 60_000


class Chores:
    """Runs chores until stopped."""

    def __init__(self, chores: Sequence[Chore], clock: Clock) -> None:
        self._clock = clock
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._status = {chore.name: ChoreStatus() for chore in chores}
        self._threads = [
            threading.Thread(
                target=self._keep_running, args=(chore,), name=f"chore-{chore.name}", daemon=True
            )
            for chore in chores
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 20.0) -> None:
        """Ask all to end; one that does not in time is left behind, as a kill would."""
        self._stopping.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def status(self) -> dict[str, ChoreStatus]:
        """How each chore does, by name."""
        with self._lock:
            return dict(self._status)

    def _keep_running(self, chore: Chore) -> None:
        pause = _FIRST_RETRY
        while not self._stopping.is_set():
            if self._round(chore):
                pause = _FIRST_RETRY
                self._stopping.wait(chore.interval / 1000)
            else:
                self._stopping.wait(min(pause, chore.interval) / 1000)
                pause *= 2

    def _round(self, chore: Chore) -> bool:
        try:
            alarms = chore.run(self._stopping.is_set)
        except LedgerError as error:
            logger.warning("%s: %s: %s", chore.name, error.code, error.detail)
            self._failed(chore, f"{error.code}: {error.detail}")
            return False
        except Exception as error:
            # A defect of ours: it must not stop the log, and must not go unseen.
            logger.exception("%s stopped by a defect", chore.name)
            self._failed(chore, f"internal: {type(error).__name__}")
            return False
        with self._lock:
            self._status[chore.name] = ChoreStatus(self._clock(), None, sorted(set(alarms)))
        return True

    def _failed(self, chore: Chore, error: str) -> None:
        with self._lock:
            before = self._status[chore.name]
            self._status[chore.name] = ChoreStatus(before.done_at, error, before.alarms)
