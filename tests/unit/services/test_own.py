"""A subject's own view: everything whatever its state, what was sealed about it, and every look, proved."""

from typing import TYPE_CHECKING, Any

import pytest

from ledger.domain import Personal, PersonDetails
from ledger.errors import CheckDigitWrong, CursorInvalid, InputError, NotYetPublished, PurposeMissing
from ledger.formats.bundle import parse_bundle
from ledger.identifiers import CertificateIdentifier
from ledger.log.credit_rules import CreditRulebook
from ledger.services.answers import After, SubjectQuery
from ledger.services.erasure import ErasureLog, ErasureService
from ledger.services.own import OwnLog, OwnService
from ledger.services.own_answers import OwnAnswer, OwnPlace, OwnStatement

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

OTHER = "990001198001010027"


@pytest.fixture
def own(city: City) -> OwnService:
    logs = {
        short: OwnLog(city.logs[short].reader, city.logs[short].store, city.sealer)
        for short in ("credit", "certificate")
    }
    return OwnService(
        logs,
        city.logs["access"].reader,
        city.recorder,
        city.tag_keys,
        CreditRulebook(city.editions, city.operator),
        city.authoriser,
        city.clock,
    )


def view(city: City, own: OwnService, number: str | None = None, **more: Any) -> OwnAnswer:
    query = SubjectQuery("person", number) if number else SubjectQuery("organisation", city.company)
    asked = more.pop("asked", city.asked("subject-desk", purpose="本人查询", basis="个人信息保护法 45"))
    city.checkpoint()
    return own.view(query, asked, **more)


def statements(answer: OwnAnswer) -> tuple[OwnStatement, ...]:
    assert answer.records is not None
    return answer.records.statements


def test_records_that_no_longer_count_are_shown_with_their_states_and_steps(
    city: City, own: OwnService
) -> None:
    entered = city.enter("wage-arrears", number=city.person, epoch=0)
    ended = city.enter("tax-violation", number=city.person, case="云岭列〔2025〕9号", until="2026-02-01")
    city.remove(entered)
    answer = view(city, own, city.person)
    shown = [(each.entry.id, each.kind, each.state and each.state.state) for each in statements(answer)]
    assert shown == [
        (entered.id, "credit.list.entered", "lifted"),
        (ended.id, "credit.list.entered", "expired"),
        (shown[2][0], "credit.list.removed", "applied"),
    ]
    first = statements(answer)[0]
    assert first.role == "itself"
    assert first.state is not None
    assert first.state.counts is False
    assert first.state.changed_by == statements(answer)[2].entry
    assert first.body["grounds"] == "数额较大"
    assert first.content.standing == "open"
    assert first.content.personal == {
        "subject": {"name": "张三", "document_type": "111", "document_number": city.person}
    }
    assert statements(answer)[2].content.standing == "none"
    assert answer.records is not None
    tags = [("subject", tag) for tag in answer.subject.tags]
    assert city.proves(answer.records.bundles["credit"], *tags)
    assert city.proves(answer.records.bundles["certificate"], *[("holder", tag) for _, tag in tags])
    # What is sealed is disclosed in the bundle, which proves that it is what was signed.
    disclosed = [entry.disclosure for entry in parse_bundle(answer.records.bundles["credit"]).entries]
    assert [each is not None and city.person.encode() in each.content for each in disclosed] == [
        True,
        True,
        False,
    ]


def test_every_look_is_in_the_trail_and_the_view_itself_the_next_time(city: City, own: OwnService) -> None:
    subject = SubjectQuery("person", city.person)
    city.checkpoint()
    city.credit.check(subject, "government-procurement", city.asked(basis_code="statutory-duty"))
    for _ in range(2):
        answer = view(city, own, city.person)
    assert answer.trail is not None
    second = view(
        city,
        own,
        city.person,
        section="trail",
        trail_after=answer.trail.after,
        trail_epoch=answer.trail.epoch,
    )
    assert second.records is None
    assert second.trail is not None
    events = (*answer.trail.events, *second.trail.events)
    looks = [(event.action, event.member, event.operator, event.basis_code) for event in events]
    desk = ("own", city.bureau, "desk-7", None)
    assert looks == [("check", city.bureau, "desk-7", "statutory-duty"), desk, desk]
    assert city.proves(answer.trail.bundle, ("subject", answer.subject.tags[0]))
    assert city.proves(second.trail.bundle, ("subject", answer.subject.tags[1]))


