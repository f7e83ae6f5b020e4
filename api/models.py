"""The requests and answers of the API as pydantic models: what `/openapi.json` shows and what is checked.

No default `examples` and no values of persons here: the document is public.
"""

import re
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ledger.deployment.config import LOGS

PAGE_LIMIT = 1000
PAGE_DEFAULT = 100
LARGEST = 2**53 - 1
SUBJECT_LIMIT = 10_000
"""Most subjects of one check; more are refused by the service, with the error that says so."""

Hex64 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Uscc = Annotated[str, Field(pattern="^[0-9A-HJ-NP-RTUW-Y]{18}$")]
StatementId = Annotated[str, Field(pattern="^[0-9a-f-]{36}$")]
LogName = Annotated[
    str,
    Field(
        pattern="^[a-z0-9._-]{1,64}$",
        description="short name of the log",
        json_schema_extra={"enum": list(LOGS)},
    ),
]


def _plain_number(value: Any) -> Any:
    """Digits only: what else Python takes for a number (`1_0`, `+1`, `1.0`, true) is none here."""
    if isinstance(value, bool) or (isinstance(value, str) and not _is_number(value)):
        raise ValueError("decimal digits without a leading zero are expected")
    return value


def _plain_day(value: Any) -> Any:
    if not isinstance(value, str) or not _is_day(value):
        raise ValueError("a day is YYYY-MM-DD")
    return value


_is_number = re.compile(r"0|[1-9][0-9]{0,15}").fullmatch
_is_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch

Size = Annotated[int, BeforeValidator(_plain_number), Field(ge=0, le=LARGEST)]
Limit = Annotated[int, BeforeValidator(_plain_number), Field(ge=1, le=PAGE_LIMIT)]
AskedDay = Annotated[date, BeforeValidator(_plain_day)]
Level = Literal["published", "anchored", "final"]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Token = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]


