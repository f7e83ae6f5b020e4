"""What each statement makes due, and which duties were done late or not at all."""

from typing import Any

import pytest
from bodies import AUTHORITY, BODIES, ISSUER
from credit_facts import OWNER, RULES, FactLog

from ledger.catalog import load_catalogue
from ledger.domain import KINDS, parse_body
from ledger.domain.deadlines import Due, due_of, duties_of
from ledger.formats.statement import Statement

STATEMENT = Statement("", "", "", ISSUER, 0, {}, {})


@pytest.mark.parametrize(
    ("kind", "changes", "due"),
    [
        ("penalty.published", {}, Due("expiry", "2027-01-05")),
        ("penalty.published", {"severity": "minor"}, None),
        ("penalty.published", {"published_until": "2026-07-05"}, Due("expiry", "2026-07-05")),
        ("list.entered", {"until": None}, None),
        ("list.entered", {"until": "2028-01-05"}, Due("expiry", "2028-01-05")),
        ("licence.published", {}, Due("expiry", "2029-01-05")),
        ("evaluation.published", {}, Due("expiry", "2027-01-04")),
        ("contract.reported", {"performance": "performed"}, None),
        ("contract.reported", {"performance": "breached"}, Due("expiry", "2027-01-05")),
        ("enforcement.published", {}, None),
        ("commitment.made", {}, None),
        ("commitment.performed", {"outcome": "kept"}, None),
        ("commitment.performed", {"outcome": "broken", "on": "2026-03-02"}, Due("expiry", "2027-03-02")),
        ("correction.reported", {"corrected": "no"}, None),
        ("correction.reported", {"corrected": "yes"}, Due("expiry", "2026-03-02")),
        ("record.objected", {"raised_on": "2025-09-30"}, Due("objection", "2025-10-21")),
        ("objection.answered", {}, None),
        ("repair.applied", {"applied_on": "2026-05-06"}, Due("acceptance", "2026-05-19")),
        ("repair.accepted", {"accepted_on": "2026-05-08"}, Due("decision", "2026-05-12")),
        ("repair.approved", {}, None),
        ("repair.rejected", {}, None),
        ("record.withdrawn", {}, None),
        ("record.expired", {}, None),
        ("list.removed", {}, None),
        ("case.initiated", {}, None),
        ("case.reviewed", {}, None),
        ("case.matched", {"on": "2026-03-04"}, Due("feedback", "2026-03-18")),
        ("case.matched", {"records": []}, None),
        ("case.answered", {}, None),
        ("case.lifted", {}, None),
        ("catalogue.published", {}, None),
        ("quality.reported", {}, None),
    ],
)
def test_a_statement_makes_due(kind: str, changes: dict[str, Any], due: Due | None) -> None:
    body = parse_body(KINDS[f"credit.{kind}"], {**BODIES[f"credit.{kind}"], **changes})
    assert due_of(STATEMENT, body, RULES) == (() if due is None else (due,))


def test_the_deadlines_are_those_of_the_catalogue() -> None:
    assert {code: row.days for code, row in load_catalogue().deadlines.items()} == {
        "publication": 7,
        "objection": 10,
        "acceptance": 10,
        "decision": 3,
        "withdrawal": 3,
        "feedback": 10,
    }


def started(log: FactLog) -> Any:
    record = log.record("penalty.published")
    log.step(record, "correction.reported", "2026-03-02")
    return record


def test_duties_are_the_authoritys_and_done_by_the_step_that_answers() -> None:
    log = FactLog()
    record = started(log)
    objected = log.step(record, "record.objected", "2026-03-02")
    answered = log.step(record, "objection.answered", "2026-03-16")
    applied = log.step(record, "repair.applied", "2026-04-07")
    accepted = log.step(record, "repair.accepted", "2026-04-28")
    approved = log.step(record, "repair.approved", "2026-04-30")
    objection, acceptance, decision = duties_of(log.facts, RULES)
    assert {duty.authority for duty in (objection, acceptance, decision)} == {AUTHORITY}
    assert (objection.started_by, objection.done_by, objection.due) == (objected, answered, "2026-03-16")
    assert (acceptance.started_by, acceptance.done_by, acceptance.due) == (applied, accepted, "2026-04-21")
    assert (decision.done_by, decision.done_on, decision.due) == (approved, "2026-04-30", "2026-05-06")
    assert [duty.is_late("2030-01-01") for duty in (objection, acceptance, decision)] == [False, True, False]


def test_what_is_not_done_is_late_when_its_last_day_has_passed() -> None:
    log = FactLog()
    log.step(started(log), "record.objected", "2026-03-02")
    [duty] = duties_of(log.facts, RULES)
    assert [duty.is_late(day) for day in ("2026-03-16", "2026-03-17")] == [False, True]
    assert duty.done_by is None


@pytest.mark.parametrize(
    ("kind", "changes", "done"),
    [
        ("repair.rejected", {}, {"acceptance"}),
        ("record.withdrawn", {}, {"acceptance"}),
        ("objection.answered", {"outcome": "withdrawn"}, {"acceptance", "objection"}),
        ("objection.answered", {"outcome": "rejected"}, {"objection"}),
    ],
)
def test_a_step_that_ends_the_matter_ends_its_duties(
    kind: str, changes: dict[str, Any], done: set[str]
) -> None:
    log = FactLog()
    record = started(log)
    log.step(record, "record.objected", "2026-04-06")
    log.step(record, "repair.applied", "2026-04-07")
    log.step(record, kind, "2026-04-08", **changes)
    assert {duty.kind for duty in duties_of(log.facts, RULES) if duty.done_by} == done


def test_an_ineffective_step_starts_and_ends_nothing() -> None:
    log = FactLog()
    record = started(log)
    log.step(record, "repair.applied", "2026-03-03")
    log.step(record, "repair.accepted", "2026-03-04", OWNER)
    assert duties_of(log.facts, RULES) == ()
