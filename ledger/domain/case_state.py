"""The life of joint punishment cases, as a fold of their statements.

    proposed --> approved --> lifted | ended
       \\--> returned

A case is reviewed once by the operator; approved, it is matched by the operator with the records in force
that carry it (as often as that changes; the last match counts), answered by each executor (as often as it
applied measures), and lifted by who initiated it or by the operator. It ends by itself after `until`.
Feedback on a case that was matched can come after its end: a deadline that passed makes it late, never
impossible.

Steps are taken in the order of the log, none dated before the one before it, but feedback, which must only
not be dated before the match. One that does not fit changes nothing and is listed with the code of its
refusal. A case is in force on the days from `from` on while it is approved.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Literal

from ledger.domain.cases import (
    CaseAnswered,
    CaseInitiated,
    CaseLifted,
    CaseMatched,
    CaseReviewed,
    CaseStep,
)
from ledger.domain.facts import Fact
from ledger.domain.records import identity_of
from ledger.domain.rules import Rules
from ledger.formats.statement import Reference

Phase = Literal["proposed", "approved", "returned", "lifted", "ended"]


@dataclass(frozen=True, slots=True)
class CaseState:
    """One case on the day.

    `records` are those of the last match, None before any; `matched_on` its day. `answers` are the feedback
    in log order; `waiting` the executors (USCC) from whom there is none though a match found records, and
    `feedback_due` the last day for it. `counts`: the case's measures are in force on the day.
    """

    fact: Fact
    state: Phase
    counts: bool
    reviewed_on: str | None
    matched_on: str | None
    records: tuple[Reference, ...] | None
    answers: tuple[Fact, ...]
    waiting: tuple[str, ...]
    feedback_due: str | None
    changed_by: Fact | None


@dataclass(frozen=True, slots=True)
class IneffectiveStep:
    """A statement about a case that changed nothing, and the code of its refusal."""

    fact: Fact
    refused: str


@dataclass(frozen=True, slots=True)
class CasesState:
    """All cases among some facts, in log order, and the steps that fit none."""

    cases: tuple[CaseState, ...]
    ineffective: tuple[IneffectiveStep, ...]


class _Course:
    """A case and what became of it so far."""

    def __init__(self, fact: Fact) -> None:
        assert isinstance(fact.body, CaseInitiated)
        self.fact = fact
        self.body = fact.body
        self.phase: Phase = "proposed"
        self.changed_by: Fact | None = None
        self.reviewed_on: str | None = None
        self.first_matched_on: str | None = None
        self.first_carried_on: str | None = None
        self.match: Fact | None = None
        self.answers: list[Fact] = []
        self.last_day = ""

    def copy(self) -> "_Course":
        """As it stands now."""
        copied = copy(self)
        copied.answers = list(self.answers)
        return copied

    def phase_on(self, day: str) -> Phase:
        until = self.body.until
        if self.phase == "approved" and until is not None and day > until:
            return "ended"
        return self.phase


def fold_cases(facts: Iterable[Fact], rules: Rules, day: str) -> CasesState:
    """The cases on a day, by effective dates; facts of other kinds are left aside."""
    courses: dict[tuple[str, str], _Course] = {}
    cuts: dict[int, _Course] = {}
    ineffective: list[IneffectiveStep] = []
    for fact in sorted(facts, key=_index_of):
        body = fact.body
        if isinstance(body, CaseInitiated):
            courses[fact.issuer, fact.id] = _Course(fact)
        elif isinstance(body, CaseStep):
            reference = fact.refers[0] if len(fact.refers) == 1 else None
            course = courses.get((reference.issuer, reference.id)) if reference else None
            code = _take_by(course, fact, rules, day, cuts) if course else "record_unknown"
            if code is not None:
                ineffective.append(IneffectiveStep(fact, code))
    cases = tuple(_state(cuts.get(course.fact.index, course), rules, day) for course in courses.values())
    return CasesState(cases, tuple(ineffective))


def case_state_of(initiated: Fact, history: Iterable[Fact], rules: Rules, day: str) -> CaseState:
    """One case on a day; `history` is what refers to its initiation."""
    return fold_cases([initiated, *history], rules, day).cases[0]


def case_refusal(initiated: Fact, history: Sequence[Fact], step: Fact, rules: Rules) -> str | None:
    """The code of the refusal of a step after `history`, or None where it may be taken."""
    course = _Course(initiated)
    for fact in sorted(history, key=_index_of):
        if isinstance(fact.body, CaseStep):
            _take(course, fact, rules)
    return _take(course, step, rules)


def _take_by(course: _Course, fact: Fact, rules: Rules, day: str, cuts: dict[int, _Course]) -> str | None:
    """Take a step, keeping in `cuts` the course as the steps up to `day` leave it."""
    step = fact.body
    assert isinstance(step, CaseStep)
    cut = cuts.get(course.fact.index)
    before = course.copy() if step.on > day and cut is None else None
    code = _take(course, fact, rules)
    if code is None and before is not None:
        cuts[course.fact.index] = before
    elif code is None and cut is not None and step.on <= day:
        # Only feedback may be dated before steps that were logged before it.
        cut.answers.append(fact)
    return code


def _take(course: _Course, fact: Fact, rules: Rules) -> str | None:
    """Take a step, or say why not."""
    step = fact.body
    assert isinstance(step, CaseStep)
    if identity_of(step.subject) != identity_of(course.body.subject) or step.case != course.body.case:
        return "other_record"
    proposer = getattr(step, "proposer", None)
    if proposer is not None and proposer.uscc != course.body.proposer.uscc:
        return "other_record"
    if not _is_entitled(course, fact, step, rules):
        return "not_entitled"
    code = _refusal(course, step)
    if code is None:
        _change(course, fact, step)
    return code


def _is_entitled(course: _Course, fact: Fact, step: CaseStep, rules: Rules) -> bool:
    if isinstance(step, CaseReviewed | CaseMatched):
        return fact.issuer == rules.operator
    if isinstance(step, CaseAnswered):
        executors = {executor.uscc for executor in course.body.executors}
        return fact.issuer == step.executor.uscc and fact.issuer in executors
    return fact.issuer in (course.fact.issuer, rules.operator)


def _refusal(course: _Course, step: CaseStep) -> str | None:
    if isinstance(step, CaseAnswered):
        if course.first_matched_on is None:
            return "case_not_matched"
        return "back_dated" if step.on < course.first_matched_on else None
    if step.on < course.last_day:
        return "back_dated"
    phase = course.phase_on(step.on)
    if isinstance(step, CaseReviewed):
        return None if phase == "proposed" else "case_not_open"
    if phase in ("returned", "lifted", "ended"):
        return "case_ended"
    if isinstance(step, CaseMatched) and phase != "approved":
        return "case_not_approved"
    return None


def _change(course: _Course, fact: Fact, step: CaseStep) -> None:
    if not isinstance(step, CaseAnswered):
        course.last_day = max(course.last_day, step.on)
    if isinstance(step, CaseReviewed):
        course.phase = "approved" if step.outcome == "approved" else "returned"
        course.reviewed_on, course.changed_by = step.on, fact
    elif isinstance(step, CaseMatched):
        course.match = fact
        course.first_matched_on = course.first_matched_on or step.on
        if step.records and course.first_carried_on is None:
            course.first_carried_on = step.on
    elif isinstance(step, CaseAnswered):
        course.answers.append(fact)
    elif isinstance(step, CaseLifted):
        course.phase, course.changed_by = "lifted", fact


def _state(course: _Course, rules: Rules, day: str) -> CaseState:
    phase = course.phase_on(day)
    match = course.match.body if course.match else None
    assert match is None or isinstance(match, CaseMatched)
    answered = {fact.issuer for fact in course.answers}
    executors = [executor.uscc for executor in course.body.executors]
    first = course.first_carried_on
    return CaseState(
        fact=course.fact,
        state=phase,
        counts=phase == "approved" and course.body.from_day <= day,
        reviewed_on=course.reviewed_on,
        matched_on=match.on if match else None,
        records=tuple(Reference(row.issuer, row.id) for row in match.records) if match else None,
        answers=tuple(course.answers),
        waiting=tuple(code for code in executors if code not in answered) if first else (),
        feedback_due=rules.due("feedback", first) if first else None,
        changed_by=course.changed_by,
    )


def _index_of(fact: Fact) -> int:
    return fact.index
