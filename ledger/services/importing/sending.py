"""Rows to the log, in signed batches: the next one is signed while others are on their way.

A batch is all or nothing to the log. Where the log refuses one line of it (somebody else was faster, a role
was taken away), that row is taken out and reported, what stands before it is sent as a batch of its own, and
what stands after it as well: the admission of a line that was refused costs the lines before it twice, no
more.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import (
    BatchLineInvalid,
    IdReused,
    IssuerMismatch,
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    LedgerError,
    LogMismatch,
    RoleMissing,
    SignatureInvalid,
    StatementTimeRefused,
    Unavailable,
)
from ledger.gm import Signer
from ledger.services.importing.desk import Desk, offered
from ledger.services.importing.journal import ImportJournal
from ledger.services.importing.report import ImportReport
from ledger.services.importing.row_reader import RowProblem
from ledger.services.importing.rows import PreparedRow
from ledger.services.importing.signing import SignedBatch, sign_rows

Submit = Callable[[Iterable[bytes]], bytes]
"""Sends the lines of a batch and returns the log's receipt: `Appender.submit_batch`, or the client's."""

UNDER_WAY = 2
"""Batches sent at once: the service is several processes."""

_OF_ALL_ROWS = (
    IssuerMismatch,
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    LogMismatch,
    RoleMissing,
    SignatureInvalid,
    StatementTimeRefused,
    Unavailable,
)
"""What one line is refused for and every other would be."""


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """Where rows go: the log's origin, who signs, how a batch is sent, and who is asked beforehand."""

    log: str
    issuer: str
    signer: Signer
    submit: Submit
    desk: Desk


@dataclass(frozen=True, slots=True)
class _Sent:
    """A batch on its way: its rows, where the journal keeps it, and the answer to come."""

    rows: Sequence[PreparedRow]
    kept: Path | None
    receipt: "Future[bytes]"


class Sender:
    """Signs and sends batches, keeping journal and report; a context, which waits for what is on its way.

    `clock` gives milliseconds since 1970; `taken` is called with how many rows were answered for so far.
    """

    def __init__(
        self,
        target: ImportTarget,
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
        journal: ImportJournal | None,
        report: ImportReport,
        taken: Callable[[int], None],
    ) -> None:
        self._target = target
        self._clock = clock
        self._randomness = randomness
        self._journal = journal
        self._report = report
        self._told = taken
        self._done = 0
        self._pool = ThreadPoolExecutor(UNDER_WAY, "import")
        self._under_way: deque[_Sent] = deque()

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def finish_interrupted(self) -> int:
        """Send again, unchanged, what an interrupted import left without an answer.

        Rows of a batch that the log now refuses are signed anew with the others. Raises `Unavailable`.
        """
        again = 0
        for path, lines in self._journal.unanswered() if self._journal else ():
            assert self._journal is not None
            try:
                receipt = self._target.submit(lines)
            except Unavailable:
                raise
            except LedgerError:
                # It never was accepted, or only under other bytes: the rows are asked about one by one.
                self._journal.drop(path)
            else:
                self._journal.answered(path, receipt)
                self._report.receipts.append(receipt)
                again += len(lines) - 1
        return again

    def send(self, rows: Sequence[PreparedRow]) -> None:
        """Sign a batch and send it; waits where too many are under way. Raises what refuses all rows."""
        signed = self._sign(rows)
        # What refers to another row's statement comes after it.
        most = UNDER_WAY - 1 if not any(row.refers for row in rows) else 0
        while len(self._under_way) > most:
            self._settle(self._under_way.popleft())
        self._under_way.append(self._submit(rows, signed))

    def finish(self) -> None:
        """Wait for all answers."""
        while self._under_way:
            self._settle(self._under_way.popleft())

    def _sign(self, rows: Sequence[PreparedRow]) -> SignedBatch:
        target = self._target
        return sign_rows(
            rows,
            log=target.log,
            issuer=target.issuer,
            signer=target.signer,
            at=self._clock(),
            randomness=self._randomness,
        )

    def _submit(self, rows: Sequence[PreparedRow], signed: SignedBatch) -> _Sent:
        kept = self._journal.write(signed.lines) if self._journal else None
        return _Sent(rows, kept, self._pool.submit(self._target.submit, signed.lines))

    def _settle(self, sent: _Sent) -> None:
        """Take the answer to a batch, and go on in order without the rows that it names."""
        parts = self._answer(sent)
        while parts:
            part = parts.pop(0)
            parts[:0] = self._answer(self._submit(part, self._sign(part)))

    def _answer(self, sent: _Sent) -> list[Sequence[PreparedRow]]:
        """Wait for the answer to a batch; of one that was refused for a row, the others, to be sent again."""
        try:
            receipt = sent.receipt.result()
        except BatchLineInvalid as error:
            at = error.line - 2
            if at < 0 or at >= len(sent.rows) or isinstance(error.cause, _OF_ALL_ROWS):
                raise
            if sent.kept and self._journal:
                self._journal.drop(sent.kept)
            return self._without(sent.rows, at, error.cause)
        if sent.kept and self._journal:
            self._journal.answered(sent.kept, receipt)
        self._report.receipts.append(receipt)
        self._report.accepted += len(sent.rows)
        self._taken(len(sent.rows))
        return []

    def _taken(self, rows: int) -> None:
        self._done += rows
        self._told(self._done)

    def _without(
        self, rows: Sequence[PreparedRow], at: int, cause: LedgerError
    ) -> list[Sequence[PreparedRow]]:
        """The rows of a refused batch without the one that it was refused for, to be sent again."""
        if isinstance(cause, IdReused):
            # Another import was faster: it has more of these rows, perhaps all.
            outcomes = self._target.desk.preview([offered(row) for row in rows])
            fresh = [row for row, outcome in zip(rows, outcomes, strict=True) if outcome.state != "already"]
            if len(fresh) < len(rows):
                self._report.already += len(rows) - len(fresh)
                self._taken(len(rows) - len(fresh))
                return [fresh] if fresh else []
        row = rows[at]
        self._report.refuse([RowProblem(row.row, "", cause.code, cause.zh, cause.detail or cause.en)])
        self._taken(1)
        return [part for part in (rows[:at], rows[at + 1 :]) if part]
