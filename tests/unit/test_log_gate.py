"""The gate of steps: checked against the state, and appended, as one; over batches, threads and processes."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from credit_log import BUREAU, OPERATOR, STEPS, CreditLog, OneStepOnly, penalty, real_rules, step

from ledger.errors import (
    BatchLineInvalid,
    IdReused,
    IntegrityError,
    LedgerError,
    ListAuthorityMissing,
    ReferenceUnknown,
    StepRefused,
    StoreBusy,
)
from ledger.formats.receipt import verify_receipt
from ledger.formats.statement import Reference, Statement, new_id
from ledger.log import admission_batch
from ledger.log.gate import Gated, StepGate
from ledger.log.turns import Turns

PROGRAM = Path(__file__).resolve().parent.parent / "support" / "credit_log.py"
EXPIRED, WITHDRAWN, OBJECTED, APPROVED, REJECTED = STEPS


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CreditLog]:
    made = CreditLog(tmp_path)
    yield made
    made.close()


def a_step(log: CreditLog, record: Reference, kind: str = WITHDRAWN) -> Statement:
    issuer, members = STEPS[kind]
    return log.statement(kind, step(**members), issuer, record)


def test_a_step_is_held_against_all_that_was_accepted_before_integrated_or_not(log: CreditLog) -> None:
    record = log.publish("credit.penalty.published", penalty())
    log.appender.submit(log.envelope(a_step(log, record)))
    with pytest.raises(StepRefused, match="entry 0 has a step") as refused:
        log.appender.submit(log.envelope(a_step(log, record, OBJECTED)))
    assert (refused.value.reason, refused.value.rule) == ("has_step", "one step only")
    assert log.store.size() == 2
    assert log.store.integrated().size == 0


def test_a_step_to_what_is_not_there_is_refused(log: CreditLog) -> None:
    with pytest.raises(ReferenceUnknown):
        log.appender.submit(log.envelope(a_step(log, Reference(BUREAU, new_id(log.now, bytes(10))))))
    assert log.store.size() == 0


def test_a_step_sent_again_gets_its_first_receipt_and_its_id_serves_once(log: CreditLog) -> None:
    record = log.publish("credit.penalty.published", penalty())
    statement = a_step(log, record)
    envelope = log.envelope(statement)
    assert log.appender.submit(envelope) == log.appender.submit(envelope)
    other = log.envelope(statement)
    assert other != envelope
    with pytest.raises(IdReused):
        log.appender.submit(other)


def test_a_record_that_replaces_another_is_held_against_its_state_too(log: CreditLog) -> None:
    record = log.publish("credit.penalty.published", penalty())
    replacement = log.publish("credit.penalty.published", penalty(facts="更正"), refers=record)
    with pytest.raises(StepRefused):
        log.publish("credit.penalty.published", penalty(facts="再更正"), refers=record)
    log.publish("credit.penalty.published", penalty(facts="再更正"), refers=replacement)


def test_a_record_that_refers_to_nothing_waits_for_no_turn(log: CreditLog) -> None:
    turns = Turns(log.folder / "turns", longest_wait=0.01)
    with turns.taken(str(number) for number in range(2000)):
        log.publish("credit.penalty.published", penalty())


def test_a_turn_that_does_not_come_is_unavailable_and_nothing_is_appended(log: CreditLog) -> None:
    record = log.publish("credit.penalty.published", penalty())
    statement = a_step(log, record)
    gate = StepGate(log.store, log.rulebook, Turns(log.folder / "turns", longest_wait=0.02), log.clock)
    entry = log.admission.admit(log.envelope(statement))
    others = Turns(log.folder / "turns")
    with (
        others.taken([f"{record.issuer}/{record.id}"]),
        pytest.raises(StoreBusy),
        gate.held([entry.entry], [Gated(0, statement, entry.body)]),
    ):
        pytest.fail("two have the turn")


class TestBatches:
    def test_what_the_steps_of_a_batch_refer_to_may_stand_in_it(self, log: CreditLog) -> None:
        record = log.statement("credit.penalty.published", penalty())
        one = a_step(log, Reference(record.issuer, record.id))
        log.appender.submit_batch(log.batch([record, one]))
        assert log.store.referrers(record.issuer, record.id) == [2]

    def test_steps_of_a_batch_are_held_against_those_before_them(self, log: CreditLog) -> None:
        record = log.publish("credit.penalty.published", penalty())
        other = log.publish("credit.penalty.published", penalty("云岭罚〔2026〕2号"))
        lines = log.batch([a_step(log, record), a_step(log, other), a_step(log, record, OBJECTED)])
        with pytest.raises(BatchLineInvalid) as refused:
            log.appender.submit_batch(lines)
        assert refused.value.line == 4
        assert isinstance(refused.value.cause, StepRefused)
        assert log.store.size() == 2, "all or none"

    def test_a_step_may_not_come_before_what_it_refers_to(self, log: CreditLog) -> None:
        record = log.statement("credit.penalty.published", penalty())
        lines = log.batch([a_step(log, Reference(record.issuer, record.id)), record])
        with pytest.raises(BatchLineInvalid) as refused:
            log.appender.submit_batch(lines)
        assert refused.value.line == 2
        assert isinstance(refused.value.cause, ReferenceUnknown)

    @pytest.mark.parametrize(
        ("place", "name"),
        [
            (admission_batch._Opening, "__init__"),
            (admission_batch._Opening, "admit_next"),
            (StepGate, "_check_one"),
        ],
    )
    @pytest.mark.parametrize("failure", [StoreBusy("locked"), IntegrityError("damaged")])
    def test_no_line_is_blamed_for_what_failed_here(
        self, log: CreditLog, monkeypatch: pytest.MonkeyPatch, place: type, name: str, failure: LedgerError
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise failure

        record = log.publish("credit.penalty.published", penalty())
        lines = log.batch([a_step(log, record), a_step(log, record, OBJECTED)])
        monkeypatch.setattr(place, name, fail)
        with pytest.raises(type(failure)):
            log.appender.submit_batch(lines)

    def test_a_batch_sent_again_gets_its_first_receipt(self, log: CreditLog) -> None:
        record = log.publish("credit.penalty.published", penalty())
        lines = log.batch([a_step(log, record)])
        assert log.appender.submit_batch(lines) == log.appender.submit_batch(lines)
        assert log.store.size() == 3


def test_of_many_threads_one_gets_through(log: CreditLog) -> None:
    record = log.publish("credit.penalty.published", penalty())
    outcomes: list[object] = []

    def run(submission: bytes) -> None:
        try:
            receipt = verify_receipt(log.appender.submit(submission), log.signers["log"].public)
            outcomes.append(receipt.leaf_index)
        except LedgerError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=run, args=(log.envelope(a_step(log, record)),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["1", *["step_refused"] * 7]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def run_race(folder: Path, kinds: Sequence[str], records: Sequence[str], rules: str) -> list[set[str]]:
    """Let a process for each kind append a step to every record; the records that each of them won."""
    racers = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), "race", str(folder), kind, ",".join(records), rules],
            stdout=subprocess.PIPE,
        )
        for kind in kinds
    ]
    until(lambda: len(list(folder.glob("ready-*"))) == len(racers))
    (folder / "go").touch()
    return [set(json.loads(racer.communicate(timeout=60)[0])) for racer in racers]


def test_of_two_processes_that_race_for_the_same_records_exactly_one_wins_each(tmp_path: Path) -> None:
    log = CreditLog(tmp_path)
    records = [log.publish("credit.penalty.published", penalty()).id for _ in range(40)]
    expired, withdrawn = run_race(tmp_path, (EXPIRED, WITHDRAWN), records, "simple")
    assert expired | withdrawn == set(records)
    assert expired & withdrawn == set()
    for id in records:
        (index,) = log.store.referrers(BUREAU, id)
        stored = log.store.entry(index)
        assert stored is not None
        assert stored.issuer == (OPERATOR if id in expired else BUREAU)
    log.close()


def test_of_two_processes_one_approves_or_rejects_each_repair_by_the_rules(tmp_path: Path) -> None:
    log = CreditLog(tmp_path, real_rules(tmp_path))
    day = "2026-11-22"
    records = []
    for _ in range(25):
        warned = penalty(penalty_kinds=["warning"], publish_from="2026-11-20")
        record = log.publish("credit.penalty.published", warned)
        for kind, members in (
            ("correction.reported", {"corrected": "yes", "on": day}),
            ("repair.applied", {"applied_on": day, "commitment": "承诺书"}),
            ("repair.accepted", {"accepted_on": day}),
        ):
            log.publish(f"credit.{kind}", step(**members), refers=record)
        records.append(record.id)
    approved, rejected = run_race(tmp_path, (APPROVED, REJECTED), records, "real")
    assert approved | rejected == set(records)
    assert approved & rejected == set()
    assert all(len(log.store.referrers(BUREAU, id)) == 4 for id in records)
    log.close()


class Strict(OneStepOnly):
    """Rules that can be closed to all, as when a day passes or an edition changes."""

    def __init__(self) -> None:
        self.closed = False

    def check_statement(self, statement: Statement, body: object, roles: object, now: int) -> None:
        if self.closed or "lister" not in roles:  # type: ignore[operator]
            raise ListAuthorityMissing("closed")


class TestRulebook:
    """What the door asks of the rules of the kinds."""

    def test_what_the_rules_refuse_is_refused_single_and_in_a_batch(self, tmp_path: Path) -> None:
        log = CreditLog(tmp_path, Strict())
        with pytest.raises(ListAuthorityMissing):
            log.publish("credit.penalty.published", penalty(), OPERATOR)
        statements = [log.statement("credit.penalty.published", penalty(), OPERATOR)]
        with pytest.raises(BatchLineInvalid) as refused:
            log.appender.submit_batch(log.batch(statements))
        assert (refused.value.line, type(refused.value.cause)) == (2, ListAuthorityMissing)
        log.publish("credit.penalty.published", penalty())
        log.close()

    def test_what_was_accepted_gets_its_receipt_whatever_the_rules_say_today(self, tmp_path: Path) -> None:
        rules = Strict()
        log = CreditLog(tmp_path, rules)
        single = log.envelope(log.statement("credit.penalty.published", penalty()))
        batch = log.batch([log.statement("credit.penalty.published", penalty("2号"))])
        receipts = log.appender.submit(single), log.appender.submit_batch(batch)
        rules.closed = True
        assert (log.appender.submit(single), log.appender.submit_batch(batch)) == receipts
        with pytest.raises(ListAuthorityMissing):
            log.publish("credit.penalty.published", penalty())
        log.close()

    def test_what_is_due_is_kept_with_the_entry_single_and_in_batches(self, log: CreditLog) -> None:
        days = ["2027-01-03", "2027-01-01", "2027-01-02"]
        statements = [log.statement("credit.penalty.published", penalty(published_until=day)) for day in days]
        log.appender.submit(log.envelope(statements[0]))
        log.appender.submit_batch(log.batch(statements[1:2]))
        manifest, *entries = log.batch(statements[2:])
        log.appender.submit_own_batch(manifest, entries, statements[2:])
        due = log.store.due("expiry", "2028-01-01", 9)
        assert [(each.day, each.index) for each in due] == [
            ("2027-01-01", 2),
            ("2027-01-02", 4),
            ("2027-01-03", 0),
        ]
