"""Joint punishment cases (联合惩戒): initiated, reviewed, matched, answered by the executors, lifted.

Every statement after the initiation refers to it, and repeats `case`, `subject` and the `proposer` (an answer
the `executor` instead), so that it has the tags under which the case is followed: subject, authority, case.
Free texts about a natural person (`reason`, `content`) are sealed.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ledger.domain.fields import Body, Code, Day, FreeText, ShortText, Token, Uscc
from ledger.domain.records import check_not_before, check_texts, keys_of_numbered
from ledger.domain.subjects import Authority, NamedSubject

MOST_EXECUTORS = 64
MOST_MATCHED = 256


class _CaseStatement(Body):
    case: ShortText
    subject: NamedSubject


class CaseInitiated(_CaseStatement):
    """`credit.case.initiated` (提请): which measures, on what basis, by whom, and until when."""

    field: ShortText
    reason: FreeText | None = None
    list_code: Annotated[Code | None, Field(alias="list")] = None
    measures: Annotated[list[Code], Field(min_length=1, max_length=32)]
    basis: FreeText
    from_day: Annotated[Day, Field(alias="from")]
    until: Day | None = None
    proposer: Authority
    executors: Annotated[list[Authority], Field(min_length=1, max_length=MOST_EXECUTORS)]

    @model_validator(mode="after")
    def _agrees(self) -> "CaseInitiated":
        check_texts(self.subject, {"reason": self.reason})
        check_not_before(self.from_day, self.until, "until")
        if len(set(self.measures)) != len(self.measures):
            raise ValueError("measures must be distinct")
        if len({executor.uscc for executor in self.executors}) != len(self.executors):
            raise ValueError("executors must be distinct")
        return self


class CaseStep(_CaseStatement):
    """What the statements after the initiation have in common; `on` is the day they took effect."""

    day_field: ClassVar[str] = "on"

    on: Day

    @property
    def day(self) -> str:
        """The day the step took effect."""
        return self.on


class CaseReviewed(CaseStep):
    """`credit.case.reviewed` (审核), by the operator; a return says why."""

    proposer: Authority
    outcome: Literal["approved", "returned"]
    reason: FreeText | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "CaseReviewed":
        check_texts(self.subject, {}, optional={"reason": self.reason})
        if self.outcome == "returned" and self.reason is None and self.subject.type == "organisation":
            raise ValueError("a returned case needs a reason")
        return self


class MatchedRecord(Body):
    """A record by what others refer to it with."""

    issuer: Uscc
    id: Annotated[
        str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
    ]


class CaseMatched(CaseStep):
    """`credit.case.matched` (匹配), by the operator: the subject's records in force that carry the case."""

    proposer: Authority
    records: Annotated[list[MatchedRecord], Field(max_length=MOST_MATCHED)]

    @model_validator(mode="after")
    def _agrees(self) -> "CaseMatched":
        if len({(record.issuer, record.id) for record in self.records}) != len(self.records):
            raise ValueError("records must be distinct")
        return self


class CaseAnswered(CaseStep):
    """`credit.case.answered` (反馈), by the executor that issues it: was it applied, and if not, why."""

    executor: Authority
    desk: Token
    applied: Literal["yes", "no"]
    content: FreeText | None = None
    matter: Code | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "CaseAnswered":
        check_texts(self.subject, {"content": self.content})
        return self


class CaseLifted(CaseStep):
    """`credit.case.lifted` (解除), by who initiated it or the operator."""

    proposer: Authority
    reason: FreeText | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "CaseLifted":
        check_texts(self.subject, {"reason": self.reason})
        return self


CaseBody = CaseInitiated | CaseReviewed | CaseMatched | CaseAnswered | CaseLifted


def keys_of_case(issuer: str, body: CaseBody) -> dict[str, tuple[str, ...]]:
    """subject, authority (the proposer; of an answer the executor), case."""
    authority = body.executor if isinstance(body, CaseAnswered) else body.proposer
    return keys_of_numbered(body.subject, None, authority, body.case)
