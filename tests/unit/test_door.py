"""What is refused at the door whatever the log holds, each refusal with its case."""

from dataclasses import replace
from typing import Any

import pytest
from bodies import AUTHORITY, BODIES, BY, COMPANY, EXECUTOR, ISSUER, PERSON, uscc

from ledger.catalog import load_catalogue
from ledger.domain import KINDS, build_statement, parse_body
from ledger.domain.door import check_statement
from ledger.domain.rules import rules_of
from ledger.errors import (
    DecisionDateRefused,
    LedgerError,
    ListAuthorityMissing,
    ListUnknown,
    MatterUnknown,
    MeasureUnknown,
    NotEntitled,
    StatementInvalid,
)
from ledger.formats.statement import Reference, new_id

OPERATOR, DESK = uscc(8), uscc(9)
RULES = rules_of(load_catalogue(), OPERATOR)
TODAY = "2026-06-15"
AT = 1_790_000_000_000
OTHER = Reference(uscc(20), new_id(AT, b"other other"))
TAKERS = {
    "credit.record.expired": OPERATOR,
    "credit.case.reviewed": OPERATOR,
    "credit.case.matched": OPERATOR,
    "credit.catalogue.published": OPERATOR,
    "credit.case.initiated": AUTHORITY,
    "credit.case.answered": EXECUTOR,
    "credit.quality.reported": AUTHORITY,
    "credit.record.objected": COMPANY,
    "credit.repair.applied": COMPANY,
}
TODAYS = {"credit.record.expired": "2027-06-15", "credit.case.lifted": "2026-09-01"}


def ask(kind: str, issuer: str | None = None, today: str = TODAY, **changes: Any) -> None:
    """Ask at the door about a usual body with changes, by whom it usually is, with the role of a lister."""
    roles = changes.pop("roles", frozenset({"publisher:credit", "lister"}))
    refers = changes.pop("refers", (OTHER,) if KINDS[kind].refers else ())
    body = {name: value for name, value in {**BODIES[kind], **changes}.items() if value is not ...}
    statement = build_statement(
        kind,
        body,
        log=f"yunling.example/{KINDS[kind].log}",
        issuer=issuer or TAKERS.get(kind, ISSUER),
        id=new_id(AT, b"0123456789"),
        at=AT,
        sealed=b"\0" * 32 if kind == "access.authorisation.granted" else None,
        refers=refers[:1],
    )
    statement = replace(statement, refers=refers)
    check_statement(statement, parse_body(KINDS[kind], body), RULES, roles, today)


@pytest.mark.parametrize("kind", BODIES)
def test_the_usual_statement_of_every_kind_passes(kind: str) -> None:
    ask(kind, today=TODAYS.get(kind, TODAY))


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("credit.penalty.published", "decided_on"),
        ("credit.licence.published", "decided_on"),
        ("credit.commitment.made", "made_on"),
        ("credit.evaluation.published", "evaluated_on"),
        ("credit.contract.reported", "reported_on"),
        ("credit.enforcement.published", "filed_on"),
        ("credit.list.removed", "removed_on"),
        ("credit.commitment.performed", "on"),
        ("credit.record.objected", "raised_on"),
        ("credit.objection.answered", "answered_on"),
        ("credit.correction.reported", "on"),
        ("credit.repair.applied", "applied_on"),
        ("credit.repair.accepted", "accepted_on"),
        ("credit.repair.approved", "decided_on"),
        ("credit.repair.rejected", "decided_on"),
        ("credit.record.withdrawn", "decided_on"),
        ("credit.record.expired", "expired_on"),
        ("credit.case.reviewed", "on"),
        ("credit.case.matched", "on"),
        ("credit.case.answered", "on"),
        ("credit.case.lifted", "on"),
    ],
)
def test_nothing_was_decided_after_today(kind: str, member: str) -> None:
    ends = {"valid_until": ..., "until": ..., "published_until": ...}
    changes = {name: value for name, value in ends.items() if name in BODIES[kind]}
    ask(kind, **{**changes, member: TODAY})
    with pytest.raises(DecisionDateRefused):
        ask(kind, **{**changes, member: "2026-06-16"})


