"""Files that departments send, and files that nobody should: read alike, or refused with a clear error."""

import io
import resource
import struct
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from made_sheets import (
    PENALTY_ROW,
    body,
    built,
    good,
    lines_of,
    problem,
    problems,
    write_csv,
    write_sheet,
    write_xlsx,
)
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from ledger.errors import (
    ColumnMissing,
    LedgerError,
    SheetDamaged,
    SheetEncrypted,
    SheetFormatRefused,
    SheetInvalid,
    SheetNameUnknown,
    TooLarge,
    TooManyRows,
)
from ledger.services.importing import PENALTY, PreparedRow, SheetLimits, open_sheet

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ROWS = [PENALTY_ROW | {"CF_WSH": f"{n}号"} for n in range(3)]


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


# Forms of XLSX


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


# Limits


def test_more_rows_than_allowed_are_refused_and_blank_ones_do_not_count(tmp_path: Path) -> None:
    for encoding in ("utf-8", None):
        path = write_sheet(tmp_path, [ROWS[0], {}, ROWS[1], {}, {}, ROWS[2], {}, {}], encoding=encoding)
        assert [row.row for row in good(path, limits=SheetLimits(rows=3))] == [2, 4, 7]
        refuse(path, TooManyRows, limits=SheetLimits(rows=2))


def test_trailing_blank_columns_are_nothing_and_far_too_many_are_refused(tmp_path: Path) -> None:
    wide = [[*line, "", None, " "] for line in lines_of(ROWS)]
    assert len(good(write_xlsx(tmp_path / "wide.xlsx", wide))) == 3
    assert len(good(write_csv(tmp_path / "wide.csv", wide))) == 3
    far = lines_of(ROWS)
    far[1] += [None] * 300 + ["x"]
    refuse(write_xlsx(tmp_path / "far.xlsx", far), SheetInvalid)
    refuse(write_csv(tmp_path / "far.csv", far), SheetInvalid)


def million_blank_rows(path: Path, self_closed: bool) -> Path:
    """A sheet with three rows and a million formatted blank ones after them."""
    write_sheet(path.parent, ROWS, encoding=None)
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    body_, end = parts["xl/worksheets/sheet1.xml"].split(b"</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name, data in parts.items():
            if name != "xl/worksheets/sheet1.xml":
                target.writestr(name, data)
        with target.open("xl/worksheets/sheet1.xml", "w") as file:
            file.write(body_)
            for start in range(5, 1_000_005, 10_000):
                file.write(
                    b"".join(
                        b'<row r="%d" spans="1:30" s="1" customFormat="1" ht="15"/>' % row
                        if self_closed
                        else b'<row r="%d" s="1" customFormat="1"><c r="A%d" s="1"/><c r="B%d" s="1"/></row>'
                        % (row, row, row)
                        for row in range(start, start + 10_000)
                    )
                )
            file.write(b"</sheetData>" + end)
    return path


@pytest.mark.parametrize("self_closed", [True, False], ids=["rows", "cells"])
def test_a_million_blank_formatted_rows_cost_seconds_and_no_memory(tmp_path: Path, self_closed: bool) -> None:
    path = million_blank_rows(tmp_path / "sheet.xlsx", self_closed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    assert len(good(path)) == 3
    assert time.process_time() - started < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_a_million_blank_lines_of_csv_are_nothing(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, ROWS)
    with path.open("a") as file:
        file.write(("," * 29 + "\r\n") * 1_000_000)
    started = time.process_time()
    assert len(good(path)) == 3
    assert time.process_time() - started < 10


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (8 << 20))
    started = time.monotonic()
    refuse(path, TooLarge, limits=SheetLimits(unpacked_bytes=1 << 20))
    refuse(path, TooLarge, limits=SheetLimits(file_bytes=100))
    assert time.monotonic() - started < 5


def test_a_bomb_that_lies_about_its_size_is_read_no_further_than_it_says(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, ROWS, encoding=None)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    data = bytearray(path.read_bytes())
    # The size in the directory's record, which is the one that counts.
    place = data.rfind(b"xl/worksheets/sheet1.xml") - 46
    assert struct.unpack_from("<L", data, place + 24)[0] == info.file_size
    struct.pack_into("<L", data, place + 24, 500)
    path.write_bytes(data)
    refuse(path, SheetDamaged)


def test_a_directory_of_too_many_parts_is_not_read(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, ROWS, encoding=None)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(10_001):
            archive.writestr(f"xl/{number}", b"")
    refuse(path, TooLarge)


def test_strings_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, ROWS, encoding=None)
    strings = f'<sst xmlns="{MAIN}">'.encode() + b"<si><t>x</t></si>" * 1000 + b"</sst>"
    repacked(path, lambda name, data: data, **{"xl/sharedStrings.xml": strings})
    refuse(path, TooLarge, limits=SheetLimits(strings_bytes=1000))


def test_entities_are_refused(tmp_path: Path) -> None:
    laughs = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"):
        write_sheet(tmp_path, ROWS, encoding=None)

        def change(name: str, data: bytes, part: str = part) -> bytes:
            return laughs + data if name == part else data

        refuse(repacked(tmp_path / "sheet.xlsx", change), SheetDamaged)


# Files that are no sheet, or no longer one


