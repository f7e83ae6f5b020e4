"""Erasure: keys of all epochs and logs, logged first, provable after, and nothing left in any file."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from ledger.domain import Personal, PersonDetails
from ledger.errors import (
    CheckDigitWrong,
    IdentifierInvalid,
    InputError,
    NotFound,
    PurposeMissing,
    SealedErased,
    Unavailable,
)
from ledger.log.audit import audit
from ledger.log.audit_entries import Rules
from ledger.log.audit_report import AuditReport
from ledger.services.answers import SubjectQuery
from ledger.services.erasure import ErasureAnswer, ErasureLog, ErasureService
from ledger.services.erasure_audit import erasures_against

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

OTHER = "990001198001010027"


@pytest.fixture
def erasing(city: City) -> ErasureService:
    return ErasureService(
        [ErasureLog(short, log.store, log.reader) for short, log in city.logs.items()],
        city.recorder,
        city.tag_keys,
        city.clock,
    )


def erase(city: City, erasing: ErasureService, subject: Any = None, **changes: Any) -> ErasureAnswer:
    asked = city.asked("operator", **{"purpose": "本人请求删除", "basis": "个人信息保护法 47", **changes})
    return erasing.erase(subject or SubjectQuery("person", city.person), asked)


def consent(city: City) -> None:
    city.publish(
        "access.authorisation.granted",
        {
            "subject": city.subject(city.person, 0),
            "number": "consent-1",
            "grantee": city.court,
            "matters": [],
            "from": "2026-09-01",
            "until": "2026-12-31",
            "uses": 1,
            "evidence": "ab" * 32,
            "checked_by": "window-3",
        },
        number=city.person,
    )


def run_audit(city: City, short: str) -> AuditReport:
    city.checkpoint()
    log, access = city.logs[short], city.logs["access"]
    return audit(
        log.store,
        city.folder / short,
        Rules(log.origin, city.trust, (log.signer.public,), city.sealer),
        processes=1,
        projections=[erasures_against(access.reader, access.store)],
    )


def test_keys_of_every_epoch_in_every_log_are_destroyed_and_proofs_still_verify(
    city: City, erasing: ErasureService
) -> None:
    city.enter("wage-arrears", number=city.person, epoch=0)
    city.enter("wage-arrears", number=city.person, epoch=1, case="云岭列〔2026〕2号")
    city.enter("wage-arrears", number=OTHER, case="云岭列〔2026〕3号")
    consent(city)
    city.checkpoint()
    answer = erase(city, erasing)
    assert [(log.log, log.keys, log.contents) for log in answer.logs] == [
        ("credit", 2, 2),
        ("access", 1, 1),
        ("certificate", 0, 0),
    ]
    for short, index in (("credit", 0), ("credit", 1), ("access", 0)):
        sealed, entry = city.logs[short].store.sealed(index), city.logs[short].store.entry(index)
        assert sealed is not None
        assert entry is not None
        with pytest.raises(SealedErased):
            city.sealer.open(sealed, answer.tags[0], entry.issuer, entry.id)
    checked = city.credit.check(
        SubjectQuery("person", city.person),
        "government-procurement",
        city.asked(basis_code="statutory-duty"),
    )
    assert len(checked.hits) == 2
    assert city.proves(checked.bundle, *[("subject", tag) for tag in answer.tags])
    other = city.logs["credit"].store.sealed(2)
    assert other is not None
    assert other.data_key is not None
    assert other.data_key.wrapped is not None
    for short in city.logs:
        report = run_audit(city, short)
        assert report.findings == []
    assert run_audit(city, "credit").figures["sealed_erased"] == 2


def test_nothing_of_a_destroyed_key_stands_in_any_file(city: City, erasing: ErasureService) -> None:
    for number in range(20):
        city.enter("wage-arrears", number=city.person, epoch=number % 2, case=f"云岭列〔2026〕{number}号")
    keys = [
        city.logs["credit"].store.data_key(city.subject(city.person, epoch)["person_tag"]) for epoch in (0, 1)
    ]
    wrapped = [key.wrapped for key in keys if key is not None and key.wrapped is not None]
    assert len(wrapped) == 2
    city.checkpoint()

    def found(each: bytes) -> bool:
        return any(each in path.read_bytes() for path in city.folder.rglob("*") if path.is_file())

    assert all(map(found, wrapped))
    erase(city, erasing)
    assert not any(map(found, wrapped))


def test_an_erasure_is_logged_under_every_tag_before_anything_is_destroyed(
    city: City, erasing: ErasureService
) -> None:
    city.enter("wage-arrears", number=city.person, epoch=0)
    answer = erase(city, erasing)
    city.checkpoint()
    asked = city.asked("auditor", basis_code="statutory-duty")
    first = city.access.trail("subject", SubjectQuery("person", city.person), asked)
    second = city.access.trail(
        "subject", SubjectQuery("person", city.person), asked, after=first.after, epoch=first.epoch
    )
    events = [*first.events, *second.events]
    assert [(event.action, event.outcome, event.purpose, event.rows) for event in events] == [
        ("erase", "done", "本人请求删除", None)
    ] * 2
    assert len(answer.logged) == 2
    city.enter("wage-arrears", number=city.person, epoch=0, case="云岭列〔2026〕2号")
    city.recorder.close()
    with pytest.raises(Unavailable):
        erase(city, erasing)
    assert city.logs["credit"].store.data_key(city.subject(city.person, 0)["person_tag"]) is not None


def test_content_submitted_after_an_erasure_is_under_a_new_key(city: City, erasing: ErasureService) -> None:
    city.enter("wage-arrears", number=city.person)
    tag = city.subject(city.person)["person_tag"]
    before = city.logs["credit"].store.data_key(tag)
    erase(city, erasing)
    city.enter("wage-arrears", number=city.person, case="云岭列〔2026〕2号")
    after = city.logs["credit"].store.data_key(tag)
    assert before is not None
    assert after is not None
    assert before.id != after.id
    assert erase(city, erasing).logs[0].contents == 1


def test_by_tag_one_epoch_is_erased_and_its_bearer_named(city: City, erasing: ErasureService) -> None:
    for epoch in (0, 1):
        city.enter("wage-arrears", number=city.person, epoch=epoch, case=f"云岭列〔2026〕{epoch}号")
    city.checkpoint()
    tag = city.subject(city.person, 0)["person_tag"]
    answer = erase(city, erasing, tag)
    assert answer.tags == (tag,)
    assert answer.logs[0].keys == 1
    [entry] = list(city.logs["access"].store.entries(1, 2))
    assert b"erase" in entry.entry or answer.logged[0].entry == entry.entry
    with pytest.raises(NotFound):
        erase(city, erasing, "ab" * 32)
    with pytest.raises(InputError):
        erase(city, erasing, "ab")


def test_an_organisations_sealed_content_is_erased_and_counted_for_the_persons_in_it(
    city: City, erasing: ErasureService
) -> None:
    related = {"role": "legal-representative", **city.subject(city.person)}
    del related["type"]
    details = PersonDetails(name="李四光", document_type="111", document_number=city.person)
    body = {
        "subject": city.subject(),
        "subject_class": "organisation",
        "document": "云岭罚〔2026〕1号",
        "violation": "违法分包",
        "facts": "将工程分包给不具资质的单位",
        "basis": "建筑法 67",
        "penalty_kinds": ["fine"],
        "content": "罚款 5 万元",
        "decided_on": "2026-09-01",
        "authority": {"uscc": city.bureau, "name": "云岭市住建局"},
        "related": [related],
    }
    city.publish("credit.penalty.published", body, personal=Personal(legal_representative=details))
    city.checkpoint()
    answer = erase(city, erasing)
    assert (answer.elsewhere, answer.logs[0].keys) == (1, 0)
    organisation = erase(city, erasing, SubjectQuery("organisation", city.company))
    assert (organisation.elsewhere, organisation.logs[0].keys, organisation.logs[0].contents) == (0, 1, 1)
    assert erase(city, erasing).elsewhere == 0
    assert erase(city, erasing, organisation.tags[0]).logs[0].keys == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda _: {"purpose": " "}, PurposeMissing),
        (lambda _: {"basis": ""}, PurposeMissing),
        (lambda _: {"subject": SubjectQuery("person", "990001")}, IdentifierInvalid),
        (lambda _: {"subject": SubjectQuery("organisation", "919900010000001000")}, CheckDigitWrong),
    ],
    ids=["purpose", "basis", "number", "code"],
)
def test_what_an_erasure_refuses(
    city: City, erasing: ErasureService, change: Callable[[City], dict[str, Any]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        erase(city, erasing, **change(city))
    assert city.logs["access"].store.size() == 0


def test_an_audit_names_an_erasure_that_nobody_answers_for(city: City, erasing: ErasureService) -> None:
    city.enter("wage-arrears", number=city.person)
    city.enter("wage-arrears", number=OTHER, case="云岭列〔2026〕2号")
    erase(city, erasing)
    store = city.logs["credit"].store
    assert run_audit(city, "credit").clean
    store.erase_subjects([city.subject(OTHER)["person_tag"]], [], 1)
    assert [finding.code for finding in run_audit(city, "credit").findings] == ["erasure_unrecorded"]
    store.erase_sealed(1)
    codes = [(finding.code, finding.index) for finding in run_audit(city, "credit").findings]
    assert codes == [("erasure_unrecorded", None), ("erasure_unrecorded", 1)]
    erase(city, erasing, SubjectQuery("person", OTHER))
    assert run_audit(city, "credit").clean
