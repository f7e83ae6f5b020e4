"""Sheets for the importer's tests: rows by column code, written as XLSX or CSV."""

import csv
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ledger.catalog import load_catalogue
from ledger.errors import LedgerError
from ledger.formats.strictjson import loads
from ledger.identifiers import resident_check_character, uscc_check_character
from ledger.services.importing import PENALTY, Form, HalfRow, PreparedRow, RowBuilder, RowProblem, open_sheet

KEY = b"1" * 32
TODAY = date(2026, 9, 21)


def uscc(number: int) -> str:
    """A code of a region that does not exist."""
    first = f"91990001{number:09d}"
    return first + uscc_check_character(first)


def resident(number: int) -> str:
    """A resident ID of a region that does not exist."""
    first = f"99000119800101{number:03d}"
    return first + resident_check_character(first)


def builder(issuer: str = uscc(2), key: bytes = KEY, epoch: int = 1) -> RowBuilder:
    former = {0: b"0" * 32, 1: KEY}
    return RowBuilder(issuer, key, epoch, load_catalogue(), TODAY, former)


PENALTY_ROW: dict[str, Any] = {
    "CF_XDR_MC": "云岭某公司",
    "CF_XDR_LB": "法人及非法人组织",
    "CF_XDR_SHXYM": uscc(100),
    "CF_WSH": "云市监罚〔2026〕12号",
    "CF_WFXW": "无证经营",
    "CF_SY": "未取得许可从事经营活动",
    "CF_YJ": "行政许可法 第八十一条",
    "CF_CFLB": "警告;罚款",
    "CF_NR": "罚款五千元",
    "CF_NR_FK": "0.5",
    "CF_JDRQ": "2026/1/5",
    "CF_CFJG": "云岭市市场监督管理局",
    "CF_CFJGDM": uscc(2),
}
PERSON_ROW = PENALTY_ROW | {
    "CF_XDR_MC": "张三",
    "CF_XDR_LB": "自然人",
    "CF_XDR_SHXYM": "",
    "CF_XDR_ZJLX": "身份证",
    "CF_XDR_ZJHM": resident(1),
}
LIST_ROW: dict[str, Any] = {
    "MD_LB": "拖欠农民工工资失信联合惩戒对象名单",
    "MD_XDR_MC": "云岭某公司",
    "MD_XDR_SHXYM": uscc(100),
    "MD_WSH": "云岭列〔2026〕1号",
    "MD_LRJG": "云岭市人社局",
    "MD_LRJGDM": uscc(2),
    "MD_YJ": "保障农民工工资支付条例 48",
    "MD_SY": "数额较大",
    "MD_LRRQ": "2026-01-05",
}


def write_xlsx(path: Path, lines: Sequence[Sequence[Any]], more: dict[str, Any] | None = None) -> Path:
    """Lines as a workbook; `more` are further sheets, by name."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(list(line))
    for name, others in (more or {}).items():
        further = book.create_sheet(name)
        for line in others:
            further.append(list(line))
    book.save(path)
    return path


def write_csv(
    path: Path, lines: Sequence[Sequence[Any]], encoding: str = "utf-8", delimiter: str = ","
) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(lines)
    return path


def lines_of(
    rows: Sequence[dict[str, Any]], form: Form = PENALTY, header: Sequence[str] | None = None
) -> list[list[Any]]:
    """A header and rows by column code."""
    return [list(header or form.codes), *([row.get(code) for code in form.codes] for row in rows)]


def write_sheet(
    folder: Path,
    rows: Sequence[dict[str, Any]],
    form: Form = PENALTY,
    encoding: str | None = "utf-8",
    header: Sequence[str] | None = None,
) -> Path:
    """Rows as `sheet.csv` in an encoding, or as `sheet.xlsx` (encoding None)."""
    lines = lines_of(rows, form, header)
    if encoding is None:
        return write_xlsx(folder / "sheet.xlsx", lines)
    return write_csv(folder / "sheet.csv", lines, encoding)


Built = PreparedRow | HalfRow | list[RowProblem]


def built(path: Path, using: RowBuilder | None = None, **options: Any) -> list[Built]:
    """Every row of a sheet, built."""
    using = using or builder()
    with open_sheet(path, **options) as sheet:
        return [using.build(sheet.form, row, sheet.date1904) for row in sheet.rows]


def good(path: Path, using: RowBuilder | None = None, **options: Any) -> list[PreparedRow]:
    """The rows of a sheet, all of which must be good."""
    rows = built(path, using, **options)
    assert all(isinstance(row, PreparedRow) for row in rows), rows
    return [row for row in rows if isinstance(row, PreparedRow)]


def problems(path: Path, using: RowBuilder | None = None, **options: Any) -> list[RowProblem]:
    """All problems of a sheet's rows."""
    return [each for row in built(path, using, **options) if isinstance(row, list) for each in row]


def problem(path: Path, using: RowBuilder | None = None, **options: Any) -> tuple[str, str]:
    """Column and code of the one problem of a sheet."""
    [found] = problems(path, using, **options)
    return found.column, found.code


def body(row: PreparedRow) -> dict[str, Any]:
    return dict(loads(row.body))


def refuse(path: Path, error: type[LedgerError], **options: Any) -> LedgerError:
    """Reading the sheet whole is refused with exactly this error."""
    with pytest.raises(error) as refused, open_sheet(path, **options) as sheet:
        list(sheet.rows)
    assert type(refused.value) is error
    return refused.value


def repacked(path: Path, change: Callable[[str, bytes], bytes], **more: bytes) -> Path:
    """The workbook with its parts changed."""
    with zipfile.ZipFile(path) as source:
        parts = {name: change(name, source.read(name)) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in (parts | more).items():
            target.writestr(name, data)
    return path
