"""Importing a sheet: read, look over, sign, submit, and say of every row what became of it.

    report = import_sheet(path, builder, target, clock, randomness, journal=folder)

Twice through: first the whole sheet is read, each row is built, and the log is asked what would become of it;
what it would take waits on disk. Only then is anything sent, so that a sheet that is refused as a whole (a
missing column, too many rows) leaves the log as it was, and so does a dry run. A bad row is reported and left
out; the good ones go on, unless `all_or_nothing` was asked for. Memory does not grow with the sheet.

Importing the same sheet again sends nothing twice: ids are derived from the rows, and the log knows them. An
import that was killed, at any moment, is finished by starting it again.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from ledger.errors import RecordConflicts, RowRepeated
from ledger.formats.statement import Reference
from ledger.services.importing.columns import Form
from ledger.services.importing.desk import Desk, Outcome, offered
from ledger.services.importing.journal import ImportJournal
from ledger.services.importing.limits import SheetLimits
from ledger.services.importing.reading import open_sheet
from ledger.services.importing.report import ImportReport
from ledger.services.importing.rows import HalfRow, PreparedRow, RowBuilder, RowProblem
from ledger.services.importing.sending import ImportTarget, Sender
from ledger.services.importing.spool import Spool

BATCH_ROWS = 2_500
"""Rows per signed batch: below the log's limit of 65,535 entries and 64 MiB."""
ASKED_ROWS = 1_000
"""Rows that the log is asked about at once."""
_ASKED_AHEAD = 2

Progress = Callable[[str, int, int | None], None]
"""Called with `read` or `sent`, the number of rows so far, and of how many where that is known."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a sheet is read and what is done about its rows.

    `form` and `sheet` (a name) say what to read, where the columns do not tell; `on_conflict` is what becomes
    of a row that contradicts a record in the log: `report` leaves it out, `correct` submits it as that
    record's correction, `add` as a record of its own.
    """

    form: Form | None = None
    sheet: str | None = None
    skip_hidden: bool = False
    all_or_nothing: bool = False
    dry_run: bool = False
    on_conflict: Literal["report", "correct", "add"] = "report"
    limits: SheetLimits | None = None
    batch_rows: int = BATCH_ROWS


DEFAULTS = ImportOptions()


def import_sheet(
    path: Path,
    builder: RowBuilder,
    target: ImportTarget,
    clock: Callable[[], int],
    randomness: Callable[[int], bytes],
    *,
    journal: Path | None = None,
    options: ImportOptions = DEFAULTS,
    progress: Progress | None = None,
) -> ImportReport:
    """Import one sheet; see the module.

    `journal` is the folder for what is being sent. Raises what `open_sheet` raises, `AlreadyRunning`, and
    what the log answers to all rows alike (`Unavailable` and its kind: import again later, nothing is lost or
    doubled).
    """
    report = ImportReport()
    tell = progress or _untold
    with ExitStack() as stack:
        kept = None
        if journal is not None and not options.dry_run:
            kept = stack.enter_context(ImportJournal(journal))
        if options.dry_run:
            report.accepted = look_over(path, builder, target.desk, report, options, tell)
            return report
        spool = stack.enter_context(Spool(journal if kept else None))
        sender = stack.enter_context(
            Sender(target, clock, randomness, kept, report, lambda rows: tell("sent", rows, len(spool)))
        )
        sender.finish_interrupted()
        look_over(path, builder, target.desk, report, options, tell, spool)
        if options.all_or_nothing and report.bad:
            return report
        for rows in _batches(spool.rows(), options.batch_rows):
            sender.send(rows)
        sender.finish()
        report.sent = True
    return report


def look_over(
    path: Path,
    builder: RowBuilder,
    desk: Desk,
    report: ImportReport,
    options: ImportOptions = DEFAULTS,
    progress: Progress | None = None,
    spool: Spool | None = None,
) -> int:
    """Read a sheet whole and ask about its rows: how many the log would take, which go into `spool`.

    Everything else is noted in `report`. Raises what `open_sheet` and the desk raise.
    """
    with _Reading(builder, desk, report, options, spool, progress or _untold) as reading:
        reading.run(path)
    return reading.good


class _Earlier(NamedTuple):
    """A good row before this one, of the same record."""

    row: int
    id: str


_Built = PreparedRow | HalfRow | list[RowProblem]
_Answer = tuple[PreparedRow | list[RowProblem], Outcome | None]


