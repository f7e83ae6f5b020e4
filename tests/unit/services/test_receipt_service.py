"""Issuing check receipts: one look, one file, one certificate; or no file at all."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from receipt_office import Office

from ledger.domain import CertificateIssued
from ledger.errors import MatterUnknown, PurposeMissing, ReceiptNotIssued, RoleMissing, Unavailable
from ledger.formats import strictjson
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.gm import sm3
from ledger.identifiers import CertificateIdentifier
from ledger.log.directory import Directory
from ledger.services.answers import answer_bytes
from ledger.services.receipts import VALID_DAYS
from ledger.verify.receipt_file import read_receipt

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def office(city: City) -> Office:
    return Office(city)


def sizes(city: City) -> dict[str, int]:
    return {short: log.store.size() for short, log in city.logs.items()}


def test_a_receipt_proves_itself_offline(city: City, office: Office) -> None:
    city.enter("wage-arrears")
    issued = office.issue()
    report = office.verify(issued.pdf)
    assert report.exit_status == 0
    assert set(report.verdicts.values()) == {"pass"}
    assert report.answer.decision == issued.answer.decision == "restrict"


def test_a_clear_receipt_proves_that_there_is_nothing(office: Office) -> None:
    report = office.verify(office.issue().pdf)
    assert (report.exit_status, report.answer.decision, report.answer.hits) == (0, "clear", ())


def test_the_certificate_endpoint_answers_for_the_file(city: City, office: Office) -> None:
    issued = office.issue()
    city.checkpoint()
    status = city.certificate.status(issued.identifier, sm3(issued.pdf).hex())
    verdicts = (status.identifier_verdict, status.file_verdict, status.status_verdict)
    assert [verdict.verdict for verdict in verdicts] == ["pass", "pass", "pass"]
    other = city.certificate.status(issued.identifier, sm3(issued.pdf + b"\n").hex())
    assert other.file_verdict.reason == "file_differs"


def test_a_receipt_is_in_force_for_thirty_days_and_provable_afterwards(city: City, office: Office) -> None:
    issued = office.issue()
    for day, reason in ((0, "in_force"), (VALID_DAYS - 1, "in_force"), (VALID_DAYS, "expired")):
        city.now += day * DAY_MS
        city.checkpoint()
        assert city.certificate.status(issued.identifier).status_verdict.reason == reason
        assert office.verify(issued.pdf).exit_status == 0
        city.now -= day * DAY_MS


def test_the_certificate_is_the_operators_and_its_holder_the_subject(city: City, office: Office) -> None:
    issued = office.issue()
    store = city.logs["certificate"].store
    [entry] = list(store.entries(0, store.size()))
    statement = parse_statement(parse_envelope(entry.entry).payload)
    body = CertificateIssued.model_validate(statement.body)
    identifier = CertificateIdentifier.parse(issued.identifier)
    assert statement.issuer == body.issuer == identifier.issuer_code == city.operator
    assert identifier.type_code == f"{city.operator}901"
    assert identifier.serial.lower() == issued.answer.logged.id.replace("-", "")
    assert body.holder.model_dump() == {"type": "organisation", "uscc": city.company}
    assert (body.files[0].sm3, body.files[0].bytes) == (issued.file_sm3, len(issued.pdf))
    assert issued.file_name == f"receipt-{identifier.serial}.pdf"


def test_the_look_binds_the_answer_that_is_attached(office: Office) -> None:
    issued = office.issue()
    parts = read_receipt(issued.pdf)
    event = parse_statement(parse_envelope(issued.answer.logged.entry).payload).body
    assert parts.answer == answer_bytes(issued.answer)
    assert event["answer"] == sm3(parts.answer).hex()


def test_a_person_stands_in_a_receipt_masked_and_by_tag(city: City, office: Office) -> None:
    city.enter("dishonest-debtor", number=city.person)
    issued = office.issue("civil-service", city.person)
    parts = read_receipt(issued.pdf)
    assert office.verify(issued.pdf).exit_status == 0
    assert (
        strictjson.loads(parts.answer)["subject"]["code"] == f"{city.person[:4]}**********{city.person[-4:]}"
    )
    for name in ("answer", "bundle", "catalogue", "look"):
        assert city.person.encode() not in getattr(parts, name)
    assert "张三" not in parts.answer.decode()
    store = city.logs["certificate"].store
    [entry] = list(store.entries(0, store.size()))
    holder = parse_statement(parse_envelope(entry.entry).payload).body["holder"]
    assert holder == {"type": "person", "person_tag": issued.answer.subject.tags[-1], "epoch": 1}


def test_without_the_right_to_issue_nothing_is_handed_out_and_the_look_stays_logged(
    city: City, office: Office
) -> None:
    member = city.trust.members[city.operator]
    roles = tuple(role for role in member.roles if role != "publisher:certificate")
    members = {**city.trust.members, city.operator: replace(member, roles=roles)}
    admission = city.appender("certificate")._admission
    admission.directory = Directory(replace(city.trust, members=members))
    before = sizes(city)
    with pytest.raises(ReceiptNotIssued, match=RoleMissing.code):
        office.issue()
    after = sizes(city)
    assert (after["access"] - before["access"], after["certificate"]) == (2, before["certificate"])


def test_a_log_that_cannot_be_appended_to_gives_no_receipt(city: City, office: Office) -> None:
    city.appender("certificate").close()
    with pytest.raises(ReceiptNotIssued, match=Unavailable.code):
        office.issue()


def test_tables_that_are_not_there_any_more_give_no_receipt(city: City, office: Office) -> None:
    def gone(edition: str) -> Any:
        raise Unavailable(f"edition {edition} is not there")

    office.receipts._tables = gone
    with pytest.raises(ReceiptNotIssued, match=Unavailable.code):
        office.issue()
    assert sizes(city)["certificate"] == 0


def test_what_the_check_refuses_is_refused_as_the_check_refuses_it(city: City, office: Office) -> None:
    before = sizes(city)
    with pytest.raises(MatterUnknown):
        office.issue("none-such")
    with pytest.raises(PurposeMissing):
        office.receipts.issue(office.query(), "bidding", city.asked(purpose=" "))
    assert sizes(city) == before


def test_receipts_at_the_same_moment_are_each_a_certificate_of_its_own(city: City, office: Office) -> None:
    city.checkpoint()
    with ThreadPoolExecutor(8) as pool:
        issued = list(
            pool.map(lambda _: office.receipts.issue(office.query(), "loan", city.asked()), range(8))
        )
    assert len({each.identifier for each in issued}) == 8
    assert all(office.verify(each.pdf).exit_status == 0 for each in issued)
    city.checkpoint()
    for each in issued:
        assert city.certificate.status(each.identifier, each.file_sm3).file_verdict.verdict == "pass"


def test_a_receipt_about_an_earlier_day_says_so(city: City, office: Office, day: Any) -> None:
    earlier = day.replace(month=8)
    report = office.verify(office.issue(at=earlier).pdf)
    assert (report.exit_status, report.answer.day) == (0, earlier.isoformat())
