"""Group commit: many request threads, one writer, one durable transaction for all that wait.

    committer = Committer(store, clock)
    accepted = committer.append(entries)      # blocks until its group is committed

A thread that appends puts its submission in a bounded queue and waits. The one committing thread takes
everything that waits, up to `GroupLimits`, appends it in one transaction and wakes the waiters with their
answers. While a commit syncs, the next group gathers; no timer is involved.

Nothing is answered as accepted before its transaction is durable. When the store is busy, every submission
of the group is refused with that error, and may be sent again: appending is idempotent per (issuer, id).
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.errors import IntegrityError, LedgerError, Unavailable
from ledger.log.clock import Clock
from ledger.log.faults import point
from ledger.store.port import Accepted, KeyLost, LogStore, NewEntry, Reused

_IDLE = 0.1
"""Seconds without a submission after which the committing thread sees to other things."""


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """What one transaction and the queue may hold; times in seconds."""

    group_submissions: int = 512
    group_bytes: int = 96 << 20
    queued_submissions: int = 4_096
    queued_bytes: int = 256 << 20
    longest_wait: float = 60.0


class _Waiting:
    """One submission in the queue, and the lock that its thread sleeps on."""

    __slots__ = ("answer", "done", "entries", "error", "size")

    def __init__(self, entries: Sequence[NewEntry], size: int) -> None:
        self.entries = entries
        self.size = size
        self.answer: Accepted | Reused | KeyLost | None = None
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()


class Committer:
    """The one thread of a process that appends to a log; see the module.

    `aside` is called by the committing thread after each group, told `False`, and again and again while
    there is nothing to do, told `True`. It must not raise.
    """

    def __init__(
        self,
        store: LogStore,
        clock: Clock,
        limits: GroupLimits | None = None,
        aside: Callable[[bool], None] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits or GroupLimits()
        self._aside = aside or (lambda idle: None)
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = 0
        self._arrival = threading.Condition(threading.Lock())
        self._closing = False
        self._broken: BaseException | None = None
        self._last_time = 0
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    def append(self, entries: Sequence[NewEntry]) -> Accepted | Reused | KeyLost:
        """Append one submission; returns once it is durable.

        Raises `StoreBusy`; `Unavailable` when the queue is full, the log is shutting down or the wait is too
        long (then it may or may not be accepted: sending it again tells); `IntegrityError` when it broke.
        """
        waiting = _Waiting(entries, sum(len(entry.entry) for entry in entries))
        self._enqueue(waiting)
        if not waiting.done.acquire(timeout=self._limits.longest_wait):
            raise Unavailable("the commit takes too long; send the same submission again to learn its fate")
        if waiting.error is not None:
            raise _same_error(waiting.error)
        assert waiting.answer is not None
        return waiting.answer

    @property
    def failure(self) -> BaseException | None:
        """The broken invariant that stopped this committer, if one did."""
        return self._broken

    @property
    def waiting(self) -> int:
        """How many submissions wait now."""
        return len(self._queue)

    def close(self, timeout: float = 30.0) -> None:
        """Take no more, commit what waits, stop the thread."""
        with self._arrival:
            self._closing = True
            self._arrival.notify()
        self._thread.join(timeout)

    def _enqueue(self, waiting: _Waiting) -> None:
        limits = self._limits
        with self._arrival:
            if self._broken is not None:
                raise _same_error(self._broken)
            if self._closing:
                raise Unavailable("the log is shutting down")
            full = len(self._queue) >= limits.queued_submissions
            if full or (self._queue and self._queued_bytes + waiting.size > limits.queued_bytes):
                raise Unavailable("too many submissions are waiting; try again later")
            self._queue.append(waiting)
            self._queued_bytes += waiting.size
            self._arrival.notify()

    def _run(self) -> None:
        while True:
            group = self._take_group()
            if group:
                self._commit(group)
            elif self._closing:
                return
            self._aside(not group)

    def _take_group(self) -> list[_Waiting]:
        """Everything that waits, within the limits; empty when nothing came for a while."""
        limits = self._limits
        group: list[_Waiting] = []
        size = 0
        with self._arrival:
            if not self._queue and not self._closing:
                self._arrival.wait(_IDLE)
            while self._queue and len(group) < limits.group_submissions:
                size += self._queue[0].size
                if group and size > limits.group_bytes:
                    break
                taken = self._queue.popleft()
                self._queued_bytes -= taken.size
                group.append(taken)
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        # A crash here loses only submissions that nobody was told are accepted; their senders send again.
        point("append.taken")
        # Acceptance times never go back, even when the machine's clock does.
        self._last_time = max(self._clock(), self._last_time)
        try:
            answers = self._store.append([waiting.entries for waiting in group], self._last_time)
            if len(answers) != len(group):
                raise IntegrityError("the store answered another number of submissions than it was given")
        except LedgerError as error:
            self._fail(group, error, broken=isinstance(error, IntegrityError))
            return
        except Exception as error:  # noqa: BLE001 - a defect of ours: nobody may be left waiting
            self._fail(group, error, broken=True)
            return
        # A crash here leaves durable entries without receipts; the same submission, sent again, gets one.
        point("append.committed")
        for waiting, answer in zip(group, answers, strict=True):
            waiting.answer = answer
            waiting.done.release()

    def _fail(self, group: list[_Waiting], error: BaseException, *, broken: bool) -> None:
        if broken:
            with self._arrival:
                self._broken = error
                group = [*group, *self._queue]
                self._queue.clear()
                self._queued_bytes = 0
        for waiting in group:
            waiting.error = error
            waiting.done.release()


def _same_error(error: BaseException) -> BaseException:
    """A copy for each thread, so that tracebacks of several do not pile up on one object."""
    if isinstance(error, LedgerError) and type(error).__init__ is LedgerError.__init__:
        copy = type(error)(error.detail)
        copy.__cause__ = error
        return copy
    return error
