"""The cells of one row, read by column; problems are collected instead of stopping at the first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ledger.domain import PersonDetails
from ledger.errors import IdentifierInvalid, InputError, LedgerError, RowCut, RowTooWide, StatementInvalid
from ledger.formats.statement import Reference, is_id
from ledger.formats.tags import person_tag
from ledger.identifiers import ResidentId, is_uscc
from ledger.services.importing.cells import (
    DAY_FORMS,
    FORMULA,
    LONG_TERM,
    NO_SUCH_DAY,
    Cell,
    code_of,
    day_of,
    fen_of,
    is_plain,
    name_of,
    number_of,
    text_of,
    uscc_of,
)
from ledger.services.importing.columns import Form
from ledger.services.importing.reading import SheetRow
from ledger.services.importing.values import DOCUMENT_TYPES, FOREIGN_DOCUMENTS, SUBJECT_CLASSES, choices

T = TypeVar("T")

RESIDENT_ID_TYPE = "111"
_LIST_SEPARATORS = str.maketrans(";；,，/、\n", "       ")
_CLOSER = {
    DAY_FORMS: "日期无法识别，应写作 2026-01-05、2026/1/5、20260105 或 2026年1月5日。",
    NO_SUCH_DAY: "日历上没有这一天。",
    FORMULA: "该单元格是公式，请粘贴为数值后再导入。",
}
"""What some errors say in English alone."""
_OLDER_CODES = {
    "registration": "GSZC",
    "organisation": "ZZJG",
    "tax": "SWDJ",
    "institution": "SYDW",
    "association": "SHZZ",
}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was not taken: sheet row (1-based), column code or "", stable code, and two sentences.

    Never quotes a cell.
    """

    row: int
    column: str
    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class SubjectRead:
    """Whom a row is about: the body's members, a person's details, and the subject's class."""

    members: dict[str, Any]
    details: PersonDetails | None
    subject_class: str

    @property
    def is_person(self) -> bool:
        return self.subject_class == "natural-person"


class PersonTags:
    """Tags of persons by resident ID; `keys` maps epoch to person-tag key, `epoch` is the one in force."""

    def __init__(self, keys: Mapping[int, bytes], epoch: int) -> None:
        self.key = keys[epoch]
        self.epoch = epoch
        self._former = {other: key for other, key in keys.items() if other < epoch}

    def members(self, resident: str) -> dict[str, Any]:
        """What a body says of a person."""
        return {"person_tag": person_tag(self.key, self.epoch, resident), "epoch": self.epoch}

    def former(self, resident: str) -> tuple[str, ...]:
        """The tags of earlier epochs, under which records of the person may stand."""
        return tuple(person_tag(key, epoch, resident) for epoch, key in self._former.items())


