"""What a statement obliges somebody to do, until when, and what was done late.

    due_of(statement, body, rules)      # (Due(kind='objection', day='2026-10-13'),)
    duties_of(facts, rules)             # each duty with when it was done, if it was

A `Due` names the last day: what is due is overdue when that day has passed. `expiry` is the operator's to do
once it has passed (it may turn out that the record is not over: uncorrected, replaced, or due again by a
later statement); the others are the members' own, and are never refused for being late.

| kind | started by | done by |
|---|---|---|
| `expiry` | a record with an end; a report of correction; a broken commitment | `credit.record.expired` |
| `objection` | `credit.record.objected` | `credit.objection.answered` |
| `acceptance` | `credit.repair.applied` | `credit.repair.accepted` or `rejected` |
| `decision` | `credit.repair.accepted` | `credit.repair.approved` or `rejected`, a removal from the list |
| `feedback` | `credit.case.matched` | `credit.case.answered` by each executor |

Days are `YYYY-MM-DD`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ledger.domain.cases import CaseMatched
from ledger.domain.credit_state import fold_credit
from ledger.domain.facts import Fact
from ledger.domain.fields import Body
from ledger.domain.records import EnforcementPublished, Record
from ledger.domain.rules import Rules
from ledger.domain.steps import (
    CommitmentPerformed,
    CorrectionReported,
    ObjectionAnswered,
    RecordObjected,
    RepairAccepted,
    RepairApplied,
    Step,
)
from ledger.formats.statement import Statement

DueKind = Literal["expiry", "objection", "acceptance", "decision", "feedback"]
_STARTS: dict[type[Body], DueKind] = {
    RecordObjected: "objection",
    RepairApplied: "acceptance",
    RepairAccepted: "decision",
    CaseMatched: "feedback",
}
_LATEST = "9999-12-31"


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be done, and the last day for it."""

    kind: DueKind
    day: str


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty about a record: who owes it (the record's authority), when it started, its last day, and the
    statement by which it was done, if it was."""

    kind: DueKind
    record: Fact
    authority: str
    started_by: Fact
    due: str
    done_by: Fact | None = None
    done_on: str | None = None

    def is_late(self, today: str) -> bool:
        """Whether it was done after its last day, or is not done though that has passed."""
        return (self.done_on or today) > self.due


def own_end(record: Record, rules: Rules) -> str | None:
    """The last day of a record's term where its own statement says it, `YYYY-MM-DD`.

    A judgement not performed has no end until correction is reported, and what is not published has none.
    """
    publication = rules.publication(record)
    if publication.start is None or isinstance(record, EnforcementPublished):
        return None
    return publication.until


def due_of(statement: Statement, body: Body, rules: Rules) -> tuple[Due, ...]:
    """What a statement makes due; a fold is not needed for it."""
    if isinstance(body, Record):
        until = own_end(body, rules)
        return () if until is None else (Due("expiry", until),)
    kind = _STARTS.get(type(body))
    if isinstance(body, CaseMatched) and not body.records:
        return ()
    if kind is not None:
        return (Due(kind, rules.due(kind, body.day)),)  # type: ignore[attr-defined]
    if isinstance(body, CorrectionReported) and body.corrected == "yes":
        return (Due("expiry", body.on),)
    if isinstance(body, CommitmentPerformed) and body.outcome == "broken":
        until = rules.broken_commitment(body.on, body.on).until
        return (Due("expiry", until),) if until is not None else ()
    return ()


def duties_of(facts: Iterable[Fact], rules: Rules) -> tuple[Duty, ...]:
    """The duties about records among some facts (objections, applications, decisions), in log order.

    Only steps that were effective start or end a duty. A record that ended otherwise ends the duties about
    its repair with the statement that ended it, not those about objections.
    """
    state = fold_credit(facts, rules, _LATEST)
    open_duties: dict[tuple[int, DueKind], int] = {}
    duties: list[Duty] = []
    for step in state.steps:
        if step.record is None or step.outcome == "ineffective":
            continue
        body = step.fact.body
        assert isinstance(body, Step)
        for kind in _ended_by(body):
            place = open_duties.pop((step.record.index, kind), None)
            if place is not None:
                duties[place] = _done(duties[place], step.fact, body.day)
        started = _STARTS.get(type(body))
        if started is not None:
            open_duties[step.record.index, started] = len(duties)
            due = rules.due(started, body.day)
            duties.append(Duty(started, step.record, body.authority.uscc, step.fact, due))
    return tuple(duties)


def _ended_by(body: Step) -> tuple[DueKind, ...]:
    if isinstance(body, ObjectionAnswered):
        return ("objection", "acceptance", "decision") if body.outcome == "withdrawn" else ("objection",)
    if isinstance(body, RepairAccepted):
        return ("acceptance",)
    if isinstance(body, RecordObjected | RepairApplied | CorrectionReported | CommitmentPerformed):
        return ()
    # Approved, rejected, withdrawn, expired, removed: nothing is left to accept or to decide.
    return ("acceptance", "decision")


def _done(duty: Duty, by: Fact, day: str) -> Duty:
    return Duty(duty.kind, duty.record, duty.authority, duty.started_by, duty.due, by, day)
