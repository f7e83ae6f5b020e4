"""Workbooks as departments and their programs write them: read alike, whatever wrote them."""

import zipfile
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from made_sheets import (
    PENALTY_ROW,
    body,
    built,
    good,
    lines_of,
    problem,
    refuse,
    repacked,
    write_sheet,
    write_xlsx,
)
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from ledger.errors import (
    ColumnMissing,
    SheetNameUnknown,
)
from ledger.services.importing import PENALTY, PreparedRow, open_sheet

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ROWS = [PENALTY_ROW | {"CF_WSH": f"{n}号"} for n in range(3)]


def test_strings_may_be_shared_rich_phonetic_or_escaped(tmp_path: Path) -> None:
    [plain] = good(write_sheet(tmp_path, [PENALTY_ROW | {"CF_SY": "甲\n乙&<丙>"}], encoding=None))
    texts = [*PENALTY.codes, *(PENALTY_ROW.get(code) for code in PENALTY.codes)]
    texts[len(PENALTY.codes) + PENALTY.codes.index("CF_SY")] = "甲_x000A_乙&amp;&lt;丙&gt;"
    items = "".join(
        f"<si><r><rPr/><t>{text[:2]}</t></r><r><t xml:space='preserve'>{text[2:]}</t></r>"
        "<rPh sb='0' eb='1'><t>カ</t></rPh></si>"
        if text == "云岭某公司"
        else f"<si><t>{text}</t></si>"
        if text
        else "<si/>"
        for text in texts
    )
    width = len(PENALTY.codes)
    cells = [
        "".join(f'<c r="{column(at)}{row}" t="s"><v>{at + width * (row - 1)}</v></c>' for at in range(width))
        for row in (1, 2)
    ]
    rows = "".join(f'<row r="{at}">{row}</row>' for at, row in enumerate(cells, 1))
    path = write_sheet(tmp_path, [], encoding=None)
    relation = (
        '<Relationship Id="rId9" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        'sharedStrings" Target="/xl/sharedStrings.xml"/></Relationships>'
    )

    def change(name: str, data: bytes) -> bytes:
        if name == "xl/worksheets/sheet1.xml":
            return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'.encode()
        if name == "xl/_rels/workbook.xml.rels":
            return data.replace(b"</Relationships>", relation.encode())
        return data

    strings = f'<sst xmlns="{MAIN}" count="1">{items}</sst>'.encode()
    repacked(path, change, **{"xl/sharedStrings.xml": strings})
    assert good(path) == [plain]
    prefixed = strings.replace(b"<", b"<x:").replace(b"<x:/", b"</x:").replace(b"xmlns=", b"xmlns:x=")
    repacked(path, lambda name, data: prefixed if name == "xl/sharedStrings.xml" else data)
    assert good(path) == [plain]


def column(at: int) -> str:
    return openpyxl.utils.get_column_letter(at + 1)