class RowReader:
    """Reads one row of a form; `tags` turn resident IDs into what stands for a person in a body."""

    def __init__(self, form: Form, row: SheetRow, date1904: bool, tags: PersonTags) -> None:
        self.form = form
        self.problems: list[RowProblem] = []
        self._told: set[str] = set()
        self._number = row.number
        self._cells = {code: cell for code, cell in row.cells.items() if cell is not None and cell != ""}
        self._date1904 = date1904
        self._tags = tags
        if row.extra:
            self.problem("", RowTooWide())
        if row.torn:
            self.problem("", RowCut())
        for code in form.filled:
            if self.blank(code):
                self.problem(code, StatementInvalid("this cell must not be blank"), "不得为空。")

    def problem(self, column: str, error: LedgerError, zh: str = "") -> None:
        """Note a problem, one for each column; `zh` says it closer than the error does."""
        if column and column in self._told:
            return
        self._told.add(column)
        self.problems.append(
            RowProblem(self._number, column, error.code, zh or error.zh, error.detail or error.en)
        )

    def blank(self, column: str) -> bool:
        """Whether nothing stands in the cell."""
        cell = self._cells.get(column)
        return cell is None or (isinstance(cell, str) and cell.isspace())

    def read(self, column: str, parse: Callable[[Cell], T]) -> T | None:
        """The cell as `parse` reads it; None, with a problem noted, where it cannot."""
        try:
            return parse(self._cells.get(column))
        except InputError as error:
            self.problem(column, error, _CLOSER.get(error.detail, ""))
            return None

    def text(self, column: str) -> str:
        """The cell's text; "" also where it cannot be read, with a problem noted."""
        cell = self._cells.get(column)
        if cell is None or (isinstance(cell, str) and is_plain(cell)):
            return cell or ""
        return self.read(column, text_of) or ""

    def name(self, column: str) -> str:
        cell = self._cells.get(column)
        if cell is None or (isinstance(cell, str) and is_plain(cell)):
            return cell or ""
        return self.read(column, name_of) or ""

    def number(self, column: str) -> str:
        return (self.read(column, number_of) or "") if column in self._cells else ""

    def code(self, column: str) -> str:
        return (self.read(column, code_of) or "") if column in self._cells else ""

    def day(self, column: str) -> str:
        """A day; "" where the cell is blank, or with a problem noted."""
        if self.blank(column):
            return ""
        return self.read(column, lambda cell: day_of(cell, self._date1904)) or ""

    def end_day(self, column: str) -> str | None:
        """A day until which something lasts; None where it is blank or said to be without end."""
        if isinstance(self._cells.get(column), str) and self.text(column) in LONG_TERM:
            return None
        return self.day(column) or None

    def end_after(self, column: str, start: str, start_column: str) -> str | None:
        """An `end_day` that must not be before `start`."""
        end = self.end_day(column)
        if end is not None and start and end < start:
            title = self.form.by_code[start_column].title
            error = StatementInvalid(f"must not be before the day in {start_column}")
            self.problem(column, error, f"不得早于“{title}”。")
        return end

    def fen(self, column: str) -> int | None:
        cell = self._cells.get(column)
        if cell is None:
            return None
        unit = self.form.by_code[column].unit
        try:
            return fen_of(cell, unit)
        except InputError as error:
            zh = f"应为以{unit}计的数，不含单位，不得为负。" if error.code == InputError.code else ""
            self.problem(column, error, zh)
            return None

    def one_of(self, column: str, table: Mapping[str, str]) -> str | None:
        """A value of a closed list."""
        text = self.text(column)
        if not text:
            return None
        code = table.get(text) or table.get(code_of(text))
        if code is None:
            self._not_among(column, table)
        return code

    def several_of(self, column: str, table: Mapping[str, str]) -> list[str]:
        """Several values of a table in one cell, separated by ; , 、 or spaces."""
        text = self.text(column)
        if text in table:
            return [table[text]]
        found = []
        for part in text.translate(_LIST_SEPARATORS).split():
            code = table.get(part) or table.get(part.partition("-")[2])
            if code is None:
                self._not_among(column, table)
                return []
            found.append(code)
        return list(dict.fromkeys(found))

    def words(self, column: str) -> list[str]:
        """The codes in one cell, in lower case."""
        return self.text(column).lower().translate(_LIST_SEPARATORS).split()

    def _not_among(self, column: str, table: Mapping[str, str]) -> None:
        allowed = choices(table)
        error = StatementInvalid(f"the value must be one of {allowed.replace('、', ', ')}")
        self.problem(column, error, f"应为以下之一：{allowed}。")

    def authority(self, name: str, code: str) -> dict[str, Any] | None:
        """An authority by name and code; None where both are blank."""
        if self.blank(name) and self.blank(code):
            return None
        return {"uscc": self.read(code, uscc_of), "name": self.name(name)}

    def reference(self, column: str) -> Reference | None:
        """An entry named as ISSUER:ID."""
        text = self.text(column)
        if not text:
            return None
        issuer, _, id_ = text.replace("：", ":").partition(":")
        if not is_uscc(issuer.strip().upper()) or not is_id(id_.strip().lower()):
            error = StatementInvalid("an entry is named as ISSUER:ID")
            self.problem(column, error, "条目编号的格式为 签发单位统一社会信用代码:编号。")
            return None
        return Reference(issuer.strip().upper(), id_.strip().lower())

    def subject(self) -> SubjectRead:
        """Whom the row is about: an organisation (code filled, document blank) or a person (the reverse)."""
        prefix = self.form.prefix
        uscc, number = f"{prefix}_XDR_SHXYM", f"{prefix}_XDR_ZJHM"
        stated = self.one_of(f"{prefix}_XDR_LB", SUBJECT_CLASSES)
        name = self.name(f"{prefix}_XDR_MC")
        if stated == "natural-person" or (not stated and self.blank(uscc) and not self.blank(number)):
            return self._person(prefix, number, name)
        if not self.blank(number):
            error = StatementInvalid("an organisation's document number must be blank")
            self.problem(number, error, "法人及非法人组织的证件号码须留空。")
        if self.blank(uscc):
            error = StatementInvalid("an organisation needs its unified social credit code")
            self.problem(uscc, error, "法人及非法人组织、个体工商户须填写统一社会信用代码。")
            return SubjectRead({}, None, stated or "organisation")
        code = self.read(uscc, uscc_of)
        return SubjectRead(
            {"type": "organisation", "uscc": code, "name": name}, None, stated or "organisation"
        )

    def _person(self, prefix: str, number: str, name: str) -> SubjectRead:
        for code in ("SHXYM", *_OLDER_CODES.values()):
            if not self.blank(f"{prefix}_XDR_{code}"):
                error = StatementInvalid("a natural person's codes must be blank")
                self.problem(f"{prefix}_XDR_{code}", error, "自然人的机构代码须留空。")
        if self.one_of(f"{prefix}_XDR_ZJLX", DOCUMENT_TYPES) != RESIDENT_ID_TYPE:
            error = StatementInvalid("only resident IDs (身份证) are taken so far")
            self.problem(f"{prefix}_XDR_ZJLX", error, "自然人的证件类型须为身份证。")
        resident = self.read(number, resident_id_of)
        if resident is None:
            return SubjectRead({}, None, "natural-person")
        details = PersonDetails(name=name or "?", document_type=RESIDENT_ID_TYPE, document_number=resident)
        return SubjectRead({"type": "person"} | self._tags.members(resident), details, "natural-person")

    def former_tags(self, resident: str | None) -> tuple[str, ...]:
        """The tags that a person had in earlier epochs."""
        return self._tags.former(resident) if resident else ()

    def older_codes(self) -> dict[str, str] | None:
        """The five older codes of an organisation."""
        prefix = self.form.prefix
        found = {}
        for name, code in _OLDER_CODES.items():
            text = self.number(f"{prefix}_XDR_{code}")
            if text:
                found[name] = text
        return found or None

    def representative(
        self, name: str, document_type: str, number: str
    ) -> tuple[PersonDetails | None, dict[str, Any] | None]:
        """The legal representative: a person, so sealed; and the related person that a resident ID makes."""
        named = self.name(name)
        if self.blank(number):
            return (PersonDetails(name=named) if named else None), None
        if not named:
            error = StatementInvalid("the representative's number stands there without a name")
            self.problem(name, error, "填写了法定代表人证件号码的，须填写法定代表人姓名。")
            return None, None
        kind: str | None = RESIDENT_ID_TYPE
        if document_type and not self.blank(document_type):
            kind = self.one_of(document_type, DOCUMENT_TYPES | FOREIGN_DOCUMENTS)
            if kind is None:
                return None, None
        if kind != RESIDENT_ID_TYPE:
            return PersonDetails(name=named, document_number=self.code(number) or None), None
        resident = self.read(number, resident_id_of)
        if resident is None:
            return None, None
        details = PersonDetails(name=named, document_type=RESIDENT_ID_TYPE, document_number=resident)
        return details, {"role": "legal-representative"} | self._tags.members(resident)


def resident_id_of(cell: Cell) -> str:
    """A resident ID. Raises `IdentifierInvalid` and its kind, which never quote it."""
    if isinstance(cell, int | float):
        raise IdentifierInvalid("the number was stored as a figure, which loses its last digits; use text")
    return ResidentId.parse(code_of(cell)).number