class _Reading:
    """The first time through a sheet: rows are built while the log is asked about those before them."""

    def __init__(
        self,
        builder: RowBuilder,
        desk: Desk,
        report: ImportReport,
        options: ImportOptions,
        spool: Spool | None,
        progress: Progress,
    ) -> None:
        self.good = 0
        self._builder = builder
        self._desk = desk
        self._report = report
        self._options = options
        self._spool = spool
        self._progress = progress
        self._first_rows: dict[bytes, int] = {}
        self._records: dict[bytes, _Earlier] = {}
        self._pool = ThreadPoolExecutor(1, "desk")
        self._asked: deque[Future[list[_Answer]]] = deque()

    def __enter__(self) -> "_Reading":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, path: Path) -> None:
        options, report = self._options, self._report
        chunk: list[_Built] = []
        with open_sheet(
            path, options.form, options.limits, name=options.sheet, skip_hidden=options.skip_hidden
        ) as sheet:
            report.form = sheet.form.name
            report.seen = sheet.seen
            for row in sheet.rows:
                report.rows += 1
                chunk.append(self._builder.build(sheet.form, row, sheet.date1904))
                if len(chunk) == ASKED_ROWS:
                    self._ask(chunk)
                    chunk = []
                    self._progress("read", report.rows, None)
        self._ask(chunk)
        while self._asked:
            self._take(self._asked.popleft().result())
        self._progress("read", report.rows, report.rows)

    def _ask(self, chunk: list[_Built]) -> None:
        self._asked.append(self._pool.submit(self._answers, chunk))
        if len(self._asked) > _ASKED_AHEAD:
            self._take(self._asked.popleft().result())

    def _answers(self, chunk: list[_Built]) -> list[_Answer]:
        halves = [built for built in chunk if isinstance(built, HalfRow)]
        found = iter(self._desk.find([half.wanted for half in halves]) if halves else ())
        finished = [
            self._builder.finish(built, next(found)) if isinstance(built, HalfRow) else built
            for built in chunk
        ]
        whole = [built for built in finished if isinstance(built, PreparedRow)]
        outcomes = iter(self._desk.preview([offered(row) for row in whole]) if whole else ())
        return [
            (built, next(outcomes)) if isinstance(built, PreparedRow) else (built, None) for built in finished
        ]

    def _take(self, answers: Sequence[_Answer]) -> None:
        for built, outcome in answers:
            if isinstance(built, PreparedRow):
                assert outcome is not None
                self._take_row(built, outcome)
            else:
                self._report.refuse(built)

    def _take_row(self, row: PreparedRow, outcome: Outcome) -> None:
        key = bytes.fromhex(row.id.replace("-", ""))
        first = self._first_rows.setdefault(key, row.row)
        if first != row.row:
            self._report.refuse([_repeated(row.row, first)])
        elif outcome.state == "already":
            self._report.already += 1
        elif outcome.state == "refused":
            self._report.refuse([RowProblem(row.row, "", outcome.code, outcome.zh, outcome.en)])
        else:
            self._take_good(row, outcome)

    def _take_good(self, row: PreparedRow, outcome: Outcome) -> None:
        """A row that the log would take, unless it contradicts a record there, or an earlier row."""
        earlier = self._records.get(row.record) if row.record else None
        contradicted = earlier.id if earlier else outcome.record.id if outcome.record else ""
        if contradicted and self._options.on_conflict == "report":
            self._report.refuse([_conflict(row.row, earlier.row if earlier else None, outcome)], True)
            return
        if contradicted and self._options.on_conflict == "correct":
            row = replace(row, refers=(Reference(self._builder.issuer, contradicted),))
            self._report.corrected += 1
        if row.record:
            self._records[row.record] = _Earlier(row.row, row.id)
        self.good += 1
        if self._spool is not None:
            self._spool.add(row)


def _batches(rows: Iterator[PreparedRow], size: int) -> Iterator[list[PreparedRow]]:
    while batch := list(islice(rows, size)):
        yield batch


def _repeated(row: int, first: int) -> RowProblem:
    zh = f"与第 {first} 行内容相同，未重复导入。"
    return RowProblem(row, "", RowRepeated.code, zh, f"the same as row {first}; not imported twice")


def _conflict(row: int, earlier: int | None, outcome: Outcome) -> RowProblem:
    if earlier is None:
        return RowProblem(row, "", outcome.code, outcome.zh, outcome.en)
    return RowProblem(
        row,
        "",
        RecordConflicts.code,
        f"与第 {earlier} 行文号、主体相同而内容不同；如属更正，请按更正提交。",
        f"row {earlier} has the same number and subject and says something else",
    )


def _untold(step: str, rows: int, total: int | None) -> None:
    return None
