"""Subscribers are told what began and what ended: signed, in order, at least once, each by its own pace."""

import json
import os
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from receivers import Answer, Receiver, Told, closing, dripping, endless, garbage, silent, status

from ledger.catalog import load_catalogue
from ledger.client.loop import compose_step
from ledger.client.notices import NoticeDesk
from ledger.domain.rules import rules_of
from ledger.errors import (
    AuthorisationMissing,
    NoticeRefused,
    ParameterInvalid,
    PurposeMissing,
    RoleMissing,
    StoreBusy,
    SubscriptionUnknown,
    TooManySubscriptions,
    WebhookRefused,
)
from ledger.formats.envelope import parse_envelope
from ledger.formats.http_signature import body_digest, sign_request
from ledger.formats.statement import Statement, parse_statement
from ledger.services.answers import Asked
from ledger.services.notices.book import MOST_OF_A_MEMBER, Book, Notice, Subscription, Wanted
from ledger.services.notices.delivery import Lane, Outcome, RetrySettings
from ledger.services.notices.documents import NoticeDocuments
from ledger.services.notices.happenings import Happenings, Scanner
from ledger.services.notices.notifier import MOST_LANES, Notifier
from ledger.services.notices.subscriptions import Subscriptions
from ledger.services.notices.webhook import Webhooks

LISTS = Wanted(("credit.list.entered",))
SECONDS = 1_000
ATTEMPTS = 3


class Notified:
    """A city that tells subscribers; `timeout` in seconds."""

    def __init__(self, city: Any, timeout: float = 20) -> None:
        self.city = city
        self.credit = city.logs["credit"]
        rules = rules_of(load_catalogue(), city.operator)
        self.book = Book(city.folder / "notices.db")
        self.happenings = Happenings(self.credit.store, self.credit.reader, lambda day: rules)
        self.entitled = {city.bureau, city.court}
        self.bases = {("court-enforcement", "bidding")}
        self.service = Subscriptions(
            self.book,
            self.credit.reader,
            {"127.0.0.1"},
            lambda: load_catalogue().lists,
            self.covers,
            city.clock,
            os.urandom,
        )
        self.notifier = self.make_notifier(timeout)

    def covers(self, basis: str, matter: str, day: str) -> bool:
        return (basis, matter) in self.bases

    def make_notifier(self, timeout: float = 20, recorder: Any = None) -> Notifier:
        lane = Lane(
            self.book,
            NoticeDocuments(
                self.credit.reader, recorder or self.city.recorder, self.happenings.counts, self.covers
            ),
            Webhooks(frozenset({"127.0.0.1"}), timeout),
            self.city.signers[self.city.operator],
            self.city.clock,
            RetrySettings(ATTEMPTS, 10 * SECONDS),
            os.urandom,
            lambda: 0.5,
        )
        scanner = Scanner(self.credit.store, self.book, self.happenings)
        return Notifier(self.book, scanner, lane, lambda member: member in self.entitled)

    def subscribe(self, receiver: Receiver, wanted: Wanted = LISTS, **changes: Any) -> Subscription:
        return self.service.subscribe(
            changes.pop("asked", self.city.asked()), receiver.url, wanted, **changes
        )

    def run(self) -> None:
        """Publish, and run rounds until there is nothing to do now."""
        self.city.checkpoint()
        while True:
            more = self.notifier.run_once(self.city.now)
            deadline = time.monotonic() + 20
            while not self.notifier.idle:
                assert time.monotonic() < deadline, "deliveries do not end"
                time.sleep(0.002)
            if not more and not self.book.due(self.city.now):
                return

    def pass_time(self, seconds: int) -> None:
        self.city.now += seconds * SECONDS


@pytest.fixture
def notified(city: Any) -> Iterator[Notified]:
    made = Notified(city)
    yield made
    made.notifier.close()
    made.book.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def documents(receiver: Receiver) -> list[Any]:
    return [json.loads(told.body) for told in receiver.told]


def events(receiver: Receiver) -> list[tuple[str, str | None]]:
    return [(document["event"], document["reason"]) for document in documents(receiver)]


