"""Lists of subjects as spreadsheets (bidder lists): in with names and codes, out with what was found.

A sheet (XLSX or CSV) has a header with Chinese titles, of which several are understood for each column: the
subject's name, its unified social credit code or a person's resident ID, and where there is one the resident
ID of the legal representative and the number of an authorisation. A row with two codes, with none, or with a
wrong one is reported with its number and blocks nothing. Nothing that is written repeats a person's number.

    questions = read_questions(Path("bidders.xlsx"))
    ...                                             # ask about those that have a subject
    write_results(Path("result.xlsx"), questions, results, about)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from ledger.errors import ColumnMissing, IdentifierInvalid, LedgerError, RowCut, RowTooWide, StatementInvalid
from ledger.formats.words import DECISIONS, ROLES, term_text
from ledger.identifiers import ResidentId, check_resident_id, check_uscc
from ledger.services.importing.cells import code_of, text_of, uscc_of
from ledger.services.importing.columns import Column, Form
from ledger.services.importing.reading import SheetLimits, SheetRow, open_sheet

SUBJECT_LIMIT = 10_000
"""Most subjects of one sheet, and of one call."""
NAME_LIMIT = 200
_NAME, _USCC, _RESIDENT, _EITHER = "HC_MC", "HC_SHXYM", "HC_SFZH", "HC_DM"
_REPRESENTATIVE, _AUTHORISATION = "HC_FRSFZH", "HC_SQ"
_TITLES: Mapping[str, tuple[str, ...]] = {
    _NAME: (
        "主体名称",
        "名称",
        "单位名称",
        "企业名称",
        "公司名称",
        "机构名称",
        "投标人",
        "投标人名称",
        "供应商",
        "供应商名称",
        "申请人",
        "申请人名称",
        "姓名",
    ),
    _USCC: ("统一社会信用代码", "社会信用代码", "信用代码", "统一信用代码"),
    _RESIDENT: ("公民身份号码", "身份证号", "身份证号码", "居民身份证号码"),
    _EITHER: ("代码", "主体代码", "证件号码"),
    _REPRESENTATIVE: (
        "法定代表人公民身份号码",
        "法定代表人身份证号",
        "法定代表人身份证号码",
        "法定代表人证件号码",
    ),
    _AUTHORISATION: ("授权编号", "授权书编号"),
}
_CODES = (_USCC, _RESIDENT, _EITHER)


SUBJECTS = Form(
    "check",
    "核查名单",
    "",
    "HC",
    tuple(
        Column(code, title, needed=False, other_titles=tuple(others))
        for code, (title, *others) in _TITLES.items()
    ),
)
"""The form of a list of subjects."""


@dataclass(frozen=True, slots=True)
class SheetQuestion:
    """One row: its number in the sheet, the name, the code as it may be shown, and the subject as the API
    takes it, or the error why there is none. `repr` hides the subject, who may be a person."""

    row: int
    name: str
    shown: str
    subject: Mapping[str, Any] | None
    error: LedgerError | None = None

    def __repr__(self) -> str:
        return f"SheetQuestion(row {self.row})"


def read_questions(path: Path, limits: SheetLimits | None = None) -> list[SheetQuestion]:
    """The rows of a list of subjects, in order.

    Raises `SheetInvalid` (`SheetDamaged`, `TooManyRows`), `ColumnMissing`, `TooLarge` for the sheet as a
    whole; what is wrong with a row stands in the row.
    """
    limits = limits or SheetLimits(rows=SUBJECT_LIMIT, file_bytes=32 << 20)
    with open_sheet(path, SUBJECTS, limits) as sheet:
        if not {code for _, code in sheet.header.places} & set(_CODES):
            raise ColumnMissing(
                "the sheet has no column with codes, such as 统一社会信用代码",
                zh="表格没有代码列，如“统一社会信用代码”或“公民身份号码”。",
            )
        return [_question(row) for row in sheet.rows]


def _question(row: SheetRow) -> SheetQuestion:
    name = shown = ""
    try:
        if row.torn or row.extra:
            raise RowCut if row.torn else RowTooWide
        name = text_of(row.cells.get(_NAME))
        kind, code, shown = _code(row)
        if len(name) > NAME_LIMIT:
            raise StatementInvalid(
                f"a name has at most {NAME_LIMIT} characters", zh=f"名称不得超过 {NAME_LIMIT} 字。"
            )
        return SheetQuestion(row.number, name, shown, _subject(row, kind, code, name))
    except LedgerError as error:
        return SheetQuestion(row.number, name[:NAME_LIMIT], shown, None, error)


def _subject(row: SheetRow, kind: str, code: str, name: str) -> dict[str, Any]:
    subject: dict[str, Any] = {"type": kind, "code": code}
    if name:
        subject["name"] = name
    if authorisation := text_of(row.cells.get(_AUTHORISATION)):
        subject["authorisation"] = authorisation
    representative = code_of(row.cells.get(_REPRESENTATIVE))
    if representative and kind == "organisation":
        check_resident_id(representative)
        subject["related"] = [{"role": "legal-representative", "code": representative}]
        if authorisation:
            # The number stands beside the person: an organisation needs none.
            subject["related"][0]["authorisation"] = subject.pop("authorisation")
    return subject


def _code(row: SheetRow) -> tuple[str, str, str]:
    """The subject's type, its code, and the code as it may be shown."""
    given = {column: code_of(row.cells.get(column)) for column in _CODES}
    filled = [column for column, text in given.items() if text]
    if len(filled) != 1:
        raise IdentifierInvalid(
            "a row has exactly one code: of an organisation or of a person",
            zh="每行须填且只填一个代码：统一社会信用代码或公民身份号码。",
        )
    column, text = filled[0], given[filled[0]]
    if column == _EITHER:
        column = _column_of(text)
    if column == _USCC:
        if _fits(check_resident_id, text) and not _fits(check_uscc, text):
            raise IdentifierInvalid(
                "this is a resident ID; it has a column of its own",
                zh="这是公民身份号码，请填入“公民身份号码”列。",
            )
        return "organisation", uscc_of(text), text
    return "person", text, ResidentId.parse(text).mask()


