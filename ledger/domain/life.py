"""The life of one record: what each step does to it, and when it may be taken.

    pending --> published --> repaired | withdrawn | lifted | expired | replaced

`take` is the one transition function: it returns None and changes the life, or returns the code of the
refusal and changes nothing. The fold and the door both call it.

Steps are taken in the order of the log, and none may be dated before the last one taken; so the state on an
earlier day is that of the steps up to it. Withdrawal and replacement are the exceptions: they say that the
record never counted, whatever their date. Publication ends by itself at the end of the term, unless the
violation was reported as uncorrected; correction after the term ends it on that day.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

from ledger.domain.facts import Fact
from ledger.domain.records import (
    CommitmentMade,
    EnforcementPublished,
    ListEntered,
    PenaltyPublished,
    Record,
    identity_of,
)
from ledger.domain.rules import Rules
from ledger.domain.steps import (
    CommitmentPerformed,
    CorrectionReported,
    ListRemoved,
    ObjectionAnswered,
    RecordExpired,
    RecordObjected,
    RecordWithdrawn,
    RepairAccepted,
    RepairApplied,
    RepairApproved,
    RepairRejected,
    Step,
)

_ANYBODY, _ISSUER, _OPERATOR, _EITHER = "anybody", "issuer", "operator", "issuer or operator"


class Life:
    """A record and what became of it so far."""

    __slots__ = (
        "accepted_on",
        "applied_on",
        "corrected",
        "ended",
        "ended_by",
        "fact",
        "last_day",
        "objected_on",
        "origin",
        "performed",
        "repair",
        "repair_from",
        "severity",
        "start",
        "until",
        "void",
        "void_by",
    )

    def __init__(self, fact: Fact, rules: Rules) -> None:
        body: Record = fact.body  # type: ignore[assignment]
        publication = rules.publication(body)
        self.fact = fact
        self.start = publication.start
        self.until = publication.until
        self.severity = publication.severity
        self.repair_from = publication.repair_from
        # The kind is asked by type, not by isinstance, which costs a model more than all the rest here.
        kind = type(body)
        if kind is PenaltyPublished:
            self.origin: str = body.decided_on  # type: ignore[attr-defined]
        else:
            self.origin = "" if kind is ListEntered else publication.start or ""
        # A judgement that is not performed is uncorrected until the court reports otherwise.
        unperformed = kind is EnforcementPublished and publication.severity is not None
        self.corrected: bool | None = False if unperformed else None
        self.ended: str | None = None
        self.ended_by: Fact | None = None
        self.void: str | None = None
        self.void_by: Fact | None = None
        self.objected_on: str | None = None
        self.repair: str | None = None
        self.applied_on: str | None = None
        self.accepted_on: str | None = None
        self.performed: str | None = None
        self.last_day = ""

    def copy(self) -> "Life":
        """As it stands now."""
        return copy(self)

    def state_on(self, day: str) -> str:
        """The state on a day, which is not before the last step taken."""
        if self.void is not None:
            return self.void
        if self.ended is not None:
            return self.ended
        if self.until is not None and day > self.until and self.corrected is not False:
            return "expired"
        return "published" if self.start is not None and self.start <= day else "pending"

    def end(self, state: str, by: Fact) -> None:
        """End the life from the step's day on."""
        self.ended, self.ended_by = state, by

    def annul(self, state: str, by: Fact) -> None:
        """End the life as if the record had never counted."""
        self.void, self.void_by = state, by


def take(life: Life, fact: Fact, rules: Rules) -> str | None:
    """Take a step, or say why not."""
    step: Step = fact.body  # type: ignore[assignment]
    who, transition = _TRANSITIONS[type(step)]
    record = life.fact
    if isinstance(step, ListRemoved):
        if not isinstance(record.body, ListEntered):
            return "wrong_kind"
        if step.reason == "expired":
            who = _EITHER
    if not _repeats(step, record.body):  # type: ignore[arg-type]
        return "other_record"
    if not _is_entitled(who, fact.issuer, record.issuer, rules.operator):
        return "not_entitled"
    if step.day < life.origin:
        return "before_record"
    if step.day < life.last_day and not _is_annulment(step):
        return "back_dated"
    refused = transition(life, fact, step, rules)
    if refused is None and life.void is None and step.day > life.last_day:
        life.last_day = step.day
    return refused


def replace(life: Life, fact: Fact) -> str | None:
    """Replace a record by a later one that corrects it, or say why not."""
    old, new = life.fact.body, fact.body
    if not isinstance(old, Record) or not isinstance(new, Record) or type(old) is not type(new):
        return "wrong_kind"
    if not same_decision(old, new):
        return "other_record"
    if fact.issuer != life.fact.issuer:
        return "not_entitled"
    if not _tags(old) <= _tags(new):
        return "related_missing"
    if life.void is not None or life.ended is not None:
        return "record_ended"
    life.annul("replaced", fact)
    return None


def same_decision(body: Record, other: Record) -> bool:
    """Whether two records of one kind are about one decision: subject, number and, of lists, list."""
    return (
        identity_of(body.subject) == identity_of(other.subject)
        and body.number == other.number
        and getattr(body, "list_code", None) == getattr(other, "list_code", None)
    )


def _repeats(step: Step, record: Record) -> bool:
    if identity_of(step.subject) != identity_of(record.subject) or step.repeated_number != record.number:
        return False
    if (step.related or record.related) and _tags(step) != _tags(record):
        return False
    if isinstance(step, ListRemoved):
        return step.list_code == getattr(record, "list_code", None)
    return step.authority.uscc == record.authority.uscc


def _tags(body: Any) -> set[str]:
    return {person.person_tag for person in body.related or ()}