@pytest.mark.parametrize(
    ("kind", "last", "over"),
    [
        ("credit.penalty.published", {"decided_on": "2025-06-15"}, {"decided_on": "2025-06-14"}),
        (
            "credit.penalty.published",
            {"decided_on": "2023-06-15", "severity": "serious"},
            {"decided_on": "2023-06-14", "severity": "serious"},
        ),
        (
            "credit.penalty.published",
            {"severity": "minor", "publish_from": "2026-06-15", "decided_on": "2026-03-15"},
            {"severity": "minor", "publish_from": "2026-03-14", "decided_on": "2026-03-14"},
        ),
        ("credit.penalty.published", {"published_until": TODAY}, {"published_until": "2026-06-14"}),
        ("credit.list.entered", {"until": TODAY}, {"until": "2026-06-14"}),
        ("credit.evaluation.published", {"valid_until": TODAY}, {"valid_until": "2026-06-14"}),
        (
            "credit.contract.reported",
            {"signed_on": "2024-01-05", "reported_on": "2025-06-15"},
            {"signed_on": "2024-01-05", "reported_on": "2025-06-14"},
        ),
        ("credit.case.initiated", {"until": TODAY}, {"until": "2026-06-14"}),
        ("access.authorisation.granted", {"until": TODAY}, {"until": "2026-06-14"}),
    ],
)
def test_what_is_so_old_that_its_term_is_over_comes_too_late(
    kind: str, last: dict[str, Any], over: dict[str, Any]
) -> None:
    ask(kind, **last)
    with pytest.raises(DecisionDateRefused):
        ask(kind, **over)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("credit.penalty.published", {"decided_on": "2020-01-05", "severity": "minor"}),
        ("credit.enforcement.published", {"filed_on": "2016-01-05"}),
        ("credit.contract.reported", {"signed_on": "2016-01-05", "reported_on": "2017-01-05",
                                      "performance": "performed"}),
        ("credit.licence.published", {"decided_on": "2016-01-05", "valid_from": "2016-01-05",
                                      "valid_until": "2020-01-05"}),
        ("credit.list.entered", {"from": "2016-01-05", "until": None}),
    ],
)  # fmt: skip
def test_what_has_no_term_that_could_be_over_may_be_old(kind: str, changes: dict[str, Any]) -> None:
    ask(kind, **changes)


def test_a_penalty_is_not_published_from_a_day_after_its_term() -> None:
    ask("credit.penalty.published", publish_from="2027-01-05")
    with pytest.raises(DecisionDateRefused):
        ask("credit.penalty.published", publish_from="2027-01-06")


@pytest.mark.parametrize("kind", ["credit.list.entered", "credit.case.initiated"])
def test_a_listing_or_a_case_begins_within_a_year(kind: str) -> None:
    ask(kind, **{"from": "2027-06-16", "until": None if kind.endswith("entered") else ...})
    with pytest.raises(DecisionDateRefused):
        ask(kind, **{"from": "2027-06-17", "until": None if kind.endswith("entered") else ...})


@pytest.mark.parametrize(
    ("list_code", "roles", "allowed"),
    [
        ("wage-arrears", {"lister"}, True),
        ("wage-arrears", {"lister:wage-arrears"}, True),
        ("wage-arrears", {"lister:tax-a"}, False),
        ("wage-arrears", {"publisher:credit", "operator"}, False),
        ("tax-a", {"lister:tax-a"}, True),
        ("tax-a", set(), False),
        ("key-attention", set(), True),
    ],
)
def test_red_and_serious_lists_need_authority(list_code: str, roles: set[str], allowed: bool) -> None:
    if allowed:
        ask("credit.list.entered", list=list_code, roles=frozenset(roles))
        return
    with pytest.raises(ListAuthorityMissing, match=list_code):
        ask("credit.list.entered", list=list_code, roles=frozenset(roles))


