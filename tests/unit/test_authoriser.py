"""A look at a person needs the person's word or the law's: counted over all processes, refusals logged."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from log_world import ISSUER, ORIGIN, PERSON, TAG_KEY, World

from ledger.domain import AccessEvent, build_statement
from ledger.errors import LedgerError, MatterUnknown, PurposeMissing, StoreBusy, Unavailable
from ledger.formats.encoding import b64encode
from ledger.formats.envelope import STATEMENT_TYPE, sign_envelope
from ledger.formats.sealed import sealed_digest
from ledger.formats.statement import Reference, format_statement, new_id
from ledger.formats.strictjson import dumps
from ledger.formats.tags import person_tag
from ledger.formats.times import format_time
from ledger.log.turns import Turns
from ledger.services.answers import Asked, SubjectQuery
from ledger.services.authorisation import NOT_SAID, Asking, Authoriser, Permit
from ledger.services.evidence import ResolvedSubject, look, resolve_subject
from ledger.services.facts import FactCache
from ledger.services.recorder import AccessRecorder
from ledger.store import SqliteStore

BANK, STRANGER = "91350100MA99000558", "92350100MA99000441"
OTHER_PERSON = "110105194912310038"
NEW_KEY = bytes(range(32, 64))
COMPANY = "91990100MA0000058B"
NOW = 1_795_000_000_000  # 2026-11-18 in China
MATTER = "loan-credit"


@dataclass(frozen=True)
class Caller:
    member: str = BANK
    roles: frozenset[str] = frozenset({"officer"})


@dataclass
class Desk:
    """An access log with its recorder and authoriser; grants and withdrawals are submitted like anybody's."""

    folder: Path

    def __post_init__(self) -> None:
        # Keys that other processes on this folder have as well.
        self.world = World.make(self.folder)
        self.world.clock = lambda: NOW
        self.store = SqliteStore(self.folder / "log")
        self.world_appender = self.world.appender(self.store)
        self.recorder = AccessRecorder(
            self.world_appender, ORIGIN, ISSUER, self.world.member, self.world.clock, os.urandom
        )
        self.authoriser = Authoriser(self.store, self.recorder, covers, Turns(self.folder / "turns"))
        self.facts = FactCache()

    def submit(self, kind: str, body: dict[str, Any], refers: tuple[Reference, ...] = ()) -> Reference:
        id, salt = new_id(NOW, os.urandom(10)), os.urandom(32)
        content = dumps({"subject": {"name": "张三", "document_type": "111", "document_number": PERSON}})
        made = build_statement(
            kind,
            body,
            log=ORIGIN,
            issuer=ISSUER,
            id=id,
            at=NOW,
            sealed=sealed_digest(salt, ISSUER, id, content),
            refers=refers,
        )
        envelope = sign_envelope(STATEMENT_TYPE, format_statement(made), self.world.member)
        disclosure = {"salt": salt.hex(), "content": b64encode(content)}
        self.world_appender.submit(dumps({"entry": b64encode(envelope), "disclosure": disclosure}))
        return Reference(ISSUER, id)

    def grant(self, **changes: Any) -> str:
        """Grant the bank three uses until the end of the year; returns the authorisation's name."""
        body = {
            "subject": {"type": "person", "person_tag": person_tag(TAG_KEY, 0, PERSON), "epoch": 0},
            "number": "consent-1",
            "grantee": BANK,
            "matters": [MATTER],
            "from": "2026-11-01",
            "until": "2026-12-31",
            "uses": 3,
            "evidence": "ab" * 32,
            "checked_by": "window-3",
            **changes,
        }
        reference = self.submit("access.authorisation.granted", body)
        return f"{reference.issuer}:{reference.id}"

    def revoke(self, name: str, on: str, **changes: Any) -> None:
        body = {
            "subject": {"type": "person", "person_tag": person_tag(TAG_KEY, 0, PERSON), "epoch": 0},
            "number": "consent-1",
            "on": on,
            **changes,
        }
        self.submit("access.authorisation.revoked", body, (Reference(*name.split(":")),))

    def look(
        self, authorisation: str | None = None, subject: ResolvedSubject | None = None, **changes: Any
    ) -> Permit:
        """One check, as the service makes it: permitted, looked, logged."""
        matter, now = changes.pop("matter", MATTER), changes.pop("now", NOW)
        question = asked(authorisation=authorisation, **changes)
        subject = subject or person()
        with self.authoriser.permit(question, subject, matter, now, resource=f"check/{matter}") as permit:
            event = look(
                question,
                action="check",
                resource=f"check/{matter}",
                subject=subject.reference,
                rows=1,
                now=now,
                randomness=os.urandom,
            )
            self.recorder.record(event, permit.refers)
        return permit

    def refused(self, code: str, *args: Any, **changes: Any) -> AccessEvent:
        """A look that must be refused with this code; returns the event that tells of it."""
        before = self.store.size()
        with pytest.raises(LedgerError) as error:
            self.look(*args, **changes)
        assert error.value.code == code
        assert PERSON not in str(error.value)
        (event,) = self.events(before)
        assert (event.outcome, event.reason, event.rows) == ("refused", code, None)
        assert event.subject == person().reference
        return event

    def events(self, start: int = 0) -> list[AccessEvent]:
        found = []
        for entry in self.store.entries(start, self.store.size()):
            if b'"manifest"' in entry.entry or b"batch+json" in entry.entry:
                continue
            body = self.facts.fact(entry).body
            if isinstance(body, AccessEvent):
                found.append(body)
        return found

    def close(self) -> None:
        self.recorder.close()
        self.world_appender.close()
        self.store.close()


