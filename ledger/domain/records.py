"""Credit records: what is stated about a subject, each kind a body of its own.

Penalties and licences carry the facts of the official 双公示 columns under English names; the column stands
as the field's `title` (so that it is published with the schema). Money is in fen (分): the columns give
万元, and a body knows no fractions.

Every record has a `subject`, the `authority` that decided, and a number: `document`, or `case` for lists. An
organisation's record may name the persons behind it (`related`), by tag, so that it is found under theirs
too. Of a natural person the body holds the tag only, and no free text but the legal basis: what is said
about a person may name people, so facts, content, remark, project and duty are sealed (`Personal`); the
grounds of a listing are the exception, a summary without names. To correct a record, publish another of the
same kind and number that refers to it.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ledger.domain.fields import Body, Code, Count, Day, FreeText, ShortText
from ledger.domain.subjects import (
    Authority,
    NamedSubject,
    Organisation,
    Person,
    Related,
    RelatedPerson,
    organisation_tag_of,
    subject_tag,
)
from ledger.formats.tags import tag_of

Severity = Literal["minor", "general", "serious"]
"""轻微, 一般, 严重 (信用信息修复管理办法)."""
SubjectClass = Literal["organisation", "sole-trader", "natural-person"]
PenaltyKind = Literal[
    "warning",
    "criticism",
    "fine",
    "confiscation",
    "permit-suspended",
    "qualification-lowered",
    "permit-revoked",
    "business-restricted",
    "closure",
    "employment-restricted",
    "detention",
    "other",
]
"""行政处罚法 art. 9: 警告, 通报批评, 罚款, 没收违法所得/非法财物, 暂扣许可证件, 降低资质等级, 吊销许可证件,
限制开展生产经营活动, 责令停产停业/关闭, 限制从业, 行政拘留, 其他."""
LicenceKind = Literal["general", "special", "recognition", "verification", "registration", "other"]
"""行政许可法 art. 12: 普通, 特许, 认可, 核准, 登记, 其他."""
CommitmentKind = Literal["approval", "tolerance", "proactive", "self-discipline", "repair", "other"]
"""审批替代型 (告知承诺), 容缺受理型, 主动公示型, 行业自律型, 信用修复型, 其他."""


class Record(Body):
    """What all records have in common."""

    subject: NamedSubject
    authority: Authority
    related: Related | None = None

    @property
    def number(self) -> str:
        """The document's number, or that of the listing decision."""
        return getattr(self, "document", None) or self.case  # type: ignore[attr-defined, no-any-return]

    @model_validator(mode="after")
    def _related_agree(self) -> "Record":
        if self.related is not None:
            check_related(self.subject, self.related)
        return self


class OtherCodes(Body):
    """The five older codes of an organisation."""

    registration: ShortText | None = Field(default=None, title="CF_XDR_GSZC")
    organisation: ShortText | None = Field(default=None, title="CF_XDR_ZZJG")
    tax: ShortText | None = Field(default=None, title="CF_XDR_SWDJ")
    institution: ShortText | None = Field(default=None, title="CF_XDR_SYDW")
    association: ShortText | None = Field(default=None, title="CF_XDR_SHZZ")


class _Decision(Record):
    """What a penalty and a licence have in common."""

    subject_class: SubjectClass

    @model_validator(mode="after")
    def _class_agrees(self) -> "_Decision":
        person = isinstance(self.subject, Person)
        if person != (self.subject_class == "natural-person"):
            raise ValueError("subject_class must agree with the subject's type")
        return self


