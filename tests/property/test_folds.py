"""The fold of certificate statements holds for every history."""

import random
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import (
    CertificateIssued,
    CertificateRestored,
    CertificateRevoked,
    FileDigest,
    OrganisationCode,
)
from ledger.domain.certificate_state import fold_certificate
from ledger.domain.facts import Fact
from ledger.formats.statement import Reference

MEMBERS = ("甲", "乙")
DAYS = st.integers(0, 30).map(lambda days: (date(2026, 1, 1) + timedelta(days=days)).isoformat())
HOLDER = OrganisationCode.model_construct(type="organisation", uscc="X")
IDENTIFIER, NEWER = "certificate-1", "certificate-2"


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
