"""The fold of credit statements holds for every history, also for those that no door would have let in."""

import random
from datetime import date, timedelta
from typing import Any

from credit_facts import OPERATOR, OWNER, RULES, STRANGER, make_fact
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import ObjectionAnswered, Record, RecordObjected, RepairApplied, Step
from ledger.domain.credit_state import RecordState, check_step, fold_credit
from ledger.domain.deadlines import duties_of
from ledger.domain.facts import Fact
from ledger.errors import NotEntitled, StepRefused
from ledger.formats.statement import Reference

FAR = "2199-01-01"
FIRST = date(2026, 1, 5)
DAYS = st.integers(0, 500).map(lambda days: (FIRST + timedelta(days=days)).isoformat())
NUMBERS = ("一号", "二号")
RECORDS = ("penalty.published", "list.entered", "commitment.made")
STEP_DAYS = {
    "record.objected": "raised_on",
    "objection.answered": "answered_on",
    "correction.reported": "on",
    "repair.applied": "applied_on",
    "repair.accepted": "accepted_on",
    "repair.approved": "decided_on",
    "repair.rejected": "decided_on",
    "record.withdrawn": "decided_on",
    "record.expired": "expired_on",
    "commitment.performed": "on",
    "list.removed": "removed_on",
}
CHOICES = {
    "objection.answered": ("outcome", ("rejected", "corrected", "withdrawn")),
    "correction.reported": ("corrected", ("yes", "yes", "no")),
    "commitment.performed": ("outcome", ("kept", "broken", "waived")),
    "list.removed": ("reason", ("repaired", "lifted", "expired", "withdrawn")),
}


def _record(draw: st.DrawFn, index: int, refers: tuple[Reference, ...]) -> Fact:
    kind = draw(st.sampled_from(RECORDS))
    number = draw(st.sampled_from(NUMBERS))
    day = draw(DAYS)
    changes: dict[str, Any]
    if kind == "list.entered":
        until = draw(st.sampled_from((None, day, max(day, draw(DAYS)))))
        changes = {"case": number, "from": day, "until": until}
    elif kind == "commitment.made":
        changes = {"document": number, "made_on": day, "until": ...}
    else:
        severity = draw(st.sampled_from(("minor", "general", "serious")))
        changes = {"document": number, "decided_on": day, "severity": severity}
    return make_fact(index, kind, draw(st.sampled_from((OWNER, STRANGER))), refers, **changes)


def _step(draw: st.DrawFn, index: int, target: Fact, day: str) -> Fact:
    kind = draw(st.sampled_from(tuple(STEP_DAYS)))
    body: Any = target.body
    number = "case" if kind == "list.removed" else "number"
    changes: dict[str, Any] = {STEP_DAYS[kind]: day, number: body.number}
    if kind in CHOICES:
        name, values = CHOICES[kind]
        changes[name] = draw(st.sampled_from(values))
    issuer = draw(st.sampled_from((target.issuer, target.issuer, OPERATOR, STRANGER)))
    return make_fact(index, kind, issuer, (Reference(target.issuer, target.id),), **changes)


@st.composite
def histories(draw: st.DrawFn, start: int = 0) -> list[Fact]:
    """Records, replacements, and steps that refer to any of them, mostly in the order of their days."""
    facts = [_record(draw, start, ())]
    for index in range(start + 1, start + draw(st.integers(1, 14))):
        records = [fact for fact in facts if isinstance(fact.body, Record)]
        target = draw(st.sampled_from(records))
        if draw(st.integers(0, 5)) == 0:
            replaces = draw(st.booleans())
            refers = (Reference(target.issuer, target.id),) if replaces else ()
            facts.append(_record(draw, index, refers))
        else:
            facts.append(_step(draw, index, target, draw(DAYS)))
    return facts


@st.composite
def lives(draw: st.DrawFn) -> list[Fact]:
    """One penalty and steps by those entitled, their days never going back: long lives, mostly effective."""
    record = make_fact(0, "penalty.published", severity=draw(st.sampled_from(("minor", "general"))))
    facts, at = [record], FIRST
    for index in range(1, draw(st.integers(2, 14))):
        at += timedelta(days=draw(st.sampled_from((0, 1, 30, 100))))
        facts.append(_step(draw, index, record, at.isoformat()))
    return facts


ANY = st.one_of(histories(), lives())


@given(ANY, DAYS, st.randoms())
def test_the_order_in_which_facts_are_given_does_not_matter(
    facts: list[Fact], day: str, shuffler: random.Random
) -> None:
    shuffled = facts[:]
    shuffler.shuffle(shuffled)
    assert fold_credit(shuffled, RULES, day) == fold_credit(facts, RULES, day)
    assert fold_credit(facts, RULES, day) == fold_credit(facts, RULES, day)


@given(ANY, DAYS)
def test_every_statement_stands_in_exactly_one_place(facts: list[Fact], day: str) -> None:
    state = fold_credit(facts, RULES, day)
    places = [*(record.fact for record in state.records), *(step.fact for step in state.steps), *state.others]
    assert sorted(fact.index for fact in places) == [fact.index for fact in facts]
    assert {record.fact.index for record in state.counting} | {
        record.fact.index for record in state.no_longer
    } == {record.fact.index for record in state.records}


