"""The folds of credit and certificate statements hold for every history."""

import random
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import (
    Authority,
    CertificateIssued,
    CertificateRestored,
    CertificateRevoked,
    FileDigest,
    ListEntered,
    ListRemoved,
    Organisation,
    OrganisationCode,
    PenaltyPublished,
)
from ledger.domain.certificate_state import fold_certificate
from ledger.domain.credit_state import fold_credit
from ledger.domain.facts import Fact
from ledger.formats.statement import Reference

MEMBERS = ("甲", "乙")
DAYS = st.integers(0, 30).map(lambda days: (date(2026, 1, 1) + timedelta(days=days)).isoformat())
SUBJECT = Organisation.model_construct(type="organisation", uscc="X", name="某")
AUTHORITY = Authority.model_construct(uscc="Y", name="某局")
HOLDER = OrganisationCode.model_construct(type="organisation", uscc="X")
IDENTIFIER, NEWER = "certificate-1", "certificate-2"


@st.composite
def credit_histories(draw: st.DrawFn) -> list[Fact]:
    """Entries, removals that refer to anything, replacements and penalties, by two members."""
    facts: list[Fact] = []
    for index in range(draw(st.integers(0, 12))):
        issuer = draw(st.sampled_from(MEMBERS))
        what = draw(st.sampled_from(("enter", "enter", "remove", "replace", "penalty")))
        target = draw(st.integers(0, 13))
        refers = (Reference(draw(st.sampled_from(MEMBERS)), str(target)),)
        case = draw(st.sampled_from(("一", "二")))
        body: Any
        if what == "penalty":
            body, refers = PenaltyPublished.model_construct(subject=SUBJECT, document=case), ()
        elif what == "remove":
            body = ListRemoved.model_construct(
                list_code="wage-arrears",
                subject=SUBJECT,
                case=case,
                authority=AUTHORITY,
                reason=draw(st.sampled_from(("repaired", "lifted", "withdrawn", "expired"))),
                removed_on=draw(DAYS),
            )
        else:
            start = draw(DAYS)
            body = ListEntered.model_construct(
                list_code="wage-arrears",
                subject=SUBJECT,
                case=case,
                authority=AUTHORITY,
                from_day=start,
                until=draw(st.sampled_from((None, start, max(start, draw(DAYS))))),
            )
            refers = refers if what == "replace" else ()
        facts.append(Fact(index, issuer, str(index), refers, body))
    return facts


@given(credit_histories(), DAYS, st.randoms())
def test_the_order_in_which_facts_are_given_does_not_matter(
    facts: list[Fact], day: str, shuffler: random.Random
) -> None:
    shuffled = facts[:]
    shuffler.shuffle(shuffled)
    assert fold_credit(shuffled, day) == fold_credit(facts, day)


@given(credit_histories(), DAYS)
def test_every_statement_stands_in_exactly_one_place(facts: list[Fact], day: str) -> None:
    state = fold_credit(facts, day)
    places = [*state.in_force, *(gone.fact for gone in state.no_longer), *state.others]
    assert sorted(fact.index for fact in places) == [fact.index for fact in facts]


@given(credit_histories(), DAYS)
def test_what_is_in_force_is_within_its_days(facts: list[Fact], day: str) -> None:
    for fact in fold_credit(facts, day).in_force:
        assert isinstance(fact.body, ListEntered)
        assert fact.body.from_day <= day
        assert fact.body.until is None or day <= fact.body.until


@given(credit_histories(), DAYS)
def test_an_own_removal_that_took_effect_ends_an_entry_for_ever(facts: list[Fact], day: str) -> None:
    state = fold_credit(facts, day)
    in_force = {(fact.issuer, fact.id): fact for fact in state.in_force}
    for removal in facts:
        if isinstance(removal.body, ListRemoved) and removal.body.removed_on <= day:
            target = in_force.get((removal.refers[0].issuer, removal.refers[0].id))
            assert (
                target is None
                or target.issuer != removal.issuer
                or target.index > removal.index
                or getattr(target.body, "case", "") != removal.body.case
            )


