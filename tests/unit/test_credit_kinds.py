"""Kinds of the credit rules: the tags that steps share with their record, what is sealed, what is refused."""

from typing import Any

import pytest
from bodies import AUTHORITY, BODIES, BY, COMPANY, EXECUTOR, ISSUER, PERSON, TAG, resident, uscc

from ledger.domain import (
    KINDS,
    Organisation,
    Personal,
    PersonDetails,
    RelatedPerson,
    authorisation_tag,
    build_statement,
    case_tag,
    check_person_tag,
    edition_tag,
    format_personal,
    parse_body,
)
from ledger.errors import DateInvalid, LedgerError, SealedMismatch, StatementInvalid
from ledger.formats.statement import Reference, Statement, new_id
from ledger.formats.tags import organisation_tag, person_tag

AT = 1_790_000_000_000
RELATED = [
    {"role": "legal-representative", "person_tag": "1" * 64, "epoch": 0},
    {"role": "actual-controller", "person_tag": "2" * 64, "epoch": 0},
    {"role": "responsible-person", "person_tag": "1" * 64, "epoch": 0},
]
RECORDS = [kind for kind, row in KINDS.items() if row.record]
CREDIT_STEPS = [kind for kind, row in KINDS.items() if row.step and row.log == "credit"]
STEPS = [kind for kind in CREDIT_STEPS if not kind.startswith("credit.case.")]
CASES = [kind for kind in KINDS if kind.startswith("credit.case.")]
# What stands in the body about an organisation and is sealed about a person.
TEXTS = {
    "credit.penalty.published": ("facts", "content"),
    "credit.licence.published": ("content",),
    "credit.commitment.made": ("content",),
    "credit.contract.reported": ("project",),
    "credit.enforcement.published": ("duty",),
    "credit.record.objected": ("grounds",),
    "credit.objection.answered": ("reasons",),
    "credit.repair.rejected": ("reason",),
    "credit.case.initiated": ("reason",),
    "credit.case.answered": ("content",),
    "credit.case.lifted": ("reason",),
}
OPTIONAL_TEXTS = {
    "credit.penalty.published": ("remark", "备注"),
    "credit.licence.published": ("remark", "备注"),
    "credit.commitment.performed": ("note", "按期补交"),
    "credit.case.reviewed": ("reason", "依据不足"),
}


def build(kind: str, sealed: bytes | None = None, **changes: Any) -> Statement:
    body = {name: value for name, value in {**BODIES[kind], **changes}.items() if value is not ...}
    return build_statement(
        kind,
        body,
        log=f"yunling.example/{KINDS[kind].log}",
        issuer=ISSUER,
        id=new_id(AT, b"0123456789"),
        at=AT,
        sealed=sealed,
        refers=(Reference(ISSUER, new_id(AT, b"other other")),) if KINDS[kind].refers else (),
    )


def about_a_person(kind: str) -> dict[str, Any]:
    changes: dict[str, Any] = {"subject": PERSON}
    if "subject_class" in BODIES[kind]:
        changes["subject_class"] = "natural-person"
    texts = (*TEXTS.get(kind, ()), *OPTIONAL_TEXTS.get(kind, ())[:1])
    return {**changes, **dict.fromkeys(texts, ...)}


@pytest.mark.parametrize("kind", [*RECORDS, *STEPS])
def test_records_and_steps_bear_the_tags_of_all_whom_they_are_about(kind: str) -> None:
    number = BODIES[kind].get("number") or BODIES[kind].get("document") or BODIES[kind]["case"]
    statement = build(kind, related=RELATED)
    assert statement.keys == {
        "subject": (organisation_tag(COMPANY), "1" * 64, "2" * 64),
        "authority": (organisation_tag(AUTHORITY),),
        "case": (case_tag(number),),
    }
    assert build(kind).keys["subject"] == (organisation_tag(COMPANY),)