@given(ANY, DAYS)
def test_what_counts_is_within_its_days_or_uncorrected(facts: list[Fact], day: str) -> None:
    for record in fold_credit(facts, RULES, day).counting:
        assert record.state == "published"
        assert record.publish_from is not None
        assert record.publish_from <= day
        assert record.corrected is False or record.publish_until is None or day <= record.publish_until


@given(ANY, DAYS)
def test_no_ineffective_and_no_upcoming_step_changes_anything(facts: list[Fact], day: str) -> None:
    state = fold_credit(facts, RULES, day)
    dropped = {step.fact.index for step in state.steps if step.outcome == "ineffective"}
    left = fold_credit([fact for fact in facts if fact.index not in dropped], RULES, day)
    assert left.records == state.records
    # Withdrawal and replacement say that a record never counted, whatever their date; others wait.
    annulled = any(record.state == "withdrawn" for record in state.records)
    if not annulled and not any(fact.refers for fact in facts if isinstance(fact.body, Record)):
        dropped |= {step.fact.index for step in state.steps if step.outcome == "upcoming"}
        left = fold_credit([fact for fact in facts if fact.index not in dropped], RULES, day)
        assert left.records == state.records


@given(ANY)
def test_the_door_and_the_fold_say_the_same(facts: list[Fact]) -> None:
    refused = {step.fact.index: step.refused for step in fold_credit(facts, RULES, FAR).steps}
    by_name = {(fact.issuer, fact.id): fact for fact in facts}
    for place, step in enumerate(facts):
        if not isinstance(step.body, Step):
            continue
        record = by_name[step.refers[0].issuer, step.refers[0].id]
        code = None
        try:
            check_step(record, facts[:place], step, RULES, FAR)
        except StepRefused as error:
            code = error.reason
        except NotEntitled:
            code = "not_entitled"
        assert code == refused[step.index]


def _ended(state: RecordState) -> bool:
    return state.state in ("repaired", "withdrawn", "lifted", "replaced")


@given(ANY, histories(start=100), DAYS, DAYS)
def test_what_was_repaired_or_withdrawn_never_counts_again(
    facts: list[Fact], later: list[Fact], day: str, other: str
) -> None:
    ended = {record.fact.index for record in fold_credit(facts, RULES, day).records if _ended(record)}
    after = fold_credit([*facts, *later], RULES, max(day, other))
    assert ended.isdisjoint(record.fact.index for record in after.counting)


@given(ANY, DAYS, DAYS)
def test_a_withdrawn_or_replaced_record_never_counted(facts: list[Fact], day: str, other: str) -> None:
    void = {
        record.fact.index
        for record in fold_credit(facts, RULES, day).records
        if record.state in ("withdrawn", "replaced")
    }
    assert void.isdisjoint(record.fact.index for record in fold_credit(facts, RULES, other).counting)


@given(ANY, DAYS)
def test_strangers_mark_a_record_at_most(facts: list[Fact], day: str) -> None:
    mine = [fact for fact in facts if fact.issuer != STRANGER]
    marks = [
        fact
        for fact in facts
        if fact.issuer != STRANGER or isinstance(fact.body, RecordObjected | RepairApplied)
    ]
    both = fold_credit(facts, RULES, day)
    own = [record for record in both.records if record.fact.issuer != STRANGER]
    assert own == [
        record for record in fold_credit(marks, RULES, day).records if record.fact.issuer != STRANGER
    ]
    assert {record.fact.index for record in own} == {
        record.fact.index for record in fold_credit(mine, RULES, day).records
    }


@given(ANY, DAYS)
def test_an_objection_alone_takes_nothing_away(facts: list[Fact], day: str) -> None:
    plain = [fact for fact in facts if not isinstance(fact.body, RecordObjected | ObjectionAnswered)]
    answered = any(getattr(fact.body, "outcome", "") == "withdrawn" for fact in facts)
    before = [record.counts for record in fold_credit(plain, RULES, day).records]
    after = [record.counts for record in fold_credit(facts, RULES, day).records]
    if not answered and not _any_back_dated(facts):
        assert before == after


def _any_back_dated(facts: list[Fact]) -> bool:
    return any(step.refused == "back_dated" for step in fold_credit(facts, RULES, FAR).steps)


@settings(max_examples=50)
@given(ANY)
def test_every_duty_was_started_by_an_effective_step_and_done_not_before_it(facts: list[Fact]) -> None:
    applied = {step.fact.index for step in fold_credit(facts, RULES, FAR).steps if step.outcome == "applied"}
    for duty in duties_of(facts, RULES):
        assert duty.started_by.index in applied
        started: Any = duty.started_by.body
        assert duty.due >= started.day
        if duty.done_by is not None:
            assert duty.done_by.index in applied
            assert duty.done_by.index > duty.started_by.index