def received(notified: Notified, told: Told, *subscriptions: Subscription, ahead: float = 0) -> Any:
    city = notified.city
    desk = NoticeDesk(
        city.trust_file,
        city.operator,
        {each.id for each in subscriptions} or None,
        lambda: city.now / 1000 + ahead,
    )
    return desk.receive(told.method, told.path, told.query, told.headers, told.body)


# What is told


def test_a_new_listing_and_its_end_are_told_with_proof(notified: Notified, receiver: Receiver) -> None:
    city = notified.city
    subscription = notified.subscribe(receiver)
    entered = city.enter("wage-arrears")
    notified.run()
    city.remove(entered, "lifted", removed_on="2026-09-21")
    notified.run()
    first, listed, ended = (received(notified, told, subscription) for told in receiver.told)
    assert (first.event, first.record, first.entry) == ("subscribed", None, None)
    assert (listed.event, listed.record.id, listed.list_code) == ("listed", entered.id, "wage-arrears")
    assert (ended.event, ended.record.id, ended.reason) == ("ended", entered.id, "lifted")
    for notice in (listed, ended):
        assert notice.bundle is not None
        assert city.proves(notice.bundle)
        assert notice.checkpoint_size > notice.index
    assert parse_statement(parse_envelope(listed.entry).payload) == entered
    assert notified.service.find(city.asked().principal, subscription.id).subscription.delivered == 3


DAY = "2026-09-20"
REPAIR = (
    ("credit.correction.reported", {"corrected": "yes", "on": DAY}),
    ("credit.repair.applied", {"applied_on": DAY, "commitment": "云岭信修〔2026〕1号"}),
    ("credit.repair.accepted", {"accepted_on": DAY}),
)
APPROVAL = ("credit.repair.approved", {"decided_on": DAY, "basis": "信用信息修复管理办法"})
OBJECTION = ("credit.record.objected", {"raised_on": DAY, "grounds": "与事实不符"})


def removal(reason: str) -> tuple[str, dict[str, str]]:
    return "credit.list.removed", {"reason": reason, "basis": "条例", "removed_on": DAY}


def take(notified: Notified, record: Statement, steps: Sequence[tuple[str, dict[str, str]]]) -> None:
    for kind, fields in steps:
        body, _ = compose_step(record.body, kind, fields)
        issuer = notified.city.operator if kind == "credit.record.expired" else None
        notified.city.publish(kind, body, issuer=issuer, refers=record)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([removal("lifted")], "lifted"),
        ([removal("withdrawn")], "withdrawn"),
        ([*REPAIR, removal("repaired")], "repaired"),
        ([*REPAIR, APPROVAL], "repaired"),
        ([("credit.record.withdrawn", {"reason": "error", "decided_on": DAY, "basis": "法"})], "withdrawn"),
        (
            [
                OBJECTION,
                (
                    "credit.objection.answered",
                    {"outcome": "withdrawn", "answered_on": DAY, "reasons": "属实"},
                ),
            ],
            "withdrawn",
        ),
    ],
    ids=["lifted", "removed as withdrawn", "removed as repaired", "repaired", "withdrawn", "objected"],
)
def test_the_reason_of_the_end_is_told(
    notified: Notified, receiver: Receiver, steps: Sequence[tuple[str, dict[str, str]]], reason: str
) -> None:
    notified.subscribe(receiver)
    entered = notified.city.enter("wage-arrears", **{"from": "2025-01-05"})
    notified.run()
    take(notified, entered, steps)
    notified.run()
    assert events(receiver)[1:] == [("listed", None), ("ended", reason)]
    assert documents(receiver)[2]["index"] == notified.credit.store.size() - 1


def test_the_end_of_a_term_is_told_when_the_operator_states_it(
    notified: Notified, receiver: Receiver
) -> None:
    notified.subscribe(receiver)
    entered = notified.city.enter("wage-arrears", until="2026-09-22")
    notified.run()
    notified.pass_time(2 * 24 * 3600)
    notified.run()
    assert len(receiver.told) == 2
    take(notified, entered, [("credit.record.expired", {"expired_on": "2026-09-23"})])
    notified.run()
    assert events(receiver)[2:] == [("ended", "expired")]


