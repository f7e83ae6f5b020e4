"""Checks: what they decide, what they show, what they prove, and what they refuse."""

from typing import TYPE_CHECKING, Any

import pytest

from ledger.errors import (
    CheckDigitWrong,
    DateInvalid,
    IdentifierInvalid,
    MatterUnknown,
    NotYetPublished,
    PurposeMissing,
    StatementInvalid,
)
from ledger.formats.bundle import parse_bundle
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.services.answers import CheckAnswer, SubjectQuery

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

MATTER = "government-procurement"


def check(city: City, matter: str = MATTER, number: str | None = None, **members: Any) -> CheckAnswer:
    city.checkpoint()
    query = SubjectQuery("person", number) if number else SubjectQuery("organisation", city.company)
    asked = city.asked(basis_code="statutory-duty" if number else None)
    return city.credit.check(query, matter, members.pop("asked", asked), **members)


def proved(city: City, answer: CheckAnswer) -> bool:
    return city.proves(answer.bundle, *(("subject", tag) for tag in answer.subject.tags))


def entries_logged(city: City) -> int:
    return city.logs["access"].store.size()


def test_a_subject_of_whom_nothing_is_logged_is_clear_and_provably_so(city: City) -> None:
    answer = check(city)
    assert (answer.decision, answer.hits, answer.no_longer) == ("clear", (), ())
    assert parse_bundle(answer.bundle).entries == ()
    assert proved(city, answer)


def test_a_hit_names_its_measures_with_basis_term_and_end(city: City) -> None:
    city.enter("wage-arrears")
    answer = check(city)
    assert answer.decision == "restrict"
    [hit] = answer.hits
    assert (hit.list, hit.list_kind, hit.until) == ("wage-arrears", "serious", "2029-01-04")
    [measure] = hit.measures
    assert (measure.code, measure.basis) == ("wage-procurement", "保障农民工工资支付条例 48")
    assert (measure.term, measure.until, measure.mark) == ("while listed", "2029-01-04", "V")
    assert proved(city, answer)


def test_a_term_of_years_ends_at_its_longest_or_with_the_listing(city: City) -> None:
    city.enter("procurement-violation", until=None)
    [hit] = check(city).hits
    assert (hit.decision, hit.measures[0].term, hit.measures[0].until) == ("prohibit", "1-3 y", "2029-01-05")


def test_a_measure_whose_term_ran_out_leaves_a_caution(city: City) -> None:
    city.enter("procurement-violation", until=None, **{"from": "2020-01-05"})
    answer = check(city)
    assert (answer.decision, answer.hits[0].measures) == ("caution", ())


def test_only_the_measures_that_the_listing_named_apply(city: City) -> None:
    city.enter("bidding-violation", measures=["bid-ban-breach"], until=None)
    [hit] = check(city, "bidding").hits
    assert [measure.code for measure in hit.measures] == ["bid-ban-breach"]


def test_a_serious_list_without_a_rule_for_the_matter_is_a_caution(city: City) -> None:
    city.enter("statistics")
    assert check(city).decision == "caution"


def test_a_red_list_is_an_incentive_where_a_rule_says_so_and_else_nothing(city: City) -> None:
    city.enter("tax-a")
    assert check(city, "loan").decision == "incentive"
    assert check(city).decision == "clear"


def test_the_gravest_hit_decides(city: City) -> None:
    city.enter("tax-a", case="甲")
    city.enter("wage-arrears", case="乙")
    assert check(city, "loan").decision == "restrict"


def test_a_list_that_the_catalogue_does_not_know_is_a_caution(city: City) -> None:
    city.enter("moon-dust")
    answer = check(city)
    assert (answer.decision, answer.hits[0].list_kind) == ("caution", "unknown")


def test_a_removed_entry_counts_no_longer_and_is_not_shown(city: City) -> None:
    entered = city.enter("wage-arrears")
    city.remove(entered)
    answer = check(city)
    assert answer.decision == "clear"
    assert [(gone.entry.index, gone.reason) for gone in answer.no_longer] == [(0, "lifted"), (1, "step")]
    assert answer.no_longer[0].changed_by == answer.no_longer[1].entry
    assert answer.completeness[0].undisclosed == 2
    assert "数额较大".encode() not in answer.bundle
    assert parse_bundle(answer.bundle).entries == ()


def test_an_expired_entry_and_one_not_yet_begun_do_not_count(city: City) -> None:
    city.enter("wage-arrears", case="甲", until="2026-09-20")
    city.enter("wage-arrears", case="乙", **{"from": "2026-09-22"})
    answer = check(city)
    assert [gone.reason for gone in answer.no_longer] == ["expired", "not_yet"]


