"""Authorisations of queries: a natural person lets a third party ask, within a scope, a time and a number of
uses (征信业管理条例 and the local rules; DOMAIN.md section 4).

The person stands by tag; `evidence` is the SM3 of the signed consent, `checked_by` the desk that saw it.
"""

from functools import lru_cache
from typing import Annotated

from pydantic import Field, model_validator

from ledger.domain.fields import Body, Code, Day, Digest, ShortText, Token, Uscc
from ledger.domain.records import check_not_before
from ledger.domain.subjects import Person, subject_tag
from ledger.formats.tags import resource_tag

MOST_USES = 1000


class AuthorisationGranted(Body):
    """`access.authorisation.granted`: no matters means any; `from` and `until` are days, both included."""

    number: Token
    subject: Person
    grantee: Uscc
    matters: Annotated[list[Code], Field(max_length=64)]
    purposes: ShortText | None = None
    from_day: Annotated[Day, Field(alias="from")]
    until: Day
    uses: Annotated[int, Field(ge=1, le=MOST_USES)]
    evidence: Digest
    checked_by: Token

    @model_validator(mode="after")
    def _agrees(self) -> "AuthorisationGranted":
        check_not_before(self.from_day, self.until, "until")
        if len(set(self.matters)) != len(self.matters):
            raise ValueError("matters must be distinct")
        return self


class AuthorisationRevoked(Body):
    """`access.authorisation.revoked`: refers to the grant, whose number and person it repeats."""

    number: Token
    subject: Person
    on: Day


@lru_cache(maxsize=65_536)
def authorisation_tag(number: str) -> str:
    """The tag of an authorisation: it is a resource named `authorisation/<number>`."""
    return resource_tag(f"authorisation/{number}")


def keys_of_authorisation(
    issuer: str, body: AuthorisationGranted | AuthorisationRevoked
) -> dict[str, tuple[str, ...]]:
    """subject, resource (the authorisation itself)."""
    return {"subject": (subject_tag(body.subject),), "resource": (authorisation_tag(body.number),)}