def test_steps_that_end_nothing_are_not_told(notified: Notified, receiver: Receiver) -> None:
    notified.subscribe(receiver)
    entered = notified.city.enter("wage-arrears", **{"from": "2025-01-05"})
    rejection = ("credit.objection.answered", {"outcome": "rejected", "answered_on": DAY, "reasons": "无误"})
    take(notified, entered, [OBJECTION, rejection, *REPAIR])
    notified.run()
    assert events(receiver)[1:] == [("listed", None)]


def test_a_step_that_changes_nothing_is_not_told(notified: Notified, receiver: Receiver) -> None:
    """The log of this test has no gate, as the logs of earlier versions had none."""
    city = notified.city
    notified.subscribe(receiver)
    entered = city.enter("wage-arrears")
    city.remove(entered, "repaired", removed_on="2026-09-21")
    city.remove(entered, "lifted", issuer=city.court, removed_on="2026-09-21")
    notified.run()
    assert events(receiver)[1:] == [("listed", None)]


def test_a_replaced_listing_ends_and_the_one_that_replaces_it_begins(
    notified: Notified, receiver: Receiver
) -> None:
    city = notified.city
    notified.subscribe(receiver)
    entered = city.enter("wage-arrears")
    body = entered.body | {"grounds": "更正"}
    later = city.publish("credit.list.entered", body, refers=entered)
    notified.run()
    assert events(receiver)[1:] == [("listed", None), ("ended", "replaced"), ("listed", None)]
    assert [each["record"]["id"] for each in documents(receiver)[1:]] == [entered.id, entered.id, later.id]


def test_what_ended_before_it_could_be_told_is_told_without_its_content(
    notified: Notified, receiver: Receiver
) -> None:
    notified.subscribe(receiver)
    entered = notified.city.enter("wage-arrears")
    notified.city.remove(entered, "withdrawn", removed_on="2026-09-21")
    notified.run()
    listed = received(notified, receiver.told[1])
    assert (listed.event, listed.entry, listed.bundle) == ("listed", None, None)
    assert listed.record.id == entered.id
    assert entered.body["grounds"].encode() not in receiver.told[1].body
    assert events(receiver)[2] == ("ended", "withdrawn")


@pytest.mark.parametrize("withdrawn", [False, True], ids=["not published yet", "withdrawn"])
def test_what_replaced_a_listing_is_not_shown_while_it_does_not_count(
    notified: Notified, receiver: Receiver, withdrawn: bool
) -> None:
    city = notified.city
    notified.subscribe(receiver)
    entered = city.enter("wage-arrears")
    notified.run()
    start = entered.body["from"] if withdrawn else "2026-09-23"
    later = city.publish(
        "credit.list.entered", entered.body | {"grounds": "未公示之内容", "from": start}, refers=entered
    )
    if withdrawn:
        city.remove(later, "withdrawn", removed_on="2026-09-21")
    notified.run()
    ended = received(notified, receiver.told[2])
    assert (ended.event, ended.reason, ended.entry, ended.bundle) == ("ended", "replaced", None, None)
    assert not any(document["entry"] for document in documents(receiver)[2:] if document["event"] == "listed")


def test_a_listing_that_begins_later_is_told_on_its_day(notified: Notified, receiver: Receiver) -> None:
    notified.subscribe(receiver)
    notified.city.enter("wage-arrears", **{"from": "2026-09-23"})
    notified.run()
    assert events(receiver) == [("subscribed", None)]
    notified.pass_time(24 * 3600)
    notified.run()
    assert len(receiver.told) == 1
    notified.pass_time(24 * 3600)
    notified.run()
    assert events(receiver)[1:] == [("listed", None)]
    notified.run()
    assert len(receiver.told) == 2


