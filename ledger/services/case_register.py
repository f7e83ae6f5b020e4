"""The register's part for joint punishment cases: where each stands, and what each executor owes.

What a case's statements amount to is said by `ledger.domain.case_state`; the register keeps the days, so that
in-trays and counts need not fold every case anew. An answer counts from the day on which the log accepted it.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.domain.case_state import CasesState, CaseState, fold_cases
from ledger.domain.cases import CaseAnswered, CaseInitiated, CaseLifted
from ledger.domain.facts import Fact
from ledger.domain.rules import Rules
from ledger.formats.statement import Reference, Statement
from ledger.log.facts import fact_of, facts_at
from ledger.services.evidence import today
from ledger.services.register import Register
from ledger.store.port import LogStore, StoredEntry

INITIATED = "credit.case.initiated"
_STEPS = frozenset(f"credit.case.{name}" for name in ("reviewed", "matched", "answered", "lifted"))
_LATEST = "9999-12-31"

RulesAt = Callable[[str], Rules]
"""The rules in force on a day."""


def fold_case(initiated: Fact, history: Sequence[Fact], rules_at: RulesAt, day: str) -> CasesState:
    """One case on a day, and the steps that did not fit it; its deadlines are those of the edition in force
    when it was reviewed."""
    facts = [initiated, *history]
    folded = fold_cases(facts, rules_at(day), day)
    reviewed_on = folded.cases[0].reviewed_on
    if reviewed_on is None or rules_at(reviewed_on) is rules_at(day):
        return folded
    return fold_cases(facts, rules_at(reviewed_on), day)


def came_to_executors(state: CaseState) -> bool:
    """Whether executors have anything to apply: the case was matched with records, or was answered."""
    return bool(state.records) or bool(state.answers)


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as the register knows it: its initiation's index, issuer and id."""

    index: int
    issuer: str
    id: str


