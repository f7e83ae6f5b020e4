"""Statements about the whole rather than about one subject: catalogue editions and quality figures."""

from typing import Annotated

from pydantic import Field, model_validator

from ledger.domain.fields import Body, Code, Count, Day, Digest, Month
from ledger.domain.subjects import Authority, RelatedRole, organisation_tag_of
from ledger.formats.tags import tag_of

Edition = Annotated[str, Field(pattern=r"^[0-9]{4}\.[0-9]{1,4}$")]
"""`2026.2`: year and number."""
FileName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,62}\.json$")]


class CatalogueFile(Body):
    """One table of an edition, by name, SM3 and size in bytes."""

    name: FileName
    sm3: Digest
    bytes: Annotated[int, Field(ge=1, le=2**30)]


class CataloguePublished(Body):
    """`credit.catalogue.published`, by the operator: an edition and the day from which it applies.

    `sm3` is the edition's digest; `asks` says of each matter which related persons a complete check asks
    about (so that a verifier without the catalogue can tell); `previous` is the edition before.
    """

    edition: Edition
    from_day: Annotated[Day, Field(alias="from")]
    sm3: Digest
    files: Annotated[list[CatalogueFile], Field(min_length=1, max_length=64)]
    asks: Annotated[dict[Code, list[RelatedRole]], Field(max_length=1000)]
    previous: Edition | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "CataloguePublished":
        if len({file.name for file in self.files}) != len(self.files):
            raise ValueError("a file must not stand twice")
        if any(len(set(roles)) != len(roles) for roles in self.asks.values()):
            raise ValueError("a role must not stand twice")
        return self


class QualityReported(Body):
    """`credit.quality.reported`: an authority's figures for a month (合规率, 迟报率, 瞒报).

    Counts of decisions: `decided` in the month, of them `published`, of these `conforming` and `late`;
    `withheld` are those found unpublished.
    """

    authority: Authority
    month: Month
    decided: Count
    published: Count
    conforming: Count
    late: Count
    withheld: Count

    @model_validator(mode="after")
    def _agrees(self) -> "QualityReported":
        if self.published > self.decided:
            raise ValueError("published must not be more than decided")
        if self.conforming > self.published or self.late > self.published:
            raise ValueError("conforming and late must not be more than published")
        if self.withheld > self.decided - self.published:
            raise ValueError("withheld must not be more than were decided and not published")
        return self


def edition_tag(edition: str) -> str:
    """The tag of a catalogue edition."""
    return tag_of("catalogue", edition)


def keys_of_catalogue(issuer: str, body: CataloguePublished) -> dict[str, tuple[str, ...]]:
    """authority (the issuer), case (the edition)."""
    return {"authority": (organisation_tag_of(issuer),), "case": (edition_tag(body.edition),)}


def keys_of_quality(issuer: str, body: QualityReported) -> dict[str, tuple[str, ...]]:
    """authority."""
    return {"authority": (organisation_tag_of(body.authority.uscc),)}