def test_a_decision_that_was_repaired_and_is_published_again_is_no_news(
    notified: Notified, receiver: Receiver
) -> None:
    city = notified.city
    entered = city.enter("wage-arrears", **{"from": "2025-01-05"})
    take(notified, entered, [*REPAIR, APPROVAL])
    city.checkpoint()
    notified.subscribe(receiver)
    city.enter("wage-arrears", **{"from": "2025-01-05"})
    city.enter("wage-arrears", **{"from": "2025-01-05", "case": "云岭列〔2026〕2号"})
    notified.run()
    assert [each["index"] for each in documents(receiver)[1:]] == [notified.credit.store.size() - 1]


def test_only_kinds_lists_and_subjects_asked_for_are_told(notified: Notified) -> None:
    city = notified.city
    with Receiver() as lists, Receiver() as one, Receiver() as persons, Receiver() as penalties:
        notified.subscribe(lists)
        notified.subscribe(one, Wanted(LISTS.kinds, ("tax-a",)))
        asked = replace(city.asked(), basis_code="court-enforcement")
        notified.subscribe(persons, Wanted(LISTS.kinds, (), True), asked=asked, matter="bidding")
        notified.subscribe(penalties, Wanted(("credit.penalty.published",)))
        city.enter("wage-arrears")
        city.enter("tax-a", case="云岭红〔2026〕1号")
        city.enter("dishonest-debtor", number=city.person, case="云岭执〔2026〕1号")
        notified.run()
        found = [
            [each["record"]["list"] for each in documents(receiver)[1:]]
            for receiver in (lists, one, persons, penalties)
        ]
        told = persons.told
    assert found == [
        ["wage-arrears", "tax-a"],
        ["tax-a"],
        ["wage-arrears", "tax-a", "dishonest-debtor"],
        [],
    ]
    statements = [parse_envelope(b64decode(json.loads(each.body)["entry"])).payload for each in told[1:]]
    for secret in (city.person.encode(), "张三".encode()):
        assert not any(secret in payload for payload in statements)


def test_a_subscription_begins_now(notified: Notified, receiver: Receiver) -> None:
    city = notified.city
    entered = city.enter("wage-arrears")
    city.checkpoint()
    notified.subscribe(receiver)
    city.remove(entered, "lifted", removed_on="2026-09-21")
    notified.run()
    assert events(receiver) == [("subscribed", None), ("ended", "lifted")]
    assert notified.book.scanned() == notified.credit.store.size()


def test_without_subscriptions_nothing_is_scanned(notified: Notified, receiver: Receiver) -> None:
    notified.city.enter("wage-arrears")
    notified.run()
    assert notified.book.scanned() == 0
    subscription = notified.subscribe(receiver)
    assert subscription.from_index == notified.credit.store.size()


def test_every_notice_is_a_logged_look(notified: Notified, receiver: Receiver) -> None:
    city = notified.city
    notified.subscribe(receiver)
    city.enter("wage-arrears")
    notified.run()
    statements = [
        parse_statement(parse_envelope(entry.entry).payload)
        for entry in city.logs["access"].store.entries(0, city.logs["access"].store.size())
        if b"statement" in entry.entry[:60]
    ]
    (look,) = [statement.body for statement in statements]
    assert (look["action"], look["resource"]) == ("push", "notices/credit.list.entered")
    assert look["actor"] == {"member": city.bureau, "operator": "desk-7"}
    assert (look["purpose"], look["basis"]) == ("政府采购供应商审查", "政府采购法 22")
    assert look["subject"] == {"type": "organisation", "uscc": city.company}


def test_what_cannot_be_logged_is_not_told(notified: Notified, receiver: Receiver) -> None:
    class Full:
        randomness = staticmethod(os.urandom)

        def record(self, event: Any) -> Any:
            raise StoreBusy("the disk is full")

    subscription = notified.subscribe(receiver)
    notified.run()
    whole, notified.notifier = notified.notifier, notified.make_notifier(recorder=Full())
    notified.city.enter("wage-arrears")
    notified.city.checkpoint()
    notified.notifier.run_once(notified.city.now)
    notified.notifier.close()
    assert len(receiver.told) == 1
    # That is our failure, and none of the receiver's tries.
    assert notified.book.find(subscription.id).tries == 0
    notified.notifier = whole
    notified.run()
    assert len(receiver.told) == 2


# How it is signed


