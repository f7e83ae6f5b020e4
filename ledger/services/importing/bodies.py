"""What a row of each form says: the members of a body, what is sealed, and which record a step is about.

Of an organisation texts are public and stand in the body; of a natural person they are sealed, as the
statement's kind demands. The person behind an organisation is sealed too, and stands in the body as a tag
where the row has a resident ID.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.domain import PersonDetails
from ledger.errors import ListUnknown, MatterUnknown, MeasureUnknown
from ledger.formats.statement import Reference
from ledger.services.importing import values as v
from ledger.services.importing.codes import SheetCodes
from ledger.services.importing.row_reader import RowReader, SubjectRead


@dataclass(frozen=True, slots=True)
class Wanted:
    """The record that a step is about, to be looked up among those of the row's own member.

    `subject` is the USCC or the person tag, `former` are the person's tags of earlier epochs; `entry` names
    the record where the row does; `members` are what the record's body must have besides.
    """

    kind: str
    number: str
    subject: str
    name: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    entry: Reference | None = None
    former: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """All that the record's subject may be known by."""
        return (self.subject, *self.former)

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Whether a record's body has the members that are wanted besides number and subject."""
        return all(body.get(name) == value for name, value in self.members.items())


@dataclass(slots=True)
class Draft:
    """What a row says. `day` is when it was decided; `sealed` the members of the personal part.

    A step's body still lacks what it repeats of the record that is `wanted`.
    """

    members: dict[str, Any]
    day: str
    sealed: dict[str, Any] = field(default_factory=dict)
    wanted: Wanted | None = None


Make = Callable[[RowReader, SheetCodes], Draft]


def draft_of(form: str, reader: RowReader, codes: SheetCodes) -> Draft:
    """What a row of that form says; what is wrong with it is noted in the reader."""
    return _MAKERS[form](reader, codes)


def decided_column(form: str) -> str:
    """The column with the day that must not lie in the future."""
    return _DECIDED[form]


def _record(
    subject: SubjectRead,
    members: dict[str, Any],
    texts: dict[str, str],
    day: str,
    representative: tuple[PersonDetails | None, dict[str, Any] | None] = (None, None),
) -> Draft:
    """A record: its texts in the body or in the sealed part, and the person behind an organisation."""
    details, related = representative
    sealed: dict[str, Any] = {}
    if subject.is_person:
        sealed |= {name: text for name, text in texts.items() if text}
        if subject.details is not None:
            sealed["subject"] = subject.details
    else:
        members |= texts
        if related is not None:
            members["related"] = [related]
    if details is not None:
        sealed["legal_representative"] = details
    return Draft({"subject": subject.members} | members, day, sealed)


def _penalty(r: RowReader, codes: SheetCodes) -> Draft:
    subject = r.subject()
    decided_on = r.day("CF_JDRQ")
    members = {
        "document": r.number("CF_WSH"),
        "subject_class": subject.subject_class,
        "other_codes": None if subject.is_person else r.older_codes(),
        "violation": r.text("CF_WFXW"),
        "basis": r.text("CF_YJ"),
        "penalty_kinds": r.several_of("CF_CFLB", v.PENALTY_KINDS),
        "fine_fen": r.fen("CF_NR_FK"),
        "confiscated_fen": r.fen("CF_NR_WFFF"),
        "licence_revoked": r.text("CF_NR_ZKDX"),
        "decided_on": decided_on,
        "valid_until": r.end_after("CF_YXQ", decided_on, "CF_JDRQ"),
        "published_until": r.end_after("CF_GSJZQ", decided_on, "CF_JDRQ"),
        "authority": r.authority("CF_CFJG", "CF_CFJGDM"),
        "source": r.authority("CF_SJLY", "CF_SJLYDM"),
        "severity": r.one_of("CF_YZCD", v.SEVERITIES),
        "publish_from": r.end_after("CF_GSKSQ", decided_on, "CF_JDRQ"),
    }
    texts = {"facts": r.text("CF_SY"), "content": r.text("CF_NR"), "remark": r.text("BZ")}
    return _record(
        subject, members, texts, decided_on, r.representative("CF_FRDB", "CF_FR_ZJLX", "CF_FR_ZJHM")
    )