@given(credit_histories(), DAYS)
def test_one_member_cannot_undo_anothers_entry(facts: list[Fact], day: str) -> None:
    own = [fact for fact in facts if fact.issuer == MEMBERS[0]]
    both = {fact.index for fact in fold_credit(facts, day).in_force if fact.issuer == MEMBERS[0]}
    assert both == {fact.index for fact in fold_credit(own, day).in_force}


@given(credit_histories(), DAYS, DAYS)
def test_a_withdrawn_entry_never_counted(facts: list[Fact], day: str, other: str) -> None:
    withdrawn = {gone.fact.index for gone in fold_credit(facts, day).no_longer if gone.reason == "withdrawn"}
    assert withdrawn.isdisjoint(fact.index for fact in fold_credit(facts, other).in_force)


def _issued(identifier: str, replaces: str | None) -> CertificateIssued:
    return CertificateIssued.model_construct(
        identifier=identifier,
        files=[FileDigest(format="ofd", sm3="0" * 64, bytes=1)],
        valid_from="2026-01-05",
        valid_until="2026-01-20",
        holder=HOLDER,
        state="01",
        replaces=replaces,
    )


@st.composite
def certificate_histories(draw: st.DrawFn) -> list[Fact]:
    facts = []
    for index in range(draw(st.integers(0, 10))):
        issuer = draw(st.sampled_from(MEMBERS))
        refers = (Reference(draw(st.sampled_from(MEMBERS)), str(draw(st.integers(0, 2)))),)
        what = draw(st.sampled_from(("issue", "02", "03", "07", "restore", "replace")))
        body: Any
        if what == "issue":
            body = _issued(IDENTIFIER, None)
        elif what == "replace":
            body = _issued(NEWER, IDENTIFIER)
        elif what == "restore":
            body = CertificateRestored.model_construct(identifier=IDENTIFIER, holder=HOLDER)
        else:
            body = CertificateRevoked.model_construct(identifier=IDENTIFIER, holder=HOLDER, state=what)
        facts.append(Fact(index, issuer, str(index), refers, body))
    return facts


@given(certificate_histories(), DAYS, st.randoms())
def test_a_certificates_status_does_not_depend_on_the_order_given(
    facts: list[Fact], day: str, shuffler: random.Random
) -> None:
    shuffled = facts[:]
    shuffler.shuffle(shuffled)
    assert fold_certificate(IDENTIFIER, shuffled, day) == fold_certificate(IDENTIFIER, facts, day)


@given(certificate_histories(), certificate_histories(), DAYS)
def test_a_final_state_is_final(facts: list[Fact], later: list[Fact], day: str) -> None:
    before = fold_certificate(IDENTIFIER, facts, day)
    if before is None or before.state in ("01", "02"):
        return
    moved = [
        Fact(fact.index + len(facts), fact.issuer, f"later-{fact.id}", fact.refers, fact.body)
        for fact in later
    ]
    after = fold_certificate(IDENTIFIER, [*facts, *moved], day)
    assert after is not None
    assert (after.state, after.changed_by) == (before.state, before.changed_by)


@given(certificate_histories(), DAYS)
def test_only_the_issuing_member_changes_a_certificate(facts: list[Fact], day: str) -> None:
    status = fold_certificate(IDENTIFIER, facts, day)
    if status is None:
        assert not any(
            isinstance(fact.body, CertificateIssued) and fact.body.identifier == IDENTIFIER for fact in facts
        )
        return
    founder = status.issued
    own = [fact for fact in facts if fact.issuer == founder.issuer]
    alone = fold_certificate(IDENTIFIER, own, day)
    assert alone is not None
    assert (alone.state, alone.changed_by) == (status.state, status.changed_by)


@given(certificate_histories(), DAYS)
def test_a_certificate_in_force_is_in_state_01_and_within_its_days(facts: list[Fact], day: str) -> None:
    status = fold_certificate(IDENTIFIER, facts, day)
    if status is not None and status.in_force:
        assert status.state == "01"
        assert "2026-01-05" <= day <= "2026-01-20"
