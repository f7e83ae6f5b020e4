"""The population of the benchmarks is one that the log takes, and whose every step has its effect."""

from collections import defaultdict
from datetime import date

import pytest

from ledger.catalog import load_catalogue
from ledger.domain import validate
from ledger.domain.credit_state import fold_credit
from ledger.domain.deadlines import due_of
from ledger.domain.door import check_statement
from ledger.domain.facts import Fact
from ledger.domain.rules import rules_of
from ledger.domain.subjects import subject_tag
from scripts.benchmarks.population import Population
from scripts.samples.codes import uscc

RECORDS = 1_200
TODAY = date(2026, 11, 22)
ISSUER, AUTHORITY, OPERATOR = (uscc("1", "1", "990100", number) for number in (1, 2, 3))


@pytest.fixture(scope="module")
def population() -> Population:
    return Population(
        subjects=200,
        records=RECORDS,
        seed=7,
        start=1_790_000_000_000,
        today=TODAY,
        log="yunling.example/credit",
        issuer=ISSUER,
        authorities=[(AUTHORITY, "云岭市市场监督管理局")],
    )


def test_the_log_takes_every_record_and_every_step_is_effective(population: Population) -> None:
    rules = rules_of(load_catalogue(), OPERATOR)
    told: dict[str, list[Fact]] = defaultdict(list)
    for number in range(RECORDS):
        statement = population.statement(number)
        body = validate(statement)
        check_statement(statement, body, rules, ("publisher:credit", "lister"), TODAY.isoformat())
        fact = Fact(number, statement.issuer, statement.id, statement.refers, body)
        told[subject_tag(body.subject)].append(fact)  # type: ignore[attr-defined]
    steps = 0
    for facts in told.values():
        state = fold_credit(facts, rules, TODAY.isoformat())
        assert not state.ineffective
        steps += len(state.steps)
    assert steps > RECORDS / 10


def test_a_record_is_the_same_whoever_makes_it(population: Population) -> None:
    numbers = (0, 17, RECORDS - 1)
    assert [population.statement(number) for number in numbers] == [
        population.statement(number) for number in numbers
    ]


def test_records_are_spread_unevenly_over_the_subjects(population: Population) -> None:
    counted: dict[str, int] = defaultdict(int)
    for number in range(RECORDS):
        counted[population.statement(number).body["subject"]["uscc"]] += 1
    assert len(counted) > 150
    assert max(counted.values()) > 2 * RECORDS / 200


def test_no_deadline_has_passed(population: Population) -> None:
    rules = rules_of(load_catalogue(), OPERATOR)
    for number in range(RECORDS):
        statement = population.statement(number)
        for due in due_of(statement, validate(statement), rules):
            assert due.day >= TODAY.isoformat(), (statement.kind, due)