def _licence(r: RowReader, codes: SheetCodes) -> Draft:
    subject = r.subject()
    decided_on, valid_from = r.day("XK_JDRQ"), r.day("XK_YXQZ")
    members = {
        "document": r.number("XK_WSH"),
        "document_name": r.text("XK_XKWS"),
        "subject_class": subject.subject_class,
        "other_codes": None if subject.is_person else r.older_codes(),
        "licence_kind": r.one_of("XK_XKLB", v.LICENCE_KINDS),
        "licence_name": r.text("XK_XKZS"),
        "licence_number": r.number("XK_XKBH"),
        "decided_on": decided_on,
        "valid_from": valid_from,
        "valid_until": r.end_after("XK_YXQZI", valid_from, "XK_YXQZ"),
        "authority": r.authority("XK_XKJG", "XK_XKJGDM"),
        "state": r.one_of("XK_ZT", v.LICENCE_STATES),
        "source": r.authority("XK_LYDW", "XK_LYDWDM"),
    }
    texts = {"content": r.text("XK_NR"), "remark": r.text("BZ")}
    return _record(subject, members, texts, decided_on, r.representative("XK_FRDB", "", "XK_FR_SFZH"))


def _list(r: RowReader, codes: SheetCodes) -> Draft:
    subject = r.subject()
    entered_on = r.day("MD_LRRQ")
    members = {
        "list": _list_code(r, "MD_LB", codes),
        "case": r.number("MD_WSH"),
        "authority": r.authority("MD_LRJG", "MD_LRJGDM"),
        "basis": r.text("MD_YJ"),
        "grounds": r.text("MD_SY"),
        "from": entered_on,
        "until": r.end_after("MD_YXQ", entered_on, "MD_LRRQ"),
        "measures": _measures(r, "MD_CS", codes),
        "severity": r.one_of("MD_YZCD", v.SEVERITIES),
    }
    # Without a number the name makes no tag, and a list's entry seals nothing but what stands behind one.
    details, related = r.representative("MD_FRDB", "", "MD_FR_ZJHM")
    behind = (details, related) if related is not None or subject.is_person else (None, None)
    return _record(subject, members, {}, entered_on, behind)


def _commitment(r: RowReader, codes: SheetCodes) -> Draft:
    subject = r.subject()
    made_on = r.day("CN_RQ")
    members = {
        "document": r.number("CN_WSH"),
        "commitment_kind": r.one_of("CN_LX", v.COMMITMENT_KINDS),
        "matter": _matter(r, "CN_SX", codes),
        "made_on": made_on,
        "until": r.end_after("CN_YXQ", made_on, "CN_RQ"),
        "authority": r.authority("CN_SLDW", "CN_SLDWDM"),
    }
    texts = {"content": r.text("CN_NR")}
    return _record(subject, members, texts, made_on, r.representative("CN_FRDB", "", "CN_FR_ZJHM"))


def _evaluation(r: RowReader, codes: SheetCodes) -> Draft:
    subject = r.subject()
    evaluated_on = r.day("PJ_RQ")
    scheme = r.text("PJ_FA")
    members = {
        "document": r.number("PJ_WSH"),
        "scheme": v.SCHEMES.get(scheme) or r.code("PJ_FA").lower(),
        "grade": r.one_of("PJ_DJ", v.GRADES),
        "evaluated_on": evaluated_on,
        "valid_until": r.end_after("PJ_YXQ", evaluated_on, "PJ_RQ"),
        "authority": r.authority("PJ_JG", "PJ_JGDM"),
        "basis": r.text("PJ_YJ"),
    }
    return _record(subject, members, {}, evaluated_on)


def _contract(r: RowReader, codes: SheetCodes) -> Draft:
    subject = r.subject()
    signed_on = r.day("HT_QDRQ")
    reported_on = r.end_after("HT_BSRQ", signed_on, "HT_QDRQ") or ""
    members = {
        "document": r.number("HT_BH"),
        "performance": r.one_of("HT_LYZT", v.CONTRACT_STATES),
        "signed_on": signed_on,
        "reported_on": reported_on,
        "authority": r.authority("HT_BSDW", "HT_BSDWDM"),
    }
    texts = {"project": r.text("HT_XM")}
    return _record(subject, members, texts, reported_on, r.representative("HT_FRDB", "", "HT_FR_ZJHM"))


