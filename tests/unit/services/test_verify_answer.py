"""What a stranger finds in a receipt, or in a plain answer, that is not what was said and logged."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from checking import record, repair
from checking import step as take_step
from receipt_office import MATTER, Office, edited, forged, plain

from ledger.domain import AccessEvent
from ledger.errors import AnswerUnusable, FormatError, QuestionInvalid
from ledger.formats import strictjson
from ledger.formats.bundle import parse_bundle
from ledger.formats.envelope import format_envelope, parse_envelope
from ledger.formats.look import format_look, parse_look
from ledger.formats.receipt import parse_receipt, sign_receipt
from ledger.formats.statement import parse_statement
from ledger.formats.tags import person_tag
from ledger.formats.times import parse_time
from ledger.formats.trust import parse_trust
from ledger.gm import PrivateKey, signer, sm3
from ledger.merkle import leaf_hash
from ledger.services.recorder import AccessRecorder
from ledger.verify import Question
from ledger.verify.answer import AnswerReport, Evidence, open_answer, open_receipt, verify_answer
from ledger.verify.answer_document import answer_of as answer_of_members
from ledger.verify.answer_keys import Persons, _of_roles, parse_persons
from ledger.verify.question import china_day
from ledger.verify.receipt_file import read_receipt
from ledger.verify.tables import FILES, format_tables, parse_tables

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def office(city: City) -> Office:
    return Office(city)


def reasons(report: AnswerReport, part: str) -> list[str]:
    return [finding.reason for finding in report.by_part[part]]


def answer_of(receipt: bytes) -> Any:
    return strictjson.loads(read_receipt(receipt).answer)


def unlogged(evidence: Evidence) -> Evidence:
    """The same without look, so that what is wrong with the answer itself stands alone."""
    return replace(evidence, look=None, receipt=False)


def judged(office: Office, receipt: bytes, **members: Any) -> AnswerReport:
    """A receipt whose answer somebody edited, judged as an answer that nobody logged."""
    return office.verify(unlogged(open_receipt(forged(receipt, answer=edited(receipt, **members)))))


# The look


def test_an_edited_answer_is_not_the_one_that_was_logged(office: Office) -> None:
    receipt = office.issue().pdf
    report = office.verify(forged(receipt, answer=edited(receipt, matter_name="别的事项")))
    assert (report.exit_status, report.verdicts["look"]) == (1, "fail")
    assert reasons(report, "look") == ["answer_differs"]


def test_an_answer_for_another_matter_is_not_the_one_that_was_logged(office: Office) -> None:
    receipt = office.issue().pdf
    report = office.verify(forged(receipt, answer=edited(receipt, matter="loan")))
    assert (report.exit_status, reasons(report, "look")) == (1, ["look_other_matter", "answer_differs"])


def test_the_look_of_another_check_does_not_serve(city: City, office: Office) -> None:
    first = office.issue()
    city.now += 1
    second = office.issue("loan")
    report = office.verify(forged(first.pdf, look=read_receipt(second.pdf).look))
    assert reasons(report, "look") == ["look_other_matter", "answer_differs"]


def test_the_look_at_another_subject_does_not_serve(city: City, office: Office, uscc: Any) -> None:
    first = office.issue()
    city.company = uscc(101)
    report = office.verify(forged(first.pdf, look=read_receipt(office.issue().pdf).look))
    assert reasons(report, "look") == ["look_other_subject", "answer_differs"]


def logged_by(city: City, issuer: str, body: dict[str, Any]) -> bytes:
    """A look that some member recorded itself, with whatever it says."""
    recorder = AccessRecorder(
        city.appender("access"),
        city.logs["access"].origin,
        issuer,
        city.signers[issuer],
        city.clock,
        os.urandom,
    )
    logged = recorder.record(AccessEvent.model_validate(body))
    recorder.close()
    look = parse_look(read_receipt(Office(city).issue().pdf).look)
    made = replace(
        look,
        index=logged.index,
        entry=logged.entry,
        manifest=logged.manifest,
        receipt=logged.receipt,
        path=(),
    )
    return format_look(made)


def event_of(receipt: bytes) -> dict[str, Any]:
    look = parse_look(read_receipt(receipt).look)
    return parse_statement(parse_envelope(look.entry).payload).body


def test_a_department_cannot_log_an_answer_in_the_operators_place(city: City, office: Office) -> None:
    """It may record its own looks, so it could name the digest of an answer that it made up."""
    receipt = office.issue().pdf
    answer = edited(receipt, matter_name="别的事项")
    look = logged_by(city, city.bureau, event_of(receipt) | {"answer": sm3(answer).hex()})
    report = office.verify(forged(receipt, answer=answer, look=look))
    assert (report.exit_status, reasons(report, "look")) == (1, ["look_not_by_operator"])


CHANGED_EVENTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a look that names no answer": ({"answer": None}, ["answer_not_named"]),
    "a trail": ({"action": "trail"}, ["look_not_a_check"]),
    "a refused look": ({"outcome": "refused"}, ["look_not_a_check"]),
}


@pytest.mark.parametrize("name", CHANGED_EVENTS)
def test_a_look_of_another_kind_does_not_serve(city: City, office: Office, name: str) -> None:
    change, expected = CHANGED_EVENTS[name]
    receipt = office.issue().pdf
    body = {key: value for key, value in (event_of(receipt) | change).items() if value is not None}
    report = office.verify(forged(receipt, look=logged_by(city, city.operator, body)))
    assert reasons(report, "look") == expected


def test_a_receipt_that_the_log_did_not_sign_proves_no_look(city: City, office: Office) -> None:
    receipt = office.issue().pdf
    look = parse_look(read_receipt(receipt).look)
    promised, _ = parse_receipt(look.receipt)
    stranger = sign_receipt(promised, signer(PrivateKey.generate()))
    report = office.verify(forged(receipt, look=format_look(replace(look, receipt=stranger))))
    assert (report.verdicts["look"], reasons(report, "look")) == ("unknown", ["log_key_unknown"])
    assert report.exit_status == 1
    moved = sign_receipt(replace(promised, leaf_index=promised.leaf_index + 1), city.logs["access"].signer)
    report = office.verify(forged(receipt, look=format_look(replace(look, receipt=moved))))
    assert reasons(report, "look") == ["look_place"]


def resigned(envelope: bytes) -> bytes:
    """The same envelope, naming the same key, with a signature that this key did not make."""
    opened = parse_envelope(envelope)
    signature = signer(PrivateKey.generate()).sign(opened.pae)
    return format_envelope(replace(opened, signature=signature))


def test_signatures_are_those_of_the_keys_that_they_name(city: City, office: Office) -> None:
    receipt = office.issue().pdf
    look = parse_look(read_receipt(receipt).look)
    promise = format_look(replace(look, receipt=resigned(look.receipt)))
    assert reasons(office.verify(forged(receipt, look=promise)), "look") == ["look_receipt_signature"]
    assert look.manifest is not None
    manifest = resigned(look.manifest)
    promised, _ = parse_receipt(look.receipt)
    for_it = sign_receipt(replace(promised, leaf_hash=leaf_hash(manifest)), city.logs["access"].signer)
    both = format_look(replace(look, manifest=manifest, receipt=for_it))
    assert reasons(office.verify(forged(receipt, look=both)), "look") == ["signature_invalid"]


def test_a_promise_about_another_entry_is_not_about_this_one(city: City, office: Office) -> None:
    receipt = office.issue().pdf
    look = parse_look(read_receipt(receipt).look)
    promised, _ = parse_receipt(look.receipt)
    for change in ({"leaf_hash": bytes(32)}, {"id": "01a0c450-6c00-7f0f-b712-af3a1609063b"}, {"batch": None}):
        other = sign_receipt(replace(promised, **change), city.logs["access"].signer)
        report = office.verify(forged(receipt, look=format_look(replace(look, receipt=other))))
        assert reasons(report, "look") == ["look_place"]


def test_a_look_elsewhere_in_its_batch_is_not_this_one(city: City, office: Office) -> None:
    receipt = office.issue().pdf
    look = parse_look(read_receipt(receipt).look)
    report = office.verify(forged(receipt, look=format_look(replace(look, index=look.index + 1))))
    assert reasons(report, "look") == ["look_place"]
    report = office.verify(forged(receipt, look=format_look(replace(look, path=(bytes(32),)))))
    assert reasons(report, "look") == ["batch_path"]


def test_a_look_that_is_no_look_fails(office: Office) -> None:
    receipt = office.issue().pdf
    look = parse_look(read_receipt(receipt).look)
    report = office.verify(forged(receipt, look=format_look(replace(look, entry=b"{}"))))
    assert (report.exit_status, reasons(report, "look")) == (1, ["look_malformed"])


def test_a_look_from_the_future_fails(city: City, office: Office) -> None:
    receipt = office.issue().pdf
    assert "look_in_future" in reasons(office.verify(receipt, later=-DAY_MS), "look")


def test_an_old_receipt_is_judged_as_of_its_look_unless_an_age_is_asked_for(office: Office) -> None:
    receipt = office.issue().pdf
    assert office.verify(receipt, later=400 * DAY_MS).exit_status == 0
    report = office.verify(receipt, later=2 * DAY_MS, max_age=3600)
    assert (report.exit_status, report.bundle.verdicts["checkpoint"]) == (1, "unknown")
    # Without a proven look nothing says how old the answer is.
    forged_look = forged(receipt, answer=edited(receipt, matter_name="x"))
    assert office.verify(forged_look, later=2 * DAY_MS).bundle.verdicts["checkpoint"] == "unknown"


def test_a_checkpoint_that_was_stale_when_asked_is_stale_for_ever(city: City, office: Office) -> None:
    city.checkpoint()
    city.now += 2 * DAY_MS
    issued = office.receipts.issue(office.query(), MATTER, city.asked())
    report = office.verify(issued.pdf)
    assert (report.exit_status, report.bundle.verdicts["checkpoint"]) == (1, "unknown")


# The keys


def test_the_bundle_of_another_subject_does_not_answer(city: City, office: Office, uscc: Any) -> None:
    city.enter("wage-arrears")
    listed = office.issue().pdf
    city.company = uscc(101)
    clear = office.issue().pdf
    report = office.verify(forged(listed, bundle=read_receipt(clear).bundle))
    assert report.exit_status == 1
    assert "not_in_bundle" in report.bundle.reasons["completeness"]
    assert "hit_not_shown" in reasons(report, "conclusion")


def test_an_answer_about_another_code_is_seen_by_its_key(office: Office, uscc: Any) -> None:
    receipt = office.issue().pdf
    subject = answer_of(receipt)["subject"] | {"code": uscc(7)}
    assert "subject_key_differs" in reasons(judged(office, receipt, subject=subject), "keys")


def test_an_answer_that_asked_nothing_proves_nothing(office: Office) -> None:
    receipt = office.issue().pdf
    report = judged(office, receipt, keys=[])
    assert report.exit_status == 1
    assert "subject_key_missing" in reasons(report, "keys")


def test_a_person_is_asked_about_once_per_epoch(city: City, office: Office) -> None:
    receipt = office.issue("loan", city.person).pdf
    assert office.verify(receipt).exit_status == 0
    document = answer_of(receipt)
    subject = document["subject"] | {"tags": document["subject"]["tags"][1:]}
    assert "subject_key_differs" in reasons(judged(office, receipt, subject=subject), "keys")
    report = judged(office, receipt, keys=document["keys"][1:], subject=subject)
    assert (report.exit_status, report.verdicts["keys"]) == (1, "fail")
    assert "epoch_key_missing" in reasons(report, "keys")


def test_who_has_the_tag_keys_recomputes_a_persons_tags(city: City, office: Office, resident: Any) -> None:
    receipt = office.issue("loan", city.person).pdf
    assert "person_tags_as_given" in reasons(office.verify(receipt), "keys")
    known = Persons(city.tag_keys, {"itself": (city.person,)})
    report = office.verify(receipt, persons=known)
    assert report.exit_status == 0
    assert "person_tags_recomputed" in reasons(report, "keys")
    other = Persons(city.tag_keys, {"itself": (resident(2),)})
    assert "person_key_differs" in reasons(office.verify(receipt, persons=other), "keys")
    half = Persons({0: city.tag_keys[0]}, {"itself": (city.person,)})
    report = office.verify(receipt, persons=half)
    assert (report.verdicts["keys"], report.exit_status) == ("unknown", 1)


def test_the_persons_whom_a_matter_asks_about_are_asked_or_named_as_left_out(
    city: City, office: Office, resident: Any
) -> None:
    receipt = office.issue("bidding").pdf
    report = office.verify(receipt)
    assert report.exit_status == 0
    assert "role_left_out" in reasons(report, "keys")
    silent = judged(office, receipt, not_asked=[])
    assert (silent.exit_status, silent.verdicts["keys"]) == (1, "fail")
    assert "role_not_asked" in reasons(silent, "keys")
    asked = office.issue("bidding", related={"legal-representative": city.person})
    report = office.verify(asked.pdf)
    assert report.exit_status == 0
    assert "role_left_out" not in reasons(report, "keys")
    numbers = {"legal-representative": (city.person,)}
    report = office.verify(asked.pdf, persons=Persons(city.tag_keys, numbers))
    assert "person_tags_recomputed" in reasons(report, "keys")
    wrong = Persons(city.tag_keys, {"legal-representative": (resident(2),)})
    assert "person_key_differs" in reasons(office.verify(asked.pdf, persons=wrong), "keys")


def test_a_related_person_is_asked_about_once_per_epoch_too(city: City, office: Office) -> None:
    receipt = office.issue("bidding", related={"legal-representative": city.person}).pdf
    keys = [key for key in answer_of(receipt)["keys"] if not (key["role"] != "itself" and key["epoch"] == 0)]
    assert "epoch_key_missing" in reasons(judged(office, receipt, keys=keys), "keys")


def test_without_the_editions_entry_nobody_knows_whom_to_ask_about(office: Office) -> None:
    receipt = office.issue().pdf
    catalogue = answer_of(receipt)["catalogue"]
    report = judged(office, receipt, catalogue=catalogue | {"entry": None})
    assert (report.verdicts["keys"], report.exit_status) == ("unknown", 1)
    assert "edition_not_shown" in reasons(report, "keys")


EDITIONS: dict[str, tuple[dict[str, Any], str]] = {
    "another digest": ({"sm3": "0" * 64}, "edition_differs"),
    "another name": ({"edition": "2025.1"}, "edition_differs"),
}


@pytest.mark.parametrize("name", EDITIONS)
def test_the_edition_is_the_one_that_was_published(office: Office, name: str) -> None:
    change, expected = EDITIONS[name]
    receipt = office.issue().pdf
    catalogue = answer_of(receipt)["catalogue"] | change
    assert expected in reasons(judged(office, receipt, catalogue=catalogue), "keys")


def test_an_edition_counts_from_its_day_on_and_by_the_operators_word_alone(
    city: City, office: Office
) -> None:
    receipt = office.issue().pdf
    assert "edition_not_in_force" in reasons(judged(office, receipt, day="2001-01-01"), "keys")
    member = city.trust.members[city.operator]
    roles = tuple(role for role in member.roles if role != "operator")
    members = {**city.trust.members, city.operator: replace(member, roles=roles)}
    city.trust = replace(city.trust, members=members)
    report = office.verify(receipt)
    assert "edition_not_by_operator" in reasons(report, "keys")
    assert "look_not_by_operator" in reasons(report, "look")


def test_other_tables_than_the_editions_are_refused(office: Office) -> None:
    receipt = office.issue().pdf
    tables = dict(office.tables("2026.2"))
    tables["rules.json"] = b"[]"
    report = office.verify(forged(receipt, catalogue=format_tables(tables)))
    assert (report.exit_status, "tables_differ" in reasons(report, "keys")) == (1, True)


# The conclusion


def test_a_decision_that_is_not_the_gravest_of_the_hits_is_seen(city: City, office: Office) -> None:
    city.enter("wage-arrears")
    report = judged(office, office.issue().pdf, decision="clear")
    assert "decision_differs" in reasons(report, "conclusion")


def test_a_listing_that_is_shown_cannot_be_left_out_of_the_hits(city: City, office: Office) -> None:
    city.enter("wage-arrears")
    report = judged(office, office.issue().pdf, decision="clear", hits=[])
    assert "listing_ignored" in reasons(report, "conclusion")


def test_a_hit_cannot_be_weighed_more_lightly_than_the_rules_say(city: City, office: Office) -> None:
    city.enter("dishonest-debtor")
    receipt = office.issue("civil-service").pdf
    [hit] = answer_of(receipt)["hits"]
    lighter = hit | {"decision": "clear", "measures": []}
    report = judged(office, receipt, decision="clear", hits=[lighter])
    assert "listing_ignored" in reasons(report, "conclusion")


HIT_CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "another end": (lambda hit: hit | {"until": "2026-10-01"}, "hit_differs"),
    "another authority": (lambda hit: hit | {"authority": "91990001000000001N"}, "hit_differs"),
    "another list": (lambda hit: hit | {"list": "tax-a"}, "hit_differs"),
    "no list": (lambda hit: hit | {"list": None}, "hit_differs"),
    "another leaf hash": (
        lambda hit: hit | {"entry": hit["entry"] | {"leaf_hash": "0" * 64}},
        "hit_not_shown",
    ),
    "another place": (lambda hit: hit | {"entry": hit["entry"] | {"index": 0}}, "hit_not_shown"),
    "another statement": (
        lambda hit: hit | {"entry": hit["entry"] | {"id": "01a0c450-6c00-7f0f-b712-af3a1609063b"}},
        "hit_not_shown",
    ),
}


@pytest.mark.parametrize("name", HIT_CHANGES)
def test_a_hit_says_what_its_entry_says(city: City, office: Office, name: str) -> None:
    change, expected = HIT_CHANGES[name]
    city.enter("wage-arrears")
    receipt = office.issue().pdf
    [hit] = answer_of(receipt)["hits"]
    report = judged(office, receipt, hits=[change(hit)])
    assert (report.exit_status, report.verdicts["conclusion"]) == (1, "fail")
    assert expected in reasons(report, "conclusion")


def test_a_hit_of_somebody_else_is_none(city: City, office: Office, uscc: Any) -> None:
    city.enter("wage-arrears")
    listed = office.issue().pdf
    city.company = uscc(101)
    clear = office.issue().pdf
    members = {name: answer_of(listed)[name] for name in ("hits", "decision", "checkpoint")}
    parts = forged(clear, answer=edited(clear, **members), bundle=read_receipt(listed).bundle)
    report = office.verify(unlogged(open_receipt(parts)))
    assert "hit_of_nobody_asked" in reasons(report, "conclusion")


def test_the_bundle_stands_under_the_answers_checkpoint(city: City, office: Office) -> None:
    receipt = office.issue().pdf
    city.enter("wage-arrears")
    city.now += 1000
    newer = office.issue().pdf
    report = office.verify(forged(receipt, bundle=read_receipt(newer).bundle))
    assert report.exit_status == 1
    assert "checkpoint_differs" in reasons(report, "conclusion")


def test_an_entry_that_is_set_aside_is_named_and_is_in_the_chain(city: City, office: Office) -> None:
    entered = city.enter("wage-arrears")
    city.remove(entered)
    receipt = office.issue().pdf
    report = office.verify(receipt)
    assert (report.exit_status, report.answer.decision) == (0, "clear")
    assert "lifted 1" in report.by_part["conclusion"][0].en
    gone = answer_of(receipt)["no_longer"]
    assert "entries_unaccounted" in reasons(judged(office, receipt, no_longer=gone[:1]), "conclusion")
    moved = [gone[0] | {"entry": gone[0]["entry"] | {"leaf_hash": "1" * 64}}, *gone[1:]]
    assert "no_longer_differs" in reasons(judged(office, receipt, no_longer=moved), "conclusion")


def test_every_honest_end_of_a_record_names_what_ended_it(city: City, office: Office) -> None:
    """Repaired, published again and so repaired too, withdrawn, replaced, lifted, and over by itself."""
    penalty = record(city, "penalty.published", severity="general", decided_on="2026-01-05")
    repair(city, penalty)
    record(city, "penalty.published", severity="general", decided_on="2026-01-05")
    wrong = record(city, "licence.published", document="云岭许〔2026〕1号")
    take_step(city, wrong, "record.withdrawn", decided_on="2026-06-05")
    old = record(city, "penalty.published", document="云市监罚〔2026〕3号", decided_on="2026-01-05")
    city.publish("credit.penalty.published", old.body | {"fine_fen": 1}, refers=old)
    city.remove(city.enter("wage-arrears"))
    record(city, "penalty.published", document="旧", severity="general", decided_on="2025-01-05")
    for at in (None, date(2026, 6, 3)):
        receipt = office.issue("bidding", at=at).pdf
        ended = {gone["reason"] for gone in answer_of(receipt)["no_longer"]}
        assert {"repaired", "withdrawn", "replaced", "lifted", "expired", "step"} <= ended
        assert office.verify(receipt).exit_status == 0


def told(city: City, office: Office, receipt: bytes, **members: Any) -> AnswerReport:
    """A receipt that a dishonest operator made: an answer of his own, logged as if it had been given."""
    answer = edited(receipt, **members)
    look = logged_by(city, city.operator, event_of(receipt) | {"answer": sm3(answer).hex()})
    return office.verify(forged(receipt, answer=answer, look=look))


def test_a_day_to_come_is_no_day_to_ask_about(city: City, office: Office) -> None:
    """Else an operator would say of any listing with an end that it is over."""
    city.enter("wage-arrears", until="2026-12-31")
    receipt = office.issue().pdf
    later = told(city, office, receipt, day="2027-01-01", decision="clear", hits=[])
    assert (later.exit_status, reasons(later, "conclusion")) == (1, ["day_to_come"])
    assert judged(office, receipt, day="2027-01-01").verdicts["conclusion"] == "fail"
    assert told(city, office, receipt).exit_status == 0


def test_the_last_time_of_all_breaks_nothing(city: City, office: Office) -> None:
    receipt = office.issue().pdf
    assert china_day(parse_time("9999-12-31T23:59:59Z")) == "9999-12-31"
    assert office.verify(receipt, later=parse_time("9999-12-31T23:59:59Z") - city.now).exit_status == 0


@pytest.mark.parametrize("reason", ["repaired", "withdrawn", "lifted", "replaced"])
def test_what_is_set_aside_as_ended_names_what_ended_it(city: City, office: Office, reason: str) -> None:
    city.enter("wage-arrears")
    other = city.enter("tax-a", case="云岭红〔2026〕1号")
    city.remove(other)
    receipt = office.issue().pdf
    entry, gone = answer_of(receipt)["hits"][0]["entry"], answer_of(receipt)["no_longer"]
    stray = {**entry, "index": 999}
    for named in (None, entry, stray, "x", gone[0]["entry"] | {"leaf_hash": "0" * 64}):
        false = [{"entry": entry, "reason": reason, "changed_by": named}, *gone]
        report = told(city, office, receipt, decision="clear", hits=[], no_longer=false)
        assert (report.exit_status, reasons(report, "conclusion")) == (1, ["end_not_named"])


def test_a_false_reason_that_names_another_statement_is_the_operators_word_and_called_so(
    city: City, office: Office
) -> None:
    """What cannot be seen offline: the auditor sees it, and the logged look binds the operator to it."""
    city.enter("wage-arrears")
    receipt = office.issue().pdf
    entry = answer_of(receipt)["hits"][0]["entry"]
    false = [{"entry": entry, "reason": "expired", "changed_by": None}]
    report = told(city, office, receipt, decision="clear", hits=[], no_longer=false)
    assert report.exit_status == 0
    [agrees] = report.by_part["conclusion"]
    assert "expired 1" in agrees.en
    assert "operator's word" in agrees.en
    assert "系运营方所述" in agrees.zh


def test_a_person_who_stands_there_in_two_roles_is_weighed_by_the_graver(city: City, office: Office) -> None:
    city.enter("dishonest-debtor", number=city.person)
    roles = ("legal-representative", "responsible-person")
    for order in (roles, roles[::-1]):
        receipt = office.issue("bidding", related=dict.fromkeys(order, city.person)).pdf
        assert answer_of(receipt)["decision"] == "caution"
        assert office.verify(receipt).exit_status == 0
        report = told(city, office, receipt, decision="clear", hits=[])
        assert (report.exit_status, reasons(report, "conclusion")) == (1, ["listing_ignored"])


@pytest.mark.parametrize("matter", ["bidding", "loan", "civil-service"])
@pytest.mark.parametrize(
    "listed", ["tax-a", "wage-arrears", "dishonest-debtor", "tax-violation", "food-safety", "drug-safety"]
)
def test_every_honest_answer_is_what_the_rules_say(
    city: City, office: Office, matter: str, listed: str
) -> None:
    city.enter(listed)
    report = office.verify(office.issue(matter).pdf)
    assert (report.exit_status, report.verdicts["conclusion"]) == (0, "pass")


def test_an_honest_answer_about_a_run_out_measure_and_a_relation_is_what_the_rules_say(
    city: City, office: Office
) -> None:
    city.enter("procurement-violation", until=None, **{"from": "2020-01-05"})
    city.enter("dishonest-debtor", number=city.person)
    for matter in ("government-procurement", "bidding", "land-transfer"):
        receipt = office.issue(matter, related={"legal-representative": city.person}).pdf
        assert office.verify(receipt).verdicts["conclusion"] == "pass"


# The whole file


def test_with_the_certificates_bundle_the_page_is_proven_too(city: City, office: Office) -> None:
    issued = office.issue()
    report = office.verify(issued.pdf, certificate=office.certificate(issued))
    assert (report.exit_status, reasons(report, "file")) == (0, ["file_logged"])


def test_a_page_that_somebody_drew_again_is_seen(city: City, office: Office) -> None:
    """Every attachment is genuine, and what is printed is not."""
    issued = office.issue()
    another = forged(issued.pdf)
    assert office.verify(another).exit_status == 0
    report = office.verify(another, certificate=office.certificate(issued))
    assert (report.exit_status, reasons(report, "file")) == (1, ["file_other"])


def test_a_receipt_out_of_force_is_seen_with_its_certificate(city: City, office: Office) -> None:
    issued = office.issue()
    city.now += 30 * DAY_MS
    report = office.verify(issued.pdf, certificate=office.certificate(issued))
    assert (report.exit_status, reasons(report, "file")) == (1, ["receipt_expired"])


def test_a_revoked_receipt_is_seen_with_its_certificate(city: City, office: Office) -> None:
    issued = office.issue()
    store = city.logs["certificate"].store
    [entry] = list(store.entries(0, store.size()))
    statement = parse_statement(parse_envelope(entry.entry).payload)
    revocation = {
        "identifier": issued.identifier,
        "issuer": city.operator,
        "holder": statement.body["holder"],
        "state": "03",
        "reason": "签发有误",
        "decided_on": "2026-09-21",
    }
    city.publish("certificate.revoked", revocation, issuer=city.operator, refers=statement)
    report = office.verify(issued.pdf, certificate=office.certificate(issued))
    assert (report.exit_status, reasons(report, "file")) == (1, ["receipt_changed"])


def test_the_certificate_of_another_receipt_proves_nothing_of_this_one(city: City, office: Office) -> None:
    issued, other = office.issue(), office.issue("loan")
    report = office.verify(issued.pdf, certificate=office.certificate(other))
    assert (report.exit_status, reasons(report, "file")) == (1, ["certificate_not_proven"])


def test_a_certificate_of_a_member_that_did_not_issue_the_receipt_does_not_count(
    city: City, office: Office
) -> None:
    """Any publisher of certificates may state one under the operator's number."""
    issued = office.issue()
    store = city.logs["certificate"].store
    [entry] = list(store.entries(0, store.size()))
    body = parse_statement(parse_envelope(entry.entry).payload).body
    redrawn = forged(issued.pdf)
    files = [{"format": "pdf", "sm3": sm3(redrawn).hex(), "bytes": len(redrawn)}]
    city.publish("certificate.issued", body | {"files": files}, issuer=city.bureau)
    report = office.verify(redrawn, certificate=office.certificate(issued))
    assert reasons(report, "file") == ["file_other"]
    assert office.verify(issued.pdf, certificate=office.certificate(issued)).exit_status == 0


