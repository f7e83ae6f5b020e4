"""The tables `reference` and `due` held against the entries: each row must follow from one, and be there.

What is due depends on the edition of the catalogue that was in force when an entry was accepted. An edition
may begin on the day on which it was put in place, so both that day's and the one's before it are right.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from ledger.catalog import Editions
from ledger.domain.fields import Body
from ledger.errors import LedgerError
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope
from ledger.formats.statement import Statement, parse_statement
from ledger.log.audit_report import AuditReport
from ledger.log.clock import china_day
from ledger.log.credit_rules import CreditRulebook, dues_under
from ledger.store.ids import id_bytes, id_text
from ledger.store.raw import RawLog, TableRows

_NAMED = 100
Found = tuple[str, str]
"""A finding's code and detail."""


@dataclass(frozen=True, slots=True)
class DueRules:
    """By what an audit computes what is due: the folder of further editions, and the operator's USCC."""

    catalogue: Path
    operator: str


class TableAuditor:
    """Holds rows against entries that come in ascending order, each asked about once."""

    def __init__(self, rows: TableRows, rules: DueRules | None) -> None:
        self._rows = rows
        self._rulebook = _rulebook(rules) if rules is not None else None
        self._backlog = rows.backlog() or (0, 0)
        self._dues = groupby(rows.dues(), key=lambda row: row[0])
        self._next: tuple[int, set[tuple[str, str]]] | None = self._take()

    def judge(
        self, index: int, statement: Statement | None, body: Body | None, accepted_at: int
    ) -> Iterator[Found]:
        """What differs for one entry; a manifest has no statement, one that is refused no body."""
        if statement is not None:
            for reference in dict.fromkeys(statement.refers):
                if not self._rows.refers(reference.issuer, id_bytes(reference.id), index):
                    yield "reference_missing", ""
        held = self._held(index)
        if self._rulebook is None or self._backlog[0] <= index < self._backlog[1]:
            return
        if statement is not None and body is None:
            # What it should say is not known.
            return
        possible: list[set[tuple[str, str]]] = [set()]
        if statement is not None and body is not None:
            # Nearly always one and the same.
            editions = dict.fromkeys(self._rulebook.rules(day) for day in _days(accepted_at))
            possible = [set(dues_under(statement, body, rules)) for rules in editions]
        if held not in possible:
            yield "due_differs", ", ".join(sorted(kind for kind, _ in held ^ possible[0]))

    def _held(self, index: int) -> set[tuple[str, str]]:
        while self._next is not None and self._next[0] < index:
            self._next = self._take()
        if self._next is None or self._next[0] != index:
            return set()
        held = self._next[1]
        self._next = self._take()
        return held

    def _take(self) -> tuple[int, set[tuple[str, str]]] | None:
        for index, rows in self._dues:
            return index, {(kind, day) for _, kind, day in rows}
        return None


@contextmanager
def tables_of(log: RawLog, start: int, stop: int, rules: DueRules | None) -> Iterator[TableAuditor]:
    """An auditor for the entries start..stop-1."""
    with log.tables(start, stop) as rows:
        yield TableAuditor(rows, rules)


def audit_strays(log: RawLog, size: int, expected: int, report: AuditReport) -> None:
    """Name rows of `reference` below `size` that no entry makes, where there are more than were found there.

    Rows of `due` are all held against their entries; those of `reference` only where an entry makes one, so
    that `expected` is how many there must be, less those that `report` says are missing.
    """
    missing = sum(found.code == "reference_missing" for found in report.findings)
    if log.reference_count(size) <= expected - missing:
        return
    named = 0
    for issuer, id, index in log.references(size):
        if not _makes(log.entry_bytes(index), issuer, id):
            report.add("reference_stray", index, "", issuer, id_text(id))
            named += 1
        if named == _NAMED:
            return


def _makes(entry: bytes | None, issuer: str, id: bytes) -> bool:
    try:
        envelope = parse_envelope(entry or b"")
        if envelope.payload_type != STATEMENT_TYPE:
            return False
        refers = parse_statement(envelope.payload).refers
    except LedgerError:
        return False
    return any(reference.issuer == issuer and id_bytes(reference.id) == id for reference in refers)


def _days(accepted_at: int) -> tuple[str, str]:
    day = china_day(accepted_at)
    return day, (date.fromisoformat(day) - timedelta(days=1)).isoformat()


@lru_cache(maxsize=4)
def _rulebook(rules: DueRules) -> CreditRulebook:
    return CreditRulebook(Editions(rules.catalogue), rules.operator)
