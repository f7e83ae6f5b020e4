"""What becomes of an authorisation does not depend on the order of what refers to it, nor on strangers."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import AccessEvent
from ledger.domain.authorisation import AuthorisationGranted, AuthorisationRevoked
from ledger.domain.authorisation_state import AuthorisationState, check_use, fold_authorisation
from ledger.domain.facts import Fact
from ledger.errors import LedgerError

OPERATOR, BANK, STRANGER = "11990100MB0000019L", "11990100MB0000027F", "12990100MB00000357"
SUBJECT = {"type": "person", "person_tag": "aa" * 32, "epoch": 0}
LATER = {"type": "person", "person_tag": "bb" * 32, "epoch": 1}
ANOTHER = {"type": "person", "person_tag": "cc" * 32, "epoch": 0}
TAGS = ((0, "aa" * 32), (1, "bb" * 32))
DAYS = [f"2026-11-{day:02}" for day in range(1, 29)]
GRANT = {
    "number": "c-1",
    "subject": SUBJECT,
    "grantee": BANK,
    "matters": ["loan"],
    "from": "2026-11-05",
    "until": "2026-11-20",
    "uses": 3,
    "evidence": "ab" * 32,
    "checked_by": "w",
}

members = st.sampled_from([OPERATOR, BANK, STRANGER])
events = st.builds(
    lambda issuer, actor, outcome: (
        issuer,
        AccessEvent.model_validate(
            {
                "action": "check",
                "resource": "r",
                "actor": {"member": actor, "operator": "d"},
                "exchange": "x",
                "purpose": "p",
                "basis": "b",
                "outcome": outcome,
                "happened_at": "2026-11-22T08:00:00.000Z",
            }
        ),
    ),
    members,
    members,
    st.sampled_from(["done", "none", "refused", "failed"]),
)
withdrawals = st.builds(
    lambda issuer, subject, number, on: (
        issuer,
        AuthorisationRevoked.model_validate({"number": number, "subject": subject, "on": on}),
    ),
    members,
    st.sampled_from([SUBJECT, LATER, ANOTHER]),
    st.sampled_from(["c-1", "c-2"]),
    st.sampled_from(DAYS),
)
referrers = st.lists(st.one_of(events, withdrawals), max_size=12)


def facts(given: list[tuple[str, Any]]) -> list[Fact]:
    return [Fact(index, issuer, f"id-{index}", (), body) for index, (issuer, body) in enumerate(given, 1)]


def granted(**changes: Any) -> Fact:
    return Fact(0, BANK, "id-0", (), AuthorisationGranted.model_validate({**GRANT, **changes}))


def fold(given: list[Fact]) -> AuthorisationState:
    return fold_authorisation(granted(), given, {OPERATOR}, TAGS)


@given(referrers, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(given: list[tuple[str, Any]], random: Any) -> None:
    found = facts(given)
    shuffled = random.sample(found, len(found))
    assert fold(found) == fold(shuffled)


@given(referrers)
def test_only_the_grantees_looks_that_were_answered_count(given: list[tuple[str, Any]]) -> None:
    expected = sum(
        isinstance(body, AccessEvent)
        and body.actor.member == BANK
        and issuer in (OPERATOR, BANK)
        and body.outcome in ("done", "none")
        for issuer, body in given
    )
    days = [
        body.on
        for _, body in given
        if isinstance(body, AuthorisationRevoked)
        and body.number == "c-1"
        and body.subject.model_dump() in (SUBJECT, LATER)
    ]
    assert fold(facts(given)) == AuthorisationState(expected, min(days, default=None))


@given(referrers, st.sampled_from(DAYS), members, st.sampled_from(["loan", "bidding"]))
def test_a_look_is_allowed_exactly_within_scope_time_and_number(
    given: list[tuple[str, Any]], day: str, member: str, matter: str
) -> None:
    state = fold(facts(given))
    allowed = (
        member == BANK
        and matter == "loan"
        and "2026-11-05" <= day <= "2026-11-20"
        and (state.revoked_on is None or day < state.revoked_on)
        and state.used < 3
    )
    assert is_allowed(state, member=member, matter=matter, day=day) == allowed


@given(referrers)
def test_once_refused_more_referrers_never_allow_it_again(given: list[tuple[str, Any]]) -> None:
    refused = False
    for count in range(len(given) + 1):
        allowed = is_allowed(fold(facts(given[:count])), member=BANK, matter="loan", day="2026-11-10")
        assert not (allowed and refused)
        refused = not allowed


def is_allowed(state: AuthorisationState, **use: Any) -> bool:
    try:
        check_use(granted(), state, tags=TAGS, **use)
    except LedgerError:
        return False
    return True