def _is_entitled(who: str, issuer: str, owner: str, operator: str) -> bool:
    if who is _ANYBODY:
        return True
    return (issuer == owner and who is not _OPERATOR) or (issuer == operator and who is not _ISSUER)


def _is_annulment(step: Step) -> bool:
    return isinstance(step, RecordWithdrawn) or (isinstance(step, ListRemoved) and step.reason == "withdrawn")


def _object(life: Life, fact: Fact, step: RecordObjected, rules: Rules) -> str | None:
    if life.state_on(step.raised_on) not in ("pending", "published"):
        return "record_ended"
    if life.objected_on is not None:
        return "already_objected"
    life.objected_on = step.raised_on
    return None


def _answer(life: Life, fact: Fact, step: ObjectionAnswered, rules: Rules) -> str | None:
    # A record that ended while the objection was open still owes the answer.
    if life.objected_on is None:
        return "not_objected"
    life.objected_on = None
    if step.outcome == "withdrawn" and life.void is None:
        life.annul("withdrawn", fact)
    return None


def _report_correction(life: Life, fact: Fact, step: CorrectionReported, rules: Rules) -> str | None:
    if life.state_on(step.on) not in ("pending", "published"):
        return "record_ended"
    life.corrected = step.corrected == "yes"
    if life.corrected and life.until is not None and step.on > life.until:
        life.until = step.on
    return None


def _apply_for_repair(life: Life, fact: Fact, step: RepairApplied, rules: Rules) -> str | None:
    if life.severity is None or life.repair_from is None:
        return "not_repairable"
    refused = _must_be_published(life, step.applied_on)
    if refused is not None:
        return refused
    if life.repair in ("applied", "accepted"):
        return "repair_pending"
    if step.applied_on < life.repair_from:
        return "minimum_not_passed"
    if life.corrected is not True:
        return "not_corrected"
    life.repair, life.applied_on, life.accepted_on = "applied", step.applied_on, None
    return None


def _accept_repair(life: Life, fact: Fact, step: RepairAccepted, rules: Rules) -> str | None:
    refused = _must_be_published(life, step.accepted_on)
    if refused is not None:
        return refused
    if life.repair != "applied":
        return "repair_not_applied"
    life.repair, life.accepted_on = "accepted", step.accepted_on
    return None


def _approve_repair(life: Life, fact: Fact, step: RepairApproved, rules: Rules) -> str | None:
    return _repair(life, fact, step.decided_on)


def _repair(life: Life, fact: Fact, day: str) -> str | None:
    refused = _must_be_published(life, day)
    if refused is not None:
        return refused
    if life.repair != "accepted":
        return "repair_not_accepted"
    if life.corrected is not True:
        return "not_corrected"
    life.repair = "approved"
    life.end("repaired", fact)
    return None


def _reject_repair(life: Life, fact: Fact, step: RepairRejected, rules: Rules) -> str | None:
    refused = _must_be_published(life, step.decided_on)
    if refused is not None:
        return refused
    if life.repair not in ("applied", "accepted"):
        return "repair_not_applied"
    life.repair = "rejected"
    return None


def _withdraw(life: Life, fact: Fact, step: Step, rules: Rules) -> str | None:
    if life.void is not None:
        return "record_ended"
    life.annul("withdrawn", fact)
    return None


def _expire(life: Life, fact: Fact, step: Step, rules: Rules) -> str | None:
    if life.void is not None or life.ended is not None:
        return "record_ended"
    if life.state_on(step.day) != "expired":
        return "not_over"
    life.end("expired", fact)
    return None


def _remove(life: Life, fact: Fact, step: ListRemoved, rules: Rules) -> str | None:
    if step.reason == "withdrawn":
        return _withdraw(life, fact, step, rules)
    if step.reason == "expired":
        return _expire(life, fact, step, rules)
    if step.reason == "repaired":
        return _repair(life, fact, step.removed_on)
    if life.state_on(step.removed_on) not in ("pending", "published"):
        return "record_ended"
    life.end("lifted", fact)
    return None


def _report_performance(life: Life, fact: Fact, step: CommitmentPerformed, rules: Rules) -> str | None:
    if not isinstance(life.fact.body, CommitmentMade):
        return "wrong_kind"
    refused = _must_be_published(life, step.on)
    if refused is not None:
        return refused
    if life.performed is not None:
        return "already_performed"
    life.performed = step.outcome
    if step.outcome == "broken":
        broken = rules.broken_commitment(life.origin, step.on)
        life.until, life.severity, life.repair_from = broken.until, broken.severity, broken.repair_from
    return None


def _must_be_published(life: Life, day: str) -> str | None:
    state = life.state_on(day)
    if state == "published":
        return None
    return "not_published" if state == "pending" else "record_ended"


_TRANSITIONS: dict[type[Step], tuple[str, Callable[[Life, Fact, Any, Rules], str | None]]] = {
    RecordObjected: (_ANYBODY, _object),
    ObjectionAnswered: (_ISSUER, _answer),
    CorrectionReported: (_ISSUER, _report_correction),
    RepairApplied: (_ANYBODY, _apply_for_repair),
    RepairAccepted: (_EITHER, _accept_repair),
    RepairApproved: (_ISSUER, _approve_repair),
    RepairRejected: (_ISSUER, _reject_repair),
    RecordWithdrawn: (_ISSUER, _withdraw),
    RecordExpired: (_OPERATOR, _expire),
    ListRemoved: (_ISSUER, _remove),
    CommitmentPerformed: (_ISSUER, _report_performance),
}
"""Whose step it is, and what it does. Who may object and apply on a subject's behalf is asked at the door
(`check_statement`), where roles are known."""

STEP_TYPES = frozenset(_TRANSITIONS)
"""The bodies that `take` takes."""
