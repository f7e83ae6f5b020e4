"""Each kind of statement: its exact tags, what it seals, and every refusal."""

from dataclasses import replace
from typing import Any

import pytest
from bodies import (
    AUTHORITY,
    BODIES,
    BY,
    CERTIFICATE,
    COMPANY,
    EARLIER,
    ENTERED,
    EVENT,
    ISSUED,
    ISSUER,
    PENALTY,
    PERSON,
    TAG,
    resident,
)

from ledger.domain import (
    INDEXES,
    KINDS,
    PenaltyPublished,
    Person,
    Personal,
    PersonDetails,
    actor_tag,
    build_statement,
    case_tag,
    certificate_tag,
    check_person_tag,
    dump_body,
    exchange_tag,
    format_personal,
    kind_of,
    parse_body,
    subject_of,
    validate,
)
from ledger.errors import (
    CheckDigitWrong,
    DateInvalid,
    IdentifierInvalid,
    KeysMismatch,
    KindUnknown,
    LogMismatch,
    SealedMismatch,
    StatementInvalid,
    TimeInvalid,
)
from ledger.formats.statement import Reference, Statement, format_statement, new_id, parse_statement
from ledger.formats.tags import organisation_tag, person_tag, resource_tag
from ledger.identifiers import CertificateIdentifier

DAY_MS = 1_790_000_000_000
OTHER = (Reference(ISSUER, new_id(DAY_MS, b"other other")),)


def build(kind: str, body: dict[str, Any] | None = None, **members: Any) -> Statement:
    members.setdefault("refers", OTHER if KINDS[kind].refers else ())
    if kind == "access.authorisation.granted":
        # The one kind that is always about a person.
        members.setdefault("sealed", b"\0" * 32)
    return build_statement(
        kind,
        BODIES[kind] if body is None else body,
        log=members.pop("log", f"yunling.example/{KINDS[kind].log}"),
        issuer=ISSUER,
        id=new_id(DAY_MS, b"0123456789"),
        at=DAY_MS,
        **members,
    )


def refused(kind: str, error: type[Exception], **changes: Any) -> Exception:
    body = {name: value for name, value in {**BODIES[kind], **changes}.items() if value is not ...}
    with pytest.raises(error) as caught:
        build(kind, body)
    return caught.value


@pytest.mark.parametrize("kind", BODIES)
def test_a_statement_of_every_kind_survives_its_bytes(kind: str) -> None:
    statement = build(kind)
    parsed = parse_statement(format_statement(statement))
    assert parsed == statement
    assert dump_body(validate(parsed)) == parsed.body


def test_every_kind_is_tested_here() -> None:
    assert set(BODIES) == set(KINDS)


@pytest.mark.parametrize("kind", BODIES)
def test_the_tags_of_a_kind_are_of_its_logs_indexes(kind: str) -> None:
    assert set(build(kind).keys) <= set(INDEXES[KINDS[kind].log])


def test_the_tags_of_a_penalty() -> None:
    assert build("credit.penalty.published").keys == {
        "subject": (organisation_tag(COMPANY),),
        "authority": (organisation_tag(AUTHORITY),),
        "case": (case_tag("云市监罚〔2026〕12号"),),
    }


def test_the_tag_of_a_person_is_copied_from_the_body() -> None:
    statement = build("credit.list.entered", {**ENTERED, "subject": PERSON}, sealed=b"\0" * 32)
    assert statement.keys["subject"] == (TAG,)


def test_the_tags_of_an_access_event() -> None:
    assert build("access.event.recorded").keys == {
        "subject": (organisation_tag(COMPANY),),
        "resource": (resource_tag("yunling/household"),),
        "actor": (actor_tag(ISSUER, "desk-1"),),
        "exchange": (exchange_tag("ex-1"),),
    }


def test_an_exchange_about_nobody_has_no_subject_tag() -> None:
    body = {name: value for name, value in EVENT.items() if name != "subject"}
    assert "subject" not in build("access.event.recorded", body).keys


def test_a_certificate_is_found_under_the_one_it_replaces() -> None:
    body = {**ISSUED, "replaces": str(EARLIER)}
    assert build("certificate.issued", body).keys["certificate"] == (
        certificate_tag(str(CERTIFICATE)),
        certificate_tag(str(EARLIER)),
    )


