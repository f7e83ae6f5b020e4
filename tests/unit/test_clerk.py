"""What the operator states because a day has come: what is over, what carries a case; once, never early."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from credit_log import BUREAU, COURT, DAY_MS, NOW, OPERATOR, CreditLog, penalty, real_rules, step

from ledger.domain import CaseMatched, RecordExpired
from ledger.errors import StepRefused
from ledger.formats.statement import Reference
from ledger.log.clock import china_day
from ledger.services.clerk import PAGE, ROLE_ALARM, clerk_chores

TODAY = "2026-11-22"
TOMORROW = "2026-11-23"
ENDS = "2026-12-31"
AFTER = "2027-01-01"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CreditLog]:
    made = CreditLog(tmp_path, real_rules(tmp_path))
    yield made
    made.close()


def move_to(log: CreditLog, day: str) -> None:
    """Set the clock to eight in the morning, in China, of a day."""
    while china_day(log.now) < day:
        log.now += DAY_MS


def go_on() -> bool:
    return False


def publish(log: CreditLog, document: str = "云岭罚〔2026〕1号", **changes: Any) -> Reference:
    return log.publish("credit.penalty.published", penalty(document, published_until=ENDS, **changes))


def take(log: CreditLog, kind: str, record: Reference, issuer: str = BUREAU, **members: Any) -> Reference:
    return log.publish(f"credit.{kind}", step(**members), issuer, record)


class TestExpiry:
    def test_a_record_is_stated_to_be_over_on_the_day_after_its_term_and_not_before(
        self, log: CreditLog
    ) -> None:
        record = publish(log)
        clerk = log.clerk()
        assert clerk.expire(ENDS) == 0
        move_to(log, AFTER)
        assert clerk.expire(AFTER) == 1
        assert log.store.size() == 3, "the record, a manifest, the expiry"
        (_, body) = log.said()[-1]
        assert isinstance(body, RecordExpired)
        assert body.expired_on == AFTER
        assert log.store.referrers(record.issuer, record.id) == [2]
        assert clerk.expire(AFTER) == 0
        assert log.store.due("expiry", "9999-12-31", 9) == []
        with pytest.raises(StepRefused, match="has ended"):
            take(log, "record.objected", record, raised_on=AFTER, grounds="事实不符")

    def test_what_was_missed_is_stated_with_the_day_on_which_it_was_over(self, log: CreditLog) -> None:
        publish(log)
        move_to(log, "2027-02-10")
        assert log.clerk().expire("2027-02-10") == 1
        body = log.said()[-1][1]
        assert isinstance(body, RecordExpired)
        assert body.expired_on == AFTER

    def test_an_uncorrected_record_stays_until_it_is_corrected(self, log: CreditLog) -> None:
        record = publish(log)
        take(log, "correction.reported", record, corrected="no", on=TODAY)
        clerk = log.clerk()
        move_to(log, AFTER)
        assert clerk.expire(AFTER) == 0
        assert [due.index for due in log.store.due("expiry", ENDS, 9)] == [0], "looked at again"
        take(log, "correction.reported", record, corrected="yes", on=AFTER)
        assert clerk.expire(AFTER) == 0, "that day is the last one"
        move_to(log, "2027-01-02")
        assert clerk.expire("2027-01-02") == 1
        assert log.store.due("expiry", "9999-12-31", 9) == []
        assert isinstance(log.said()[-1][1], RecordExpired)

    def test_a_correction_in_time_leaves_nothing_but_the_end_of_the_term(self, log: CreditLog) -> None:
        record = publish(log)
        take(log, "correction.reported", record, corrected="yes", on=TODAY)
        assert [due.index for due in log.store.due("expiry", "9999-12-31", 9)] == [1, 0]
        clerk = log.clerk()
        move_to(log, TOMORROW)
        assert clerk.expire(TOMORROW) == 0
        assert [due.index for due in log.store.due("expiry", "9999-12-31", 9)] == [0]
        move_to(log, AFTER)
        assert clerk.expire(AFTER) == 1
        assert log.store.due("expiry", "9999-12-31", 9) == []

    def test_an_objection_that_is_answered_after_the_end_keeps_nothing_back(self, log: CreditLog) -> None:
        record = publish(log)
        take(log, "record.objected", record, raised_on=TODAY, grounds="事实不符")
        move_to(log, "2027-01-05")
        take(log, "objection.answered", record, outcome="rejected", answered_on="2027-01-05", reasons="属实")
        assert log.clerk().expire("2027-01-05") == 1
        body = log.said()[-1][1]
        assert isinstance(body, RecordExpired)
        assert body.expired_on == "2027-01-05", "no step is dated before the one before it"

    @pytest.mark.parametrize(
        ("kind", "issuer", "members"),
        [
            ("record.withdrawn", BUREAU, {"reason": "revoked", "decided_on": TODAY, "basis": "复议决定"}),
            ("record.expired", OPERATOR, {"expired_on": AFTER}),
        ],
        ids=["withdrawn", "expired_by_another_process"],
    )
    def test_what_ended_otherwise_is_settled_and_not_stated(
        self, log: CreditLog, kind: str, issuer: str, members: dict[str, str]
    ) -> None:
        record = publish(log)
        move_to(log, AFTER)
        take(log, kind, record, issuer, **members)
        before = log.store.size()
        assert log.clerk().expire(AFTER) == 0
        assert log.store.size() == before
        assert log.store.due("expiry", "9999-12-31", 9) == []

    def test_a_replaced_record_is_settled_and_its_replacement_expires(self, log: CreditLog) -> None:
        record = publish(log)
        log.publish(
            "credit.penalty.published",
            penalty(facts="更正", published_until="2027-01-31"),
            refers=record,
        )
        clerk = log.clerk()
        move_to(log, AFTER)
        assert clerk.expire(AFTER) == 0
        move_to(log, "2027-02-01")
        assert clerk.expire("2027-02-01") == 1
        assert log.store.due("expiry", "9999-12-31", 9) == []

    def test_many_are_stated_in_pages_each_under_one_signature(self, log: CreditLog) -> None:
        bodies = [penalty(f"云岭罚〔2026〕{place}号", published_until=ENDS) for place in range(PAGE + 30)]
        log.appender.submit_batch(
            log.batch([log.statement("credit.penalty.published", body) for body in bodies])
        )
        move_to(log, AFTER)
        before = log.store.size()
        assert log.clerk().expire(AFTER) == PAGE + 30
        assert log.store.size() == before + PAGE + 30 + 2
        assert log.clerk().expire(AFTER) == 0

    def test_an_entry_in_a_list_that_names_persons_expires_too(self, log: CreditLog) -> None:
        listed = {
            "list": "wage-arrears",
            "subject": penalty()["subject"],
            "case": "云岭列〔2026〕1号",
            "authority": penalty()["authority"],
            "basis": "条例",
            "grounds": "拖欠",
            "from": TODAY,
            "until": ENDS,
            "related": [{"role": "legal-representative", "person_tag": "ab" * 32, "epoch": 0}],
        }
        log.publish("credit.list.entered", listed)
        move_to(log, AFTER)
        assert log.clerk().expire(AFTER) == 1
        body = log.said()[-1][1]
        assert isinstance(body, RecordExpired)
        assert body.number == "云岭列〔2026〕1号"
        assert body.related is not None

    def test_several_clerks_at_once_state_each_once(self, log: CreditLog, tmp_path: Path) -> None:
        for place in range(12):
            publish(log, f"云岭罚〔2026〕{place}号")
        move_to(log, AFTER)
        others = [CreditLog(tmp_path, real_rules(tmp_path), log.now) for _ in range(3)]
        threads = [threading.Thread(target=other.clerk().expire, args=(AFTER,)) for other in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for other in others:
            other.close()
        expired = [body.number for _, body in log.said() if isinstance(body, RecordExpired)]
        assert len(expired) == len(set(expired))
        log.clerk().expire(AFTER)
        expired = [body.number for _, body in log.said() if isinstance(body, RecordExpired)]
        assert sorted(expired) == sorted(f"云岭罚〔2026〕{place}号" for place in range(12))

    def test_as_a_chore_it_is_done_at_the_start_of_each_day_and_hourly(self, log: CreditLog) -> None:
        publish(log)
        clerk = log.clerk()
        clerk.run_expiry(go_on)
        move_to(log, AFTER)
        clerk.run_expiry(go_on)
        size = log.store.size()
        assert size == 3
        log.publish("credit.penalty.published", penalty("2号", published_until=AFTER))
        log.now += 16 * 3600 * 1000
        assert china_day(log.now) == "2027-01-02"
        clerk.run_expiry(lambda: True)
        assert log.store.size() == size + 1, "a stopping worker leaves it"
        clerk.run_expiry(go_on)
        assert log.store.size() == size + 3


def case(**changes: Any) -> dict[str, Any]:
    return {
        "case": "云岭惩〔2026〕1号",
        "subject": penalty()["subject"],
        "field": "环境保护",
        "reason": "严重违法",
        "measures": ["wage-procurement"],
        "basis": "备忘录",
        "from": TODAY,
        "proposer": {"uscc": BUREAU, "name": "云岭市生态环境局"},
        "executors": [{"uscc": COURT, "name": "云岭市中级人民法院"}],
        **changes,
    }


class CaseLog:
    """A log in which a case is initiated and reviewed."""

    def __init__(self, log: CreditLog) -> None:
        self.log = log

    def approve(self, outcome: str = "approved", **changes: Any) -> Reference:
        self.case = self.log.publish("credit.case.initiated", case(**changes))
        self.say(
            "reviewed", OPERATOR, outcome=outcome, **({} if outcome == "approved" else {"reason": "不足"})
        )
        return self.case

    def say(self, kind: str, issuer: str, **members: Any) -> None:
        body = {
            "case": case()["case"],
            "subject": case()["subject"],
            "proposer": case()["proposer"],
            "on": china_day(self.log.now),
            **members,
        }
        self.log.publish(f"credit.case.{kind}", body, issuer, self.case)

    def matches(self) -> list[set[tuple[str, str]]]:
        return [
            {(record.issuer, record.id) for record in body.records}
            for _, body in self.log.said()
            if isinstance(body, CaseMatched)
        ]


@pytest.fixture
def cases(log: CreditLog) -> CaseLog:
    return CaseLog(log)


class TestMatching:
    def test_an_approved_case_is_matched_with_the_records_in_force_that_carry_it(
        self, log: CreditLog, cases: CaseLog
    ) -> None:
        mine = publish(log)
        log.publish("credit.penalty.published", penalty("2号", penalty_kinds=["warning"]))
        other = penalty("3号", subject={"type": "organisation", "uscc": BUREAU, "name": "另一单位"})
        log.publish("credit.penalty.published", other)
        withdrawn = publish(log, "4号")
        log.publish(
            "credit.record.withdrawn",
            step("4号", reason="error", decided_on=TODAY, basis="更正"),
            refers=withdrawn,
        )
        cases.approve()
        log.checkpoint()
        assert log.clerk().match(TODAY) == 1
        assert cases.matches() == [{(mine.issuer, mine.id)}]

    def test_nothing_is_matched_before_the_review_is_published(self, log: CreditLog, cases: CaseLog) -> None:
        publish(log)
        log.checkpoint()
        cases.approve()
        clerk = log.clerk()
        assert clerk.match(TODAY) == 0
        log.checkpoint()
        assert clerk.match(TODAY) == 1

    def test_a_case_is_matched_again_when_what_carries_it_changed(
        self, log: CreditLog, cases: CaseLog
    ) -> None:
        first = publish(log)
        cases.approve()
        log.checkpoint()
        clerk = log.clerk()
        assert clerk.match(TODAY) == 1
        second = publish(log, "2号")
        log.checkpoint()
        assert clerk.match(TODAY) == 0, "once a day"
        move_to(log, "2026-11-23")
        assert clerk.match("2026-11-23") == 1
        assert cases.matches() == [
            {(first.issuer, first.id)},
            {(one.issuer, one.id) for one in (first, second)},
        ]
        log.checkpoint()
        move_to(log, "2026-11-24")
        assert clerk.match("2026-11-24") == 0
        assert log.clerk().match("2026-11-24") == 0, "nor by a clerk that just began"

    @pytest.mark.parametrize("end", ["returned", "lifted", "until"])
    def test_a_case_that_is_not_in_force_is_not_matched_and_looked_at_no_more(
        self, log: CreditLog, cases: CaseLog, end: str
    ) -> None:
        publish(log)
        if end == "returned":
            cases.approve("returned")
        else:
            cases.approve(until=TODAY if end == "until" else None)
        if end == "lifted":
            cases.say("lifted", BUREAU, reason="已改正")
        log.checkpoint()
        day = "2026-11-23" if end == "until" else TODAY
        assert log.clerk().match(day) == 0
        assert cases.matches() == []
        assert log.store.due("matching", "9999-12-31", 9) == []

    def test_a_case_about_a_list_is_carried_by_entries_in_that_list_alone(
        self, log: CreditLog, cases: CaseLog
    ) -> None:
        publish(log)
        entered = log.publish(
            "credit.list.entered",
            {
                "list": "wage-arrears",
                "subject": penalty()["subject"],
                "case": "云岭列〔2026〕1号",
                "authority": {"uscc": COURT, "name": "法院"},
                "basis": "条例",
                "grounds": "拖欠",
                "from": TODAY,
                "until": None,
            },
            COURT,
        )
        cases.approve(list="wage-arrears")
        log.checkpoint()
        log.clerk().match(TODAY)
        assert cases.matches() == [{(entered.issuer, entered.id)}]

    def test_a_case_that_nothing_carries_is_matched_with_nothing(
        self, log: CreditLog, cases: CaseLog
    ) -> None:
        cases.approve()
        log.checkpoint()
        assert log.clerk().match(TODAY) == 1
        assert cases.matches() == [set()]


class TestDuties:
    def test_done_duties_are_settled_and_open_ones_stay(self, log: CreditLog) -> None:
        first, second = publish(log), publish(log, "2号")
        take(log, "record.objected", first, raised_on=TODAY, grounds="事实不符")
        log.publish("credit.record.objected", step("2号", raised_on=TODAY, grounds="事实不符"), refers=second)
        take(log, "objection.answered", first, outcome="rejected", answered_on=TODAY, reasons="属实")
        assert log.clerk().settle_duties(TODAY) == 0, "their day has not come"
        day = log.store.due("objection", "9999-12-31", 9)[0].day
        assert log.clerk().settle_duties(day) == 1
        assert [due.index for due in log.store.due("objection", "9999-12-31", 9)] == [3]
        assert [due.settled for due in log.store.settled_due("objection", TODAY)] == [day]


def test_an_operator_without_the_role_is_an_alarm_and_no_failure(log: CreditLog) -> None:
    publish(log)
    log.roles[OPERATOR] = ("operator", "publisher:access")
    log.directory.replace(log.trust())
    move_to(log, AFTER)
    clerk = log.clerk()
    alarms = {chore.name: list(chore.run(go_on)) for chore in clerk_chores(lambda: clerk)}
    assert alarms == {"editions": [ROLE_ALARM], "expiry": [ROLE_ALARM], "matching": []}
    assert log.store.size() == 1
    log.roles[OPERATOR] = ("operator", "publisher:access", "publisher:credit")
    log.directory.replace(log.trust())
    assert {chore.name: list(chore.run(go_on)) for chore in clerk_chores(lambda: clerk)} == {
        "editions": [],
        "expiry": [],
        "matching": [],
    }
    assert log.store.size() == 4, "the record, the edition, a manifest, the expiry"


def test_a_day_begins_at_midnight_in_china() -> None:
    midnight = NOW - 8 * 3600 * 1000
    assert china_day(midnight) == TODAY
    assert china_day(midnight - 1) == "2026-11-21"
