"""Checks of persons: on their word or the law's, used as often as granted, and logged when refused."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from bodies import GRANTED
from checking import DUTY, MATTER, REPRESENTATIVE, looks

from ledger.errors import (
    AuthorisationExhausted,
    AuthorisationMissing,
    AuthorisationOutOfScope,
    LedgerError,
    MatterUnknown,
    PurposeMissing,
    RoleMissing,
)
from ledger.services.answers import CheckAnswer, RelatedQuery, SubjectQuery

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

PURPOSE = "法定代表人资格审查"


def grant(city: City, number: str, **changes: Any) -> str:
    """An authorisation by the person to the bureau, named as the API names it."""
    body = {
        **GRANTED,
        "subject": city.subject(number),
        "grantee": city.bureau,
        "matters": [],
        "number": os.urandom(4).hex(),
        **changes,
    }
    granted = city.publish("access.authorisation.granted", body, number=number)
    return f"{granted.issuer}:{granted.id}"


def check(city: City, query: SubjectQuery, matter: str = MATTER, **asked: Any) -> CheckAnswer:
    city.checkpoint()
    return city.credit.check(query, matter, city.asked(**asked))


def events(city: City) -> list[dict[str, Any]]:
    return [look.body for look in looks(city) if look.kind == "access.event.recorded"]


@pytest.fixture
def person(city: City) -> SubjectQuery:
    return SubjectQuery("person", city.person)


def test_a_look_on_the_persons_word_refers_to_it_and_uses_it_up(city: City, person: SubjectQuery) -> None:
    word = grant(city, city.person, uses=2)
    for _ in range(2):
        assert check(city, person, authorisation=word).decision == "clear"
    with pytest.raises(AuthorisationExhausted):
        check(city, person, authorisation=word)
    used = [look for look in looks(city) if look.kind == "access.event.recorded"]
    assert [[f"{each.issuer}:{each.id}" for each in look.refers] for look in used] == [[word], [word], []]
    assert [look.body["outcome"] for look in used] == ["none", "none", "refused"]
    assert [look.body.get("authorisation") for look in used] == [word] * 3
    assert used[2].body["reason"] == "authorisation_exhausted"


def test_a_look_on_the_laws_word_names_its_code(city: City, person: SubjectQuery) -> None:
    check(city, person, basis_code=DUTY)
    [event] = events(city)
    assert (event["basis_code"], event["outcome"]) == (DUTY, "none")
    assert "authorisation" not in event


@pytest.mark.parametrize(
    ("asked", "matter", "error"),
    [
        ({}, MATTER, AuthorisationMissing),
        ({"basis_code": "no-such-basis"}, MATTER, AuthorisationOutOfScope),
        ({"basis_code": "executive-eligibility"}, MATTER, AuthorisationOutOfScope),
        ({"purpose": " ", "basis_code": DUTY}, MATTER, PurposeMissing),
        ({"basis": "", "basis_code": DUTY}, MATTER, PurposeMissing),
        ({"basis_code": DUTY}, "moon-landing", MatterUnknown),
    ],
    ids=["nothing", "unknown basis", "basis of another matter", "no purpose", "no basis", "no such matter"],
)
def test_a_refused_attempt_about_a_person_is_logged_about_that_person(
    city: City, person: SubjectQuery, asked: dict[str, str], matter: str, error: type[LedgerError]
) -> None:
    with pytest.raises(error):
        check(city, person, matter, **asked)
    [event] = events(city)
    assert (event["outcome"], event["reason"]) == ("refused", error.code)
    assert event["subject"] == city.subject(city.person)
    assert "answer" not in event
    assert city.person not in str(event)


def test_a_view_that_is_not_for_the_asker_is_logged_about_the_person(
    city: City, person: SubjectQuery
) -> None:
    city.checkpoint()
    with pytest.raises(RoleMissing):
        city.credit.check(person, MATTER, city.asked(basis_code=DUTY), view="whole")
    assert [event["reason"] for event in events(city)] == ["role_missing"]


def test_an_organisation_needs_nobodys_word(city: City) -> None:
    assert check(city, SubjectQuery("organisation", city.company)).decision == "clear"


def test_each_related_person_is_asked_for_with_their_own_word(
    city: City, resident: Callable[[int], str]
) -> None:
    boss, owner = resident(7), resident(8)
    related = (
        RelatedQuery(REPRESENTATIVE, boss, grant(city, boss)),
        RelatedQuery("actual-controller", owner, grant(city, owner)),
    )
    check(city, SubjectQuery("organisation", city.company, related=related), "loan")
    company, *persons = [look for look in looks(city) if look.kind == "access.event.recorded"]
    assert company.refers == ()
    assert "authorisation" not in company.body
    named = [f"{look.refers[0].issuer}:{look.refers[0].id}" for look in persons]
    assert named == [each.authorisation for each in related] == [p.body["authorisation"] for p in persons]


def test_one_person_without_a_word_refuses_the_question_and_uses_no_other_word(
    city: City, resident: Callable[[int], str]
) -> None:
    boss, owner = resident(7), resident(8)
    word = grant(city, boss, uses=1)
    related = (RelatedQuery(REPRESENTATIVE, boss, word), RelatedQuery("actual-controller", owner))
    with pytest.raises(AuthorisationMissing):
        check(city, SubjectQuery("organisation", city.company, related=related), "loan")
    assert [event["outcome"] for event in events(city)] == ["refused"]
    assert check(city, SubjectQuery("person", boss), authorisation=word).decision == "clear"


def test_two_at_once_cannot_both_take_the_last_use(city: City, person: SubjectQuery) -> None:
    word = grant(city, city.person, uses=3)
    city.checkpoint()

    def attempt(_: int) -> str:
        try:
            return city.credit.check(person, MATTER, city.asked(authorisation=word)).decision
        except AuthorisationExhausted:
            return "refused"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, range(6)))
    assert sorted(outcomes) == ["clear"] * 3 + ["refused"] * 3