def covers(code: str, matter: str, day: str) -> bool:
    return code == "court-enforcement" or (code == "licensing-review" and matter == "administrative-licence")


def asked(**changes: Any) -> Asked:
    member = changes.pop("member", BANK)
    frame = {"operator": "desk-1", "purpose": "贷款审批", "basis": "本人授权", **changes}
    return Asked(Caller(member), **frame)


def person(number: str = PERSON) -> ResolvedSubject:
    return resolve_subject(SubjectQuery("person", number), {0: TAG_KEY, 1: NEW_KEY})


def company() -> ResolvedSubject:
    return resolve_subject(SubjectQuery("organisation", COMPANY), {})


@contextmanager
def open_desk(folder: Path) -> Iterator[Desk]:
    desk = Desk(folder)
    try:
        yield desk
    finally:
        desk.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        yield opened


def test_an_organisation_needs_nothing(desk: Desk) -> None:
    assert desk.look(subject=company()) == Permit()


def test_an_authorisation_serves_as_often_as_it_says_and_the_look_refers_to_it(desk: Desk) -> None:
    name = desk.grant()
    for _ in range(3):
        permit = desk.look(name)
        assert permit == Permit((Reference(*name.split(":")),), name)
    assert len(desk.store.referrers(*name.split(":"))) == 3
    assert desk.events()[-1].authorisation == name
    event = desk.refused("authorisation_exhausted", name)
    assert event.authorisation == name
    # The refused attempt is no use, and neither is what somebody else says he used.
    assert len(desk.store.referrers(*name.split(":"))) == 3


def test_without_authorisation_or_basis_a_look_at_a_person_is_refused_and_logged(desk: Desk) -> None:
    event = desk.refused("authorisation_missing")
    assert (event.actor.member, event.actor.operator, event.purpose) == (BANK, "desk-1", "贷款审批")
    assert (event.action, event.resource) == ("check", f"check/{MATTER}")


@pytest.mark.parametrize(
    ("basis_code", "matter", "code"),
    [
        ("court-enforcement", MATTER, None),
        ("licensing-review", "administrative-licence", None),
        ("licensing-review", MATTER, "authorisation_out_of_scope"),
        ("no-such-basis", MATTER, "authorisation_out_of_scope"),
    ],
)
def test_a_legal_basis_replaces_the_authorisation_where_it_covers_the_matter(
    desk: Desk, basis_code: str, matter: str, code: str | None
) -> None:
    if code is not None:
        assert desk.refused(code, basis_code=basis_code, matter=matter).basis_code == basis_code
        return
    assert desk.look(basis_code=basis_code, matter=matter) == Permit(basis_code=basis_code)
    assert desk.events()[-1].basis_code == basis_code