@dataclass(frozen=True, slots=True)
class CasesWanted:
    """Which cases: those that name `executor` (of these with `todo` only those whose feedback it owes), those
    that `proposer` proposed, those in `state`; all that are None do not matter."""

    executor: str | None = None
    todo: bool = False
    proposer: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts over matched cases, of one executor (`uscc` empty: over all, each executor of a case counted).

    `received` cases, of them `handled` (feedback given), in which measures were `applied` or not; `waiting`
    for feedback, of them `overdue`; `late` came after the deadline.
    """

    uscc: str
    name: str
    received: int
    handled: int
    applied: int
    not_applied: int
    waiting: int
    overdue: int
    late: int


class CaseTally:
    """Folds every case that a statement concerns, and keeps how it stands."""

    kinds = _STEPS | {INITIATED}

    def __init__(self, store: LogStore, rules_at: RulesAt) -> None:
        self._store = store
        self._rules_at = rules_at

    def take(
        self, writer: sqlite3.Connection, found: Sequence[tuple[StoredEntry, Statement]], stop: int
    ) -> None:
        """Bring the cases up to date that these statements initiate or continue."""
        touched: dict[Reference, None] = {}
        for _, statement in found:
            if statement.kind == INITIATED:
                touched[Reference(statement.issuer, statement.id)] = None
            else:
                touched.update(dict.fromkeys(statement.refers))
        for reference in touched:
            self._keep(writer, reference, stop)

    def _keep(self, writer: sqlite3.Connection, reference: Reference, stop: int) -> None:
        stored = self._store.find(reference.issuer, reference.id)
        initiated = fact_of(stored.index, stored.entry) if stored is not None else None
        if initiated is None or not isinstance(initiated.body, CaseInitiated) or initiated.index >= stop:
            return
        indexes = [index for index in self._store.referrers(*_pair(reference)) if index < stop]
        history = facts_at(self._store, indexes)
        (state,) = fold_case(initiated, history, self._rules_at, _LATEST).cases
        body = initiated.body
        returned = state.state == "returned"
        lifted = state.changed_by.body if state.changed_by is not None else None
        index = initiated.index
        writer.execute(
            "INSERT OR REPLACE INTO case_row (idx, issuer, id, number, proposer, started, until, approved,"
            " returned, matched, lifted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                index,
                initiated.issuer,
                initiated.id,
                body.case,
                body.proposer.uscc,
                body.from_day,
                body.until,
                None if returned else state.reviewed_on,
                state.reviewed_on if returned else None,
                state.matched_on,
                lifted.on if isinstance(lifted, CaseLifted) else None,
            ),
        )
        answers = self._answers(state)
        due = state.feedback_due if came_to_executors(state) else None
        for executor in body.executors:
            answered, applied = answers.get(executor.uscc, (None, None))
            writer.execute(
                "INSERT OR REPLACE INTO executor (idx, uscc, name, due, answered, applied)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (index, executor.uscc, executor.name, due, answered, applied),
            )

    def _answers(self, state: CaseState) -> dict[str, tuple[str, str]]:
        """By executor: the day of its first answer, and whether it ever applied the measures."""
        found: dict[str, tuple[str, str]] = {}
        for fact in state.answers:
            assert isinstance(fact.body, CaseAnswered)
            stored = self._store.entry(fact.index)
            assert stored is not None, "it was read a moment ago"
            first, applied = found.get(fact.issuer, (today(stored.accepted_at).isoformat(), "no"))
            found[fact.issuer] = (first, "yes" if "yes" in (applied, fact.body.applied) else "no")
        return found


def find_cases(register: Register, wanted: CasesWanted, day: str, after: int, limit: int) -> list[CaseRow]:
    """Cases newest first, below index `after` (0: from the newest)."""
    conditions, values = ["1"], dict[str, Any](day=day, after=after, limit=limit)
    if after:
        conditions.append("idx < :after")
    if wanted.proposer is not None:
        conditions.append("proposer = :proposer")
        values["proposer"] = wanted.proposer
    if wanted.state is not None:
        conditions.append(_IN_STATE[wanted.state])
    if wanted.executor is not None:
        named = "uscc = :executor" + (" AND due IS NOT NULL AND answered IS NULL" if wanted.todo else "")
        conditions.append(f"approved IS NOT NULL AND idx IN (SELECT idx FROM executor WHERE {named})")  # noqa: S608 - our own words
        values["executor"] = wanted.executor
    with register.reading() as reader:
        rows = reader.execute(
            f"SELECT idx, issuer, id FROM case_row WHERE {' AND '.join(conditions)}"  # noqa: S608 - our own words
            " ORDER BY idx DESC LIMIT :limit",
            values,
        ).fetchall()
    return [CaseRow(*row) for row in rows]


def count_cases(register: Register, day: str, executor: str | None) -> tuple[Figures, list[Figures]]:
    """The counts over all that were asked about, and per executor, by code."""
    where = "" if executor is None else "AND uscc = :executor"
    with register.reading() as reader:
        rows = reader.execute(
            f"{_COUNTS} {where} GROUP BY uscc ORDER BY uscc", {"day": day, "executor": executor}
        ).fetchall()
    each = [Figures(uscc, name, *(int(count or 0) for count in counts)) for uscc, name, *counts in rows]
    sums = [sum(getattr(row, name) for row in each) for name in Figures.__slots__[2:]]
    return Figures("", "", *sums), each


_COUNTS = (
    "SELECT uscc, max(name), count(*), count(answered), sum(applied IS 'yes'), sum(applied IS 'no'),"
    " sum(answered IS NULL),"
    # A case that was lifted in time left nothing to answer late.
    " sum(answered IS NULL AND due < :day AND (lifted IS NULL OR lifted > due)), sum(answered > due)"
    " FROM executor JOIN case_row USING (idx) WHERE due IS NOT NULL"
)
_OVER = "(until IS NOT NULL AND until < :day)"
_IN_STATE = {
    "proposed": "approved IS NULL AND returned IS NULL AND lifted IS NULL",
    "returned": "returned IS NOT NULL AND lifted IS NULL",
    "approved": f"approved IS NOT NULL AND lifted IS NULL AND NOT {_OVER}",
    "matched": f"matched IS NOT NULL AND lifted IS NULL AND NOT {_OVER}",
    "lifted": "lifted IS NOT NULL",
    "ended": f"approved IS NOT NULL AND lifted IS NULL AND {_OVER}",
}
"""States as the fold names them; `matched` is approved and matched."""
STATES = tuple(_IN_STATE)


def _pair(reference: Reference) -> tuple[str, str]:
    return reference.issuer, reference.id