# Plain answers


def test_a_plain_answer_with_its_bundle_and_look_is_proven(city: City, office: Office) -> None:
    city.enter("wage-arrears")
    data = plain(office.issue())
    report = office.verify(open_answer(data))
    # Without the tables nobody but the operator says what a listing leads to; this one led to something.
    assert (report.exit_status, set(report.verdicts.values())) == (0, {"pass"})
    spaced = strictjson.loads(data)
    assert open_answer(strictjson.canonical(spaced)).answer == open_answer(data).answer


def test_a_plain_answer_needs_a_bundle_from_somewhere(office: Office) -> None:
    issued = office.issue()
    members = strictjson.loads(plain(issued))
    del members["bundle"]
    data = strictjson.dumps(members)
    with pytest.raises(AnswerUnusable, match="bundle"):
        open_answer(data)
    assert office.verify(open_answer(data, issued.answer.bundle)).exit_status == 0


def test_a_plain_answer_without_a_look_is_judged_by_the_rest(office: Office) -> None:
    members = strictjson.loads(plain(office.issue()))
    del members["logged"]
    report = office.verify(open_answer(strictjson.dumps(members)))
    assert (report.exit_status, list(report.verdicts)) == (0, ["keys", "conclusion"])
    assert report.look is None


def test_an_edited_plain_answer_is_not_the_one_that_was_logged(office: Office) -> None:
    report = office.verify(open_answer(plain(office.issue(), matter_name="别的事项")))
    assert (report.exit_status, reasons(report, "look")) == (1, ["answer_differs"])