def test_a_notice_that_was_altered_replayed_or_sent_on_is_refused(
    notified: Notified, receiver: Receiver
) -> None:
    city = notified.city
    subscription = notified.subscribe(receiver)
    notified.run()
    told = receiver.told[0]
    assert received(notified, told, subscription).event == "subscribed"
    stranger = sign_request(
        city.signers[city.court],
        "POST",
        told.path,
        told.query,
        body_digest(told.body),
        created=city.now // 1000,
        nonce=bytes(16),
    )
    without = {name: value for name, value in told.headers.items() if name != "Signature"}
    for wrong in (
        replace(told, body=told.body.replace(b"subscribed", b"listed")),
        replace(told, path="/hooks/other"),
        replace(told, query="a=b"),
        replace(told, headers=told.headers | dict(stranger)),
        replace(told, headers=without),
        replace(told, body=b"{}"),
    ):
        with pytest.raises(NoticeRefused):
            received(notified, wrong, subscription)
    with pytest.raises(NoticeRefused, match="another subscription"):
        received(notified, told, replace(subscription, id="0"))
    for ahead in (-302, 302):
        with pytest.raises(NoticeRefused, match="300 seconds"):
            received(notified, told, subscription, ahead=ahead)


# How it is delivered


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (status(500), "status_500"),
        (status(400), "status_400"),
        (status(301, Location="http://127.0.0.1/"), "redirect"),
        (closing, "lost"),
        (garbage, "malformed"),
        (endless, "answer_too_large"),
        (silent(1), "timeout"),
        (dripping(1.5), "timeout"),
    ],
    ids=["500", "400", "redirect", "closed", "garbage", "endless", "silent", "dripping"],
)
def test_what_is_not_taken_is_tried_again_after_a_pause_under_the_same_id(
    notified: Notified, receiver: Receiver, answer: Answer, failure: str
) -> None:
    subscription = notified.subscribe(receiver)
    receiver.answers = [answer]
    patient = notified.notifier
    if failure == "timeout":
        notified.notifier = notified.make_notifier(timeout=0.3)
    notified.run()
    notified.notifier = patient
    found = notified.book.find(subscription.id)
    assert (found.tries, found.failure, found.next_at) == (1, failure, notified.city.now + 10 * SECONDS)
    notified.pass_time(9)
    notified.run()
    assert len(receiver.told) == 1
    notified.pass_time(1)
    notified.run()
    assert len(receiver.told) == 2
    assert documents(receiver)[0]["id"] == documents(receiver)[1]["id"]
    found = notified.book.find(subscription.id)
    assert (found.tries, found.failure, found.delivered) == (0, None, 1)


def test_a_receiver_that_is_away_gets_everything_in_order_when_it_is_back(
    notified: Notified, receiver: Receiver
) -> None:
    city = notified.city
    subscription = notified.subscribe(receiver)
    notified.run()
    receiver.__exit__()
    for number in range(5):
        city.enter("wage-arrears", case=f"云岭列〔2026〕{number}号")
    notified.run()
    assert notified.book.find(subscription.id).failure == "unreachable"
    with Receiver(port=receiver.port) as back:
        notified.pass_time(60)
        notified.run()
        indexes = [document["index"] for document in documents(back)]
    assert indexes == sorted(indexes)
    assert len(indexes) == 5


def test_the_pauses_grow_are_spread_and_are_bounded() -> None:
    settings = RetrySettings(12, 2_000, 3_600_000)
    assert [settings.pause(tries, 0.5) for tries in (1, 2, 3, 11, 12, 20)] == [
        2_000,
        4_000,
        8_000,
        2_048_000,
        3_600_000,
        3_600_000,
    ]
    assert (settings.pause(1, 0.0), settings.pause(1, 1.0)) == (1_000, 3_000)