def _enforcement(r: RowReader, codes: SheetCodes) -> Draft:
    subject = r.subject()
    filed_on = r.day("ZX_LARQ")
    members = {
        "document": r.number("ZX_AH"),
        "performance": r.one_of("ZX_LXQK", v.ENFORCEMENT_STATES),
        "amount_fen": r.fen("ZX_BD"),
        "filed_on": filed_on,
        "authority": r.authority("ZX_FY", "ZX_FYDM"),
        "basis": r.text("ZX_YJ"),
    }
    texts = {"duty": r.text("ZX_YW")}
    return _record(subject, members, texts, filed_on, r.representative("ZX_FRDB", "", "ZX_FR_ZJHM"))


def _removal(r: RowReader, codes: SheetCodes) -> Draft:
    subject = r.subject()
    removed_on = r.day("YC_RQ")
    listed = _list_code(r, "YC_LB", codes)
    members: dict[str, Any] = {
        "list": listed,
        "case": r.number("YC_WSH"),
        "reason": r.one_of("YC_YY", v.REMOVAL_REASONS),
        "basis": r.text("YC_YJ"),
        "removed_on": removed_on,
    }
    wanted = _wanted(r, subject, "credit.list.entered", members["case"], "YC_TMBH", {"list": listed or ""})
    return Draft(members, removed_on, {}, wanted)


def _performance(r: RowReader, codes: SheetCodes) -> Draft:
    subject = r.subject()
    on = r.day("LX_RQ")
    note = r.text("LX_SM")
    members: dict[str, Any] = {
        "number": r.number("LX_WSH"),
        "outcome": r.one_of("LX_ZT", v.OUTCOMES),
        "on": on,
    }
    sealed: dict[str, Any] = {}
    if subject.is_person and note:
        sealed = {"note": note, "subject": subject.details}
    else:
        members["note"] = note
    wanted = _wanted(r, subject, "credit.commitment.made", members["number"], "LX_TMBH", {})
    return Draft(members, on, sealed, wanted)


def _wanted(
    r: RowReader, subject: SubjectRead, kind: str, number: str, entry: str, members: dict[str, str]
) -> Wanted:
    name = subject.members.get("name", "")
    identity = subject.members.get("uscc") or subject.members.get("person_tag") or ""
    former = r.former_tags(subject.details.document_number) if subject.details else ()
    return Wanted(kind, number, identity, name, members, r.reference(entry), former)


def _list_code(r: RowReader, column: str, codes: SheetCodes) -> str | None:
    text = r.text(column)
    code = codes.lists.get(text) or codes.lists.get(text.lower())
    if text and code is None:
        r.problem(column, ListUnknown())
    return code


def _measures(r: RowReader, column: str, codes: SheetCodes) -> list[str] | None:
    named = r.words(column)
    if any(code not in codes.measures for code in named):
        r.problem(column, MeasureUnknown())
    return sorted(set(named)) or None


def _matter(r: RowReader, column: str, codes: SheetCodes) -> str | None:
    text = r.text(column)
    code = codes.matters.get(text) or codes.matters.get(text.lower())
    if text and code is None:
        r.problem(column, MatterUnknown())
    return code


_MAKERS: dict[str, Make] = {
    "penalty": _penalty,
    "licence": _licence,
    "list": _list,
    "removal": _removal,
    "commitment": _commitment,
    "performance": _performance,
    "evaluation": _evaluation,
    "contract": _contract,
    "enforcement": _enforcement,
}
_DECIDED = {
    "penalty": "CF_JDRQ",
    "licence": "XK_JDRQ",
    "list": "MD_LRRQ",
    "removal": "YC_RQ",
    "commitment": "CN_RQ",
    "performance": "LX_RQ",
    "evaluation": "PJ_RQ",
    "contract": "HT_BSRQ",
    "enforcement": "ZX_LARQ",
}
