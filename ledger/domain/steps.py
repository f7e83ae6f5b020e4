"""Steps in the life of a record: each refers to exactly one record, and repeats whom it is about.

A step carries the record's `subject`, `related` persons, `authority` and `number` (its `document` or `case`),
so that it has the same index tags and is found wherever the record is. Its `day` is when it took effect.
What people write freely about a natural person (`grounds`, `reasons`, `note`) is sealed.

Which steps a record's state allows, and to whom, is said by `ledger.domain.credit_state`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ledger.domain.fields import Body, Code, Day, FreeText, ShortText
from ledger.domain.records import check_related, check_texts, keys_of_numbered
from ledger.domain.subjects import Authority, NamedSubject, Related

RemovalReason = Literal["repaired", "lifted", "expired", "withdrawn"]


class Step(Body):
    """What all steps have in common."""

    day_field: ClassVar[str]

    subject: NamedSubject
    authority: Authority
    related: Related | None = None

    @property
    def day(self) -> str:
        """The day the step took effect."""
        return getattr(self, self.day_field)  # type: ignore[no-any-return]

    @property
    def repeated_number(self) -> str:
        """The number of the record, as the step repeats it."""
        return getattr(self, "number", None) or self.case  # type: ignore[attr-defined, no-any-return]

    @model_validator(mode="after")
    def _related_agree(self) -> "Step":
        if self.related is not None:
            check_related(self.subject, self.related)
        return self


class _Numbered(Step):
    number: ShortText


class ListRemoved(Step):
    """`credit.list.removed`: refers to the entry that it takes off the list, whose identity it repeats."""

    day_field: ClassVar[str] = "removed_on"

    list_code: Annotated[Code, Field(alias="list")]
    case: ShortText
    reason: RemovalReason
    basis: FreeText
    removed_on: Day


class CommitmentPerformed(_Numbered):
    """`credit.commitment.performed`: what became of a commitment (履约践诺)."""

    day_field: ClassVar[str] = "on"

    outcome: Literal["kept", "broken", "waived"]
    on: Day
    note: FreeText | None = None

    @model_validator(mode="after")
    def _texts_agree(self) -> "CommitmentPerformed":
        check_texts(self.subject, {}, optional={"note": self.note})
        return self


class RecordObjected(_Numbered):
    """`credit.record.objected`: the subject says that the record is wrong (异议); it is marked at once."""

    day_field: ClassVar[str] = "raised_on"

    raised_on: Day
    grounds: FreeText | None = None

    @model_validator(mode="after")
    def _texts_agree(self) -> "RecordObjected":
        check_texts(self.subject, {"grounds": self.grounds})
        return self


class ObjectionAnswered(_Numbered):
    """`credit.objection.answered`: the record's issuer answers. `corrected`: another record replaces
    this one; `withdrawn`: the record is withdrawn by this answer.
    """

    day_field: ClassVar[str] = "answered_on"

    outcome: Literal["rejected", "corrected", "withdrawn"]
    answered_on: Day
    reasons: FreeText | None = None

    @model_validator(mode="after")
    def _texts_agree(self) -> "ObjectionAnswered":
        check_texts(self.subject, {"reasons": self.reasons})
        return self


class CorrectionReported(_Numbered):
    """`credit.correction.reported`: the violation is corrected and the duties performed, or they are not."""

    day_field: ClassVar[str] = "on"

    corrected: Literal["yes", "no"]
    on: Day


class RepairApplied(_Numbered):
    """`credit.repair.applied`: asked for, with the public commitment (信用修复承诺) by number or title."""

    day_field: ClassVar[str] = "applied_on"

    applied_on: Day
    commitment: ShortText


class RepairAccepted(_Numbered):
    """`credit.repair.accepted`: the application was taken in (受理)."""

    day_field: ClassVar[str] = "accepted_on"

    accepted_on: Day


class RepairApproved(_Numbered):
    """`credit.repair.approved`: the record is repaired; it no longer counts from this day on."""

    day_field: ClassVar[str] = "decided_on"

    decided_on: Day
    basis: FreeText


class RepairRejected(_Numbered):
    """`credit.repair.rejected`: not repaired; it may be applied for again."""

    day_field: ClassVar[str] = "decided_on"

    decided_on: Day
    reason: FreeText | None = None

    @model_validator(mode="after")
    def _texts_agree(self) -> "RepairRejected":
        check_texts(self.subject, {"reason": self.reason})
        return self


class RecordWithdrawn(_Numbered):
    """`credit.record.withdrawn`: the decision was altered, revoked or annulled, or the record was in
    error; it never counted."""

    day_field: ClassVar[str] = "decided_on"

    reason: Literal["altered", "revoked", "annulled", "error"]
    decided_on: Day
    basis: FreeText


class RecordExpired(_Numbered):
    """`credit.record.expired`: the operator says that the term of publication is over."""

    day_field: ClassVar[str] = "expired_on"

    expired_on: Day


def keys_of_step(issuer: str, body: Step) -> dict[str, tuple[str, ...]]:
    """The tags of the record that the step repeats."""
    return keys_of_numbered(body.subject, body.related, body.authority, body.repeated_number)
