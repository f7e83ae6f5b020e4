"""A body that is made again without validating it is the one that validating gives."""

from typing import Any

import pytest
from bodies import BODIES, BY, ENTERED, EVENT, PENALTY, PERSON, TAG

from ledger.domain import KINDS, parse_body
from ledger.domain.admitted import admitted_body
from ledger.errors import StatementInvalid

RELATED = [
    {"role": "legal-representative", "person_tag": TAG, "epoch": 0},
    {"role": "responsible-person", "person_tag": "cd" * 32, "epoch": 1},
]
OF_A_PERSON = {
    **{name: value for name, value in PENALTY.items() if name not in ("facts", "content")},
    "subject": PERSON,
    "subject_class": "natural-person",
}
BY_ITS_OWN_NAMES = {
    {"from": "from_day", "list": "list_code"}.get(name, name): v for name, v in ENTERED.items()
}
CASES: list[tuple[str, dict[str, Any]]] = [
    *BODIES.items(),
    ("credit.penalty.published", {**PENALTY, "related": RELATED, "source": BY, "other_codes": {"tax": "T1"}}),
    ("credit.penalty.published", OF_A_PERSON),
    ("credit.list.entered", {**ENTERED, "until": "2027-01-01", "measures": ["wage-bidding"]}),
    ("credit.list.entered", BY_ITS_OWN_NAMES),
    ("access.event.recorded", {name: value for name, value in EVENT.items() if name != "subject"}),
]


@pytest.mark.parametrize(("kind", "members"), CASES, ids=[f"{n}-{kind}" for n, (kind, _) in enumerate(CASES)])
def test_it_is_the_body_that_validating_gives(kind: str, members: dict[str, Any]) -> None:
    made, validated = admitted_body(KINDS[kind], members), parse_body(KINDS[kind], members)
    assert made == validated
    assert list(made.__dict__) == list(validated.__dict__)
    assert made.model_fields_set == validated.model_fields_set
    assert made.model_dump(by_alias=True) == validated.model_dump(by_alias=True)


def test_every_kind_is_among_the_cases() -> None:
    assert {kind for kind, _ in CASES} == set(KINDS)


def test_the_members_stay_as_they_were() -> None:
    members = dict(ENTERED)
    admitted_body(KINDS["credit.list.entered"], members)
    assert members == ENTERED


@pytest.mark.parametrize(
    "members",
    [
        {name: value for name, value in PENALTY.items() if name != "decided_on"},
        {**PENALTY, "unheard": 1},
        {**PENALTY, "subject": {**PENALTY["subject"], "type": "god"}},
        {**PENALTY, "subject": "x"},
        {**PENALTY, "authority": {"uscc": BY["uscc"]}},
    ],
    ids=["missing", "unknown", "no-such-type", "no-object", "nested"],
)
def test_what_does_not_fit_the_model_is_left_to_validation(members: dict[str, Any]) -> None:
    with pytest.raises(StatementInvalid):
        admitted_body(KINDS["credit.penalty.published"], members)