def _column_of(text: str) -> str:
    """Whether a code is an organisation's or a person's: what it is by its check character, else nothing."""
    fitting = [
        column
        for column, check in ((_USCC, check_uscc), (_RESIDENT, check_resident_id))
        if _fits(check, text)
    ]
    if len(fitting) != 1:
        raise IdentifierInvalid(
            "the code is neither a unified social credit code nor a resident ID",
            zh="代码既不是统一社会信用代码，也不是公民身份号码。",
        )
    return fitting[0]


def _fits(check: Callable[[str], None], text: str) -> bool:
    try:
        check(text)
    except LedgerError:
        return False
    return True


# Results

_MATCHES = {"yes": "一致", "no": "不一致", "unknown": "无从比对"}
_HEADER = (
    "行号",
    "主体名称",
    "代码",
    "结论",
    "decision",
    "命中",
    "措施",
    "依据",
    "措施截止",
    "名称核对",
    "未查角色",
    "相同于行",
    "核查留痕",
    "问题代码",
    "问题说明",
)


def write_results(
    path: Path,
    questions: Sequence[SheetQuestion],
    results: Mapping[int, Mapping[str, Any]],
    about: Iterable[tuple[str, str]],
) -> None:
    """Write one row for each question, and a second sheet saying what was asked and what proves it.

    `results` are the items of the API's answer by sheet row, those that are there. Every cell is text: what
    looks like a formula stays what it is.
    """
    book = Workbook(write_only=True)
    found = book.create_sheet("核查结果")
    _write(found, _HEADER)
    for question in questions:
        _write(found, result_cells(question, results.get(question.row)))
    told = book.create_sheet("核查说明")
    for line in about:
        _write(told, line)
    book.save(path)


def result_cells(question: SheetQuestion, item: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The cells of a result's row."""
    first = (str(question.row), question.name, question.shown)
    blank = ("",) * (len(_HEADER) - len(first) - 2)
    if question.error is not None:
        error = question.error
        return (*first, *blank, error.code, f"{error.zh} {error.detail or error.en}")
    if item is None:
        return (*first, *blank, "", "")
    if item.get("refusal"):
        refusal = item["refusal"]
        return (*first, *blank, refusal["code"], f"{refusal['zh']} {refusal['detail']}")
    findings = item["findings"]
    return (*first, *_finding_cells(findings), _same(item), _logged(item), "", "")


def _finding_cells(findings: Mapping[str, Any]) -> Iterator[str]:
    hits = findings["hits"]
    measures = [measure for hit in hits for measure in hit["measures"]]
    yield DECISIONS[findings["decision"]]
    yield findings["decision"]
    yield "；".join(hit_line(hit) for hit in hits)
    yield "；".join(measure["name"] for measure in measures)
    yield "；".join(dict.fromkeys(measure["basis"] for measure in measures))
    yield "；".join(measure["until"] or term_text(measure["term"]) for measure in measures)
    yield _MATCHES.get(findings["name_matches"] or "", "")
    yield "；".join(ROLES.get(role, role) for role in findings["not_asked"])


def hit_line(hit: Mapping[str, Any]) -> str:
    """A hit in one line: list or sort, number, authority, and through whom it was found."""
    line = f"{hit['title']}（{hit['case']}，{hit['authority_name']}）"
    if not hit["roles"]:
        return line
    path = "、".join(ROLES.get(role, role) for role in hit["roles"])
    whose = (hit["of"] or {}).get("name") or (hit["of"] or {}).get("code") or ""
    return f"{path} {whose} {line}".replace("  ", " ")


def _same(item: Mapping[str, Any]) -> str:
    return "" if item["same_as"] is None else str(item["same_as"])


def _logged(item: Mapping[str, Any]) -> str:
    return "" if not item["logged"] else f"{item['logged']['index']} {item['logged']['id']}"


def _write(sheet: Any, texts: Iterable[str]) -> None:
    cells = []
    for text in texts:
        cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub(" ", text))
        # Text whatever it begins with: a name that looks like a formula must not become one.
        cell.data_type = "s"
        cells.append(cell)
    sheet.append(cells)
