"""Facts of the credit log for tests of the rules: a short way to write a record's history down.

log = FactLog()
penalty = log.record("penalty.published", severity="general")
log.step(penalty, "record.objected", "2026-02-02")
"""

from typing import Any

from bodies import BODIES, COMMITMENT, EXECUTOR, ISSUER, uscc

from ledger.catalog import load_catalogue
from ledger.domain import KINDS, ListEntered, parse_body
from ledger.domain.credit_state import CreditState, fold_credit
from ledger.domain.facts import Fact
from ledger.domain.rules import rules_of
from ledger.formats.statement import Reference

OWNER, OPERATOR, STRANGER = ISSUER, uscc(8), uscc(9)
EXECUTING = EXECUTOR
RULES = rules_of(load_catalogue(), OPERATOR)
_DAY_OF = {
    "list.removed": "removed_on",
    "record.objected": "raised_on",
    "objection.answered": "answered_on",
    "repair.applied": "applied_on",
    "repair.accepted": "accepted_on",
    "repair.approved": "decided_on",
    "repair.rejected": "decided_on",
    "record.withdrawn": "decided_on",
    "record.expired": "expired_on",
}
_BY_OPERATOR = ("record.expired", "case.reviewed", "case.matched")


def make_fact(
    index: int,
    kind: str,
    issuer: str = OWNER,
    refers: tuple[Reference, ...] = (),
    /,
    **changes: Any,
) -> Fact:
    """A fact of the kind `credit.<kind>` with the usual body and `changes`; `...` takes a member away."""
    members = {**BODIES[f"credit.{kind}"], **changes}
    body = {name: value for name, value in members.items() if value is not ...}
    return Fact(index, issuer, str(index), refers, parse_body(KINDS[f"credit.{kind}"], body))


class FactLog:
    """Facts in the order of the log."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def record(self, kind: str, issuer: str = OWNER, *, replaces: Fact | None = None, **changes: Any) -> Fact:
        """Append a record, or the initiation of a case."""
        refers = (Reference(replaces.issuer, replaces.id),) if replaces else ()
        return self._append(make_fact(len(self.facts), kind, issuer, refers, **changes))

    def step(self, record: Fact, kind: str, day: str, issuer: str | None = None, **changes: Any) -> Fact:
        """Append a step that repeats what it refers to, by whom it usually is unless told."""
        return self._append(self.make_step(record, kind, day, issuer, **changes))

    def make_step(self, record: Fact, kind: str, day: str, issuer: str | None = None, **changes: Any) -> Fact:
        """The same without appending it."""
        body: Any = record.body
        repeated: dict[str, Any] = {_DAY_OF.get(kind, "on"): day, "subject": body.subject.model_dump()}
        if not kind.startswith("case."):
            repeated["authority"] = body.authority.model_dump()
            number = "case" if kind == "list.removed" else "number"
            repeated[number] = body.number
            if kind == "list.removed":
                repeated["list"] = body.list_code if isinstance(body, ListEntered) else "wage-arrears"
            if body.related:
                repeated["related"] = [person.model_dump() for person in body.related]
        if issuer is None:
            issuer = OPERATOR if kind in _BY_OPERATOR else EXECUTING if kind == "case.answered" else OWNER
        refers = (Reference(record.issuer, record.id),)
        return make_fact(len(self.facts), kind, issuer, refers, **{**repeated, **changes})

    def state(self, day: str) -> CreditState:
        """The fold of all facts on a day."""
        return fold_credit(self.facts, RULES, day)

    def _append(self, fact: Fact) -> Fact:
        self.facts.append(fact)
        return fact


def a_broken_commitment(log: FactLog, day: str = "2026-03-02") -> Fact:
    """A commitment that was broken."""
    made = log.record("commitment.made", made_on=COMMITMENT["made_on"])
    log.step(made, "commitment.performed", day, outcome="broken")
    return made
