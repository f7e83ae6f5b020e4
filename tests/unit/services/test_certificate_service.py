"""Certificates: four verdicts that do not lean on each other."""

from typing import TYPE_CHECKING, Any

import pytest

from ledger.errors import IdentifierInvalid, InputError
from ledger.formats.statement import Statement
from ledger.identifiers import CertificateIdentifier
from ledger.services.answers import CertificateAnswer

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

FILE = "cd" * 32


def identifier(city: City, serial: int = 1, version: int = 1) -> str:
    made = CertificateIdentifier.make("11990000000013338W011", city.bureau, f"2026{serial:07d}", version)
    return str(made)


def issue(city: City, version: int = 1, **changes: Any) -> Statement:
    body = {
        "identifier": identifier(city, version=version),
        "type_code": "11990000000013338W011",
        "issuer": city.bureau,
        "version": f"{version:03d}",
        "files": [{"format": "ofd", "sm3": FILE, "bytes": 3419}],
        "issued_on": "2026-01-05",
        "valid_from": "2026-01-05",
        "valid_until": "2031-01-05",
        "state": "01",
        "holder": {"type": "organisation", "uscc": city.company},
        **changes,
    }
    return city.publish("certificate.issued", body)


def change(city: City, issued: Statement, state: str | None, issuer: str | None = None) -> None:
    body = {name: issued.body[name] for name in ("identifier", "issuer", "holder")}
    body |= {"reason": "提交虚假材料", "decided_on": "2026-05-01"} | ({"state": state} if state else {})
    kind = "certificate.revoked" if state else "certificate.restored"
    city.publish(kind, body, refers=issued, issuer=issuer)


def status(city: City, text: str | None = None, file_sm3: str | None = None) -> CertificateAnswer:
    city.checkpoint()
    return city.certificate.status(text or identifier(city), file_sm3)


def verdicts(answer: CertificateAnswer) -> tuple[str, str, str, str]:
    return (
        answer.identifier_verdict.verdict,
        answer.file_verdict.verdict,
        answer.issuer_verdict.verdict,
        answer.status_verdict.verdict,
    )


def test_a_certificate_in_force_with_its_file(city: City) -> None:
    issue(city)
    answer = status(city, file_sm3=FILE)
    assert verdicts(answer) == ("pass", "pass", "unknown", "pass")
    assert (answer.state, answer.state_name, answer.valid_until) == ("01", "有效", "2031-01-05")
    assert city.proves(answer.bundle)


def test_another_file_fails_and_none_is_unknown(city: City) -> None:
    issue(city)
    assert verdicts(status(city, file_sm3="ee" * 32)) == ("pass", "fail", "unknown", "pass")
    assert verdicts(status(city))[1] == "unknown"


def test_what_is_not_logged_is_unknown_and_provably_not_there(city: City) -> None:
    answer = status(city, file_sm3=FILE)
    assert verdicts(answer) == ("pass", "unknown", "unknown", "unknown")
    assert answer.completeness[0].total == 0
    assert city.proves(answer.bundle)


def test_a_bad_identifier_is_a_verdict(city: City) -> None:
    good = identifier(city)
    wrong = good[:-1] + ("A" if good[-1] != "A" else "B")
    assert status(city, wrong).identifier_verdict.reason == "check_digit_wrong"
    assert status(city, "1.2.3").identifier_verdict.reason == "identifier_invalid"


@pytest.mark.parametrize("state", ["03", "04", "05", "06", "07", "99"])
def test_a_revocation_is_final(city: City, state: str) -> None:
    issued = issue(city)
    change(city, issued, state)
    change(city, issued, None)
    answer = status(city)
    assert (answer.state, answer.status_verdict.verdict) == (state, "fail")
    assert answer.status_verdict.reason == f"state_{state}"


def test_a_suspension_is_lifted_by_a_restoration(city: City) -> None:
    issued = issue(city)
    change(city, issued, "02")
    assert status(city).state == "02"
    change(city, issued, None)
    assert status(city).status_verdict.verdict == "pass"


def test_another_member_changes_nothing(city: City) -> None:
    issued = issue(city)
    change(city, issued, "03", issuer=city.court)
    assert status(city).status_verdict.verdict == "pass"


def test_validity_has_a_beginning_and_an_end(city: City) -> None:
    issue(city, valid_until="2026-09-20")
    assert status(city).status_verdict.reason == "expired"
    issue(city, version=2, valid_from="2026-09-22")
    assert status(city, identifier(city, version=2)).status_verdict.reason == "not_yet"


def test_a_newer_version_ends_the_one_that_it_replaces(city: City) -> None:
    issue(city)
    issue(city, version=2, replaces=identifier(city))
    answer = status(city)
    assert (answer.state, answer.replaced_by) == ("05", identifier(city, version=2))
    assert status(city, identifier(city, version=2)).status_verdict.verdict == "pass"


def test_the_answer_says_nothing_about_the_holder(city: City) -> None:
    issue(city, holder=city.subject(city.person))
    answer = status(city)
    assert city.person.encode() not in answer.bundle
    assert "holder" not in CertificateAnswer.__slots__


def test_what_is_no_question_is_refused(city: City) -> None:
    with pytest.raises(InputError):
        status(city, file_sm3="xyz")
    with pytest.raises(IdentifierInvalid):
        status(city, "1" * 257)
