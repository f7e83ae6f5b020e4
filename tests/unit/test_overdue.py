"""Which duties are past their deadline and not done, for whom, as of which day, and who may ask."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from credit_log import BUREAU, COURT, DAY_MS, OPERATOR, CreditLog, penalty, real_rules, step

from ledger.errors import RoleMissing
from ledger.formats.statement import Reference
from ledger.log.clock import china_day
from ledger.merkle import leaf_hash
from ledger.services.duties import Duties
from ledger.services.overdue import OverdueService

TODAY = "2026-11-22"
DUE, PAST = "2026-12-04", "2026-12-05"
"""The last of ten working days from a Sunday on, and the day after."""


@dataclass(frozen=True)
class Caller:
    member: str
    roles: frozenset[str]


AUDITOR = Caller(OPERATOR, frozenset({"auditor"}))


class Court:
    """A log in which things are owed."""

    def __init__(self, folder: Path) -> None:
        self.log = CreditLog(folder, real_rules(folder))
        self.duties = Duties(self.log.store, self.log.rulebook.rules)  # type: ignore[attr-defined]
        self.service = OverdueService(self.log.store, self.duties, self.log.clock)

    def move_to(self, day: str) -> None:
        while china_day(self.log.now) < day:
            self.log.now += DAY_MS

    def record(self, document: str = "1号", **changes: Any) -> Reference:
        return self.log.publish("credit.penalty.published", penalty(document, **changes))

    def take(self, kind: str, record: Reference, document: str = "1号", **members: Any) -> Reference:
        return self.log.publish(f"credit.{kind}", step(document, **members), refers=record)

    def object(self, document: str = "1号") -> Reference:
        record = self.record(document)
        self.take("record.objected", record, document, raised_on=TODAY, grounds="事实不符")
        return record

    def answer(self, record: Reference, day: str, document: str = "1号") -> None:
        self.take("objection.answered", record, document, outcome="rejected", answered_on=day, reasons="属实")

    def overdue(self, day: str | None = None, caller: Caller = AUDITOR, **asked: Any) -> list[str]:
        """The last days of what was overdue."""
        return [line.due for line in self.service.overdue(caller, day, **asked).lines]


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    made = Court(tmp_path)
    yield made
    made.log.close()


def test_an_objection_is_overdue_from_the_day_after_its_last_day_until_it_is_answered(court: Court) -> None:
    record = court.object()
    assert court.overdue(DUE) == []
    assert court.overdue(PAST) == [DUE]
    court.move_to("2026-12-08")
    assert court.overdue() == [DUE], "today, if no day is given"
    court.answer(record, "2026-12-08")
    assert court.overdue() == []
    assert court.overdue("2026-12-07") == [DUE], "as of a day before the answer it still was"
    assert court.overdue(DUE) == []


def test_what_was_settled_since_is_still_told_as_of_an_earlier_day(court: Court) -> None:
    record = court.object()
    court.move_to("2026-12-08")
    court.answer(record, "2026-12-08")
    assert court.log.clerk().settle_duties("2026-12-09") == 1
    assert court.overdue("2026-12-07") == [DUE]
    assert court.overdue("2026-12-08") == []


def test_a_line_names_record_and_step_by_reference_and_counts_name_the_authority(court: Court) -> None:
    first, second = court.object("1号"), court.object("2号")
    court.answer(second, TODAY, "2号")
    answer = court.service.overdue(AUDITOR, PAST)
    assert answer.total == 1
    (count,) = answer.counts
    assert (count.authority, count.authority_name, count.kind, count.count, count.oldest) == (
        BUREAU,
        "云岭市生态环境局",
        "objection",
        1,
        DUE,
    )
    (line,) = answer.lines
    assert (line.record.issuer, line.record.id, line.record.index) == (first.issuer, first.id, 0)
    stored = court.log.store.entry(line.started_by.index)
    assert stored is not None
    assert (line.started_by.index, line.started_by.leaf_hash) == (1, leaf_hash(stored.entry).hex())


def test_repair_owes_acceptance_first_and_then_a_decision(court: Court) -> None:
    record = court.record(penalty_kinds=["warning"], publish_from="2026-11-20")
    court.take("correction.reported", record, corrected="yes", on=TODAY)
    court.take("repair.applied", record, applied_on=TODAY, commitment="承诺书1号")
    assert [line.kind for line in court.service.overdue(AUDITOR, PAST).lines] == ["acceptance"]
    court.move_to("2026-11-24")
    court.take("repair.accepted", record, accepted_on="2026-11-24")
    assert court.overdue("2026-11-27") == []
    assert [line.kind for line in court.service.overdue(AUDITOR, "2026-11-28").lines] == ["decision"]
    assert court.overdue("2026-11-28", kind="acceptance") == []
    court.take("repair.approved", record, decided_on="2026-11-24", basis="修复办法")
    assert court.overdue("2026-11-28") == []


def test_each_executor_owes_feedback_from_the_first_match_on(court: Court) -> None:
    log = court.log
    court.record()
    body = {
        "case": "1号",
        "subject": penalty()["subject"],
        "proposer": {"uscc": BUREAU, "name": "云岭市生态环境局"},
    }
    executors = [{"uscc": COURT, "name": "法院"}, {"uscc": BUREAU, "name": "云岭市生态环境局"}]
    opening = {"field": "环保", "reason": "严重", "measures": ["wage-procurement"], "basis": "备忘录"}
    initiated = log.publish(
        "credit.case.initiated", {**body, **opening, "from": TODAY, "executors": executors}
    )
    log.publish("credit.case.reviewed", {**body, "outcome": "approved", "on": TODAY}, OPERATOR, initiated)
    log.checkpoint()
    log.clerk().match(TODAY)
    answered = {**body, "executor": executors[0], "desk": "d-1", "applied": "yes", "content": "已限制"}
    del answered["proposer"]
    log.publish("credit.case.answered", {**answered, "on": TODAY}, COURT, initiated)
    # A later match starts no further time.
    court.record("2号")
    court.move_to("2026-11-23")
    log.checkpoint()
    assert log.clerk().match("2026-11-23") == 1
    answer = court.service.overdue(AUDITOR, "2027-03-01")
    assert [(line.kind, line.authority, line.due) for line in answer.lines] == [("feedback", BUREAU, DUE)]


def test_a_step_without_effect_starts_no_duty(court: Court) -> None:
    record = court.object()
    # As a log without the gate would have taken it: the record has an open objection already.
    statement = court.log.statement(
        "credit.record.objected", step("1号", raised_on=TODAY, grounds="再次"), refers=record
    )
    entry = court.log.admission.admit(court.log.envelope(statement)).entry
    court.log.store.append([[entry]], court.log.now)
    assert len(court.log.store.due("objection", PAST, 9)) == 2
    assert court.overdue(PAST) == [DUE]


class TestWhoSeesWhat:
    def test_auditors_and_the_operator_see_everybodys(self, court: Court) -> None:
        court.object()
        for role in ("auditor", "operator"):
            assert court.overdue(PAST, Caller(COURT, frozenset({role}))) == [DUE]

    def test_a_member_sees_its_own_only(self, court: Court) -> None:
        court.object()
        publisher = frozenset({"publisher:credit"})
        assert court.overdue(PAST, Caller(BUREAU, publisher)) == [DUE]
        assert court.overdue(PAST, Caller(BUREAU, publisher), authority=BUREAU) == [DUE]
        assert court.overdue(PAST, Caller(COURT, publisher)) == []
        with pytest.raises(RoleMissing):
            court.overdue(PAST, Caller(COURT, publisher), authority=BUREAU)

    def test_who_issued_a_record_for_another_authority_sees_what_is_owed_about_it(self, court: Court) -> None:
        record = court.log.publish("credit.penalty.published", penalty("1号"), COURT)
        court.take("record.objected", record, raised_on=TODAY, grounds="事实不符")
        assert court.overdue(PAST, Caller(COURT, frozenset())) == [DUE]
        assert court.overdue(PAST, authority=COURT) == [], "it is the authority's to do"


def test_pages_follow_one_another_and_counts_are_of_all(court: Court) -> None:
    for place in range(7):
        court.object(f"{place}号")
    seen: list[int] = []
    after = None
    while True:
        answer = court.service.overdue(AUDITOR, PAST, after=after, limit=3)
        assert (answer.total, answer.counts[0].count) == (7, 7)
        seen += [line.record.index for line in answer.lines]
        after = answer.after
        if after is None:
            break
    assert seen == [0, 2, 4, 6, 8, 10, 12]
