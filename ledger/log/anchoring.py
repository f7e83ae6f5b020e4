"""The worker's second thread: everything that waits for the chain."""

import logging
import threading
from collections.abc import Callable, Sequence

from ledger.chain.port import AnchorPort
from ledger.errors import IntegrityError, LedgerError
from ledger.log.anchor import Anchorer, AnchorSettings, AnchorState
from ledger.log.clock import Clock
from ledger.store.port import LogStore

logger = logging.getLogger("xinzheng.anchor")

_LONGEST_PAUSE = 30_000
"""Milliseconds between two tries at a chain that does not answer."""


class Anchoring:
    """Anchors all logs, round by round, and keeps the members' snapshot up to date.

    An error of the chain is remembered and tried again, ever more slowly; `failure` is a broken invariant,
    after which the thread has ended and the process must.
    """

    def __init__(
        self,
        logs: Sequence[tuple[str, LogStore]],
        chain: AnchorPort,
        clock: Clock,
        settings: AnchorSettings,
        *,
        poll: int,
        sync: Callable[[], None] | None = None,
        sync_interval: int = 60_000,
    ) -> None:
        """`poll` and `sync_interval` in milliseconds; `sync` may raise `LedgerError`."""
        self._anchorers = {origin: Anchorer(store, origin, chain, clock, settings) for origin, store in logs}
        self._clock = clock
        self._poll = poll
        self._sync = sync
        self._sync_interval = sync_interval
        self._synced: int | None = None
        self._heard: set[str] = set()
        self._errors: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="anchoring", daemon=True)
        self.failure: LedgerError | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Ask the thread to end; a call to the chain that hangs is left behind, it changes nothing here."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def heard_of(self, origin: str) -> bool:
        """Whether the chain has said since the start that it does not contradict this log."""
        return origin in self._heard

    def state(self, origin: str) -> AnchorState:
        return self._anchorers[origin].state

    def error(self, origin: str) -> str | None:
        """What went wrong in the last round of a log."""
        return self._errors.get(origin)

    @property
    def health(self) -> str:
        """`ok`, or the code of the chain's last error."""
        return next(iter(self._errors.values()), "ok").partition(":")[0]

    def _run(self) -> None:
        pause = self._poll
        while not self._stopping.is_set():
            try:
                answered = [self._round(origin, anchorer) for origin, anchorer in self._anchorers.items()]
                self._sync_directory()
            except LedgerError as error:
                logger.critical("anchoring stopped: %s: %s", error.code, error.detail)
                self.failure = error
                return
            except Exception as error:
                logger.critical("anchoring stopped by a defect", exc_info=error)
                self.failure = IntegrityError(f"anchoring stopped by a defect: {type(error).__name__}")
                return
            pause = self._poll if all(answered) else min(2 * pause, _LONGEST_PAUSE)
            self._stopping.wait(pause / 1000)

    def _round(self, origin: str, anchorer: Anchorer) -> bool:
        """One round of one log; returns whether the chain answered."""
        try:
            if origin not in self._heard:
                anchorer.check_chain()
                self._heard.add(origin)
            anchorer.step()
        except IntegrityError as error:
            self._errors[origin] = f"{error.code}: {error.detail}"
            raise
        except LedgerError as error:
            self._errors[origin] = f"{error.code}: {error.detail}"
            logger.warning("%s: %s: %s", origin, error.code, error.detail)
            return False
        self._errors.pop(origin, None)
        return True

    def _sync_directory(self) -> None:
        now = self._clock()
        if self._sync is None or (self._synced is not None and 0 <= now - self._synced < self._sync_interval):
            return
        try:
            self._sync()
        except IntegrityError:
            raise
        except LedgerError as error:
            logger.warning("the members' register was not read: %s: %s", error.code, error.detail)
            return
        self._synced = now