def test_after_the_last_try_a_notice_is_a_dead_letter_and_the_next_goes_on(
    notified: Notified, receiver: Receiver
) -> None:
    city = notified.city
    subscription = notified.subscribe(receiver)
    notified.run()
    city.enter("wage-arrears")
    city.enter("wage-arrears", case="云岭列〔2026〕2号")
    receiver.answers = [status(500)] * ATTEMPTS
    for _ in range(ATTEMPTS):
        notified.run()
        notified.pass_time(60)
    notified.run()
    indexes = [document["index"] for document in documents(receiver)]
    assert indexes == [0, 0, 0, 0, 1]
    caller = city.asked().principal
    (dead,) = notified.service.dead_letters(caller, subscription.id, 0, 10)
    assert (dead.notice.index, dead.reason, dead.tries) == (0, "status_500", ATTEMPTS)
    assert notified.service.find(caller, subscription.id).dead == 1


def test_a_dead_letter_is_tried_once_more_when_its_owner_says_so(
    notified: Notified, receiver: Receiver
) -> None:
    caller = notified.city.asked().principal
    subscription = notified.subscribe(receiver)
    receiver.answers = [status(500)] * (ATTEMPTS + 1)
    for _ in range(ATTEMPTS):
        notified.run()
        notified.pass_time(60)
    (dead,) = notified.service.dead_letters(caller, subscription.id, 0, 10)
    assert notified.service.retry(caller, subscription.id, [dead.notice.seq + 1]) == 0
    assert notified.service.retry(caller, subscription.id, [dead.notice.seq]) == 1
    notified.run()
    (dead,) = notified.service.dead_letters(caller, subscription.id, 0, 10)
    assert (dead.waiting, dead.tries) == (False, ATTEMPTS + 1)
    assert notified.service.retry(caller, subscription.id, None) == 1
    notified.run()
    assert notified.service.dead_letters(caller, subscription.id, 0, 10) == []
    assert {document["id"] for document in documents(receiver)} == {documents(receiver)[0]["id"]}


def test_the_connection_is_kept_and_one_that_the_receiver_ended_is_no_failure(
    notified: Notified, receiver: Receiver
) -> None:
    city = notified.city
    subscription = notified.subscribe(receiver)
    notified.run()

    def last(handler: Any) -> None:
        status(204)(handler)
        # Without saying so, as a proxy does that has waited for long enough.
        handler.close_connection = True

    receiver.answers = [status(204), last]
    for number in range(4):
        city.enter("wage-arrears", case=f"云岭列〔2026〕{number}号")
    notified.run()
    connections = [told.connection for told in receiver.told[1:]]
    assert connections[0] == connections[1] != connections[2] == connections[3]
    assert notified.book.find(subscription.id).failure is None


def test_a_slow_receiver_delays_no_other(city: Any) -> None:
    notified = Notified(city, timeout=30)
    release = threading.Event()
    with ExitStack() as stack:
        slow = [stack.enter_context(Receiver()) for _ in range(4)]
        quick = stack.enter_context(Receiver())
        for receiver in (*slow, quick):
            notified.subscribe(receiver)
        for receiver in slow:
            receiver.answers = [lambda handler: release.wait(20) and status(204)(handler)]
        city.checkpoint()
        began = time.monotonic()
        notified.notifier.run_once(city.now)
        while not quick.told:
            assert time.monotonic() - began < 15
            time.sleep(0.005)
        for number in range(3):
            city.enter("wage-arrears", case=f"云岭列〔2026〕{number}号")
            city.checkpoint()
            while len(quick.told) < number + 2:
                notified.notifier.run_once(city.now)
                assert time.monotonic() - began < 15
                time.sleep(0.005)
        assert [len(receiver.told) for receiver in slow] == [1, 1, 1, 1]
        release.set()
        notified.notifier.close()
    notified.book.close()


