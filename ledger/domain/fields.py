"""The fields that statement bodies are made of, each a type of its own.

Strict on purpose: a body is signed once and read for ten years, so a value that two readers could take
differently is refused at the door. Every text that people write freely is searched for resident IDs, since
a leaf must not hold one (DESIGN.md section 7); the search names the field, never the number.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from unicodedata import normalize

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from ledger.errors import LedgerError
from ledger.formats.times import parse_time
from ledger.identifiers import check_certificate_identifier, check_resident_id, check_uscc

TEXT_LIMIT = 4000
"""Characters of one free text; a statement is at most 32 KiB in all."""
_CACHED_CODES = 65_536
_EARLIEST_YEAR, _LATEST_YEAR = 1949, 2200
_RESIDENT_ID = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z", re.ASCII)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])\Z", re.ASCII)


class Body(BaseModel):
    """A statement's body, or a part of it: strict, frozen, closed."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True)

    if not TYPE_CHECKING:
        # A body has neither private nor extra members, and pydantic looks long for them: a check asks records
        # of many kinds for what only some have.
        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(name)


def holds_resident_id(text: str) -> bool:
    """Whether a text holds a number that is a valid resident ID, full-width digits being digits too."""
    for match in _RESIDENT_ID.finditer(text if text.isascii() else normalize("NFKC", text)):
        try:
            check_resident_id(match.group().upper())
        except LedgerError:
            continue
        return True
    return False


@lru_cache(maxsize=4096)
def _free_text(value: str) -> str:
    if value != value.strip() or not value:
        raise PydanticCustomError("text", "must not be empty nor begin or end with a space")
    if not value.isprintable() and any(ord(c) < 32 and c not in "\n\t" for c in value):
        raise PydanticCustomError("text", "must not hold control characters")
    if holds_resident_id(value):
        raise PydanticCustomError("personal", "holds a resident ID in clear; it belongs in the sealed part")
    return value


def _token(value: str) -> str:
    if holds_resident_id(value):
        raise PydanticCustomError("personal", "holds a resident ID in clear; name it otherwise")
    return value


@lru_cache(maxsize=_CACHED_CODES)
def _uscc(value: str) -> str:
    return _translated(check_uscc, value)


@lru_cache(maxsize=_CACHED_CODES)
def _certificate_identifier(value: str) -> str:
    if holds_resident_id(value):
        raise PydanticCustomError("personal", "holds a resident ID in clear")
    return _translated(check_certificate_identifier, value)


@lru_cache(maxsize=_CACHED_CODES)
def _day(value: str) -> str:
    match = _DATE.match(value)
    try:
        year = date(int(match[1]), int(match[2]), int(match[3])).year if match else 0
    except ValueError:
        year = 0
    if not _EARLIEST_YEAR <= year <= _LATEST_YEAR:
        raise PydanticCustomError("date_invalid", "must be a real date as YYYY-MM-DD from 1949 to 2200")
    return value


def _month(value: str) -> str:
    if not _MONTH.match(value):
        raise PydanticCustomError("date_invalid", "must be a month as YYYY-MM from 1949 to 2200")
    _day(f"{value}-01")
    return value


def _instant(value: str) -> str:
    return _translated(parse_time, value)


def _translated(check: Callable[[str], object], value: str) -> str:
    try:
        check(value)
    except LedgerError as error:
        raise PydanticCustomError(error.code, "{detail}", {"detail": error.detail or error.en}) from None
    return value


def _described(description: str, **more: str) -> Any:
    """What the published schema says besides; checks nothing."""
    return WithJsonSchema({"type": "string", "description": description, **more})


FreeText = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT), AfterValidator(_free_text)]
ShortText = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_free_text)]
Uscc = Annotated[
    str,
    AfterValidator(_uscc),
    _described("a unified social credit code (GB 32100-2015)", pattern="^[0-9A-HJ-NP-RTUW-Y]{18}$"),
]
CertificateIdentifier = Annotated[str, Field(max_length=128), AfterValidator(_certificate_identifier)]
Day = Annotated[str, AfterValidator(_day), _described("a day in China, from 1949 to 2200", format="date")]
Month = Annotated[
    str, AfterValidator(_month), _described("a month, YYYY-MM", pattern="^[0-9]{4}-(0[1-9]|1[0-2])$")
]
Instant = Annotated[
    str, AfterValidator(_instant), _described("a time in UTC, ending in Z", format="date-time")
]
TagHex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digest = TagHex
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$"), AfterValidator(_token)]
"""A code of the catalogue."""
Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$"), AfterValidator(_token)]
"""A public name of a resource, an exchange or a desk: printable ASCII without spaces."""
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
