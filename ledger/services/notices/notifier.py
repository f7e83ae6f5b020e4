"""The notifier: scans what was published, and keeps a lane of deliveries for each subscription.

    notifier = Notifier(book, scanner, lane, entitled)
    notifier.run_once(now)        # again and again, from the worker
    notifier.close()

`run_once` never waits for a receiver: lanes run in threads of their own, each for one subscription, at most
`MOST_LANES` at once, of which receivers that failed or were slow have at most half, so that one that answers
is never kept waiting by those that do not.
"""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from ledger.errors import Unavailable
from ledger.services.notices.book import Book
from ledger.services.notices.delivery import Lane, Outcome

logger = logging.getLogger("xinzheng.notices")

MOST_LANES = 64
PRUNE_MS = 60_000
REST_MS = 5_000
"""Until a lane that we ourselves could not go on with is started again."""


class Scanning(Protocol):
    """What turns newly published entries into notices."""

    def scan(self, now: int) -> bool:
        """Look at some more entries; returns whether more are waiting."""


class Notifier:
    """See the module. `entitled` says whether a member may be told anything now.

    One process per deployment runs it; two would tell everything twice, and nothing worse.
    """

    def __init__(self, book: Book, scanner: Scanning, lane: Lane, entitled: Callable[[str], bool]) -> None:
        self._book = book
        self._scanner = scanner
        self._lane = lane
        self._entitled = entitled
        self._lock = threading.Lock()
        self._running: dict[str, threading.Thread] = {}
        self._slow: set[str] = set()
        self._resting: dict[str, int] = {}
        self._closing = threading.Event()
        self._pruned_at = 0
        self._turns: dict[str, int] = {}

    def run_once(self, now: int) -> bool:
        """One round at `now` (milliseconds); returns whether more entries wait to be scanned.

        What cannot be done now is logged and done in a later round; raises `IntegrityError` only.
        """
        if self._closing.is_set():
            return False
        try:
            more = self._scanner.scan(now)
            due = self._book.due(now)
            if not 0 <= now - self._pruned_at < PRUNE_MS:
                self._pruned_at = now
                self._book.prune()
        except Unavailable as error:
            logger.warning("%s: %s", error.code, error.detail)
            return False
        # Who waits the longest comes first, should there be more than lanes.
        self._turns = {id: self._turns.get(id, 0) for id, _ in due}
        for id, member in sorted(due, key=lambda each: self._turns[each[0]]):
            if 0 <= now - self._resting.get(id, now - REST_MS) < REST_MS:
                continue
            if self._entitled(member) and self._start(id, now):
                self._turns[id] = now
        return more

    def _start(self, id: str, now: int) -> bool:
        """Start a subscription's lane if it has none and there is room; returns whether it was started."""
        with self._lock:
            if id in self._running or len(self._running) >= MOST_LANES:
                return False
            held_up = sum(running in self._slow for running in self._running)
            if id in self._slow and held_up >= MOST_LANES // 2:
                return False
            thread = threading.Thread(target=self._run, args=(id, now), name=f"notices-{id}", daemon=True)
            self._running[id] = thread
        thread.start()
        return True

    def _run(self, id: str, now: int) -> None:
        outcome: Outcome = "blocked"
        try:
            outcome = self._lane.run(id, lambda: not self._closing.is_set())
        except Exception as error:  # noqa: BLE001 - a defect of ours: the lane is started again after a rest
            logger.error("subscription %s: %s", id, type(error).__name__)
        finally:
            with self._lock:
                del self._running[id]
                (self._slow.discard if outcome == "quick" else self._slow.add)(id)
                if outcome == "blocked":
                    self._resting[id] = now
                else:
                    self._resting.pop(id, None)

    @property
    def idle(self) -> bool:
        """Whether no delivery is under way."""
        with self._lock:
            return not self._running

    def close(self, timeout: float = 15.0) -> None:
        """Start nothing more, and wait for what is under way; what is not settled then is told again."""
        self._closing.set()
        with self._lock:
            running = list(self._running.values())
        for thread in running:
            thread.join(timeout)
