"""Importing a sheet: read, prepare, sign, submit, and say of every row what became of it.

    report = import_sheet(path, builder, target, clock, randomness, journal=folder)

The whole sheet is read and prepared before anything is sent, so that a sheet that is refused as a whole (a
missing column, a formula, too many rows) leaves the log as it was. A bad row is reported and left out; the
good ones go on, unless `all_or_nothing` was asked for. Importing the same sheet again sends nothing twice:
ids are derived from the rows, and what was sent is in the journal. Without a journal the log is asked about
the ids that it refuses as reused.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger.errors import IdReused, LedgerError, StatementTimeRefused
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.formats.strictjson import dumps
from ledger.gm import Signer
from ledger.services.importing.columns import Form
from ledger.services.importing.journal import ImportJournal
from ledger.services.importing.reading import SheetLimits, open_sheet
from ledger.services.importing.rows import PreparedRow, RowBuilder, RowProblem
from ledger.services.importing.signing import sign_rows, statement_payload

BATCH_ROWS = 5_000
"""Rows per signed batch: below the log's limit of 65,535 entries and 64 MiB."""

Submit = Callable[[Iterable[bytes]], bytes]
"""Sends the lines of a batch and returns the log's receipt: `Appender.submit_batch`, or the client's."""
Lookup = Callable[[str], bytes | None]
"""The entry that the log holds under an id of this issuer, if any."""


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """Where rows go: the log's origin, who signs, how a batch is sent, and how an id is looked up."""

    log: str
    issuer: str
    signer: Signer
    submit: Submit
    lookup: Lookup


@dataclass(slots=True)
class ImportReport:
    """What became of a sheet. `already` counts rows that the log held before; every row with a problem is
    in `problems` (with one line per problem)."""

    form: str = ""
    rows: int = 0
    accepted: int = 0
    already: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    receipts: list[bytes] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """How many rows were not taken."""
        return len({problem.row for problem in self.problems})


Progress = Callable[[str, int, int | None], None]
"""Called with `read` or `sent`, the number of rows so far, and of how many where that is known."""


def import_sheet(
    path: Path,
    builder: RowBuilder,
    target: ImportTarget,
    clock: Callable[[], int],
    randomness: Callable[[int], bytes],
    *,
    journal: Path | None = None,
    form: Form | None = None,
    all_or_nothing: bool = False,
    limits: SheetLimits | None = None,
    batch_rows: int = BATCH_ROWS,
    progress: Progress | None = None,
) -> ImportReport:
    """Import one sheet; see the module.

    `journal` is the folder for what was sent. Raises what `open_sheet` raises, and what the log answers to a
    batch as a whole (`Unavailable` and its kind: import again later, nothing is lost or doubled).
    """
    report = ImportReport()
    prepared = prepare_sheet(path, builder, report, form=form, limits=limits, progress=progress)
    if all_or_nothing and report.problems:
        return report
    sender = _Sender(target, clock, randomness, ImportJournal(journal) if journal else None, report)
    fresh = sender.without_accepted(prepared)
    for start in range(0, len(fresh), batch_rows):
        sender.send(fresh[start : start + batch_rows])
        if progress:
            progress("sent", min(start + batch_rows, len(fresh)), len(fresh))
    return report


def prepare_sheet(
    path: Path,
    builder: RowBuilder,
    report: ImportReport,
    *,
    form: Form | None = None,
    limits: SheetLimits | None = None,
    progress: Progress | None = None,
) -> list[PreparedRow]:
    """Read a sheet whole; the good rows are returned, everything else is noted in `report`."""
    prepared: list[PreparedRow] = []
    first_rows: dict[str, int] = {}
    with open_sheet(path, form, limits) as sheet:
        report.form = sheet.form.name
        for row in sheet.rows:
            report.rows += 1
            built = builder.build(sheet.form, row, sheet.date1904)
            if isinstance(built, list):
                report.problems.extend(built)
            elif (first := first_rows.setdefault(built.id, row.number)) != row.number:
                report.problems.append(_repeated(row.number, first))
            else:
                prepared.append(built)
            if progress and report.rows % 1_000 == 0:
                progress("read", report.rows, None)
    return prepared