@pytest.mark.parametrize("kind", CASES)
def test_a_case_is_found_by_subject_number_and_who_proposed_or_executes(kind: str) -> None:
    by = EXECUTOR if kind.endswith("answered") else AUTHORITY
    assert build(kind).keys == {
        "subject": (organisation_tag(COMPANY),),
        "authority": (organisation_tag(by),),
        "case": (case_tag(BODIES[kind]["case"]),),
    }


def test_the_tags_of_what_is_about_nobody() -> None:
    assert build("credit.catalogue.published").keys == {
        "authority": (organisation_tag(ISSUER),),
        "case": (edition_tag("2026.2"),),
    }
    assert build("credit.quality.reported").keys == {"authority": (organisation_tag(AUTHORITY),)}


@pytest.mark.parametrize("kind", ["access.authorisation.granted", "access.authorisation.revoked"])
def test_an_authorisation_is_found_by_person_and_number(kind: str) -> None:
    keys = build(kind, b"\0" * 32).keys
    assert keys == {"subject": (TAG,), "resource": (authorisation_tag("sq-2026-1"),)}


@pytest.mark.parametrize("kind", [*RECORDS, *STEPS])
def test_persons_stand_behind_organisations_once_in_each_role(kind: str) -> None:
    with pytest.raises(StatementInvalid, match="twice"):
        build(kind, related=[RELATED[0], RELATED[0]])
    with pytest.raises(StatementInvalid, match="behind"):
        build(kind, b"\0" * 32, related=RELATED, **about_a_person(kind))
    for related in ([], [{**RELATED[0], "role": "cousin"}], [{**RELATED[0], "name": "张三"}], RELATED * 6):
        with pytest.raises(StatementInvalid):
            build(kind, related=related)


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_are_given_about_organisations_and_sealed_about_persons(kind: str) -> None:
    person = about_a_person(kind)
    build(kind, b"\0" * 32, **person)
    for text in TEXTS[kind]:
        with pytest.raises(StatementInvalid, match="must be given"):
            build(kind, **{text: ...})
        with pytest.raises(StatementInvalid, match="sealed"):
            build(kind, b"\0" * 32, **{**person, text: "某事"})


@pytest.mark.parametrize("kind", OPTIONAL_TEXTS)
def test_texts_that_may_be_given_about_organisations_are_sealed_about_persons(kind: str) -> None:
    name, text = OPTIONAL_TEXTS[kind]
    build(kind, **{name: text})
    build(kind, **{name: ...})
    with pytest.raises(StatementInvalid, match="sealed"):
        build(kind, b"\0" * 32, **{**about_a_person(kind), name: text})


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_of_a_person_is_sealed(kind: str) -> None:
    with pytest.raises(SealedMismatch):
        build(kind, **about_a_person(kind))