def test_tags_other_than_the_kinds_are_refused() -> None:
    statement = build("credit.penalty.published")
    for keys in (
        {**statement.keys, "subject": (TAG,)},
        {name: tags for name, tags in statement.keys.items() if name != "case"},
        {**statement.keys, "subject": (*statement.keys["subject"], TAG)},
        {**statement.keys, "actor": (TAG,)},
    ):
        with pytest.raises(KeysMismatch):
            validate(replace(statement, keys=keys))


def test_the_order_of_tags_within_an_index_is_free() -> None:
    statement = build("certificate.issued", {**ISSUED, "replaces": str(EARLIER)})
    turned = {**statement.keys, "certificate": statement.keys["certificate"][::-1]}
    validate(replace(statement, keys=turned))


def test_unknown_kinds_and_foreign_logs_are_refused() -> None:
    statement = build("credit.penalty.published")
    with pytest.raises(KindUnknown):
        validate(replace(statement, kind="credit.rumour.spread"))
    with pytest.raises(LogMismatch):
        validate(replace(statement, log="yunling.example/access"))


@pytest.mark.parametrize("kind", BODIES)
def test_unknown_members_are_refused_without_repeating_their_name(kind: str) -> None:
    error = refused(kind, StatementInvalid, **{resident(1): 1})
    assert resident(1) not in str(error)


@pytest.mark.parametrize("kind", BODIES)
def test_every_required_member_is_required(kind: str) -> None:
    model = KINDS[kind].model
    for name, field in model.model_fields.items():
        if field.is_required():
            refused(kind, StatementInvalid, **{field.alias or name: ...})


@pytest.mark.parametrize("kind", BODIES)
def test_no_refusal_quotes_a_value(kind: str) -> None:
    planted = resident(7)
    for name, value in BODIES[kind].items():
        if isinstance(value, str):
            error = refused(kind, Exception, **{name: f"{planted}"})
            assert planted not in f"{error} {error!r}"


def test_identifiers_and_times_have_their_own_errors() -> None:
    wrong = AUTHORITY[:-1] + ("0" if AUTHORITY[-1] != "0" else "1")
    refused("credit.penalty.published", CheckDigitWrong, authority={**BY, "uscc": wrong})
    refused("credit.penalty.published", IdentifierInvalid, authority={**BY, "uscc": "short"})
    refused("credit.penalty.published", DateInvalid, decided_on="2026-02-30")
    refused("credit.penalty.published", DateInvalid, decided_on="2026/02/03")
    refused("access.event.recorded", TimeInvalid, happened_at="2026-09-21 14:13")
    refused("certificate.issued", IdentifierInvalid, identifier="1.2.3")


def test_a_field_error_names_the_field() -> None:
    assert "body.decided_on" in str(refused("credit.penalty.published", DateInvalid, decided_on="x"))


def test_a_body_holds_no_resident_id_in_any_text() -> None:
    refused("credit.penalty.published", StatementInvalid, facts=f"当事人（{resident(1)}）无证经营")
    refused("access.event.recorded", StatementInvalid, purpose=f"核查{resident(1)}")
    full_width = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
    refused("access.event.recorded", StatementInvalid, purpose=f"核查{resident(1).translate(full_width)}")
    refused("access.event.recorded", StatementInvalid, exchange=f"x-{resident(1)}")
    refused("access.event.recorded", StatementInvalid, actor={"member": ISSUER, "operator": resident(1)})
    serial = CertificateIdentifier.make("11990000000013338W011", AUTHORITY, resident(1), 1)
    refused("certificate.issued", StatementInvalid, identifier=str(serial))


def test_strict_types_are_not_coerced() -> None:
    refused("credit.penalty.published", StatementInvalid, fine_fen="500000")
    refused("credit.penalty.published", StatementInvalid, fine_fen=True)
    refused("access.event.recorded", StatementInvalid, rows=-1)


def test_spaces_round_a_text_and_control_characters_are_refused() -> None:
    refused("credit.penalty.published", StatementInvalid, violation=" 无证经营")
    refused("credit.penalty.published", StatementInvalid, violation="无证\x00经营")