@pytest.mark.parametrize(
    ("changes", "how", "code"),
    [
        ({"grantee": STRANGER}, {}, "authorisation_out_of_scope"),
        ({}, {"member": STRANGER}, "authorisation_out_of_scope"),
        ({}, {"matter": "bidding"}, "authorisation_out_of_scope"),
        ({"from": "2026-11-19"}, {}, "authorisation_expired"),
        ({"until": "2026-11-17"}, {}, "authorisation_expired"),
        ({"from": "2026-11-18", "until": "2026-11-18"}, {}, None),
        ({"matters": []}, {"matter": "bidding"}, None),
    ],
    ids=["to-another", "by-another", "matter", "not-yet", "over", "that-day", "any-matter"],
)
def test_an_authorisation_is_for_one_member_some_matters_and_a_time(
    desk: Desk, changes: dict[str, Any], how: dict[str, Any], code: str | None
) -> None:
    name = desk.grant(**changes)
    if code is None:
        desk.look(name, **how)
    else:
        desk.refused(code, name, **how)


def test_an_authorisation_by_another_person_is_none(desk: Desk) -> None:
    name = desk.grant()
    with pytest.raises(LedgerError) as error:
        desk.look(name, person(OTHER_PERSON))
    assert error.value.code == "authorisation_out_of_scope"


@pytest.mark.parametrize(
    "name",
    ["", "paper-7", f"{ISSUER}:", f"{ISSUER}:no-uuid", f"{ISSUER}:01890000-0000-7000-8000-000000000001"],
    ids=["blank", "free-text", "no-id", "no-uuid", "unknown"],
)
def test_a_name_that_leads_to_no_authorisation_is_refused(desk: Desk, name: str) -> None:
    desk.refused("authorisation_missing", name)


def test_an_event_is_no_authorisation(desk: Desk) -> None:
    desk.look(basis_code="court-enforcement")
    entry = desk.store.entry(desk.store.size() - 1)
    assert entry is not None
    desk.refused("authorisation_missing", f"{entry.issuer}:{entry.id}")


def test_a_withdrawal_counts_from_its_day_for_the_same_person_and_number_only(desk: Desk) -> None:
    name = desk.grant()
    desk.revoke(name, "2026-11-18", number="consent-2")
    desk.revoke(name, "2026-11-20")
    desk.look(name)
    desk.look(name, now=NOW + 24 * 3600 * 1000)
    desk.refused("authorisation_expired", name, now=NOW + 2 * 24 * 3600 * 1000)
    desk.revoke(name, "2026-11-18")
    desk.refused("authorisation_expired", name)


def test_uses_that_others_write_down_do_not_use_it_up(desk: Desk) -> None:
    name = desk.grant(uses=1)
    foreign = look(
        asked(member=STRANGER),
        action="check",
        resource="x",
        subject=person().reference,
        rows=1,
        now=NOW,
        randomness=os.urandom,
    )
    desk.recorder.record(foreign, (Reference(*name.split(":")),))
    failed = foreign.model_copy(update={"actor": foreign.actor.model_copy(update={"member": BANK})})
    desk.recorder.record(failed.model_copy(update={"outcome": "failed"}), (Reference(*name.split(":")),))
    desk.look(name)
    desk.refused("authorisation_exhausted", name)


def test_an_officer_without_purpose_or_basis_is_logged_about_the_person(desk: Desk) -> None:
    for blank in ({"purpose": " "}, {"basis": ""}):
        event = desk.refused("purpose_missing", basis_code="court-enforcement", **blank)
        assert (event.purpose, event.basis) == (NOT_SAID, NOT_SAID)


def test_what_cannot_be_logged_as_given_is_logged_without_it(desk: Desk) -> None:
    event = desk.refused("authorisation_missing", purpose=f"给 {PERSON} 放款")
    assert event.purpose == NOT_SAID
    event = desk.refused("authorisation_missing", operator="带空格 的")
    assert event.actor.operator == "unknown"


