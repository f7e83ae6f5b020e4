"""Credit records: penalties, licences, entries in lists and their removal.

The bodies carry the facts of the official 双公示 columns under English names; the column stands as the
field's `title` (so that it is published with the schema). Money is in fen (分): the columns give 万元, and a
body knows no fractions. Of a natural person the body holds the tag only; what the columns CF_SY, CF_NR,
XK_NR and BZ say about one may name people, so that text is sealed (`Personal`).
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ledger.domain.fields import Body, Code, Count, Day, FreeText, ShortText
from ledger.domain.subjects import Authority, NamedSubject, Person, organisation_tag_of, subject_tag
from ledger.formats.tags import tag_of

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
RemovalReason = Literal["repaired", "lifted", "expired", "withdrawn"]


class OtherCodes(Body):
    """The five older codes of an organisation."""

    registration: ShortText | None = Field(default=None, title="CF_XDR_GSZC")
    organisation: ShortText | None = Field(default=None, title="CF_XDR_ZZJG")
    tax: ShortText | None = Field(default=None, title="CF_XDR_SWDJ")
    institution: ShortText | None = Field(default=None, title="CF_XDR_SYDW")
    association: ShortText | None = Field(default=None, title="CF_XDR_SHZZ")


class _Decision(Body):
    """What a penalty and a licence have in common."""

    subject: NamedSubject
    subject_class: SubjectClass

    @model_validator(mode="after")
    def _class_agrees(self) -> "_Decision":
        person = isinstance(self.subject, Person)
        if person != (self.subject_class == "natural-person"):
            raise ValueError("subject_class must agree with the subject's type")
        return self


class PenaltyPublished(_Decision):
    """`credit.penalty.published`: an administrative penalty as its authority published it."""

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

    @model_validator(mode="after")
    def _texts_agree(self) -> "PenaltyPublished":
        _check_texts(self.subject, required=(self.facts, self.content), optional=(self.remark,))
        _check_not_before(self.decided_on, self.valid_until, "valid_until")
        _check_not_before(self.decided_on, self.published_until, "published_until")
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
        _check_texts(self.subject, required=(self.content,), optional=(self.remark,))
        _check_not_before(self.valid_from, self.valid_until, "valid_until")
        return self


class ListEntered(Body):
    """`credit.list.entered`: a subject entered in a list of the catalogue, from a day on, until one or not.

    `case` is the authority's number of the listing decision. A person's grounds are a summary without names.
    `measures` are the catalogue's codes that the decision named, where it named some: others that the
    catalogue knows for this list do not apply. To correct an entry, publish another that refers to it.
    """

    list_code: Annotated[Code, Field(alias="list")]
    subject: NamedSubject
    case: ShortText
    authority: Authority
    basis: FreeText
    grounds: FreeText
    from_day: Annotated[Day, Field(alias="from")]
    until: Day | None
    measures: Annotated[list[Code], Field(min_length=1, max_length=32)] | None = None

    @model_validator(mode="after")
    def _dates_agree(self) -> "ListEntered":
        _check_not_before(self.from_day, self.until, "until")
        return self


class ListRemoved(Body):
    """`credit.list.removed`: refers to the entry that it takes off the list, whose identity it repeats."""

    list_code: Annotated[Code, Field(alias="list")]
    subject: NamedSubject
    case: ShortText
    authority: Authority
    reason: RemovalReason
    basis: FreeText
    removed_on: Day


CreditBody = PenaltyPublished | LicencePublished | ListEntered | ListRemoved


def case_tag(case: str) -> str:
    """The tag of a document number or of a listing decision's number."""
    return tag_of("case", case)


def keys_of_credit(issuer: str, body: CreditBody) -> dict[str, tuple[str, ...]]:
    """subject, authority, case."""
    case = body.case if isinstance(body, ListEntered | ListRemoved) else body.document
    return {
        "subject": (subject_tag(body.subject),),
        "authority": (organisation_tag_of(body.authority.uscc),),
        "case": (case_tag(case),),
    }


def _check_texts(subject: object, required: tuple[str | None, ...], optional: tuple[str | None, ...]) -> None:
    """An organisation's texts are public; a person's are in the sealed part and must not stand here."""
    if isinstance(subject, Person):
        if any(text is not None for text in (*required, *optional)):
            raise ValueError("facts, content and remark about a natural person belong in the sealed part")
    elif any(text is None for text in required):
        raise ValueError("an organisation's facts and content must be given")


def _check_not_before(earlier: str, later: str | None, name: str) -> None:
    if later is not None and later < earlier:
        raise ValueError(f"{name} must not be before the day it starts from")
