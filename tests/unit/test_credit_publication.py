"""When a record counts: terms by class, effective dates, replacement, and decisions published again."""

from datetime import date, timedelta
from typing import Any

import pytest
from bodies import TAG
from credit_facts import OPERATOR, OWNER, RULES, STRANGER, FactLog, make_fact

from ledger.domain.credit_state import check_step
from ledger.domain.facts import Fact
from ledger.errors import NotEntitled, StepRefused
from ledger.formats.statement import Reference

REPAIR = (
    ("correction.reported", "2026-04-06"),
    ("repair.applied", "2026-04-07"),
    ("repair.accepted", "2026-04-08"),
    ("repair.approved", "2026-04-09"),
)


def repaired(log: FactLog, **changes: Any) -> Fact:
    record = log.record("penalty.published", **changes)
    for kind, day in REPAIR:
        log.step(record, kind, day)
    return record


@pytest.mark.parametrize(
    ("changes", "first", "last"),
    [
        ({"severity": "general"}, "2026-01-05", "2027-01-05"),
        ({"severity": "serious"}, "2026-01-05", "2029-01-05"),
        ({"severity": "minor"}, None, None),
        ({"severity": "minor", "publish_from": "2026-01-12"}, "2026-01-12", "2026-04-05"),
        ({"penalty_kinds": ["warning"]}, None, None),
        ({"penalty_kinds": ["warning", "fine"]}, "2026-01-05", "2027-01-05"),
        ({"penalty_kinds": ["fine", "permit-revoked"]}, "2026-01-05", "2029-01-05"),
        ({"penalty_kinds": ["permit-revoked"], "severity": "general"}, "2026-01-05", "2027-01-05"),
        ({"publish_from": "2026-02-01"}, "2026-02-01", "2027-01-05"),
        ({"published_until": "2026-07-05"}, "2026-01-05", "2026-07-05"),
        ({"published_until": "2030-01-05"}, "2026-01-05", "2027-01-05"),
        ({"decided_on": "2025-11-30", "severity": "minor", "publish_from": "2025-11-30"},
         "2025-11-30", "2026-02-28"),
        ({"decided_on": "2024-02-29"}, "2024-02-29", "2025-02-28"),
    ],
)  # fmt: skip
def test_a_penalty_is_published_for_the_term_of_its_class(
    changes: dict[str, Any], first: str | None, last: str | None
) -> None:
    log = FactLog()
    log.record("penalty.published", **changes)
    if first is None or last is None:
        [state] = log.state("2026-02-01").records
        assert (state.state, state.reason, state.counts) == ("pending", "not_published", False)
        return
    for day, expected in (
        (before(first), "not_yet"),
        (first, "in_force"),
        (last, "in_force"),
        (after(last), "expired"),
    ):
        assert log.state(day).records[0].reason == expected, day


@pytest.mark.parametrize(
    ("kind", "changes", "first", "last"),
    [
        ("list.entered", {"until": "2026-05-31"}, "2026-01-05", "2026-05-31"),
        ("list.entered", {"until": None}, "2026-01-05", None),
        ("list.entered", {"until": None, "severity": "minor"}, "2026-01-05", None),
        ("licence.published", {}, "2026-01-05", "2029-01-05"),
        ("licence.published", {"valid_until": ...}, "2026-01-05", None),
        ("evaluation.published", {}, "2026-01-05", "2027-01-04"),
        ("contract.reported", {"performance": "breached"}, "2026-01-05", "2027-01-05"),
        ("contract.reported", {"performance": "performed"}, "2026-01-05", None),
        ("enforcement.published", {"performance": "full"}, "2026-01-05", None),
        ("commitment.made", {}, "2026-01-05", None),
    ],
)
def test_other_records_end_with_what_they_say(
    kind: str, changes: dict[str, Any], first: str, last: str | None
) -> None:
    log = FactLog()
    log.record(kind, **changes)
    assert log.state(before(first)).records[0].reason == "not_yet"
    assert log.state(first).records[0].counts
    assert log.state(last or "2199-12-31").records[0].counts
    if last is not None:
        [state] = log.state(after(last)).records
        assert (state.state, state.counts) == ("expired", False)


def test_what_is_reported_uncorrected_stays_until_it_is_corrected() -> None:
    log = FactLog()
    record = log.record("penalty.published")
    log.step(record, "correction.reported", "2026-12-01", corrected="no")
    [state] = log.state("2028-06-01").records
    assert (state.counts, state.publish_until, state.corrected) == (True, None, False)
    log.step(record, "correction.reported", "2028-06-02", corrected="yes")
    assert log.state("2028-06-02").records[0].counts
    assert log.state("2028-06-03").records[0].state == "expired"


def test_correction_before_the_end_does_not_move_it() -> None:
    log = FactLog()
    record = log.record("penalty.published")
    log.step(record, "correction.reported", "2026-02-01", corrected="no")
    log.step(record, "correction.reported", "2026-03-01", corrected="yes")
    [state] = log.state("2026-06-01").records
    assert (state.publish_until, state.corrected) == ("2027-01-05", True)


def test_a_repair_counts_from_the_day_it_was_decided() -> None:
    log = FactLog()
    record = repaired(log)
    assert log.state("2026-04-08").records[0].counts
    assert log.state("2026-04-08").records[0].repair == "accepted"
    [state] = log.state("2026-04-09").no_longer
    assert (state.state, state.repair, state.changed_by) == ("repaired", "approved", log.facts[-1])
    assert state.fact is record


