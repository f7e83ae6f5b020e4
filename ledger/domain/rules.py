"""What the catalogue says about the life of a record: its class, its publication, the deadlines. Pure.

    rules = rules_of(catalogue, operator_uscc)
    rules.publication(penalty).until        # '2027-01-05'
    rules.due("objection", "2026-09-21")    # the last day of ten working days

Periods: one in months begins on the day after the event and ends with the day of the same number, or with the
month's last day (民法典 201 to 203). So a penalty decided on 5 January with a maximum of a year is published
up to and including 5 January, and a minimum of three months has passed on 6 April.

Days are `YYYY-MM-DD` text throughout, compared as text.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from ledger.catalog import Calendar, Catalogue, DeadlineRow, TermRow
from ledger.domain.fields import Body
from ledger.domain.records import (
    CommitmentMade,
    ContractReported,
    EnforcementPublished,
    EvaluationPublished,
    LicencePublished,
    ListEntered,
    PenaltyPublished,
    Record,
)

KIND_NAMES: dict[type[Body], str] = {
    PenaltyPublished: "credit.penalty.published",
    LicencePublished: "credit.licence.published",
    ListEntered: "credit.list.entered",
    CommitmentMade: "credit.commitment.made",
    EvaluationPublished: "credit.evaluation.published",
    ContractReported: "credit.contract.reported",
    EnforcementPublished: "credit.enforcement.published",
}
"""The kind of statement of each record's body, as the catalogue's `record` names it."""
_PENALTY, _COMMITMENT = KIND_NAMES[PenaltyPublished], KIND_NAMES[CommitmentMade]
_CONTRACT, _ENFORCEMENT = KIND_NAMES[ContractReported], KIND_NAMES[EnforcementPublished]
_LIST_SEVERITY = {"serious": "serious", "attention": "general", "red": None}


@lru_cache(maxsize=65_536)
def months_after(day: str, months: int) -> str:
    """The last day of a period of months that an event on `day` starts."""
    year, month = divmod(int(day[:4]) * 12 + int(day[5:7]) - 1 + months, 12)
    number = min(int(day[8:]), monthrange(year, month + 1)[1])
    return f"{year:04}-{month + 1:02}-{number:02}"


@lru_cache(maxsize=65_536)
def next_day(day: str) -> str:
    """The day after."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


class Publication(NamedTuple):
    """When a record is published: from `start` (None: not at all) up to and including `until` (None: no end).

    `severity` is the record's class; None where it is no dishonesty, so that there is nothing to repair.
    `repair_from` is the first day on which repair may be applied for.
    """

    start: str | None
    until: str | None
    severity: str | None = None
    repair_from: str | None = None


class Rules:
    """One edition's rules for one deployment; `operator` is the USCC of who runs the log."""

    def __init__(self, catalogue: Catalogue, calendar: Calendar, operator_uscc: str) -> None:
        self.catalogue = catalogue
        self.calendar = calendar
        self.operator = operator_uscc
        self._classes = {(row.record, row.value): row.severity for row in catalogue.classes}
        self._penalty_rank = {
            row.value: _RANK[row.severity] for row in catalogue.classes if row.record == _PENALTY
        }
        self._of: dict[type[Body], Callable[[Any], Publication]] = {
            PenaltyPublished: self._penalty,
            ListEntered: self._listing,
            LicencePublished: lambda body: Publication(body.decided_on, body.valid_until),
            EvaluationPublished: lambda body: Publication(body.evaluated_on, body.valid_until),
            CommitmentMade: lambda body: Publication(body.made_on, None),
            ContractReported: lambda body: self._by_class(_CONTRACT, body.performance, body.reported_on),
            EnforcementPublished: lambda body: self._by_class(_ENFORCEMENT, body.performance, body.filed_on),
        }

    def publication(self, body: Record) -> Publication:
        """When a record is published by itself, before any step."""
        return self._of[type(body)](body)

    def broken_commitment(self, start: str, broken_on: str) -> Publication:
        """When a commitment made on `start` is published that was broken on `broken_on`."""
        broken = self._by_class(_COMMITMENT, "broken", broken_on)
        return Publication(start, broken.until, broken.severity, broken.repair_from)

    def severity_of(self, body: Record) -> str | None:
        """The class of a record; None where it is no dishonesty, as a commitment before it is broken."""
        return self.publication(body).severity

    def term(self, severity: str) -> TermRow:
        """The publication term of a class."""
        return self.catalogue.terms[severity]

    def deadline(self, duty: str) -> DeadlineRow:
        """The deadline of a duty, of those in `ledger.catalog.checks.DUTIES`."""
        return self.catalogue.deadlines[duty]

    def due(self, duty: str, day: str) -> str:
        """The last day on which a duty that an event on `day` started is done in time."""
        return self.calendar.add_workdays(day, self.catalogue.deadlines[duty].days)

    def _penalty(self, body: PenaltyPublished) -> Publication:
        severity: str | None = body.severity
        if severity is None:
            ranks = self._penalty_rank
            severity = _BY_RANK[max(ranks.get(kind, _GENERAL) for kind in body.penalty_kinds)]
        term = self.catalogue.terms[severity]
        decided = body.decided_on
        until = months_after(decided, term.max_months)
        if body.published_until is not None and body.published_until < until:
            until = body.published_until
        start = body.publish_from or (decided if term.published else None)
        return Publication(start, until, severity, self._repair_from(term, decided))

    def _listing(self, body: ListEntered) -> Publication:
        severity: str | None = body.severity
        if severity is None:
            row = self.catalogue.lists.get(body.list_code)
            severity = (row.severity or _LIST_SEVERITY[row.kind]) if row else "serious"
        repair = self._repair_from(self.catalogue.terms[severity], body.from_day) if severity else None
        return Publication(body.from_day, body.until, severity, repair)

    def _by_class(self, record: str, value: str, day: str) -> Publication:
        severity = self._classes.get((record, value))
        if severity is None:
            return Publication(day, None)
        term = self.catalogue.terms[severity]
        return Publication(day, months_after(day, term.max_months), severity, self._repair_from(term, day))

    def _repair_from(self, term: TermRow, day: str) -> str:
        return next_day(months_after(day, term.min_months)) if term.min_months else day


def rules_of(catalogue: Catalogue, operator_uscc: str) -> Rules:
    """The rules of an edition with its own calendar."""
    return Rules(catalogue, catalogue.calendar, operator_uscc)


_BY_RANK = ("minor", "general", "serious")
_RANK = {severity: rank for rank, severity in enumerate(_BY_RANK)}
_GENERAL = _RANK["general"]