def test_receivers_that_fail_take_at_most_half_of_the_lanes(notified: Notified) -> None:
    class Stuck:
        """A lane whose every delivery hangs."""

        def __init__(self) -> None:
            self.running: set[str] = set()
            self.release = threading.Event()

        def run(self, id: str, going_on: Callable[[], bool]) -> Outcome:
            self.running.add(id)
            self.release.wait(20)
            return "slow"

    lane: Any = Stuck()
    book = notified.book
    first = notified.service.subscribe(notified.city.asked(), "http://127.0.0.1:9/", LISTS)
    # More than a member may have: written as the book keeps them.
    ids = [f"{number:04}" for number in range(MOST_LANES + 8)]
    with book._file.writing() as writer:
        for id in ids:
            row = replace(first, id=id)
            writer.execute(
                "INSERT INTO subscription (id, member, url, kinds, lists, persons, desk, purpose, basis,"
                " created_at, from_index, position) VALUES (?, ?, ?, '', '', 0, '', '', '', 0, 0, 0)",
                (row.id, row.member, row.url),
            )
        writer.execute("DELETE FROM subscription WHERE id = ?", (first.id,))
    notifier = Notifier(book, Scanner(notified.credit.store, book, notified.happenings), lane, lambda _: True)
    notifier._slow = set(ids[:MOST_LANES])
    notifier.run_once(notified.city.now)
    deadline = time.monotonic() + 5
    while len(lane.running) < MOST_LANES // 2 + 8:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert lane.running >= set(ids[MOST_LANES:])
    assert len(lane.running) == MOST_LANES // 2 + 8
    lane.release.set()
    notifier.close()


def test_a_member_that_lost_its_role_is_told_nothing_until_it_has_it_again(
    notified: Notified, receiver: Receiver
) -> None:
    notified.subscribe(receiver)
    notified.entitled.clear()
    notified.city.enter("wage-arrears")
    notified.city.checkpoint()
    notified.notifier.run_once(notified.city.now)
    notified.notifier.close()
    assert receiver.told == []
    notified.notifier = notified.make_notifier()
    notified.entitled.add(notified.city.bureau)
    notified.run()
    assert events(receiver) == [("subscribed", None), ("listed", None)]


def test_who_comes_again_after_a_kill_goes_on_where_it_was(notified: Notified, receiver: Receiver) -> None:
    city = notified.city
    notified.subscribe(receiver)
    notified.run()
    city.enter("wage-arrears")
    notified.book.delivered = lambda *_: (_ for _ in ()).throw(StoreBusy("killed"))  # type: ignore[method-assign]
    city.checkpoint()
    notified.notifier.run_once(city.now)
    notified.notifier.close()
    notified.book.close()
    assert len(receiver.told) == 2
    # What was taken and not noted is told again, under the same id.
    again = Notified(city)
    again.run()
    assert len(receiver.told) == 3
    assert documents(receiver)[1]["id"] == documents(receiver)[2]["id"]
    again.notifier.close()
    again.book.close()


def test_what_everybody_was_told_is_forgotten_and_dead_letters_are_not(
    notified: Notified, receiver: Receiver
) -> None:
    notified.subscribe(receiver)
    receiver.answers = [status(500)] * ATTEMPTS
    for _ in range(ATTEMPTS):
        notified.run()
        notified.pass_time(60)
    notified.city.enter("wage-arrears")
    notified.run()
    notified.book.prune()
    with notified.book._file.reading() as reader:
        kept = reader.execute("SELECT event FROM notice").fetchall()
    assert kept == [("subscribed",)]
    notified.city.enter("wage-arrears", case="云岭列〔2026〕2号")
    notified.run()
    assert len(receiver.told) == ATTEMPTS + 2


def test_a_refused_address_is_a_failure_of_delivery_too(notified: Notified, receiver: Receiver) -> None:
    """What is allowed may change after a subscription was made."""
    subscription = notified.subscribe(receiver)
    notified.notifier._lane._webhooks.allow = frozenset()
    notified.run()
    assert notified.book.find(subscription.id).failure == "webhook_refused"
    assert receiver.told == []


def test_of_persons_is_told_only_while_the_basis_stands(notified: Notified, receiver: Receiver) -> None:
    city = notified.city
    asked = replace(city.asked(), basis_code="court-enforcement")
    made = notified.subscribe(receiver, Wanted(LISTS.kinds, (), True), asked=asked, matter="bidding")
    city.enter("wage-arrears")
    notified.run()
    notified.bases.clear()
    city.enter("dishonest-debtor", number=city.person, case="云岭执〔2026〕1号")
    notified.run()
    assert len(receiver.told) == 2
    assert notified.book.find(made.id).failure == "basis_ended"
    notified.bases.add(("court-enforcement", "bidding"))
    notified.pass_time(60)
    notified.run()
    assert [each["record"]["list"] for each in documents(receiver)[1:]] == [
        "wage-arrears",
        "dishonest-debtor",
    ]


