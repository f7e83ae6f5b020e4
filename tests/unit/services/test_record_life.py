"""The life of one record as its issuer, an auditor and others see it: state, steps, open deadlines, proof."""

from dataclasses import replace
from typing import Any

import pytest

from ledger.domain.records import case_tag
from ledger.domain.rules import rules_of
from ledger.errors import NotFound, NotYetPublished, RoleMissing
from ledger.formats.bundle import parse_bundle
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import Reference, Statement, parse_statement
from ledger.services.records import RecordService

DAY = "2026-09-20"


class Desk:
    def __init__(self, city: Any) -> None:
        self.city = city
        self.rules = rules_of(city.catalogue, city.operator)
        self.service = RecordService(
            city.logs["credit"].reader, city.recorder, lambda day: self.rules, city.clock
        )

    def step(self, record: Statement, kind: str, issuer: str | None = None, **body: Any) -> Statement:
        common = {name: record.body[name] for name in ("subject", "authority")}
        common["number"] = record.body["case"]
        return self.city.publish(f"credit.{kind}", common | body, issuer=issuer, refers=record)

    def ask(self, record: Statement, member: str | None = None, *roles: str) -> Any:
        self.city.checkpoint()
        asked = self.city.asked(*(roles or ("publisher:credit",)))
        asked = replace(asked, principal=replace(asked.principal, member=member or self.city.bureau))
        return self.service.record(Reference(record.issuer, record.id), asked)

    def repair(self, record: Statement) -> Statement:
        self.step(record, "correction.reported", corrected="yes", on=DAY)
        self.step(record, "repair.applied", self.city.court, applied_on=DAY, commitment="信修〔2026〕1号")
        self.step(record, "repair.accepted", accepted_on=DAY)
        return self.step(record, "repair.approved", decided_on=DAY, basis="信用信息修复管理办法")


@pytest.fixture
def desk(city: Any) -> Desk:
    return Desk(city)


@pytest.fixture
def record(desk: Desk) -> Statement:
    return desk.city.enter("wage-arrears", **{"from": "2025-01-05"})


def test_its_issuer_sees_the_state_the_steps_and_what_is_to_be_done(desk: Desk, record: Statement) -> None:
    city = desk.city
    objected = desk.step(record, "record.objected", city.court, raised_on=DAY, grounds="与事实不符")
    view = desk.ask(record).view
    assert (view.state, view.reason, view.counts, view.objected) == ("published", "in_force", True, True)
    assert view.body == record.body
    assert [(each.kind, each.issuer, each.outcome) for each in view.history] == [
        ("credit.record.objected", city.court, "applied")
    ]
    (deadline,) = view.deadlines
    assert (deadline.duty, deadline.due, deadline.overdue) == (
        "objection",
        desk.rules.due("objection", DAY),
        False,
    )
    assert deadline.since.id == objected.id
    city.now += 60 * 24 * 3600 * 1000
    assert desk.ask(record).view.deadlines[0].overdue
    desk.step(record, "objection.answered", outcome="rejected", answered_on=DAY, reasons="属实")
    view = desk.ask(record).view
    assert (view.objected, view.deadlines) == (False, ())


def test_the_whole_life_is_proved(desk: Desk, record: Statement) -> None:
    approved = desk.repair(record)
    answer = desk.ask(record)
    view = answer.view
    assert (view.state, view.counts, view.repair) == ("repaired", False, "approved")
    assert view.changed_by.id == approved.id
    assert [each.kind for each in view.history] == [
        "credit.correction.reported",
        "credit.repair.applied",
        "credit.repair.accepted",
        "credit.repair.approved",
    ]
    assert len(parse_bundle(answer.bundle).entries) == 5
    assert desk.city.proves(answer.bundle, ("case", case_tag(record.body["case"])))