def test_nothing_recorded_is_proved(city: City, own: OwnService) -> None:
    answer = view(city, own, OTHER)
    assert statements(answer) == ()
    assert answer.trail is not None
    assert (answer.trail.events, answer.trail.authorisations) == ((), ())
    assert answer.records is not None
    for short, name in (("credit", "subject"), ("certificate", "holder")):
        tags = [(name, tag) for tag in answer.subject.tags]
        assert city.proves(answer.records.bundles[short], *tags)


def test_what_was_erased_says_so_and_the_rest_stays(city: City, own: OwnService) -> None:
    city.enter("wage-arrears", number=city.person, epoch=0)
    city.enter("tax-violation", number=city.person, case="云岭列〔2026〕2号")
    city.checkpoint()
    erasing = ErasureService(
        [ErasureLog(short, log.store, log.reader) for short, log in city.logs.items()],
        city.recorder,
        city.tag_keys,
        city.clock,
    )
    query = SubjectQuery("person", city.person)
    erased = erasing.erase(query, city.asked("operator", purpose="本人请求删除", basis="个人信息保护法 47"))
    assert [(log.log, log.keys, log.contents) for log in erased.logs] == [
        ("credit", 2, 2),
        ("access", 0, 0),
        ("certificate", 0, 0),
    ]
    answer = view(city, own, city.person)
    assert [each.content.standing for each in statements(answer)] == ["erased", "erased"]
    assert [each.state and each.state.state for each in statements(answer)] == ["published", "published"]
    assert answer.records is not None
    assert city.proves(answer.records.bundles["credit"], *[("subject", tag) for tag in answer.subject.tags])
    after = answer.trail.after if answer.trail else None
    trail = view(city, own, city.person, section="trail", trail_after=after, trail_epoch=1).trail
    assert trail is not None
    assert (trail.events[0].action, trail.events[0].purpose) == ("erase", "本人请求删除")
    # Submitted again, content gets a new key; what was erased stays so.
    city.enter("wage-arrears", number=city.person, epoch=0, case="云岭列〔2026〕3号")
    assert [each.content.standing for each in statements(view(city, own, city.person))] == [
        "erased",
        "erased",
        "open",
    ]


def test_damaged_content_does_not_keep_the_rest_from_the_subject(city: City, own: OwnService) -> None:
    city.enter("wage-arrears", number=city.person)
    city.enter("tax-violation", number=city.person, case="云岭列〔2026〕2号")
    store = city.logs["credit"].store
    with store._log.writing() as writer:
        writer.execute("UPDATE sealed SET ciphertext = CAST(ciphertext || x'00' AS BLOB) WHERE idx = 0")
    assert [each.content.standing for each in statements(view(city, own, city.person))] == [
        "unreadable",
        "open",
    ]


def penalty(city: City, **changes: Any) -> dict[str, Any]:
    return {
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
        **changes,
    }


def test_an_organisations_own_view_masks_the_persons_it_names(city: City, own: OwnService) -> None:
    details = PersonDetails(name="李四光", document_type="111", document_number=OTHER)
    related = {"role": "legal-representative", **city.subject(OTHER)}
    del related["type"]
    city.publish(
        "credit.penalty.published",
        penalty(city, related=[related]),
        personal=Personal(legal_representative=details, related=[details]),
    )
    answer = view(city, own)
    [shown] = statements(answer)
    masked = {"name": "李**", "document_type": "111", "document_number": "9900**********0027"}
    assert shown.content.personal == {"legal_representative": masked, "related": [masked]}
    assert answer.records is not None
    # Whoever is not its subject does not get it out of the bundle either.
    assert [entry.disclosure for entry in parse_bundle(answer.records.bundles["credit"]).entries] == [None]
    everything = repr(answer).encode() + b"".join(answer.records.bundles.values())
    assert OTHER.encode() not in everything
    assert "李四光" not in repr(answer)
    # The person behind it sees the statement, and not what was sealed for the organisation.
    [behind] = statements(view(city, own, OTHER))
    assert (behind.role, behind.content.standing) == ("legal-representative", "of_another")
    assert behind.body["document"] == "云岭罚〔2026〕1号"
    assert behind.state is not None


