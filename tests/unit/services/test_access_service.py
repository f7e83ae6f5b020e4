"""Trails and the recorder: complete page by page, masked by role, every look logged."""

import threading
from typing import TYPE_CHECKING, Any

import pytest

from ledger.domain import parse_body
from ledger.domain.kinds import kind_of
from ledger.errors import (
    AuthorisationMissing,
    AuthorisationOutOfScope,
    CursorInvalid,
    IdentifierInvalid,
    InputError,
    PurposeMissing,
    Unavailable,
)
from ledger.formats.bundle import After as Verified
from ledger.formats.envelope import parse_envelope
from ledger.formats.receipt import parse_receipt_payload
from ledger.services.answers import After, SubjectQuery, TrailAnswer

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any


def event(city: City, number: int = 0, **changes: Any) -> Any:
    body = {
        "action": "query",
        "resource": "yunling/household",
        "actor": {"member": city.bureau, "operator": "desk-1"},
        "exchange": f"ex-{number}",
        "subject": {"type": "organisation", "uscc": city.company},
        "purpose": "行政许可审批",
        "basis": "行政许可法 34",
        "outcome": "done",
        "rows": 1,
        "happened_at": "2026-09-21T14:13:20.000Z",
        **changes,
    }
    return parse_body(kind_of("access.event.recorded"), body)


def trail(city: City, by: Any = "subject", value: Any = None, **members: Any) -> TrailAnswer:
    value = value or SubjectQuery("organisation", city.company)
    return city.access.trail(by, value, members.pop("asked", city.asked("auditor")), **members)


def test_the_recorder_answers_with_the_entrys_place_and_receipt(city: City) -> None:
    logged = city.recorder.record(event(city))
    stored = city.logs["access"].reader.entry(logged.index)
    assert stored is not None
    assert (stored.entry, stored.leaf_hash.hex()) == (logged.entry, logged.leaf_hash)
    batch = parse_receipt_payload(parse_envelope(logged.receipt).payload).batch
    assert batch is not None
    assert batch.first_index <= logged.index < batch.first_index + batch.size


def test_looks_at_the_same_time_share_a_manifest(city: City) -> None:
    logged: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: logged.append(city.recorder.record(event(city, n))))
        for n in range(48)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.index for one in logged}) == 48
    assert len({one.manifest for one in logged}) < 48
    city.checkpoint()
    answer = trail(city, limit=1000)
    assert {shown.exchange for shown in answer.events} == {f"ex-{n}" for n in range(48)}
    assert city.proves(answer.bundle, ("subject", answer.tags[0]))


def test_a_closed_recorder_takes_no_look(city: City) -> None:
    city.recorder.close()
    with pytest.raises(Unavailable):
        city.recorder.record(event(city))


def test_a_look_that_the_log_refuses_is_an_error_of_its_own_kind(city: City) -> None:
    city.now += 1_000
    city.logs["access"].appender.close()  # type: ignore[union-attr]
    with pytest.raises(Unavailable):
        city.recorder.record(event(city))


def test_pages_of_a_trail_prove_each_other_complete(city: City) -> None:
    for number in range(5):
        city.recorder.record(event(city, number))
    city.checkpoint()
    tag = trail(city).tags[0]
    # The three looks are logged under the same subject, but under a later checkpoint.
    after, exchanges, verified = None, [], {}
    while True:
        answer = trail(city, limit=2, after=after)
        exchanges += [shown.exchange for shown in answer.events]
        assert city.proves(answer.bundle, ("subject", tag), after=verified)
        after = answer.after
        if after is None:
            break
        verified = {("subject", tag): Verified(after.count, bytes.fromhex(after.head), after.last)}
    assert exchanges == [f"ex-{number}" for number in range(5)]


def test_a_look_at_a_trail_is_in_the_next_trail(city: City) -> None:
    city.checkpoint()
    trail(city)
    city.checkpoint()
    answer = trail(city)
    assert [(shown.action, shown.resource) for shown in answer.events] == [("trail", "trail/subject")]


def test_a_persons_trail_goes_through_every_epoch(city: City) -> None:
    for epoch in (0, 1):
        city.recorder.record(event(city, epoch, subject=city.subject(city.person, epoch)))
    city.checkpoint()
    query = SubjectQuery("person", city.person)
    asked = city.asked("auditor", basis_code="statutory-duty")
    first = trail(city, value=query, asked=asked)
    assert (first.after, first.epoch) == (After(0, "00" * 32, 0), 1)
    second = trail(city, value=query, after=first.after, epoch=first.epoch, asked=asked)
    assert [shown.exchange for shown in (*first.events, *second.events)] == ["ex-0", "ex-1"]
    assert second.after is None
    assert city.person not in repr(first) + repr(second)


