"""When a record of each kind is published, by the tables of one edition of the catalogue. Pure.

Periods: one in months begins on the day after the event and ends with the day of the same number, or with the
month's last day (民法典 201 to 203). So a penalty decided on 5 January with a maximum of a year is published
up to and including 5 January, and a minimum of three months has passed on 6 April.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from ledger.catalog import SEVERITIES, Catalogue, TermRow
from ledger.domain.fields import Body
from ledger.domain.records import (
    CommitmentMade,
    ContractReported,
    EnforcementPublished,
    EvaluationPublished,
    LicencePublished,
    ListEntered,
    PenaltyPublished,
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
_PENALTY, COMMITMENT = KIND_NAMES[PenaltyPublished], KIND_NAMES[CommitmentMade]
_CONTRACT, _ENFORCEMENT = KIND_NAMES[ContractReported], KIND_NAMES[EnforcementPublished]
_BY_RANK = SEVERITIES
_RANK = {severity: rank for rank, severity in enumerate(_BY_RANK)}
_GENERAL = _RANK["general"]
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


class Tables:
    """What one edition says about publication; `of` maps a record's body to when it is published."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._lists = catalogue.lists
        self._terms = catalogue.terms
        self._classes = {(row.record, row.value): row.severity for row in catalogue.classes}
        self._penalty_rank = {
            row.value: _RANK[row.severity] for row in catalogue.classes if row.record == _PENALTY
        }
        self.of: dict[type[Body], Callable[[Any], Publication]] = {
            PenaltyPublished: self._penalty,
            ListEntered: self._listing,
            LicencePublished: lambda body: Publication(body.decided_on, body.valid_until),
            EvaluationPublished: lambda body: Publication(body.evaluated_on, body.valid_until),
            CommitmentMade: lambda body: Publication(body.made_on, None),
            ContractReported: lambda body: self.by_class(_CONTRACT, body.performance, body.reported_on),
            EnforcementPublished: lambda body: self.by_class(_ENFORCEMENT, body.performance, body.filed_on),
        }

    def by_class(self, record: str, value: str, day: str) -> Publication:
        """When a record is published whose class follows from what it says, from `day` on."""
        severity = self._classes.get((record, value))
        if severity is None:
            return Publication(day, None)
        term = self._terms[severity]
        return Publication(day, months_after(day, term.max_months), severity, self._repair_from(term, day))

    def _penalty(self, body: PenaltyPublished) -> Publication:
        severity: str | None = body.severity
        if severity is None:
            ranks = self._penalty_rank
            severity = _BY_RANK[max(ranks.get(kind, _GENERAL) for kind in body.penalty_kinds)]
        term = self._terms[severity]
        decided = body.decided_on
        until = months_after(decided, term.max_months)
        if body.published_until is not None and body.published_until < until:
            until = body.published_until
        start = body.publish_from or (decided if term.published else None)
        return Publication(start, until, severity, self._repair_from(term, decided))

    def _listing(self, body: ListEntered) -> Publication:
        severity: str | None = body.severity
        if severity is None:
            row = self._lists.get(body.list_code)
            severity = (row.severity or _LIST_SEVERITY[row.kind]) if row else "serious"
        repair = self._repair_from(self._terms[severity], body.from_day) if severity else None
        return Publication(body.from_day, body.until, severity, repair)

    def _repair_from(self, term: TermRow, day: str) -> str:
        return next_day(months_after(day, term.min_months)) if term.min_months else day