def test_another_day_can_be_asked_about(city: City, day: Any) -> None:
    city.enter("wage-arrears", **{"from": "2026-09-10"})
    assert check(city, at=day.replace(day=9)).decision == "clear"
    assert check(city, at=day.replace(day=10)).decision == "restrict"


def test_another_members_removal_does_not_count(city: City) -> None:
    entered = city.enter("wage-arrears")
    city.remove(entered, issuer=city.court)
    answer = check(city)
    assert answer.decision == "restrict"
    assert [gone.reason for gone in answer.no_longer] == ["ineffective"]


def test_a_person_is_found_under_every_epoch(city: City) -> None:
    city.enter("dishonest-debtor", number=city.person, epoch=0, case="甲")
    city.enter("tax-violation", number=city.person, epoch=1, case="乙")
    answer = check(city, "civil-service", number=city.person)
    assert {hit.list for hit in answer.hits} == {"dishonest-debtor", "tax-violation"}
    assert len(answer.completeness) == 2
    assert proved(city, answer)


def test_a_persons_number_is_nowhere_in_the_answer_or_the_logs(city: City) -> None:
    city.enter("dishonest-debtor", number=city.person)
    answer = check(city, "civil-service", number=city.person)
    assert answer.subject.code == city.person[:4] + "*" * 10 + city.person[-4:]
    assert city.person not in repr(answer)
    assert city.person not in repr(SubjectQuery("person", city.person))
    for log in city.logs.values():
        for stored in log.store.entries(0, log.store.size()):
            payload = parse_envelope(stored.entry).payload.decode()
            assert city.person not in payload
            assert "张三" not in payload


def test_a_check_is_logged_with_purpose_basis_and_receipt(city: City) -> None:
    answer = check(city, number=city.person)
    stored = city.logs["access"].reader.entry(answer.logged.index)
    assert stored is not None
    assert stored.entry == answer.logged.entry
    statement = parse_statement(parse_envelope(stored.entry).payload)
    assert statement.id == answer.logged.id
    body = statement.body
    assert (body["action"], body["resource"], body["outcome"]) == ("check", f"check/{MATTER}", "none")
    assert body["actor"] == {"member": city.bureau, "operator": "desk-7"}
    assert (body["purpose"], body["basis"]) == ("政府采购供应商审查", "政府采购法 22")
    assert body["subject"]["person_tag"] == answer.subject.tags[-1]


def test_the_answer_names_catalogue_and_checkpoint(city: City) -> None:
    answer = check(city)
    assert (answer.catalogue.edition, answer.catalogue.sm3) == (city.catalogue.edition, city.catalogue.sm3)
    note = parse_bundle(answer.bundle).note.checkpoint
    assert (answer.checkpoint.size, answer.checkpoint.root) == (note.size, note.root.hex())


@pytest.mark.parametrize(("purpose", "basis"), [("", "政府采购法 22"), ("审查", " "), ("　", "法")])
def test_a_check_without_purpose_or_basis_is_refused_before_anything_else(
    city: City, purpose: str, basis: str
) -> None:
    with pytest.raises(PurposeMissing):
        check(city, "no such matter", asked=city.asked(purpose=purpose, basis=basis))
    assert entries_logged(city) == 0


def test_an_unknown_matter_is_refused_and_nothing_logged(city: City) -> None:
    with pytest.raises(MatterUnknown):
        check(city, "moon-landing")
    assert entries_logged(city) == 0


def test_a_matter_may_be_named_in_chinese(city: City) -> None:
    answer = check(city, "政府采购")
    assert (answer.matter, answer.matter_name) == (MATTER, "政府采购")


def test_a_bad_number_is_refused_without_naming_the_right_one(city: City) -> None:
    wrong = city.person[:-1] + ("1" if city.person[-1] != "1" else "2")
    with pytest.raises(CheckDigitWrong) as caught:
        check(city, number=wrong)
    assert city.person not in str(caught.value)
    assert city.person[-1] + " " not in str(caught.value)
    with pytest.raises(DateInvalid):
        check(city, number="990001198002300011")
    with pytest.raises(IdentifierInvalid):
        city.credit.check(SubjectQuery("organisation", "X"), MATTER, city.asked())
    assert entries_logged(city) == 0


def test_an_answer_needs_a_checkpoint_of_the_level_asked_for(city: City) -> None:
    with pytest.raises(NotYetPublished):
        check(city, level="anchored")


def test_a_number_in_the_purpose_is_refused_and_the_answer_not_given(city: City) -> None:
    with pytest.raises(StatementInvalid) as caught:
        check(city, asked=city.asked(purpose=f"核查{city.person}"))
    assert city.person not in str(caught.value)