def test_a_persons_trail_needs_a_legal_basis_and_shows_who_tried_without(city: City) -> None:
    query = SubjectQuery("person", city.person)
    with pytest.raises(AuthorisationMissing):
        trail(city, value=query)
    with pytest.raises(AuthorisationOutOfScope):
        trail(city, value=query, asked=city.asked("auditor", basis_code="licensing-review"))
    with pytest.raises(PurposeMissing):
        trail(city, value=query, asked=city.asked("auditor", purpose=" "))
    city.checkpoint()
    asked = city.asked("auditor", basis_code="statutory-duty")
    first = trail(city, value=query, asked=asked)
    events = (
        *first.events,
        *trail(city, value=query, asked=asked, after=first.after, epoch=first.epoch).events,
    )
    assert [(shown.action, shown.outcome, shown.reason) for shown in events] == [
        ("trail", "refused", "authorisation_missing"),
        ("trail", "refused", "authorisation_out_of_scope"),
        ("trail", "refused", "purpose_missing"),
    ]


def test_authorisations_stand_in_the_trail_of_who_gave_them(city: City) -> None:
    granted = city.publish(
        "access.authorisation.granted",
        {
            "subject": city.subject(city.person, 0),
            "number": "consent-7",
            "grantee": city.court,
            "matters": ["loan-credit"],
            "from": "2026-09-01",
            "until": "2026-12-31",
            "uses": 2,
            "evidence": "ab" * 32,
            "checked_by": "window-3",
        },
        number=city.person,
    )
    revoked = {"subject": city.subject(city.person, 0), "number": "consent-7", "on": "2026-10-01"}
    city.publish("access.authorisation.revoked", revoked, refers=granted)
    city.checkpoint()
    name = f"{granted.issuer}:{granted.id}"
    asked = city.asked("auditor", basis_code="statutory-duty")
    answers = [
        trail(city, value=SubjectQuery("person", city.person), asked=asked),
        trail(city, "resource", "authorisation/consent-7"),
    ]
    for answer in answers:
        assert answer.events == ()
        shown = [(each.change, each.authorisation, each.grantee, each.uses) for each in answer.authorisations]
        assert shown == [("granted", name, city.court, 2), ("revoked", name, None, None)]
        assert city.proves(
            answer.bundle, ("subject" if answer.by == "subject" else "resource", answer.tags[0])
        )
    assert answers[0].authorisations[0].checked_by == "window-3"
    partners = trail(city, "resource", "authorisation/consent-7", asked=city.asked("partner"))
    assert partners.authorisations[0].checked_by is None


def test_resources_and_operators_have_trails(city: City) -> None:
    city.recorder.record(event(city))
    city.checkpoint()
    for by, value in (("resource", "yunling/household"), ("actor", f"{city.bureau}/desk-1")):
        answer = trail(city, by, value)
        assert [shown.exchange for shown in answer.events] == ["ex-0"]
        assert (answer.completeness[0].name, answer.completeness[0].undisclosed) == (by, 0)


def test_desk_and_subject_are_shown_to_auditors_and_operators_only(city: City) -> None:
    city.recorder.record(event(city))
    city.checkpoint()
    for role, whole in (("auditor", True), ("operator", True), ("officer", False), ("partner", False)):
        [shown] = trail(city, "resource", "yunling/household", asked=city.asked(role)).events
        assert (shown.operator is not None, shown.subject is not None) == (whole, whole)


def test_what_a_trail_refuses(city: City) -> None:
    with pytest.raises(PurposeMissing):
        trail(city, asked=city.asked("auditor", purpose=" "))
    with pytest.raises(InputError):
        trail(city, limit=0)
    with pytest.raises(InputError):
        trail(city, limit=1001)
    with pytest.raises(InputError):
        trail(city, "actor", "desk-1")
    with pytest.raises(IdentifierInvalid):
        trail(city, "actor", "X/desk-1")
    with pytest.raises(InputError):
        trail(city, "resource", SubjectQuery("organisation", city.company))
    with pytest.raises(CursorInvalid):
        trail(city, epoch=9)
    with pytest.raises(CursorInvalid):
        trail(city, after=After(3, "00" * 32, 9))
    with pytest.raises(CursorInvalid):
        trail(city, after=After(1, "xx", 9))
    assert city.logs["access"].store.size() == 0