@pytest.mark.parametrize(
    ("kind", "changes", "error"),
    [
        ("credit.list.entered", {"list": "moon-dust"}, ListUnknown),
        ("credit.list.entered", {"measures": ["wage-bidding", "fly"]}, MeasureUnknown),
        ("credit.case.initiated", {"list": "moon-dust"}, ListUnknown),
        ("credit.case.initiated", {"measures": ["fly"]}, MeasureUnknown),
        ("credit.commitment.made", {"matter": "flying"}, MatterUnknown),
        ("credit.case.answered", {"matter": "flying"}, MatterUnknown),
        ("access.authorisation.granted", {"matters": ["loan", "flying"]}, MatterUnknown),
        ("credit.quality.reported", {"month": "2026-07"}, DecisionDateRefused),
    ],
)
def test_codes_are_those_of_the_edition(kind: str, changes: dict[str, Any], error: type[LedgerError]) -> None:
    with pytest.raises(error):
        ask(kind, **changes)


@pytest.mark.parametrize(
    ("kind", "issuer"),
    [
        ("credit.record.expired", ISSUER),
        ("credit.case.reviewed", AUTHORITY),
        ("credit.case.matched", AUTHORITY),
        ("credit.catalogue.published", AUTHORITY),
        ("credit.case.initiated", ISSUER),
        ("credit.case.answered", OPERATOR),
        ("credit.quality.reported", OPERATOR),
    ],
)
def test_what_is_anothers_to_state_is_refused(kind: str, issuer: str) -> None:
    with pytest.raises(NotEntitled):
        ask(kind, issuer, TODAYS.get(kind, TODAY))


def test_the_operator_initiates_a_case_on_its_proposers_behalf() -> None:
    ask("credit.case.initiated", OPERATOR)


@pytest.mark.parametrize("kind", ["credit.record.objected", "credit.repair.applied"])
def test_for_a_subject_act_it_the_issuer_the_authority_the_operator_and_desks(kind: str) -> None:
    for issuer in (COMPANY, AUTHORITY, OPERATOR, OTHER.issuer):
        ask(kind, issuer, roles=frozenset())
    ask(kind, DESK, roles=frozenset({"subject-desk"}))
    with pytest.raises(NotEntitled):
        ask(kind, DESK, roles=frozenset({"publisher:credit", "lister"}))


def test_for_a_person_act_the_issuer_the_authority_the_operator_and_desks() -> None:
    texts = {"grounds": ..., "subject": PERSON}
    ask("credit.record.objected", OPERATOR, **texts)
    with pytest.raises(NotEntitled):
        ask("credit.record.objected", DESK, **texts)


def test_a_record_replaces_one_other_at_most() -> None:
    ask("credit.penalty.published", refers=(OTHER,))
    with pytest.raises(StatementInvalid):
        ask("credit.penalty.published", refers=(OTHER, replace(OTHER, issuer=ISSUER)))


def test_no_refusal_names_a_person_or_an_organisation() -> None:
    for kind, changes in (
        ("credit.list.entered", {"list": "moon-dust"}),
        ("credit.penalty.published", {"decided_on": "2026-06-16"}),
        ("credit.record.expired", {"issuer": ISSUER}),
    ):
        with pytest.raises(LedgerError) as caught:
            ask(kind, **changes)
        for value in (COMPANY, BY["uscc"], BY["name"], ISSUER):
            assert value not in f"{caught.value} {caught.value.detail}"


@pytest.mark.parametrize(
    "kind",
    [
        "credit.case.initiated",
        "credit.catalogue.published",
        "credit.quality.reported",
        "access.authorisation.granted",
    ],
)
def test_what_continues_nothing_refers_to_nothing(kind: str) -> None:
    """Else anybody could pile up what is read whenever a step to somebody's record is checked."""
    with pytest.raises(StatementInvalid, match="continues no other"):
        ask(kind, refers=(OTHER,))


def test_a_look_refers_to_the_one_authorisation_that_it_used() -> None:
    ask("access.event.recorded", refers=(OTHER,))
    with pytest.raises(StatementInvalid, match="one authorisation"):
        ask("access.event.recorded", refers=(OTHER, Reference(uscc(21), OTHER.id)))