def test_others_see_a_record_while_it_counts_and_then_that_it_ended(desk: Desk, record: Statement) -> None:
    city = desk.city
    assert desk.ask(record, city.court, "officer").view.body == record.body
    approved = desk.repair(record)
    answer = desk.ask(record, city.court, "officer")
    view = answer.view
    assert (view.state, view.body, view.history, view.deadlines) == ("repaired", None, (), ())
    assert (view.severity, view.repair, view.corrected, view.objected) == (None, None, None, None)
    assert view.changed_by.id == approved.id
    assert parse_bundle(answer.bundle).entries == ()
    (section,) = answer.completeness
    assert (section.total, section.shown) == (5, 0)
    for member, role in ((city.bureau, "officer"), (city.operator, "operator"), (city.court, "auditor")):
        assert desk.ask(record, member, role).view.body == record.body


def test_a_persons_record_is_for_its_issuer_and_the_auditor(desk: Desk) -> None:
    city = desk.city
    record = city.enter("dishonest-debtor", number=city.person)
    with pytest.raises(RoleMissing):
        desk.ask(record, city.court, "officer")
    answer = desk.ask(record)
    assert answer.view.body["subject"]["type"] == "person"
    assert city.person.encode() not in answer.bundle
    assert desk.ask(record, city.court, "auditor").view.counts


def test_a_step_that_was_not_allowed_is_shown_with_its_refusal(desk: Desk, record: Statement) -> None:
    desk.step(record, "repair.approved", decided_on=DAY, basis="信用信息修复管理办法")
    (step,) = desk.ask(record).view.history
    assert (step.outcome, step.refused) == ("ineffective", "repair_not_accepted")


def test_other_subjects_under_the_same_number_stay_apart(desk: Desk, record: Statement, uscc: Any) -> None:
    city = desk.city
    other = city.enter(
        "wage-arrears", subject={"type": "organisation", "uscc": uscc(200), "name": "另一公司"}
    )
    desk.step(other, "record.withdrawn", reason="error", decided_on=DAY, basis="行政处罚法 48")
    answer = desk.ask(record)
    assert (answer.view.state, answer.view.history) == ("published", ())
    (section,) = answer.completeness
    assert (section.total, section.shown) == (3, 1)
    assert desk.ask(other).view.state == "withdrawn"


def test_a_number_that_stands_for_very_many_is_proved_by_the_subjects_key(
    desk: Desk, record: Statement, uscc: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.services.histories.LONG", 2)
    for number in range(3):
        subject = {"type": "organisation", "uscc": uscc(300 + number), "name": "另一公司"}
        desk.city.enter("wage-arrears", subject=subject)
    desk.city.enter("wage-arrears", case="云岭列〔2026〕9号")
    desk.step(record, "record.withdrawn", reason="error", decided_on=DAY, basis="行政处罚法 48")
    answer = desk.ask(record)
    assert answer.view.state == "withdrawn"
    (section,) = answer.completeness
    assert (section.name, section.total, section.shown) == ("subject", 3, 2)
    assert desk.city.proves(answer.bundle, ("subject", section.tag))


def test_a_repeat_of_what_was_repaired_does_not_count(desk: Desk, record: Statement) -> None:
    desk.repair(record)
    again = desk.city.enter("wage-arrears", **{"from": "2025-01-05"})
    assert (desk.ask(again).view.state, desk.ask(again).view.counts) == ("repaired", False)


def test_the_look_is_logged_about_the_subject(desk: Desk, record: Statement) -> None:
    answer = desk.ask(record, desk.city.court, "officer")
    body = parse_statement(parse_envelope(answer.logged.entry).payload).body
    assert (body["action"], body["resource"]) == ("query", f"records/{record.issuer}/{record.id}")
    assert body["subject"] == {"type": "organisation", "uscc": desk.city.company}
    assert body["outcome"] == "done"


def test_what_is_no_record_or_not_published_is_not_shown(desk: Desk, record: Statement) -> None:
    step = desk.step(record, "record.objected", raised_on=DAY, grounds="与事实不符")
    for wrong in (step, replace(record, issuer=desk.city.court)):
        with pytest.raises(NotFound):
            desk.ask(wrong)
    later = desk.city.enter("wage-arrears", case="云岭列〔2026〕9号")
    asked = desk.city.asked("publisher:credit")
    with pytest.raises(NotYetPublished):
        desk.service.record(Reference(later.issuer, later.id), asked)
