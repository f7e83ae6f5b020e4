"""What the catalogue's editions say about the life of a record: its class, its terms, the deadlines. Pure.

    rules = rules_of(catalogue, operator_uscc)
    rules.publication(penalty).until        # '2027-01-05'
    rules.due("objection", "2026-09-21")    # the last day of ten working days

A record has the class and the terms of the edition that was in force on the day of its decision, and a duty
the deadline of the edition on the day that started it: so a later edition neither undoes a repair nor makes
late what was done in time. Hand in the `earlier` editions where there are any; what is older than the oldest
edition is judged by that one. Everything else is asked of the one edition, `catalogue`.

Days are `YYYY-MM-DD` text throughout, compared as text.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter

from ledger.catalog import Calendar, Catalogue, DeadlineRow, TermRow
from ledger.domain.fields import Body
from ledger.domain.publication import (
    COMMITMENT,
    KIND_NAMES,
    Publication,
    Tables,
    months_after,
    next_day,
)
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

__all__ = ["KIND_NAMES", "Publication", "Rules", "months_after", "next_day", "rules_of"]

_DECIDED: dict[type[Body], Callable[[Body], str]] = {
    PenaltyPublished: attrgetter("decided_on"),
    ListEntered: attrgetter("from_day"),
    LicencePublished: attrgetter("decided_on"),
    EvaluationPublished: attrgetter("evaluated_on"),
    CommitmentMade: attrgetter("made_on"),
    ContractReported: attrgetter("reported_on"),
    EnforcementPublished: attrgetter("filed_on"),
}


class Rules:
    """The rules of an edition and those before it; `operator` is the USCC of who runs the log."""

    def __init__(
        self,
        catalogue: Catalogue,
        calendar: Calendar,
        operator_uscc: str,
        earlier: Sequence[Catalogue] = (),
    ) -> None:
        self.catalogue = catalogue
        self.calendar = calendar
        self.operator = operator_uscc
        # The newest first, so that of two that begin on one day the later one counts.
        self._editions = [(edition, Tables(edition)) for edition in (catalogue, *reversed(earlier))]
        self._only = self._editions[0][1] if not earlier else None

    def publication(self, body: Record) -> Publication:
        """When a record is published by itself, before any step."""
        kind = type(body)
        tables = self._only or self._at(_DECIDED[kind](body))[1]
        return tables.of[kind](body)

    def broken_commitment(self, start: str, broken_on: str) -> Publication:
        """When a commitment made on `start` is published that was broken on `broken_on`."""
        broken = self._at(broken_on)[1].by_class(COMMITMENT, "broken", broken_on)
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
        return self.calendar.add_workdays(day, self._at(day)[0].deadlines[duty].days)

    def _at(self, day: str) -> tuple[Catalogue, Tables]:
        found = (each for each in self._editions if each[0].from_day <= day)
        return next(found, self._editions[-1])


def rules_of(catalogue: Catalogue, operator_uscc: str, earlier: Sequence[Catalogue] = ()) -> Rules:
    """The rules of an edition with its own calendar; `earlier` editions the oldest first, as
    `Editions.before` gives them."""
    return Rules(catalogue, catalogue.calendar, operator_uscc, earlier)