def test_the_class_of_a_subject_agrees_with_its_type() -> None:
    refused("credit.penalty.published", StatementInvalid, subject_class="natural-person")
    refused("credit.licence.published", StatementInvalid, subject=PERSON)


def test_texts_about_a_person_are_not_in_the_body() -> None:
    person = {**PENALTY, "subject": PERSON, "subject_class": "natural-person"}
    with pytest.raises(StatementInvalid, match="sealed"):
        build("credit.penalty.published", person, sealed=b"\0" * 32)
    bare = {name: value for name, value in person.items() if name not in ("facts", "content")}
    build("credit.penalty.published", bare, sealed=b"\0" * 32)


def test_texts_about_an_organisation_must_be_given() -> None:
    refused("credit.penalty.published", StatementInvalid, facts=...)
    refused("credit.licence.published", StatementInvalid, content=...)


def test_an_end_before_the_start_is_refused() -> None:
    refused("credit.penalty.published", StatementInvalid, valid_until="2025-12-31")
    refused("credit.licence.published", StatementInvalid, valid_until="2025-12-31")
    refused("credit.list.entered", StatementInvalid, until="2025-12-31")
    refused("certificate.issued", StatementInvalid, valid_until="2025-12-31")


def test_an_open_end_is_said_not_left_out() -> None:
    refused("credit.list.entered", StatementInvalid, until=...)
    assert build("credit.list.entered").body["until"] is None


def test_a_certificates_parts_are_those_of_its_identifier() -> None:
    refused("certificate.issued", StatementInvalid, version="002")
    refused("certificate.issued", StatementInvalid, issuer=COMPANY)
    refused("certificate.issued", StatementInvalid, type_code="11990000000013338W021")
    refused("certificate.issued", StatementInvalid, replaces=str(CERTIFICATE))
    refused("certificate.revoked", StatementInvalid, state="01")


@pytest.mark.parametrize("kind", [kind for kind in BODIES if KINDS[kind].refers])
def test_a_continuation_refers_to_exactly_one_statement(kind: str) -> None:
    with pytest.raises(StatementInvalid, match="refers"):
        build(kind, refers=())
    with pytest.raises(StatementInvalid, match="refers"):
        build(kind, refers=OTHER * 2)


def test_what_is_sealed_follows_the_subject() -> None:
    with pytest.raises(SealedMismatch):
        build("credit.list.entered", {**ENTERED, "subject": PERSON})
    with pytest.raises(SealedMismatch):
        build("credit.list.entered", sealed=b"\0" * 32)
    build("credit.penalty.published", sealed=b"\0" * 32)
    build("access.event.recorded", {**EVENT, "subject": PERSON})


def test_the_sealed_number_must_give_the_bodys_tag() -> None:
    keys = {0: b"k" * 32, 1: b"l" * 32}
    subject = Person(type="person", person_tag=person_tag(keys[1], 1, resident(5)), epoch=1)

    def content(number: str, kind: str = "111") -> bytes:
        details = PersonDetails(name="张三", document_type=kind, document_number=number)
        return format_personal(Personal(subject=details))

    check_person_tag(subject, content(resident(5)), keys)
    for bad in (
        content(resident(6)),
        content(resident(5), "414"),
        format_personal(Personal()),
        b'{"subject":{"name":"\xe5\xbc\xa0"},"more":1}',
    ):
        with pytest.raises(SealedMismatch) as caught:
            check_person_tag(subject, bad, keys)
        assert resident(6) not in str(caught.value)
    with pytest.raises(SealedMismatch, match="epoch 1"):
        check_person_tag(subject, content(resident(5)), {0: b"k" * 32})
    organisation = parse_body(kind_of("credit.penalty.published"), PENALTY)
    with pytest.raises(SealedMismatch):
        check_person_tag(subject_of(organisation), content(resident(5)), keys)  # type: ignore[arg-type]


def test_every_penalty_column_is_a_field() -> None:
    titles = {field.title for field in PenaltyPublished.model_fields.values() if field.title}
    assert {"CF_WSH", "CF_WFXW", "CF_SY", "CF_YJ", "CF_CFLB", "CF_NR", "CF_JDRQ"} <= titles