class PenaltyPublished(_Decision):
    """`credit.penalty.published`: an administrative penalty as its authority published it.

    `severity` is the class of the publication term; where it is not given, the catalogue's table of penalty
    kinds gives it. `publish_from` is the first day of publication where that is not the day of the decision;
    a minor penalty without it is not published.
    """

    document: Annotated[ShortText, Field(title="CF_WSH")]
    other_codes: OtherCodes | None = None
    violation: Annotated[ShortText, Field(title="CF_WFXW")]
    facts: FreeText | None = Field(default=None, title="CF_SY")
    basis: Annotated[FreeText, Field(title="CF_YJ")]
    penalty_kinds: Annotated[list[PenaltyKind], Field(min_length=1, max_length=12, title="CF_CFLB")]
    content: FreeText | None = Field(default=None, title="CF_NR")
    fine_fen: Count | None = Field(default=None, title="CF_NR_FK")
    confiscated_fen: Count | None = Field(default=None, title="CF_NR_WFFF")
    licence_revoked: ShortText | None = Field(default=None, title="CF_NR_ZKDX")
    decided_on: Annotated[Day, Field(title="CF_JDRQ")]
    valid_until: Day | None = Field(default=None, title="CF_YXQ")
    published_until: Day | None = Field(default=None, title="CF_GSJZQ")
    authority: Annotated[Authority, Field(title="CF_CFJG, CF_CFJGDM")]
    source: Authority | None = Field(default=None, title="CF_SJLY, CF_SJLYDM")
    remark: ShortText | None = Field(default=None, title="BZ")
    severity: Severity | None = None
    publish_from: Day | None = None

    @model_validator(mode="after")
    def _texts_agree(self) -> "PenaltyPublished":
        check_texts(
            self.subject, {"facts": self.facts, "content": self.content}, optional={"remark": self.remark}
        )
        check_not_before(self.decided_on, self.valid_until, "valid_until")
        check_not_before(self.decided_on, self.published_until, "published_until")
        check_not_before(self.decided_on, self.publish_from, "publish_from")
        return self


class LicencePublished(_Decision):
    """`credit.licence.published`: an administrative licence as its authority published it."""

    document: Annotated[ShortText, Field(title="XK_WSH")]
    document_name: ShortText | None = Field(default=None, title="XK_XKWS")
    other_codes: OtherCodes | None = None
    licence_kind: Annotated[LicenceKind, Field(title="XK_XKLB")]
    licence_name: ShortText | None = Field(default=None, title="XK_XKZS")
    licence_number: ShortText | None = Field(default=None, title="XK_XKBH")
    content: FreeText | None = Field(default=None, title="XK_NR")
    decided_on: Annotated[Day, Field(title="XK_JDRQ")]
    valid_from: Annotated[Day, Field(title="XK_YXQZ")]
    valid_until: Day | None = Field(default=None, title="XK_YXQZI")
    authority: Annotated[Authority, Field(title="XK_XKJG, XK_XKJGDM")]
    state: Annotated[Literal["valid", "invalid"], Field(title="XK_ZT")]
    source: Authority | None = Field(default=None, title="XK_LYDW, XK_LYDWDM")
    remark: ShortText | None = Field(default=None, title="BZ")

    @model_validator(mode="after")
    def _texts_agree(self) -> "LicencePublished":
        check_texts(self.subject, {"content": self.content}, optional={"remark": self.remark})
        check_not_before(self.valid_from, self.valid_until, "valid_until")
        return self


class ListEntered(Record):
    """`credit.list.entered`: a subject entered in a list of the catalogue, from a day on, until one or not.

    `case` is the authority's number of the listing decision. A person's grounds are a summary without names.
    `measures` are the catalogue's codes that the decision named, where it named some: others that the
    catalogue knows for this list do not apply. To correct an entry, publish another that refers to it.
    """

    list_code: Annotated[Code, Field(alias="list")]
    case: ShortText
    basis: FreeText
    grounds: FreeText
    from_day: Annotated[Day, Field(alias="from")]
    until: Day | None
    measures: Annotated[list[Code], Field(min_length=1, max_length=32)] | None = None
    severity: Severity | None = None

    @model_validator(mode="after")
    def _dates_agree(self) -> "ListEntered":
        check_not_before(self.from_day, self.until, "until")
        return self


