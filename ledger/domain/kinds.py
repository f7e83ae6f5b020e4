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
from ledger.domain.authorisation import AuthorisationGranted, AuthorisationRevoked, keys_of_authorisation
from ledger.domain.cases import (
    CaseAnswered,
    CaseInitiated,
    CaseLifted,
    CaseMatched,
    CaseReviewed,
    keys_of_case,
)
from ledger.domain.certificate import (
    CertificateIssued,
    CertificateRestored,
    CertificateRevoked,
    keys_of_certificate,
)
from ledger.domain.fields import Body
from ledger.domain.records import (
    CommitmentMade,
    ContractReported,
    EnforcementPublished,
    EvaluationPublished,
    LicencePublished,
    ListEntered,
    PenaltyPublished,
    keys_of_record,
)
from ledger.domain.reports import (
    CataloguePublished,
    QualityReported,
    keys_of_catalogue,
    keys_of_quality,
)
from ledger.domain.steps import (
    CommitmentPerformed,
    CorrectionReported,
    ListRemoved,
    ObjectionAnswered,
    RecordExpired,
    RecordObjected,
    RecordWithdrawn,
    RepairAccepted,
    RepairApplied,
    RepairApproved,
    RepairRejected,
    keys_of_step,
)
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

_OPTIONAL, _REQUIRED, _FORBIDDEN = "optional", "required", "forbidden"
_FIELD_ERRORS: dict[str, type[InputError]] = {
    error.code: error for error in (CheckDigitWrong, IdentifierInvalid, DateInvalid, TimeInvalid)
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of statement.

    `log` is the log's short name. `sealed` says what may be sealed where the subject is an organisation:
    `optional` or `forbidden`; `person_sealed` the same for a natural person, `required` too. `refers` says
    whether a statement of this kind must refer to exactly one that it continues. `record` marks the kinds
    that have a life; `step` those whose acceptance depends on the state of what they refer to.
    """

    name: str
    log: str
    model: type[Body]
    keys_of: Callable[[str, Any], Tags]
    sealed: str
    person_sealed: str
    refers: bool = False
    step: bool = False
    record: bool = False

    def sealed_rule(self, body: Body) -> str:
        """`required`, `optional` or `forbidden`, for this body. Names of related persons may be sealed."""
        if isinstance(subject_of(body), Person):
            return self.person_sealed
        if self.sealed == _FORBIDDEN and getattr(body, "related", None):
            return _OPTIONAL
        return self.sealed

    def is_gated(self, refers: Sequence[Reference]) -> bool:
        """Whether `check_step` must be asked, under the gate, before such a statement is appended: a step
        always, a record where it replaces another."""
        return self.step or (self.record and bool(refers))


def _record(name: str, model: type[Body], sealed: str = _OPTIONAL) -> Kind:
    return Kind(f"credit.{name}", "credit", model, keys_of_record, sealed, _REQUIRED, record=True)


def _step(name: str, model: type[Body]) -> Kind:
    return Kind(
        f"credit.{name}", "credit", model, keys_of_step, _FORBIDDEN, _OPTIONAL, refers=True, step=True
    )


def _case(name: str, model: type[Body], step: bool = True) -> Kind:
    return Kind(
        f"credit.case.{name}", "credit", model, keys_of_case, _FORBIDDEN, _OPTIONAL, refers=step, step=step
    )


def _certificate(name: str, model: type[Body], refers: bool = True) -> Kind:
    keys = keys_of_certificate
    return Kind(f"certificate.{name}", "certificate", model, keys, _FORBIDDEN, _OPTIONAL, refers)


def _authorisation(name: str, model: type[Body], sealed: str, step: bool = False) -> Kind:
    """Whose word it is must be provable by the sealed name and number. A withdrawal needs to be no harder,
    but is not acknowledged where it fits no authorisation."""
    keys = keys_of_authorisation
    return Kind(f"access.authorisation.{name}", "access", model, keys, _FORBIDDEN, sealed, step, step)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _record("penalty.published", PenaltyPublished),
        _record("licence.published", LicencePublished),
        _record("list.entered", ListEntered, _FORBIDDEN),
        _record("commitment.made", CommitmentMade),
        _record("evaluation.published", EvaluationPublished),
        _record("contract.reported", ContractReported),
        _record("enforcement.published", EnforcementPublished),
        _step("list.removed", ListRemoved),
        _step("commitment.performed", CommitmentPerformed),
        _step("record.objected", RecordObjected),
        _step("objection.answered", ObjectionAnswered),
        _step("correction.reported", CorrectionReported),
        _step("repair.applied", RepairApplied),
        _step("repair.accepted", RepairAccepted),
        _step("repair.approved", RepairApproved),
        _step("repair.rejected", RepairRejected),
        _step("record.withdrawn", RecordWithdrawn),
        _step("record.expired", RecordExpired),
        _case("initiated", CaseInitiated, step=False),
        _case("reviewed", CaseReviewed),
        _case("matched", CaseMatched),
        _case("answered", CaseAnswered),
        _case("lifted", CaseLifted),
        Kind(
            "credit.catalogue.published",
            "credit",
            CataloguePublished,
            keys_of_catalogue,
            _FORBIDDEN,
            _FORBIDDEN,
        ),
        Kind("credit.quality.reported", "credit", QualityReported, keys_of_quality, _FORBIDDEN, _FORBIDDEN),
        Kind("access.event.recorded", "access", AccessEvent, keys_of_event, _FORBIDDEN, _OPTIONAL),
        _authorisation("granted", AuthorisationGranted, _REQUIRED),
        _authorisation("revoked", AuthorisationRevoked, _OPTIONAL, step=True),
        _certificate("issued", CertificateIssued, refers=False),
        _certificate("revoked", CertificateRevoked),
        _certificate("restored", CertificateRestored),
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