def test_other_writers_forms_of_the_same_sheet_are_read(tmp_path: Path) -> None:
    expected = good(write_sheet(tmp_path, ROWS, encoding=None))
    path = tmp_path / "sheet.xlsx"

    def prefixed(name: str, data: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return data
        text = data.decode().replace("<", "<x:").replace("<x:/", "</x:").replace("<x:?", "<?")
        return text.replace("xmlns=", "xmlns:x=").encode()

    def spaced(name: str, data: bytes) -> bytes:
        return data.replace(b"><", b">\r\n  <") if name == "xl/worksheets/sheet1.xml" else data

    def utf16(name: str, data: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return data
        return ('<?xml version="1.0" encoding="UTF-16"?>' + data.decode()).encode("utf-16")

    def commented(name: str, data: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return data
        return data.replace(b"</c>", b"</c><!-- <c r='A1'><v>9</v></c> -->", 3)

    for change in (prefixed, spaced, utf16, commented):
        write_sheet(tmp_path, ROWS, encoding=None)
        assert good(repacked(path, change)) == expected, change


def test_rich_text_in_a_cell_is_its_text(tmp_path: Path) -> None:
    expected = good(write_sheet(tmp_path, [PENALTY_ROW], encoding=None))
    rich = CellRichText("未取得许可", TextBlock(InlineFont(b=True), "从事经营活动"))
    assert good(write_sheet(tmp_path, [PENALTY_ROW | {"CF_SY": rich}], encoding=None)) == expected


def test_a_workbook_that_counts_from_1904_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    assert sheet is not None
    for line in lines_of([PENALTY_ROW | {"CF_JDRQ": date(2026, 1, 5), "CF_YXQ": 46027 - 1462}]):
        sheet.append(line)
    book.save(tmp_path / "mac.xlsx")
    [row] = good(tmp_path / "mac.xlsx")
    assert (body(row)["decided_on"], body(row)["valid_until"]) == ("2026-01-05", "2026-01-05")


@pytest.mark.parametrize("code", ["yyyy-mm-dd", 'yyyy"年"m"月"d"日"', "[$-804]yyyy/m/d;@", "d-mmm-yy"])
def test_a_date_in_any_format_is_a_date(tmp_path: Path, code: str) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_JDRQ": date(2026, 1, 5)}], encoding=None)
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet.cell(2, PENALTY.codes.index("CF_JDRQ") + 1).number_format = code
    # A code in a cell of a date's format has been mangled, and is not taken for a number.
    cell = sheet.cell(2, PENALTY.codes.index("CF_WSH") + 1)
    cell.value, cell.number_format = 46027, code
    book.save(path)
    assert problem(path) == ("CF_WSH", "cell_mangled")


def test_a_number_whose_format_only_looks_like_a_date_stays_a_number(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW], encoding=None)
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    cell = sheet.cell(2, PENALTY.codes.index("CF_NR_FK") + 1)
    cell.value, cell.number_format = 0.5, '[Red]0.00"day"'
    book.save(path)
    assert body(good(path)[0])["fine_fen"] == 500_000


def test_a_formula_refuses_its_row_whatever_value_is_cached(tmp_path: Path) -> None:
    rows = [PENALTY_ROW, PENALTY_ROW | {"CF_XDR_MC": '=CONCATENATE("云岭","某公司")'}]
    path = write_sheet(tmp_path, rows, encoding=None)
    repacked(path, lambda name, data: data.replace(b"<v />", b"<v>1</v>").replace(b"<v/>", b"<v>1</v>"))
    first, second = built(path)
    assert isinstance(first, PreparedRow)
    assert isinstance(second, list)
    assert [(each.row, each.column, each.code) for each in second] == [(3, "CF_XDR_MC", "formula_forbidden")]
    assert problem(write_sheet(tmp_path, rows)) == ("CF_XDR_MC", "formula_forbidden")


def test_shared_and_array_formulas_are_formulas(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW], encoding=None)
    place = f"{column(PENALTY.codes.index('CF_XDR_MC'))}2"
    for formula in (
        '<f t="shared" si="0"/>',
        '<f t="shared" ref="A2:A9" si="0">B2</f>',
        '<f t="array" ref="A2">B2</f>',
    ):
        write_sheet(tmp_path, [PENALTY_ROW], encoding=None)
        cell = f'<c r="{place}" t="str">{formula}<v>云岭某公司</v></c>'

        def change(name: str, data: bytes, cell: str = cell) -> bytes:
            start = data.find(f'<c r="{place}"'.encode())
            end = data.find(b"</c>", start) + 4
            return data[:start] + cell.encode() + data[end:] if start > 0 else data

        assert problem(repacked(path, change)) == ("CF_XDR_MC", "formula_forbidden")


def test_an_error_value_refuses_its_row(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_SY": "#N/A"}], encoding=None)
    assert b't="e"' in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")
    assert problem(path) == ("CF_SY", "cell_error")


def test_hidden_rows_are_read_and_counted_or_left_out(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, ROWS, encoding=None)
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet.row_dimensions[3].hidden = True
    book.save(path)
    for skip, rows in ((False, 3), (True, 2)):
        with open_sheet(path, skip_hidden=skip) as opened:
            assert len(list(opened.rows)) == rows
            assert opened.seen.hidden_rows == 1


def test_of_several_sheets_the_one_with_the_columns_is_read_or_the_one_named(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    write_xlsx(path, [["说明"], ["请填写第二页"]], {"处罚": lines_of(ROWS[:1]), "上月": lines_of(ROWS[1:])})
    with open_sheet(path) as sheet:
        assert (sheet.seen.name, sheet.seen.not_read) == ("处罚", ("上月",))
        assert len(list(sheet.rows)) == 1
    with open_sheet(path, name="上月") as sheet:
        assert len(list(sheet.rows)) == 2
    assert "处罚、上月" in refuse(path, SheetNameUnknown, name="下月").detail
    refuse(path, ColumnMissing, name="Sheet")
    refuse(write_sheet(tmp_path, ROWS), SheetNameUnknown, name="处罚")


def test_a_sheet_that_lacks_a_column_is_not_passed_over_for_a_later_one(tmp_path: Path) -> None:
    lacking = [line[1:] for line in lines_of(ROWS[:1])]
    path = write_xlsx(tmp_path / "book.xlsx", lacking, {"副本": lines_of(ROWS)})
    assert "CF_XDR_MC" in refuse(path, ColumnMissing).detail


def test_a_hidden_sheet_is_read_only_by_name(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "book.xlsx", [["空"]], {"处罚": lines_of(ROWS)})
    book = openpyxl.load_workbook(path)
    book["处罚"].sheet_state = "hidden"
    book.save(path)
    refuse(path, ColumnMissing)
    assert len(good(path, name="处罚")) == 3