def test_certificates_of_a_holder_are_shown_with_their_state(city: City, own: OwnService) -> None:
    type_code = "11990000000013338W011"
    made = CertificateIdentifier.make(type_code, city.bureau, "77", 1)
    city.publish(
        "certificate.issued",
        {
            "identifier": str(made),
            "type_code": type_code,
            "issuer": city.bureau,
            "version": "001",
            "files": [{"format": "ofd", "sm3": "ab" * 32, "bytes": 3419}],
            "issued_on": "2026-01-05",
            "valid_from": "2026-01-05",
            "state": "01",
            "holder": {name: value for name, value in city.subject(city.person, 0).items() if name != "name"},
        },
    )
    [shown] = statements(view(city, own, city.person))
    assert (shown.log, shown.kind, shown.state and shown.state.state) == (
        "certificate",
        "certificate.issued",
        "01",
    )


def test_pages_of_records_end_where_the_next_begin_over_all_logs(city: City, own: OwnService) -> None:
    for number in range(5):
        city.enter("wage-arrears", number=city.person, epoch=number % 2, case=f"云岭列〔2026〕{number}号")
    seen: list[str] = []
    after: OwnPlace | None = None
    for _ in range(9):
        answer = view(city, own, city.person, section="records", records_after=after, limit=2)
        assert answer.trail is None
        assert answer.records is not None
        seen += [each.body["case"] for each in answer.records.statements]
        after = answer.records.after
        if after is None:
            break
        bundle = parse_bundle(answer.records.bundles["credit"])
        assert bundle.completeness is not None
        assert sum(len(section.chain) for section in bundle.completeness) == 5
    assert seen == [f"云岭列〔2026〕{number}号" for number in range(5)]


def test_a_view_is_logged_before_it_is_answered(city: City, own: OwnService) -> None:
    city.enter("wage-arrears", number=city.person)
    answer = view(city, own, city.person)
    stored = city.logs["access"].store.entry(answer.logged.index)
    assert stored is not None
    assert b'"own"' in stored.entry or answer.logged.entry == stored.entry
    city.recorder.close()
    with pytest.raises(Exception, match="shutting down"):
        own.view(SubjectQuery("person", city.person), city.asked("subject-desk"))


def test_what_the_view_refuses(city: City, own: OwnService) -> None:
    wrong = city.person[:-1] + ("1" if city.person[-1] != "1" else "2")
    with pytest.raises(CheckDigitWrong):
        view(city, own, wrong)
    for limit in (0, 1001):
        with pytest.raises(InputError):
            view(city, own, city.person, limit=limit)
    with pytest.raises(CursorInvalid):
        view(city, own, city.person, section="trail", trail_after=After(3, "00" * 32, 9))
    with pytest.raises(CursorInvalid):
        view(city, own, city.person, section="trail", trail_epoch=9)
    with pytest.raises(NotYetPublished):
        view(city, own, city.person, level="anchored")
    size = city.logs["access"].store.size()
    with pytest.raises(PurposeMissing):
        view(city, own, city.person, asked=city.asked("subject-desk", purpose=""))
    # The manifest, and the refused attempt.
    assert city.logs["access"].store.size() == size + 2
    with pytest.raises(PurposeMissing):
        view(city, own, asked=city.asked("subject-desk", purpose=""))
    assert city.logs["access"].store.size() == size + 2
