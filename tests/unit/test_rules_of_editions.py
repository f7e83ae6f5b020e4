"""A record keeps the class and the terms of the edition of its decision, whatever later editions say."""

from dataclasses import replace
from typing import Any

import pytest
from credit_facts import OPERATOR, FactLog, a_broken_commitment, make_fact

from ledger.catalog import Catalogue, load_catalogue
from ledger.domain.credit_state import fold_credit
from ledger.domain.rules import Rules, rules_of

FIRST = replace(load_catalogue(), edition="2026.2", from_day="2026-01-01")


def stricter(from_day: str, edition: str = "2026.3") -> Catalogue:
    """General records are published for at least nine months and at most two years, and duties take a day."""
    general = replace(FIRST.terms["general"], min_months=9, max_months=24)
    return replace(
        FIRST,
        edition=edition,
        from_day=from_day,
        terms={**FIRST.terms, "general": general},
        deadlines={code: replace(row, days=1) for code, row in FIRST.deadlines.items()},
    )


def rules(*editions: Catalogue) -> Rules:
    *earlier, catalogue = editions
    return rules_of(catalogue, OPERATOR, tuple(earlier))


def body(decided_on: str) -> Any:
    return make_fact(0, "penalty.published", decided_on=decided_on).body


@pytest.mark.parametrize(
    ("decided_on", "until"),
    [
        ("2025-06-01", "2026-06-01"),
        ("2026-05-31", "2027-05-31"),
        ("2026-06-01", "2028-06-01"),
    ],
)
def test_a_record_has_the_terms_of_the_edition_on_the_day_of_its_decision(
    decided_on: str, until: str
) -> None:
    assert rules(FIRST, stricter("2026-06-01")).publication(body(decided_on)).until == until


def test_before_the_first_edition_the_first_one_counts() -> None:
    alone = rules(stricter("2026-06-01"))
    assert alone.publication(body("2026-01-05")).until == "2028-01-05"


def test_of_two_editions_that_begin_on_one_day_the_later_one_counts() -> None:
    both = rules(FIRST, stricter("2026-01-01"))
    assert both.publication(body("2026-01-05")).until == "2028-01-05"


def test_of_several_earlier_editions_the_one_in_force_counts() -> None:
    back = replace(FIRST, edition="2026.4", from_day="2026-09-01")
    three = rules(FIRST, stricter("2026-06-01"), back)
    ends = [three.publication(body(day)).until for day in ("2026-05-31", "2026-06-01", "2026-09-01")]
    assert ends == ["2027-05-31", "2028-06-01", "2027-09-01"]


def test_a_later_edition_does_not_undo_a_repair() -> None:
    log = FactLog()
    record = log.record("penalty.published")
    for kind, day in (
        ("correction.reported", "2026-04-06"),
        ("repair.applied", "2026-04-07"),
        ("repair.accepted", "2026-04-08"),
        ("repair.approved", "2026-04-09"),
    ):
        log.step(record, kind, day)
    later = fold_credit(log.facts, rules(FIRST, stricter("2026-06-01")), "2026-07-01")
    assert later.records[0].state == "repaired"
    assert not later.ineffective


def test_a_commitment_is_judged_by_the_edition_of_the_day_it_was_broken() -> None:
    log = FactLog()
    a_broken_commitment(log, "2026-06-02")
    both = rules(FIRST, stricter("2026-06-01"))
    assert fold_credit(log.facts, both, "2026-07-01").records[0].publish_until == "2028-06-02"


def test_a_duty_has_the_deadline_of_the_day_that_started_it() -> None:
    both = rules(FIRST, stricter("2026-06-01"))
    assert both.due("objection", "2026-05-29") == "2026-06-12"
    assert both.due("objection", "2026-06-01") == "2026-06-02"