# What members may do


def test_who_may_subscribe_and_to_what(notified: Notified) -> None:
    city, subscribe = notified.city, notified.service.subscribe
    url = "https://hooks.example/"
    with pytest.raises(RoleMissing):
        subscribe(city.asked("auditor"), url, LISTS)
    with pytest.raises(PurposeMissing):
        subscribe(city.asked(purpose=" "), url, LISTS)
    with pytest.raises(WebhookRefused):
        subscribe(city.asked(), "http://hooks.example/", LISTS)
    for wanted in (
        Wanted(("credit.list.removed",)),
        Wanted(("access.event.recorded",)),
        Wanted(LISTS.kinds, ("no-such-list",)),
        Wanted(("credit.penalty.published",), ("wage-arrears",)),
    ):
        with pytest.raises(ParameterInvalid):
            subscribe(city.asked(), url, wanted)
    persons = Wanted(LISTS.kinds, (), True)
    covered = replace(city.asked(), basis_code="court-enforcement")
    for asked, matter in ((city.asked(), "bidding"), (covered, None), (covered, "awards")):
        with pytest.raises(AuthorisationMissing):
            subscribe(asked, url, persons, matter)
    for role in ("officer", "partner", "publisher:credit"):
        assert subscribe(city.asked(role), url, LISTS).member == city.bureau
    assert subscribe(city.asked(), url, Wanted(())).wanted == LISTS


def test_a_member_has_so_many_subscriptions_and_no_more(notified: Notified) -> None:
    for _ in range(MOST_OF_A_MEMBER):
        notified.service.subscribe(notified.city.asked(), "https://hooks.example/", LISTS)
    with pytest.raises(TooManySubscriptions):
        notified.service.subscribe(notified.city.asked(), "https://hooks.example/", LISTS)


def test_each_sees_its_own_subscriptions_and_the_operator_all(notified: Notified) -> None:
    city, service = notified.city, notified.service
    own = service.subscribe(city.asked(), "https://hooks.example/secret-path", LISTS)
    other = Asked(replace(city.asked().principal, member=city.court), "desk-1", "审查", "法")
    theirs = service.subscribe(other, "https://court.example/", LISTS)
    operator = replace(city.asked("operator").principal, member=city.operator)
    assert [each.subscription.id for each in service.list(city.asked().principal)] == [own.id]
    assert {each.subscription.id for each in service.list(operator)} == {own.id, theirs.id}
    for call in (
        lambda: service.find(other.principal, own.id),
        lambda: service.remove(other.principal, own.id),
        lambda: service.dead_letters(other.principal, own.id, 0, 1),
        lambda: service.retry(other.principal, own.id, None),
        lambda: service.find(operator, "../notices.db"),
    ):
        with pytest.raises(SubscriptionUnknown):
            call()
    service.remove(operator, own.id)
    assert service.list(city.asked().principal) == []
    assert "secret-path" not in repr(own)


def test_a_subscription_that_is_taken_back_is_told_nothing_more(
    notified: Notified, receiver: Receiver
) -> None:
    subscription = notified.subscribe(receiver)
    notified.run()
    notified.service.remove(notified.city.asked().principal, subscription.id)
    notified.city.enter("wage-arrears")
    notified.run()
    assert len(receiver.told) == 1


def test_the_book_is_safe_for_two_processes(notified: Notified, tmp_path: Path) -> None:
    """Another object on the same file sees what this one wrote, and the other way round."""
    other = Book(notified.city.folder / "notices.db")
    made = notified.service.subscribe(notified.city.asked(), "https://hooks.example/", LISTS)
    assert other.find(made.id) == made
    other.keep([Notice("listed", 3, "credit.list.entered")], 4)
    assert notified.book.scanned() == 4
    other.remove(made.id)
    assert notified.book.all() == []
    other.close()