def test_what_goes_wrong_inside_for_the_callers_reasons_is_logged_once(desk: Desk) -> None:
    def attempt(error: LedgerError, subject: ResolvedSubject) -> None:
        question = asked(basis_code="court-enforcement")
        with (
            pytest.raises(type(error)),
            desk.authoriser.permit(question, subject, MATTER, NOW, resource="check/unknown"),
        ):
            raise error

    attempt(MatterUnknown(), person())
    assert [event.reason for event in desk.events()] == ["matter_unknown"]
    attempt(MatterUnknown(), company())
    attempt(Unavailable(), person())
    assert len(desk.events()) == 1
    desk.authoriser.refuse(asked(), person(), PurposeMissing(), NOW, action="trail", resource="trail/subject")
    assert desk.events()[-1].action == "trail"


def test_many_are_permitted_or_refused_one_by_one_and_earlier_ones_count(desk: Desk) -> None:
    name = desk.grant(uses=2)
    askings = [
        Asking(person(), name),
        Asking(company()),
        Asking(person(), name),
        Asking(person(), name),
        Asking(person(OTHER_PERSON)),
    ]
    with desk.authoriser.permit_many(asked(), askings, MATTER, NOW, resource="check/many") as found:
        codes = [each.code if isinstance(each, LedgerError) else None for each in found]
    assert codes == [None, None, None, "authorisation_exhausted", "authorisation_missing"]
    assert [event.reason for event in desk.events()] == ["authorisation_exhausted", "authorisation_missing"]


def test_threads_cannot_overdraw_an_authorisation(desk: Desk) -> None:
    name = desk.grant(uses=7)
    done: list[str] = []

    def run() -> None:
        for _ in range(3):
            try:
                desk.look(name)
                done.append("done")
            except LedgerError as error:
                done.append(error.code)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["authorisation_exhausted"] * 11 + ["done"] * 7


@pytest.mark.parametrize(
    "spelled",
    [str.upper, lambda id: id.replace("-", ""), lambda id: f" {id}", lambda id: f"{id}\n x"],
    ids=["capitals", "no hyphens", "space", "more"],
)
def test_an_authorisation_has_one_name_so_that_its_uses_are_counted_under_it(
    desk: Desk, spelled: Callable[[str], str]
) -> None:
    issuer, id = desk.grant(uses=1).split(":")
    desk.refused("authorisation_missing", f"{issuer}:{spelled(id)}")
    desk.look(f"{issuer}:{id}")
    desk.refused("authorisation_missing", f"{issuer}:{spelled(id)}")
    desk.refused("authorisation_exhausted", f"{issuer}:{id}")


def test_processes_cannot_overdraw_an_authorisation(desk: Desk, tmp_path: Path) -> None:
    name = desk.grant(uses=5)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=use_in_process, args=(tmp_path, name, results)) for _ in range(2)]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=60) for _ in range(12)]
    for process in processes:
        process.join(60)
    assert sorted(outcomes) == ["authorisation_exhausted"] * 7 + ["done"] * 5


def use_in_process(folder: Path, name: str, results: Any) -> None:
    with open_desk(folder) as desk:
        for _ in range(6):
            try:
                desk.look(name)
                results.put("done")
            except LedgerError as error:
                results.put(error.code)


def test_whoever_does_not_get_his_turn_is_told_to_come_again(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "turns", longest_wait=0.05)
    others = Turns(tmp_path / "turns", longest_wait=0.05)
    with turns.taken(["a", "b", "a"]):
        for waiting in (turns, others):
            with pytest.raises(StoreBusy), waiting.taken(["b"]):
                raise AssertionError("got a turn that is taken")
    with others.taken(["a", "b"]):
        pass


def test_the_time_of_looks_is_the_callers(desk: Desk) -> None:
    desk.look(basis_code="court-enforcement")
    assert desk.events()[-1].happened_at == format_time(NOW)
