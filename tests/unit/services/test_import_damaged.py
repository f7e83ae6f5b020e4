"""Files that are damaged, cut off or no sheet at all: refused by what they are. And CSV as it comes."""

import io
import zipfile
from pathlib import Path

import pytest
from made_sheets import (
    PENALTY_ROW,
    body,
    built,
    good,
    lines_of,
    problems,
    refuse,
    repacked,
    write_csv,
    write_sheet,
)

from ledger.errors import (
    ColumnMissing,
    LedgerError,
    SheetDamaged,
    SheetEncrypted,
    SheetFormatRefused,
    SheetInvalid,
    TooLarge,
)

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ROWS = [PENALTY_ROW | {"CF_WSH": f"{n}号"} for n in range(3)]


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
