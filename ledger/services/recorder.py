"""The access log: recording the operator's own looks, many under one signature.

An SM2 signature and a durable commit for each look would cost more than the look. `AccessRecorder` groups
them: one thread takes all events that wait, signs one manifest over them and appends the batch, while the
next events queue. While looks come so often that a group could share its signatures, it waits a moment for
company; a single look waits for nobody.

A look that cannot be logged is not answered: `record` raises, and the caller must not show what was seen.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from ledger.domain import AccessEvent, dump_body
from ledger.domain.access import keys_of_event
from ledger.errors import BatchLineInvalid, LedgerError, Unavailable
from ledger.formats.envelope import parse_envelope, sign_batch
from ledger.formats.receipt import parse_receipt_payload
from ledger.formats.statement import Reference, Statement, format_statement, new_id
from ledger.gm import Signer
from ledger.log.appender import Appender
from ledger.log.clock import Clock
from ledger.merkle import leaf_hash
from ledger.services.answers import Logged

MOST_QUEUED = 4_096
"""Events that may wait; beyond this a look is refused with `Unavailable`."""
MOST_GROUPED = 512
"""Events under one manifest."""
MOST_AT_ONCE = 16_384
"""Events of one call under one manifest; more are logged under several."""
LONGEST_WAIT_SECONDS = 60.0
COMPANY_SECONDS = 0.020
"""How long after the last group the next one is taken, where several events are to be expected meanwhile:
two signatures and a commit cost as much processor time as answering the look itself."""
_ARRIVALS = 8
"""The arrivals that say how often looks come."""

Look = tuple[AccessEvent, Sequence[Reference]]
"""An event and the statements that it refers to: the authorisation that it used, where it used one."""


class _Waiting:
    """One event in the queue, and the lock that its thread sleeps on."""

    __slots__ = ("answer", "done", "error", "payload", "statement")

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.payload = format_statement(statement)
        self.answer: Logged | None = None
        self.error: LedgerError | None = None
        self.done = threading.Lock()
        self.done.acquire()


class AccessRecorder:
    """Logs the operator's own looks as access events in batch form; thread-safe.

    `issuer` is the operator's USCC, `signer` its member key, registered with the role `publisher:access`;
    `randomness` gives that many random bytes, `clock` milliseconds since 1970.
    """

    def __init__(
        self,
        appender: Appender,
        origin: str,
        issuer: str,
        signer: Signer,
        clock: Clock,
        randomness: Callable[[int], bytes],
    ) -> None:
        self.origin = origin
        self.issuer = issuer
        self._appender = appender
        self._signer = signer
        self._clock = clock
        self.randomness = randomness
        self._queue: deque[_Waiting] = deque()
        self._arrival = threading.Condition(threading.Lock())
        self._closing = False
        self._arrivals: deque[float] = deque(maxlen=_ARRIVALS)
        self._taken = 0.0
        self._thread = threading.Thread(target=self._run, name="access-recorder", daemon=True)
        self._thread.start()

    def record(self, event: AccessEvent, refers: Sequence[Reference] = ()) -> Logged:
        """Log one event; returns when it is durably accepted.

        `refers` names the authorisation under which the look was permitted, whose uses are counted by just
        that. Raises `Unavailable` when too many wait or the recorder is closing, and what the
        append raises: nothing may be shown then.
        """
        waiting = self._waiting(event, refers)
        with self._arrival:
            if self._closing:
                raise Unavailable("the access log is shutting down")
            if len(self._queue) >= MOST_QUEUED:
                raise Unavailable("too many looks are waiting to be logged; try again later")
            self._queue.append(waiting)
            self._arrivals.append(time.monotonic())
            # It is told of the first; of those that come while it works or waits it learns by itself.
            if len(self._queue) == 1:
                self._arrival.notify()
        if not waiting.done.acquire(timeout=LONGEST_WAIT_SECONDS):
            raise Unavailable("logging the look takes too long; nothing is shown that is not logged")
        if waiting.error is not None:
            raise _copy(waiting.error) from waiting.error
        assert waiting.answer is not None
        return waiting.answer

    def record_many(self, looks: Sequence[Look]) -> list[Logged]:
        """Log many events of one caller, in their order, in this thread: they wait for nobody else's.

        Raises as `record`; when it does, some of them may be logged and nothing may be shown.
        """
        logged: list[Logged] = []
        for start in range(0, len(looks), MOST_AT_ONCE):
            with self._arrival:
                if self._closing:
                    raise Unavailable("the access log is shutting down")
            group = [self._waiting(event, refers) for event, refers in looks[start : start + MOST_AT_ONCE]]
            try:
                self._log(group)
            except BatchLineInvalid as error:
                raise _copy(error) from error
            logged += [waiting.answer for waiting in group if waiting.answer is not None]
        return logged

    def _waiting(self, event: AccessEvent, refers: Sequence[Reference]) -> _Waiting:
        at = self._clock()
        return _Waiting(
            Statement(
                id=new_id(at, self.randomness(10)),
                kind="access.event.recorded",
                log=self.origin,
                issuer=self.issuer,
                at=at,
                keys=keys_of_event(self.issuer, event),
                body=dump_body(event),
                refers=tuple(refers),
            )
        )

    def close(self, timeout: float = 30.0) -> None:
        """Take no more events, log those that wait, stop the thread."""
        with self._arrival:
            self._closing = True
            self._arrival.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while group := self._take_group():
            try:
                self._log(group)
            except LedgerError as error:
                _fail(group, error)
            except Exception as error:  # noqa: BLE001 - a defect of ours: nobody may be left waiting
                _fail(group, Unavailable(f"logging the look failed: {type(error).__name__}"))

    def _take_group(self) -> list[_Waiting]:
        with self._arrival:
            while not self._queue and not self._closing:
                self._arrival.wait()
            rest = self._rest()
        if rest > 0:
            time.sleep(rest)
        with self._arrival:
            self._taken = time.monotonic()
            return [self._queue.popleft() for _ in range(min(len(self._queue), MOST_GROUPED))]

    def _rest(self) -> float:
        """How long to wait for company; nothing, where none is to be expected."""
        if self._closing or len(self._arrivals) < _ARRIVALS:
            return 0.0
        now = time.monotonic()
        frequent = _ARRIVALS * COMPANY_SECONDS / 2
        return self._taken + COMPANY_SECONDS - now if now - self._arrivals[0] < frequent else 0.0

    def _log(self, group: Sequence[_Waiting]) -> None:
        at = self._clock()
        manifest, entries = sign_batch(
            [waiting.payload for waiting in group],
            log=self.origin,
            issuer=self.issuer,
            id=new_id(at, self.randomness(10)),
            at=at,
            signer=self._signer,
        )
        # A crash here loses looks that nobody was shown; a crash after it leaves looks logged, not shown.
        receipt = self._appender.submit_own_batch(manifest, entries, [waiting.statement for waiting in group])
        batch = parse_receipt_payload(parse_envelope(receipt).payload).batch
        assert batch is not None, "the log answers a batch with a batch's receipt"
        for place, (waiting, entry) in enumerate(zip(group, entries, strict=True)):
            waiting.answer = Logged(
                origin=self.origin,
                index=batch.first_index + place,
                id=waiting.statement.id,
                leaf_hash=leaf_hash(entry).hex(),
                entry=entry,
                manifest=manifest,
                receipt=receipt,
            )
            waiting.done.release()


def _copy(error: LedgerError) -> LedgerError:
    """The error of a group for one of its threads; what failed a line of the batch is the line's error."""
    cause = error.cause if isinstance(error, BatchLineInvalid) else error
    return type(cause)(cause.detail)


def _fail(group: Sequence[_Waiting], error: LedgerError) -> None:
    for waiting in group:
        if waiting.answer is None:
            waiting.error = error
            waiting.done.release()
