"""Persons behind an organisation: who is asked about besides, and whose records follow whom."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from checking import DUTY, REPRESENTATIVE, ask, looks, proved, record, related

from ledger.errors import CheckDigitWrong, ParameterInvalid
from ledger.formats.bundle import parse_bundle
from ledger.services.answers import RelatedQuery, SubjectQuery

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

LOAN, LICENCE, BIDDING = "loan", "administrative-licence", "bidding"


@pytest.fixture
def boss(resident: Callable[[int], str]) -> str:
    return resident(7)


def test_the_roles_that_the_matter_asks_for_and_nobody_was_given_for_are_said(city: City, boss: str) -> None:
    assert ask(city, LOAN).not_asked == (REPRESENTATIVE, "actual-controller")
    answer = ask(city, LOAN, behind=((REPRESENTATIVE, boss),))
    assert answer.not_asked == ("actual-controller",)
    assert ask(city).not_asked == ()
    assert ask(city, LOAN, number=boss).not_asked == ()


def test_every_key_asked_is_named_with_its_role_and_proved(city: City, boss: str) -> None:
    answer = ask(city, LOAN, behind=((REPRESENTATIVE, boss),))
    assert [(key.role, key.epoch) for key in answer.keys] == [
        ("itself", 0),
        (REPRESENTATIVE, 0),
        (REPRESENTATIVE, 1),
    ]
    assert {key.tag for key in answer.keys} == {*answer.subject.tags, *answer.related[0].tags}
    assert len(answer.completeness) == 3
    assert proved(city, answer)


def test_a_listed_representative_bears_on_the_company_where_a_rule_says_so(city: City, boss: str) -> None:
    city.enter("dishonest-debtor", number=boss)
    answer = ask(city, BIDDING, behind=((REPRESENTATIVE, boss),))
    [hit] = answer.hits
    assert (answer.decision, hit.list, hit.roles) == ("caution", "dishonest-debtor", (REPRESENTATIVE,))
    assert hit.of is not None
    assert (hit.of.type, hit.of.code) == ("person", boss[:4] + "*" * 10 + boss[-4:])
    assert proved(city, answer)


def test_without_a_rule_for_the_role_a_persons_record_is_not_shown_to_who_asks_about_the_company(
    city: City, boss: str
) -> None:
    city.enter("dishonest-debtor", number=boss)
    answer = ask(city, behind=((REPRESENTATIVE, boss),))
    assert (answer.decision, answer.hits, answer.other_entries) == ("clear", (), 0)
    assert [gone.reason for gone in answer.no_longer] == ["not_followed"]
    assert parse_bundle(answer.bundle).entries == ()
    assert ask(city, BIDDING, behind=(("responsible-person", boss),)).decision == "clear"


def test_a_company_that_names_nobody_is_asked_about_as_itself_alone(city: City, boss: str) -> None:
    city.enter("dishonest-debtor", number=boss)
    assert ask(city, BIDDING).hits == ()


def test_a_measure_against_a_company_follows_the_person_behind_it(city: City, boss: str) -> None:
    city.enter("food-safety", until=None, related=[related(city, boss)])
    answer = ask(city, LICENCE, number=boss)
    [hit] = answer.hits
    assert (answer.decision, hit.roles) == ("prohibit", (REPRESENTATIVE,))
    assert [measure.code for measure in hit.measures] == ["food-ban"]
    assert hit.of is not None
    assert (hit.of.code, hit.of.name) == (city.company, "云岭某公司")
    assert proved(city, answer)


@pytest.mark.parametrize(
    ("list_code", "role", "changes"),
    [
        ("food-safety", "actual-controller", {}),
        ("wage-arrears", REPRESENTATIVE, {}),
        ("statistics", REPRESENTATIVE, {}),
        ("food-safety", REPRESENTATIVE, {"measures": ["food-ban-life"]}),
    ],
    ids=["another role", "a measure that follows nobody", "no rule", "the decision named another measure"],
)
def test_what_no_measure_carries_over_is_no_hit_of_the_person(
    city: City, boss: str, list_code: str, role: str, changes: dict[str, Any]
) -> None:
    city.enter(list_code, related=[related(city, boss, role)], **changes)
    answer = ask(city, LICENCE, number=boss)
    assert (answer.decision, answer.hits, answer.other_entries) == ("clear", (), 0)
    assert [gone.reason for gone in answer.no_longer] == ["not_followed"]
    assert proved(city, answer)


def test_another_company_of_the_representative_bears_where_measure_and_rule_both_follow(
    city: City, boss: str, uscc: Callable[[int], str]
) -> None:
    own, other = city.company, uscc(777)
    city.company = other
    city.enter("dishonest-debtor", related=[related(city, boss)])
    city.enter("food-safety", related=[related(city, boss)])
    city.company = own
    # The rule for a dishonest representative has no measure that could follow him there.
    answer = ask(city, BIDDING, behind=((REPRESENTATIVE, boss),))
    assert (answer.hits, [gone.reason for gone in answer.no_longer]) == ((), ["not_followed"] * 2)


def test_a_record_of_the_company_that_names_the_person_is_one_hit(city: City, boss: str) -> None:
    city.enter("wage-arrears", related=[related(city, boss)])
    answer = ask(city, behind=((REPRESENTATIVE, boss),))
    [hit] = answer.hits
    assert (hit.roles, hit.of, answer.no_longer) == ((), None, ())
    assert proved(city, answer)


def test_what_ends_a_companys_record_ends_it_under_the_persons_key_too(city: City, boss: str) -> None:
    entered = city.enter("food-safety", related=[related(city, boss)])
    city.remove(entered, related=entered.body["related"])
    answer = ask(city, LICENCE, number=boss)
    assert (answer.decision, [gone.reason for gone in answer.no_longer]) == ("clear", ["lifted", "step"])


def test_each_person_who_was_looked_at_has_a_look_of_their_own(city: City, boss: str) -> None:
    answer = ask(city, LOAN, behind=((REPRESENTATIVE, boss), ("actual-controller", city.person)))
    events = [look.body for look in looks(city)]
    tags = [event["subject"].get("person_tag") for event in events]
    assert tags == [None, answer.related[0].tags[-1], answer.related[1].tags[-1]]
    assert {event["answer"] for event in events} == {events[0]["answer"]}
    assert [event.get("basis_code") for event in events] == [DUTY] * 3
    assert [logged.index for logged in answer.logged.related] == [
        answer.logged.index + 1,
        answer.logged.index + 2,
    ]


def test_numbers_of_related_persons_stand_nowhere_in_the_answer(city: City, boss: str) -> None:
    city.enter("dishonest-debtor", number=boss)
    answer = ask(city, BIDDING, behind=((REPRESENTATIVE, boss),))
    assert boss not in repr(answer)
    assert boss.encode() not in answer.bundle
    query = SubjectQuery("organisation", city.company, related=(RelatedQuery(REPRESENTATIVE, boss),))
    assert boss not in repr(query)
    assert boss not in repr(query.related)


def test_related_persons_that_cannot_be_are_refused(city: City, boss: str) -> None:
    wrong = boss[:-1] + ("1" if boss[-1] != "1" else "2")
    one = RelatedQuery(REPRESENTATIVE, boss)
    for query, error in (
        (SubjectQuery("person", city.person, related=(one,)), ParameterInvalid),
        (SubjectQuery("organisation", city.company, related=(one, one)), ParameterInvalid),
        (SubjectQuery("organisation", city.company, related=(one,) * 17), ParameterInvalid),
        (
            SubjectQuery("organisation", city.company, related=(RelatedQuery(REPRESENTATIVE, wrong),)),
            CheckDigitWrong,
        ),
    ):
        with pytest.raises(error) as refused:
            city.credit.check(query, LOAN, city.asked(basis_code=DUTY))
        assert wrong not in str(refused.value)
    assert looks(city) == []


def test_a_penalty_of_a_person_is_found_by_its_kind(city: City) -> None:
    record(
        city,
        "penalty.published",
        number=city.person,
        subject_class="natural-person",
        severity="serious",
        decided_on="2026-08-01",
        facts=...,
        content=...,
    )
    answer = ask(city, "awards", number=city.person)
    assert (answer.decision, answer.hits[0].record) == ("caution", "credit.penalty.published")
    assert proved(city, answer)