def test_the_marks_are_those_of_the_day() -> None:
    log = FactLog()
    record = log.record("penalty.published")
    log.step(record, "record.objected", "2026-02-02")
    log.step(record, "objection.answered", "2026-02-09")
    assert [log.state(f"2026-02-0{day}").records[0].objected for day in (1, 2, 8, 9)] == [
        False,
        True,
        True,
        False,
    ]
    outcomes = [step.outcome for step in log.state("2026-02-05").steps]
    assert outcomes == ["applied", "upcoming"]


@pytest.mark.parametrize("kind", ["record.withdrawn", "list.removed", "objection.answered"])
def test_what_was_withdrawn_never_counted(kind: str) -> None:
    log = FactLog()
    record = log.record("list.entered")
    if kind == "objection.answered":
        log.step(record, "record.objected", "2026-03-01")
    reasons = {"list.removed": {"reason": "withdrawn"}, "objection.answered": {"outcome": "withdrawn"}}
    log.step(record, kind, "2026-06-01", **reasons.get(kind, {}))
    for day in ("2026-01-05", "2026-05-31", "2026-06-01", "2027-06-01"):
        [state] = log.state(day).no_longer
        assert (state.state, state.changed_by) == ("withdrawn", log.facts[-1])


def test_a_record_that_replaces_another_counts_in_its_stead() -> None:
    log = FactLog()
    old = log.record("penalty.published", severity="serious")
    new = log.record("penalty.published", replaces=old, severity="general")
    state = log.state("2026-06-01")
    assert [each.fact for each in state.counting] == [new]
    assert [(each.fact, each.state, each.changed_by) for each in state.no_longer] == [(old, "replaced", new)]


@pytest.mark.parametrize(
    ("changes", "issuer", "code"),
    [
        ({"document": "另一号"}, OWNER, "other_record"),
        ({}, STRANGER, None),
        ({"related": ...}, OWNER, "related_missing"),
    ],
    ids=["other-number", "other-issuer", "fewer-related"],
)
def test_a_replacement_that_does_not_fit_replaces_nothing(
    changes: dict[str, Any], issuer: str, code: str | None
) -> None:
    log = FactLog()
    related = [{"role": "legal-representative", "person_tag": TAG, "epoch": 0}]
    old = log.record("penalty.published", related=related)
    new = make_fact(
        1,
        "penalty.published",
        issuer,
        (Reference(old.issuer, old.id),),
        **{"related": related, **changes},
    )
    with pytest.raises((StepRefused, NotEntitled)) as caught:
        check_step(old, [old], new, RULES, "2026-06-01")
    assert getattr(caught.value, "reason", None) == code
    log.facts.append(new)
    assert [each.fact for each in log.state("2026-06-01").counting] == [old, new]


def test_a_record_is_replaced_by_its_own_kind() -> None:
    log = FactLog()
    old = log.record("list.entered")
    new = make_fact(1, "licence.published", OWNER, (Reference(old.issuer, old.id),))
    with pytest.raises(StepRefused) as caught:
        check_step(old, [old], new, RULES, "2026-06-01")
    assert caught.value.reason == "wrong_kind"


def test_what_ended_is_not_replaced() -> None:
    log = FactLog()
    old = repaired(log)
    new = make_fact(9, "penalty.published", OWNER, (Reference(old.issuer, old.id),))
    with pytest.raises(StepRefused) as caught:
        check_step(old, log.facts, new, RULES, "2026-06-01")
    assert caught.value.reason == "record_ended"
    log.facts.append(new)
    assert not log.state("2026-06-01").counting


def test_a_repaired_decision_that_is_published_again_does_not_count_again() -> None:
    log = FactLog()
    repaired(log)
    again = log.record("penalty.published")
    other = log.record("penalty.published", document="另一号")
    by_another = log.record("penalty.published", STRANGER)
    state = log.state("2026-06-01")
    assert [each.fact for each in state.counting] == [other, by_another]
    assert (state.no_longer[-1].fact, state.no_longer[-1].reason) == (again, "repaired")


def test_a_decision_that_was_published_twice_is_repaired_twice() -> None:
    log = FactLog()
    twin = log.record("penalty.published")
    record = log.record("penalty.published")
    for kind, day in REPAIR:
        log.step(record, kind, day)
    assert [each.fact for each in log.state("2026-06-01").counting] == [twin]


def test_what_is_hidden_is_each_entry_that_no_longer_counts_with_its_steps() -> None:
    log = FactLog()
    repaired(log)
    kept = log.record("penalty.published", document="另一号")
    log.step(kept, "record.objected", "2026-05-01")
    log.step(kept, "record.withdrawn", "2026-05-02", STRANGER)
    hidden = [(fact.index, reason) for fact, reason in log.state("2026-06-01").hidden]
    assert hidden == [(0, "repaired"), (1, "step"), (2, "step"), (3, "step"), (4, "step"), (7, "ineffective")]


def test_the_operators_expiry_changes_no_day_on_which_the_record_counted() -> None:
    log = FactLog()
    record = log.record("penalty.published")
    without = [log.state(day).records[0].counts for day in ("2026-06-01", "2027-01-05", "2027-01-06")]
    log.step(record, "record.expired", "2027-01-06", OPERATOR)
    days = ("2026-06-01", "2027-01-05", "2027-01-06")
    assert [log.state(day).records[0].counts for day in days] == without == [True, True, False]


def test_statements_that_are_no_records_are_left_to_others() -> None:
    log = FactLog()
    case = log.record("case.initiated")
    assert log.state("2026-06-01").others == (case,)


def before(day: str) -> str:
    return _moved(day, -1)


def after(day: str) -> str:
    return _moved(day, 1)


def _moved(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