class CommitmentMade(Record):
    """`credit.commitment.made`: a credit commitment (信用承诺); what became of it is said by another."""

    document: ShortText
    commitment_kind: CommitmentKind
    content: FreeText | None = None
    matter: Code | None = None
    made_on: Day
    until: Day | None = None

    @model_validator(mode="after")
    def _texts_agree(self) -> "CommitmentMade":
        check_texts(self.subject, {"content": self.content})
        check_not_before(self.made_on, self.until, "until")
        return self


class EvaluationPublished(Record):
    """`credit.evaluation.published`: the grade that a scheme gave a subject (公共信用综合评价 and others)."""

    document: ShortText
    scheme: Code
    grade: Literal["A", "B", "C", "D", "E"]
    evaluated_on: Day
    valid_until: Day | None = None
    basis: FreeText

    @model_validator(mode="after")
    def _dates_agree(self) -> "EvaluationPublished":
        check_not_before(self.evaluated_on, self.valid_until, "valid_until")
        return self


class ContractReported(Record):
    """`credit.contract.reported`: how a contract was performed (合同履约)."""

    document: ShortText
    project: ShortText | None = None
    performance: Literal["performed", "performing", "breached"]
    signed_on: Day
    reported_on: Day

    @model_validator(mode="after")
    def _texts_agree(self) -> "ContractReported":
        check_texts(self.subject, {"project": self.project})
        check_not_before(self.signed_on, self.reported_on, "reported_on")
        return self


class EnforcementPublished(Record):
    """`credit.enforcement.published`: a court's enforcement case (被执行人), `document` its 案号."""

    document: ShortText
    duty: FreeText | None = None
    performance: Literal["none", "partial", "full"]
    amount_fen: Count | None = None
    filed_on: Day
    basis: FreeText

    @model_validator(mode="after")
    def _texts_agree(self) -> "EnforcementPublished":
        check_texts(self.subject, {"duty": self.duty})
        return self


def case_tag(case: str) -> str:
    """The tag of a document number or of a listing decision's number."""
    return tag_of("case", case)


def identity_of(subject: object) -> str:
    """The code or the person tag that a subject is known by; its name is no part of it."""
    return getattr(subject, "uscc", "") or getattr(subject, "person_tag", "")


def keys_of_numbered(
    subject: Organisation | Person, related: Sequence[RelatedPerson] | None, authority: Authority, number: str
) -> dict[str, tuple[str, ...]]:
    """subject (the related persons' tags besides), authority, case."""
    subjects = [subject_tag(subject)]
    for person in related or ():
        if person.person_tag not in subjects:
            subjects.append(person.person_tag)
    return {
        "subject": tuple(subjects),
        "authority": (organisation_tag_of(authority.uscc),),
        "case": (case_tag(number),),
    }


def keys_of_record(issuer: str, body: Record) -> dict[str, tuple[str, ...]]:
    """subject (the related persons' tags besides), authority, case."""
    return keys_of_numbered(body.subject, body.related, body.authority, body.number)


def check_related(subject: object, related: Sequence[RelatedPerson]) -> None:
    """Persons stand behind an organisation, and each once in a role."""
    if isinstance(subject, Person):
        raise ValueError("related persons stand behind an organisation, not behind a person")
    if len({(person.role, person.person_tag) for person in related}) != len(related):
        raise ValueError("a related person must not stand twice in one role")


def check_texts(
    subject: object, required: dict[str, str | None], *, optional: dict[str, str | None] | None = None
) -> None:
    """An organisation's texts are public; a person's are in the sealed part and must not stand here."""
    if isinstance(subject, Person):
        for name, text in {**required, **(optional or {})}.items():
            if text is not None:
                raise ValueError(f"{name} about a natural person belongs in the sealed part")
    else:
        for name, text in required.items():
            if text is None:
                raise ValueError(f"an organisation's {name} must be given")


def check_not_before(earlier: str, later: str | None, name: str) -> None:
    """Refuse an end before its beginning."""
    if later is not None and later < earlier:
        raise ValueError(f"{name} must not be before the day it starts from")