def test_a_workbook_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write_sheet(tmp_path, ROWS, encoding=None).read_bytes()
    path = tmp_path / "cut.xlsx"
    for size in range(4, len(whole) - 1, 97):
        path.write_bytes(whole[:size])
        refuse(path, SheetDamaged)


def test_a_workbook_with_a_damaged_byte_is_refused_or_read_as_it_was(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, ROWS, encoding=None)
    expected = good(path)
    whole = path.read_bytes()
    damaged = tmp_path / "damaged.xlsx"
    for place in range(0, len(whole), 61):
        changed = bytearray(whole)
        changed[place] ^= 0x10
        damaged.write_bytes(changed)
        try:
            rows = built(damaged)
        except (SheetInvalid, TooLarge):
            continue
        # What is not covered by a check sum: names and times of the archive's members.
        assert rows == expected


def test_a_sheet_whose_xml_ends_early_is_refused(tmp_path: Path) -> None:
    for end in (b"</row>", b"</sheetData>"):
        path = write_sheet(tmp_path, ROWS, encoding=None)

        def change(name: str, data: bytes, end: bytes = end) -> bytes:
            return data[: data.rfind(end)] if name == "xl/worksheets/sheet1.xml" else data

        refuse(repacked(path, change), SheetDamaged)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
ZIP_OF = "mimetypeapplication/vnd.oasis.opendocument.spreadsheet"


def archive_of(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (OLE + "EncryptedPackage".encode("utf-16-le") + bytes(600), SheetEncrypted),
        (OLE, SheetFormatRefused),
        (archive_of("xl/workbook.bin"), SheetFormatRefused),
        (archive_of("mimetype", "content.xml"), SheetFormatRefused),
        (archive_of("word/document.xml"), SheetFormatRefused),
        (b"PK\x03\x04broken", SheetDamaged),
        (b"<html><table><tr><td>CF_WSH</td></tr></table>", SheetFormatRefused),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', SheetFormatRefused),
        (b"\xff\xfea\0", SheetFormatRefused),
        (b"a\0b", SheetInvalid),
        (b"\x80\x81\xff\xff", SheetInvalid),
        (b'"a\n', SheetDamaged),
        (b"", ColumnMissing),
        (b"a,b\n1,2\n", ColumnMissing),
    ],
    ids=[
        "password",
        "xls",
        "xlsb",
        "ods",
        "docx",
        "broken-zip",
        "html",
        "xml-2003",
        "utf-16",
        "nul",
        "no-encoding",
        "open-quote",
        "empty",
        "no-columns",
    ],
)
def test_files_that_are_no_sheet_are_refused_by_what_they_are(
    tmp_path: Path, content: bytes, error: type[LedgerError]
) -> None:
    for name in ("sheet.csv", "sheet.xlsx", "sheet.xls"):
        path = tmp_path / name
        path.write_bytes(content)
        refused = refuse(path, error)
        assert refused.zh
        assert "\u4e00" <= refused.zh[0] <= "\u9fff"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path / "absent.csv", SheetInvalid)


# CSV


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_delimiter_is_found_from_the_header(tmp_path: Path, delimiter: str) -> None:
    expected = good(write_sheet(tmp_path, ROWS))
    title = [["云岭市行政处罚信息,2026年,,"]]
    for lines in (lines_of(ROWS), title + lines_of(ROWS)):
        rows = good(write_csv(tmp_path / "other.csv", lines, delimiter=delimiter))
        assert [row.id for row in rows] == [row.id for row in expected]


def test_newlines_and_quotes_in_a_cell_belong_to_it(tmp_path: Path) -> None:
    text = '当事人称："不知情",\n另有\r\n两人'
    path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_SY": text}, PENALTY_ROW])
    first, second = good(path)
    assert body(first)["facts"] == '当事人称："不知情",\n另有\n两人'
    # Numbered as a spreadsheet numbers them, not by lines of the file.
    assert (first.row, second.row) == (2, 3)


def test_a_cell_that_is_not_quoted_and_holds_a_comma_shifts_its_row_which_is_refused(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW, PENALTY_ROW | {"CF_SY": "未取得许可"}])
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace("未取得许可", "未取得,许可")
    path.write_text("\n".join(lines) + "\n")
    found = problems(path)
    assert ("", "row_too_wide") in {(each.column, each.code) for each in found}
    assert {each.row for each in found} == {3}


def test_a_file_cut_off_within_a_row_does_not_pass_for_one_that_is_short(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, ROWS[:2])
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex("云岭市市场".encode()) + 6])
    found = problems(path)
    assert ("", "row_cut") in {(each.column, each.code) for each in found}
    path.write_bytes(whole[: whole.rindex("云岭市市场".encode()) + 7])
    refuse(path, SheetDamaged)
    short = [line[:27] if at else line for at, line in enumerate(lines_of(ROWS[:2]))]
    assert len(good(write_csv(tmp_path / "short.csv", short))) == 2


def test_utf_8_with_a_damaged_byte_is_not_taken_for_gb18030(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig"):
        path = write_sheet(tmp_path, ROWS, encoding=encoding)
        data = bytearray(path.read_bytes())
        data[data.rindex("云岭市".encode()) + 1] = 0x20
        path.write_bytes(data)
        assert "line 4" in refuse(path, SheetDamaged).detail


def test_a_quote_without_end_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, ROWS)
    path.write_text(path.read_text() + '"云岭')
    refuse(path, SheetDamaged)