def test_a_red_listing_without_effect_is_judged_by_the_tables_alone(city: City, office: Office) -> None:
    city.enter("tax-a")
    issued = office.issue("bidding")
    assert office.verify(issued.pdf).exit_status == 0
    report = office.verify(open_answer(plain(issued)))
    assert (report.verdicts["conclusion"], reasons(report, "conclusion")) == (
        "unknown",
        ["listing_not_judged"],
    )


def test_a_whole_view_is_judged_by_what_counts(city: City, office: Office) -> None:
    """An auditor sees what was lifted, too; that does not make it count."""
    city.remove(city.enter("wage-arrears"))
    city.checkpoint()
    answer = city.credit.check(office.query(), MATTER, city.asked("auditor"))
    issued = office.issue()
    report = office.verify(open_answer(plain(replace(issued, answer=answer))))
    assert (answer.view, report.verdicts["conclusion"], report.exit_status) == ("whole", "pass", 0)


# What is no answer at all


def without(name: str) -> Callable[[Any], Any]:
    return lambda document: {key: value for key, value in document.items() if key != name}


UNUSABLE: dict[str, Callable[[Any], Any]] = {
    "no decision": without("decision"),
    "no keys": without("keys"),
    "no subject": without("subject"),
    "no checkpoint": without("checkpoint"),
    "an unknown decision": lambda document: document | {"decision": "maybe"},
    "a day that is none": lambda document: document | {"day": "today"},
    "keys that are no list": lambda document: document | {"keys": {}},
    "a key without an epoch": lambda document: document | {"keys": [without("epoch")(document["keys"][0])]},
    "a tag that is none": lambda document: document | {"keys": [document["keys"][0] | {"tag": "x"}]},
    "a hit that is none": lambda document: document | {"hits": [1]},
    "a reason that is none": lambda document: document | {"no_longer": [{"entry": None, "reason": "x"}]},
    "a size that is none": lambda document: document | {"checkpoint": document["checkpoint"] | {"size": "1"}},
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_document_that_is_no_answer_is_unusable(office: Office, name: str) -> None:
    receipt = office.issue().pdf
    document = UNUSABLE[name](answer_of(receipt))
    with pytest.raises(AnswerUnusable):
        open_receipt(forged(receipt, answer=strictjson.canonical(document)))


def test_an_attached_answer_is_canonical_and_the_other_files_are_in_form(office: Office) -> None:
    receipt = office.issue().pdf
    spaced = read_receipt(receipt).answer.replace(b'"day":', b'"day": ')
    changes = {"answer": spaced, "look": b"{}", "catalogue": b"{}", "bundle": b"{}"}
    for name, data in changes.items():
        with pytest.raises(FormatError):
            office.verify(forged(receipt, **{name: data}))


def test_a_key_file_and_numbers_are_read_strictly(city: City) -> None:
    keys = b"\n".join(key.hex().encode() for key in city.tag_keys.values())
    persons = parse_persons(keys, [city.person, f"legal-representative {city.person}", ""])
    assert persons.tags("itself", 1) == {person_tag(city.tag_keys[1], 1, city.person)}
    assert persons.tags("legal-representative", 0) == {person_tag(city.tag_keys[0], 0, city.person)}
    assert city.person not in repr(persons)
    for wrong in (b"", b"zz", b"00" * 31, "密".encode()):
        with pytest.raises(QuestionInvalid):
            parse_persons(wrong, [])


def test_the_tables_are_the_two_files_and_no_more(office: Office) -> None:
    tables = parse_tables(format_tables(office.tables("2026.2")))
    assert set(tables.digests) == set(FILES)
    for wrong in (b"{}", b"[]", format_tables(dict.fromkeys(FILES, b"{}"))):
        with pytest.raises(FormatError):
            parse_tables(wrong)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every member and item of a document."""
    if path:
        yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = strictjson.loads(strictjson.dumps(document))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return copy


def test_no_value_anywhere_in_an_answer_breaks_the_verifier_or_passes_for_what_was_logged(
    city: City, office: Office
) -> None:
    """Each member in turn becomes something else: unusable, or not proven; never an error of ours."""
    city.remove(city.enter("wage-arrears"))
    city.enter("dishonest-debtor")
    evidence = open_receipt(office.issue("civil-service").pdf)
    bundle, trust = parse_bundle(evidence.bundle), parse_trust(city.trust_file)
    document = strictjson.loads(evidence.answer.canonical)
    question = Question(now=city.now)
    tried = 0
    for path in places(document):
        for value in (None, 0, "x", [], {}, ["x"], {"x": None}):
            changed = with_value(document, path, value)
            if changed == document:
                continue
            tried += 1
            try:
                answer = answer_of_members(changed)
            except AnswerUnusable:
                continue
            report = verify_answer(replace(evidence, answer=answer, bundle=bundle), trust, question)
            assert report.exit_status == 1, path
            assert report.verdicts["look"] == "fail"
            assert report.as_json()["exit"] == 1
    assert tried > 300


ODD: tuple[Any, ...] = (None, 0, "x", [], {}, [{}], {"x": []}, [["x"]])


def test_no_value_in_a_published_edition_or_a_listing_breaks_the_verifier(office: Office) -> None:
    """What a dishonest operator signed is judged, too."""
    tables = parse_tables(format_tables(office.tables("2026.2")))
    evidence = open_receipt(office.issue("bidding").pdf)
    for odd in ODD:
        assert not tables.are_of({"files": odd})
        assert not tables.are_of({"files": [{"name": odd, "sm3": odd}]})
        assert tables.allowed({"list": odd, "severity": odd}, "bidding", "itself") == {"caution"}
        rows = strictjson.dumps([{"code": odd, "kind": odd, "severity": odd, "decision": odd}])
        other = parse_tables(format_tables({"lists.json": rows, "rules.json": rows}))
        assert other.allowed({"list": odd, "severity": odd}, "bidding", "itself")
        found = list(_of_roles(evidence.answer, {"asks": {"bidding": odd}}, 2, None))
        assert all(finding.zh and finding.en for finding in found)
