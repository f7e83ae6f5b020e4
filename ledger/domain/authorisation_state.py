"""What has become of an authorisation: how often it was used, and whether it was withdrawn. Pure.

    state = fold_authorisation(granted, referrers, counted_issuers={operator})
    check_use(granted, state, member=bank, tags=tags, matter="loan-credit", day="2026-11-22")

A look made under an authorisation refers to it, so its uses are counted by what refers to it, and nothing but
the log has to be believed for that.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ledger.domain.access import AccessEvent
from ledger.domain.authorisation import AuthorisationGranted, AuthorisationRevoked
from ledger.domain.facts import Fact
from ledger.domain.refusals import refusal
from ledger.errors import (
    AuthorisationExhausted,
    AuthorisationExpired,
    AuthorisationMissing,
    AuthorisationOutOfScope,
)

_COUNTED = frozenset({"done", "none"})
"""Outcomes of a look that used an authorisation; one that was refused or failed did not."""


@dataclass(frozen=True, slots=True)
class AuthorisationState:
    """How often an authorisation was used, and the earliest day on which it was withdrawn, if it was."""

    used: int
    revoked_on: str | None


def fold_authorisation(
    granted: Fact,
    referrers: Iterable[Fact],
    counted_issuers: Collection[str],
    tags: Collection[tuple[int, str]] | None = None,
) -> AuthorisationState:
    """What has become of a grant, from all statements that refer to it, in any order.

    A look counts when the grantee made it, and the grantee or one of `counted_issuers` recorded it: nobody
    else can use it up by writing that he did. A withdrawal counts, whoever's window recorded it, when it is
    about the same number and the same person, whose (epoch, tag) pairs `tags` are: to withdraw must be no
    harder than to agree (个人信息保护法 art. 15). Where they are not known, a withdrawal in another epoch is
    taken to be that person's.
    """
    body = granted.body
    assert isinstance(body, AuthorisationGranted)
    used = 0
    days = []
    for fact in referrers:
        other = fact.body
        if isinstance(other, AccessEvent):
            by_grantee = other.actor.member == body.grantee
            recorded = fact.issuer == body.grantee or fact.issuer in counted_issuers
            used += by_grantee and recorded and other.outcome in _COUNTED
        elif isinstance(other, AuthorisationRevoked) and _withdraws(other, body, tags):
            days.append(other.on)
    return AuthorisationState(used, min(days, default=None))


def check_use(
    granted: Fact,
    state: AuthorisationState,
    *,
    member: str,
    tags: Collection[tuple[int, str]],
    matter: str | None,
    day: str,
) -> None:
    """Whether `member` may make one more look at the person with these (epoch, tag) pairs for a matter.

    Raises `AuthorisationMissing` (no authorisation at all), `AuthorisationOutOfScope` (other person, member
    or matter), `AuthorisationExpired` (before, after, or withdrawn), `AuthorisationExhausted`, in this order.
    """
    body = granted.body
    if not isinstance(body, AuthorisationGranted):
        raise AuthorisationMissing("the statement named is no authorisation")
    if (body.subject.epoch, body.subject.person_tag) not in tags:
        raise AuthorisationOutOfScope("the authorisation was given by another person")
    if body.grantee != member:
        raise AuthorisationOutOfScope("the authorisation was given to another member")
    if body.matters and matter not in body.matters:
        raise AuthorisationOutOfScope("the authorisation is not for this matter")
    if state.revoked_on is not None and day >= state.revoked_on:
        raise AuthorisationExpired("the authorisation was withdrawn")
    if day < body.from_day:
        raise AuthorisationExpired("the authorisation is not in force yet")
    if day > body.until:
        raise AuthorisationExpired("the authorisation has ended")
    if state.used >= body.uses:
        raise AuthorisationExhausted(f"the authorisation was for {body.uses} uses")


def check_revocation(granted: Fact, revoked: AuthorisationRevoked) -> None:
    """Refuse a withdrawal that would withdraw nothing: whoever recorded it would tell the person that it did.

    Raises `StepRefused`. A person's tags of two epochs cannot be compared here, and are taken to agree.
    """
    body = granted.body
    if not isinstance(body, AuthorisationGranted):
        raise refusal("no_authorisation", "")
    if revoked.number != body.number:
        raise refusal("other_number", "")
    if not _withdraws(revoked, body, None):
        raise refusal("other_person", "")


def _withdraws(
    revoked: AuthorisationRevoked, granted: AuthorisationGranted, tags: Collection[tuple[int, str]] | None
) -> bool:
    """Whether a withdrawal is about this number and person; tags of two epochs are compared by `tags`."""
    one, other = granted.subject, revoked.subject
    if revoked.number != granted.number:
        return False
    if tags is None:
        return other == one or other.epoch != one.epoch
    return other == one or (other.epoch, other.person_tag) in tags
