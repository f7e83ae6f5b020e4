"""Whom a statement is about, and the personal part that travels sealed beside it.

An organisation stands in the body in clear: its code and name are public. A natural person stands there as
a tag (`HMAC-SM3` under the consortium's person-tag key, DESIGN.md section 4.5) with the epoch of that key;
name and document number are in the sealed content, which is `Personal` as compact JSON:

    {"subject": {"name": "...", "document_type": "111", "document_number": "..."},
     "legal_representative": {...}, "facts": "...", "content": "...", "remark": "..."}

The log holds the person-tag key and compares the tag with the sealed number before acceptance
(`check_person_tag`); a witness vouches only for the copying.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ledger.domain.fields import TEXT_LIMIT, Body, ShortText, TagHex, Uscc
from ledger.errors import SealedMismatch
from ledger.formats.strictjson import dumps, loads
from ledger.formats.tags import organisation_tag, person_tag
from ledger.identifiers import check_resident_id

RESIDENT_ID_TYPE = "111"
"""The document type of a resident ID card (GB/T 36903 code table)."""


class Organisation(Body):
    """An organisation with its public name."""

    type: Literal["organisation"]
    uscc: Uscc
    name: ShortText


class OrganisationCode(Body):
    """An organisation by its code alone."""

    type: Literal["organisation"]
    uscc: Uscc


class Person(Body):
    """A natural person, by tag."""

    type: Literal["person"]
    person_tag: TagHex
    epoch: Annotated[int, Field(ge=0, le=2**32 - 1)]


class Authority(Body):
    """An authority: code and name."""

    uscc: Uscc
    name: ShortText


RelatedRole = Literal["legal-representative", "responsible-person", "actual-controller"]
"""法定代表人, 主要负责人或直接责任人员, 实际控制人."""
MOST_RELATED = 16


class RelatedPerson(Body):
    """A person behind an organisation, by tag; the name may stand in the sealed part."""

    role: RelatedRole
    person_tag: TagHex
    epoch: Annotated[int, Field(ge=0, le=2**32 - 1)]


Related = Annotated[list[RelatedPerson], Field(min_length=1, max_length=MOST_RELATED)]

NamedSubject = Annotated[Organisation | Person, Field(discriminator="type")]
Subject = Annotated[OrganisationCode | Person, Field(discriminator="type")]

_SealedText = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]


class PersonDetails(Body):
    """Who a natural person is: sealed content only."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    document_type: Annotated[str, Field(pattern=r"^[0-9]{3}$")] | None = None
    document_number: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class Personal(Body):
    """The sealed content: everything of a submission that is personal."""

    subject: PersonDetails | None = None
    legal_representative: PersonDetails | None = None
    related: Annotated[list[PersonDetails], Field(min_length=1, max_length=MOST_RELATED)] | None = None
    facts: _SealedText | None = None
    content: _SealedText | None = None
    remark: _SealedText | None = None
    grounds: _SealedText | None = None
    reasons: _SealedText | None = None
    note: _SealedText | None = None
    project: _SealedText | None = None
    duty: _SealedText | None = None


organisation_tag_of = lru_cache(maxsize=65_536)(organisation_tag)


def subject_tag(subject: Organisation | OrganisationCode | Person) -> str:
    """The tag under which a subject's statements are indexed: computed, or copied for a person."""
    # A union of closed models: its type says as much as isinstance, which costs them ten times as much.
    if type(subject) is Person:
        return subject.person_tag
    return organisation_tag_of(subject.uscc)  # type: ignore[union-attr]


def format_personal(personal: Personal) -> bytes:
    """The sealed content's bytes."""
    return dumps(personal.model_dump(exclude_none=True))


def parse_personal(content: bytes) -> Personal:
    """Read sealed content; raises `SealedMismatch` (which never quotes it) when it is not in form."""
    try:
        return Personal.model_validate(loads(content))
    except ValidationError:
        raise SealedMismatch("the sealed content is not in the form of a personal part") from None


def check_person_tag(
    subject: Organisation | OrganisationCode | Person | None,
    content: bytes,
    keys: Mapping[int, bytes],
    related: Sequence[RelatedPerson] = (),
) -> None:
    """Compare a body's person tags with the sealed numbers, as the log does before acceptance.

    `keys` maps epoch to person-tag key; `related` are the body's related persons, whose names may be sealed:
    all of them in the body's order, or none. Raises `SealedMismatch` when the content names another person,
    no person or a person beside an organisation, or when the epoch's key is not known.
    """
    personal = parse_personal(content)
    if personal.related is not None:
        if len(personal.related) != len(related):
            raise SealedMismatch("the sealed content must name all related persons of the body, or none")
        for person, details in zip(related, personal.related, strict=True):
            _check_tag(person.person_tag, person.epoch, details, keys)
    if not isinstance(subject, Person):
        if personal.subject is not None:
            raise SealedMismatch("the sealed content names a person, but the body's subject is not one")
        return
    _check_tag(subject.person_tag, subject.epoch, personal.subject, keys)


def _check_tag(tag: str, epoch: int, details: PersonDetails | None, keys: Mapping[int, bytes]) -> None:
    if details is None or details.document_number is None or details.document_type != RESIDENT_ID_TYPE:
        raise SealedMismatch("the sealed content must name the person by resident ID (type 111)")
    key = keys.get(epoch)
    if key is None:
        raise SealedMismatch(f"no person-tag key of epoch {epoch} is known")
    check_resident_id(details.document_number)
    if person_tag(key, epoch, details.document_number) != tag:
        raise SealedMismatch("the person tag in the body is not that of the sealed number")