@pytest.mark.parametrize("kind", STEPS)
def test_a_step_is_sealed_about_persons_or_where_it_names_some(kind: str) -> None:
    build(kind, **about_a_person(kind))
    build(kind, b"\0" * 32, **about_a_person(kind))
    build(kind, b"\0" * 32, related=RELATED)
    with pytest.raises(SealedMismatch):
        build(kind, b"\0" * 32)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("credit.penalty.published", {"severity": "grave"}),
        ("credit.penalty.published", {"publish_from": "2026-01-04"}),
        ("credit.list.entered", {"severity": "grave"}),
        ("credit.commitment.made", {"until": "2026-01-04"}),
        ("credit.commitment.made", {"commitment_kind": "solemn"}),
        ("credit.commitment.performed", {"outcome": "forgotten"}),
        ("credit.evaluation.published", {"grade": "F"}),
        ("credit.evaluation.published", {"valid_until": "2026-01-04"}),
        ("credit.contract.reported", {"reported_on": "2025-05-31"}),
        ("credit.contract.reported", {"performance": "late"}),
        ("credit.enforcement.published", {"performance": "some"}),
        ("credit.enforcement.published", {"amount_fen": -1}),
        ("credit.objection.answered", {"outcome": "ignored"}),
        ("credit.correction.reported", {"corrected": True}),
        ("credit.record.withdrawn", {"reason": "regretted"}),
        ("credit.case.initiated", {"measures": []}),
        ("credit.case.initiated", {"measures": ["wage-bidding", "wage-bidding"]}),
        ("credit.case.initiated", {"executors": []}),
        ("credit.case.initiated", {"executors": [BY, {**BY, "name": "另名"}]}),
        ("credit.case.initiated", {"executors": [{"uscc": uscc(n), "name": "某局"} for n in range(65)]}),
        ("credit.case.initiated", {"until": "2026-02-28"}),
        ("credit.case.reviewed", {"outcome": "returned"}),
        ("credit.case.matched", {"records": [{"issuer": ISSUER, "id": "1"}]}),
        ("credit.case.matched", {"records": BODIES["credit.case.matched"]["records"] * 2}),
        ("credit.case.answered", {"applied": "maybe"}),
        ("credit.case.answered", {"desk": "三号窗口"}),
        ("credit.catalogue.published", {"edition": "latest"}),
        ("credit.catalogue.published", {"files": BODIES["credit.catalogue.published"]["files"] * 2}),
        ("credit.catalogue.published", {"asks": {"bidding": ["cousin"]}}),
        ("credit.catalogue.published", {"asks": {"bidding": ["legal-representative"] * 2}}),
        ("credit.quality.reported", {"published": 121}),
        ("credit.quality.reported", {"conforming": 111}),
        ("credit.quality.reported", {"late": 111}),
        ("credit.quality.reported", {"withheld": 11}),
        ("access.authorisation.granted", {"uses": 0}),
        ("access.authorisation.granted", {"uses": 1001}),
        ("access.authorisation.granted", {"until": "2026-02-28"}),
        ("access.authorisation.granted", {"matters": ["loan", "loan"]}),
        ("access.authorisation.granted", {"number": resident(1)}),
    ],
)
def test_what_contradicts_itself_or_is_no_choice_is_refused(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(StatementInvalid):
        build(kind, b"\0" * 32 if kind.endswith("granted") else None, **changes)


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-00", "2026-5", "2026", "2026-05-01", "1948-01", "２０２６-05"]
)
def test_a_month_is_a_real_month(month: str) -> None:
    with pytest.raises(DateInvalid):
        build("credit.quality.reported", month=month)


def test_which_statements_the_gate_asks_about() -> None:
    refers = (Reference(ISSUER, "x"),)
    gated = {kind for kind, row in KINDS.items() if row.is_gated(refers)}
    assert gated == {*RECORDS, *STEPS, *CASES, "access.authorisation.revoked"} - {"credit.case.initiated"}
    assert {kind for kind, row in KINDS.items() if row.is_gated(())} == gated - set(RECORDS)


def test_the_sealed_names_of_related_persons_are_all_or_none_and_give_their_tags() -> None:
    keys = {0: b"k" * 32}
    company = Organisation(type="organisation", uscc=COMPANY, name="云岭测试公司")
    people = [PersonDetails(name="张三", document_type="111", document_number=resident(n)) for n in (5, 6)]
    related = [
        RelatedPerson(role="legal-representative", person_tag=person_tag(keys[0], 0, resident(n)), epoch=0)
        for n in (5, 6)
    ]
    check_person_tag(company, format_personal(Personal(related=people)), keys, related)
    check_person_tag(company, format_personal(Personal(remark="无")), keys, related)
    for wrong in (people[::-1], people[:1], [people[0], PersonDetails(name="李四")]):
        with pytest.raises(SealedMismatch) as caught:
            check_person_tag(company, format_personal(Personal(related=wrong)), keys, related)
        assert resident(5) not in str(caught.value)
    with pytest.raises(SealedMismatch):
        check_person_tag(company, format_personal(Personal(related=people)), keys)


@pytest.mark.parametrize("kind", BODIES)
def test_no_text_of_any_kind_holds_a_resident_id(kind: str) -> None:
    for name, value in BODIES[kind].items():
        if isinstance(value, str):
            with pytest.raises(LedgerError) as caught:
                parse_body(KINDS[kind], {**BODIES[kind], name: f"甲{resident(3)}"})
            assert resident(3) not in f"{caught.value!r} {caught.value}"