def _repeated(row: int, first: int) -> RowProblem:
    return RowProblem(
        row,
        "",
        "row_repeated",
        f"与第 {first} 行内容相同，未重复导入。",
        f"the same as row {first}; not imported twice",
    )


class _Sender:
    """Signs and sends batches, keeping the journal and the report."""

    def __init__(
        self,
        target: ImportTarget,
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
        journal: ImportJournal | None,
        report: ImportReport,
    ) -> None:
        self._target = target
        self._clock = clock
        self._randomness = randomness
        self._journal = journal
        self._report = report

    def without_accepted(self, rows: list[PreparedRow]) -> list[PreparedRow]:
        """Finish what an interrupted import left open, and leave out the rows that the log already has."""
        if self._journal is None:
            return rows
        for batch, lines in self._journal.unanswered():
            try:
                self._journal.answered(batch, self._target.submit(lines))
            except LedgerError as error:
                # It never was accepted: a repetition is let through whatever its time.
                if not (_names(error, StatementTimeRefused) or _names(error, IdReused)):
                    raise
                self._journal.drop(batch)
        accepted = self._journal.accepted_ids()
        fresh = [row for row in rows if row.id not in accepted]
        self._report.already += len(rows) - len(fresh)
        return fresh

    def send(self, rows: Sequence[PreparedRow]) -> None:
        """Send rows as one batch; rows that the log already has are found out only if it says so."""
        rows = self._small_enough(rows)
        if not rows:
            return
        try:
            self._submit(rows)
        except LedgerError as error:
            if not _names(error, IdReused):
                raise
            rows = self._unknown_to_the_log(rows)
            if rows:
                self._submit(rows)

    def _submit(self, rows: Sequence[PreparedRow]) -> None:
        target = self._target
        signed = sign_rows(
            rows,
            log=target.log,
            issuer=target.issuer,
            signer=target.signer,
            at=self._clock(),
            randomness=self._randomness,
        )
        kept = self._journal.write(signed.lines) if self._journal else None
        try:
            receipt = target.submit(signed.lines)
        except LedgerError as error:
            if kept and self._journal and _names(error, IdReused):
                self._journal.drop(kept)
            raise
        if kept and self._journal:
            self._journal.answered(kept, receipt)
        self._report.receipts.append(receipt)
        self._report.accepted += len(rows)

    def _small_enough(self, rows: Sequence[PreparedRow]) -> list[PreparedRow]:
        fit = []
        for row in rows:
            if len(row.body) < _SURELY_FITS:
                fit.append(row)
                continue
            try:
                statement_payload(
                    row, None, log=self._target.log, issuer=self._target.issuer, at=self._clock()
                )
                fit.append(row)
            except LedgerError as error:
                self._report.problems.append(RowProblem(row.row, "", error.code, error.zh, error.detail))
        return fit

    def _unknown_to_the_log(self, rows: Sequence[PreparedRow]) -> list[PreparedRow]:
        """Of rows whose ids may be used: those that are not; the others are the same, or a conflict."""
        fresh = []
        for row in rows:
            entry = self._target.lookup(row.id)
            if entry is None:
                fresh.append(row)
            elif dumps(parse_statement(parse_envelope(entry).payload).body) == row.body:
                self._report.already += 1
            else:
                self._report.problems.append(RowProblem(row.row, "", IdReused.code, IdReused.zh, IdReused.en))
        return fresh


_SURELY_FITS = 24_000


def _names(error: LedgerError, cause: type[LedgerError]) -> bool:
    """Whether an error is `cause`, or names it as what was wrong with a line of the batch."""
    return error.code == cause.code or cause.code in error.detail