class Strict(BaseModel):
    """No unknown members; and the schema, which flask-openapi3 asks for with every request, is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    _schemas: ClassVar[dict[type, dict[str, Any]]] = {}

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if args or kwargs:
            return super().model_json_schema(*args, **kwargs)
        kept = Strict._schemas.get(cls)
        if kept is None:
            kept = Strict._schemas[cls] = super().model_json_schema()
        return kept


# Where


class LogPath(Strict):
    log: LogName


class EntryPath(LogPath):
    index: Size


class CheckpointPath(LogPath):
    size: Size


class StatementPath(LogPath):
    issuer: Uscc
    id: StatementId


class IndexPath(LogPath):
    name: Annotated[str, Field(pattern="^[a-z]{1,32}$")]
    tag: Hex64


# Which part


class PageQuery(Strict):
    after: Annotated[str | None, Field(description="the cursor `next` of the page before")] = None
    limit: Limit = PAGE_DEFAULT


class IndexQuery(PageQuery):
    level: Annotated[Level, Field(description="how far the answer must be proved")] = "published"


class BundleQuery(Strict):
    level: Annotated[Level, Field(description="how far the answer must be proved")] = "published"


class InclusionQuery(Strict):
    leaf_hash: Hex64
    size: Annotated[Size | None, Field(description="tree size; the latest checkpoint's if left out")] = None


class ConsistencyQuery(Strict):
    first: Size
    second: Size


class NoteQuery(Strict):
    note_hash: Annotated[
        Hex64 | None, Field(description="SM3 of the note's text; the newest note of the size if left out")
    ] = None


class EntriesQuery(Strict):
    start: Size
    stop: Annotated[Size, Field(description="index after the last; fewer entries may come")]


# Questions


class Subject(Strict):
    """Who is asked about: an organisation's unified social credit code, or a natural person's resident
    identity number, which stands in a signed body and never in a URL.
    """

    type: Literal["organisation", "person"]
    code: Annotated[str, Field(min_length=1, max_length=18)]

    def __repr__(self) -> str:
        return f"Subject({self.type})"


Authorisation = Annotated[
    str | None,
    Field(min_length=1, max_length=200, description="the person's authorisation, as ISSUER:ID"),
]


class Related(Strict):
    """A person behind the organisation asked about, by resident identity number."""

    role: Literal["legal-representative", "responsible-person", "actual-controller"]
    code: Annotated[str, Field(min_length=1, max_length=18)]
    authorisation: Authorisation = None

    def __repr__(self) -> str:
        return f"Related({self.role})"


class CheckedSubject(Subject):
    """A subject to be checked. `name` is compared with the names in the records; `related` are persons behind
    an organisation, in the roles that the matter asks for; `authorisation` is the subject's own where it is
    not the question's.
    """

    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    related: Annotated[tuple[Related, ...], Field(max_length=16)] = ()
    authorisation: Authorisation = None

    def __repr__(self) -> str:
        return f"CheckedSubject({self.type})"


class ListedSubject(CheckedSubject):
    """One of many subjects. What is wrong with its code is said of it alone, and the others are answered."""

    code: Annotated[str, Field(max_length=64)]

    def __repr__(self) -> str:
        return f"ListedSubject({self.type})"


class Reason(Strict):
    """Who looks, why, and on what legal basis; logged with every look. Purpose and basis are mandatory."""

    operator: Annotated[Token, Field(description="id of the operator (a desk) within the member")]
    purpose: Annotated[str, Field(max_length=200)] = ""
    basis: Annotated[str, Field(max_length=200)] = ""
    authorisation: Authorisation = None
    basis_code: Annotated[
        str | None,
        Field(
            pattern="^[a-z][a-z0-9-]{0,63}$",
            description="the catalogue's code of a legal basis that replaces a person's authorisation",
        ),
    ] = None
    level: Annotated[Level, Field(description="how far the answer must be proved")] = "published"


class CheckReason(Reason):
    """What is asked for with a check: the matter, the day, and the view."""

    matter: Annotated[str, Field(min_length=1, max_length=64)]
    at: Annotated[AskedDay | None, Field(description="the day asked about; today in China if left out")] = (
        None
    )
    view: Annotated[
        Literal["shared", "whole"] | None,
        Field(description="`whole` shows every record as of the day, to auditors only"),
    ] = None


class CheckBody(CheckReason):
    """Does a record of this subject bear on this matter?"""

    subject: CheckedSubject


class BatchBody(CheckReason):
    """The same about many subjects, under one checkpoint."""

    subjects: Annotated[
        tuple[ListedSubject, ...], Field(json_schema_extra={"minItems": 1, "maxItems": SUBJECT_LIMIT})
    ]
    proofs: Annotated[bool, Field(strict=True, description="a bundle over all, for at most 500 subjects")] = (
        False
    )


class TrailBody(Reason):
    """Who accessed what, by exactly one of `subject`, `resource` and `actor` (`<member USCC>/<operator>`)."""

    subject: Subject | None = None
    resource: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    actor: Annotated[str | None, Field(min_length=1, max_length=128)] = None
    after: Annotated[str | None, Field(description="the cursor `next` of the page before")] = None
    limit: Limit = PAGE_DEFAULT


class CertificateBody(Strict):
    """Is this e-certificate genuine and in force? `file_sm3` is the SM3 of the file in hand."""

    identifier: Annotated[str, Field(min_length=1, max_length=128)]
    file_sm3: Hex64 | None = None
    level: Annotated[Level, Field(description="how far the answer must be proved")] = "published"


# Answers


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    zh: str
    en: str
    line: int | None = None
    cause: str | None = None
    cause_zh: str | None = None
    reason: str | None = None
    rule: str | None = None


class EntryAnswer(BaseModel):
    index: int
    entry: str
    leaf_hash: str
    accepted_at: str


class InclusionAnswer(BaseModel):
    leaf_index: int
    size: int
    proof: list[str]


class ConsistencyAnswer(BaseModel):
    first: int
    second: int
    proof: list[str]


class CheckpointLine(BaseModel):
    size: int
    note: str


class CheckpointsAnswer(BaseModel):
    checkpoints: list[CheckpointLine]
    next: str | None


class CosignedAnswer(BaseModel):
    """What became of cosignatures: `witnesses` vouch for this checkpoint now, `threshold` must."""

    size: int
    note_hash: str
    new: int
    witnesses: int
    threshold: int


class AnchorLine(BaseModel):
    size: int
    note_hash: str
    state: str
    tx_hash: str | None
    block_number: int | None
    block_hash: str | None


class AnchorsAnswer(BaseModel):
    anchors: list[AnchorLine]
    next: str | None


class BundleAnswer(BaseModel):
    """A page of an index with its bundle, a document of `application/vnd.xinzheng.bundle+json;v=1`."""

    bundle: dict[str, Any]
    total: int
    next: str | None


class Answer(BaseModel):
    """An answer of a service; its members are those of the service."""

    model_config = ConfigDict(extra="allow")


class Health(BaseModel):
    status: str
