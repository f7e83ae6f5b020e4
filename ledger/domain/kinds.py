"""The kinds of statement: for each the log it belongs to, its body, its index tags and what it seals.

    >>> KINDS["credit.list.entered"].log
    'credit'

`validate` is what admission calls: it turns a parsed statement's `body` into its model and compares the
statement's `keys` with the exact tag set of the kind. It is pure and thread-safe, and takes about 10 us for
an access event, the kind that comes by the thousand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ledger.domain.access import AccessEvent, keys_of_event
from ledger.domain.certificate import (
    CertificateIssued,
    CertificateRestored,
    CertificateRevoked,
    keys_of_certificate,
)
from ledger.domain.credit import LicencePublished, ListEntered, ListRemoved, PenaltyPublished, keys_of_credit
from ledger.domain.fields import Body
from ledger.domain.subjects import Person
from ledger.errors import (
    CheckDigitWrong,
    DateInvalid,
    IdentifierInvalid,
    InputError,
    KeysMismatch,
    KindUnknown,
    LogMismatch,
    SealedMismatch,
    StatementInvalid,
    TimeInvalid,
)
from ledger.formats.statement import Reference, Statement

Tags = dict[str, tuple[str, ...]]

_FIELD_ERRORS: dict[str, type[InputError]] = {
    error.code: error for error in (CheckDigitWrong, IdentifierInvalid, DateInvalid, TimeInvalid)
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of statement.

    `log` is the log's short name. `sealed` says what may be sealed where the subject is an organisation:
    `optional` or `forbidden`; `person_sealed` the same for a natural person, `required` too. `refers` says
    whether a statement of this kind must refer to the one that it continues.
    """

    name: str
    log: str
    model: type[Body]
    keys_of: Callable[[str, Any], Tags]
    sealed: str
    person_sealed: str
    refers: bool = False

    def sealed_rule(self, body: Body) -> str:
        """`required`, `optional` or `forbidden`, for this body."""
        return self.person_sealed if isinstance(subject_of(body), Person) else self.sealed


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("credit.penalty.published", "credit", PenaltyPublished, keys_of_credit, "optional", "required"),
        Kind("credit.licence.published", "credit", LicencePublished, keys_of_credit, "optional", "required"),
        Kind("credit.list.entered", "credit", ListEntered, keys_of_credit, "forbidden", "required"),
        Kind("credit.list.removed", "credit", ListRemoved, keys_of_credit, "forbidden", "optional", True),
        Kind("access.event.recorded", "access", AccessEvent, keys_of_event, "forbidden", "optional"),
        Kind(
            "certificate.issued",
            "certificate",
            CertificateIssued,
            keys_of_certificate,
            "forbidden",
            "optional",
        ),
        Kind(
            "certificate.revoked",
            "certificate",
            CertificateRevoked,
            keys_of_certificate,
            "forbidden",
            "optional",
            True,
        ),
        Kind(
            "certificate.restored",
            "certificate",
            CertificateRestored,
            keys_of_certificate,
            "forbidden",
            "optional",
            True,
        ),
    )
}

INDEXES: dict[str, tuple[str, ...]] = {
    "credit": ("subject", "authority", "case"),
    "access": ("subject", "resource", "actor", "exchange"),
    "certificate": ("certificate", "holder", "issuer"),
}
"""Index names of each log, by its short name (DESIGN.md section 4.2)."""


def subject_of(body: Body) -> object:
    """The natural person or organisation that a body is about; None where it is about none."""
    return getattr(body, "holder", None) or getattr(body, "subject", None)


def kind_of(name: str) -> Kind:
    """The kind of that name; raises `KindUnknown`."""
    kind = KINDS.get(name)
    if kind is None:
        raise KindUnknown(f"known kinds are {', '.join(KINDS)}")
    return kind


def parse_body(kind: Kind, body: dict[str, Any]) -> Body:
    """The body as its model; raises `StatementInvalid`, or the error of the field's own type, naming the
    field and never its value.
    """
    try:
        return kind.model.model_validate(body)
    except ValidationError as error:
        raise _translated(error) from None


def validate(statement: Statement) -> Body:
    """Check a statement against its kind and return the body's model.

    Raises `KindUnknown`, `LogMismatch`, `StatementInvalid` (or the field's own error), `SealedMismatch` when
    the sealed part is missing or not allowed, and `KeysMismatch` when `keys` is not the exact tag set.
    Whether the sealed content's digest is right is for admission, which has the content.
    """
    kind = kind_of(statement.kind)
    if statement.log.rpartition("/")[2] != kind.log:
        raise LogMismatch(f"statements of kind {kind.name} belong in the log {kind.log}")
    body = parse_body(kind, statement.body)
    rule = kind.sealed_rule(body)
    if (rule == "required" and statement.sealed is None) or (
        rule == "forbidden" and statement.sealed is not None
    ):
        raise SealedMismatch(f"sealed content is {rule} in this statement")
    if kind.refers and len(statement.refers) != 1:
        raise StatementInvalid(f"a statement of kind {kind.name} refers to exactly one other")
    expected = kind.keys_of(statement.issuer, body)
    if statement.keys != expected and not _same_tags(statement.keys, expected):
        raise KeysMismatch(f"keys must hold exactly the tags of {', '.join(expected)} that the body gives")
    return body


def build_statement(
    kind_name: str,
    body: Body | dict[str, Any],
    *,
    log: str,
    issuer: str,
    id: str,
    at: int,
    sealed: bytes | None = None,
    refers: Sequence[Reference] = (),
) -> Statement:
    """A statement with the tags that its kind defines, checked as the log will check it.

    `at` in milliseconds since 1970, `sealed` the 32-byte digest. Raises what `validate` raises.
    """
    kind = kind_of(kind_name)
    model = parse_body(kind, body) if isinstance(body, dict) else body
    if not isinstance(model, kind.model):
        raise StatementInvalid(f"the body is not one of kind {kind.name}")
    statement = Statement(
        id=id,
        kind=kind.name,
        log=log,
        issuer=issuer,
        at=at,
        keys=kind.keys_of(issuer, model),
        body=dump_body(model),
        sealed=sealed,
        refers=tuple(refers),
    )
    validate(statement)
    return statement


def dump_body(body: Body) -> dict[str, Any]:
    """A body as JSON members: absent fields left out, `until` kept as null, which says "no end"."""
    members = body.model_dump(by_alias=True, exclude_none=True)
    if isinstance(body, ListEntered):
        members.setdefault("until", None)
    return members


def _same_tags(given: Tags, expected: Tags) -> bool:
    return given.keys() == expected.keys() and all(
        len(given[name]) == len(tags) and set(given[name]) == set(tags) for name, tags in expected.items()
    )


def _translated(error: ValidationError) -> InputError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = first["loc"]
    # A member that does not belong here was named by the caller, so its name may be anything.
    where = path[:-1] if first["type"] == "extra_forbidden" else path
    place = ".".join(["body", *(str(step) for step in where)])
    return _FIELD_ERRORS.get(first["type"], StatementInvalid)(f"{place}: {first['msg']}")
