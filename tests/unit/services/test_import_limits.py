"""Files that would take all time or memory: read in seconds, or refused before they are unpacked."""

import re
import resource
import struct
import time
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from made_sheets import (
    PENALTY_ROW,
    good,
    lines_of,
    refuse,
    repacked,
    write_csv,
    write_sheet,
    write_xlsx,
)

from ledger.errors import (
    SheetDamaged,
    SheetInvalid,
    TooLarge,
    TooManyRows,
)
from ledger.services.importing import SheetLimits
from ledger.services.importing.sheet_rows import letters_of

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ROWS = [PENALTY_ROW | {"CF_WSH": f"{n}号"} for n in range(3)]


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


def of_one_string(path: Path, length: int, cells: int, rows: int) -> Path:
    """A small workbook in whose further rows one string of the workbook stands again and again."""
    lines = lines_of(ROWS)
    texts = list(dict.fromkeys(str(cell) for line in lines for cell in line if cell is not None))
    numbers = [[texts.index(str(cell)) if cell is not None else None for cell in line] for line in lines]
    numbers += [[len(texts)] * cells] * rows
    strings = "".join(f"<si><t>{escape(text)}</t></si>" for text in [*texts, "x" * length])
    written = "".join(
        f'<row r="{row}">{"".join(_cell(row, at, number) for at, number in enumerate(line))}</row>'
        for row, line in enumerate(numbers, 1)
    )
    relation = '<Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        sheets = '<sheets><sheet name="a" r:id="r1"/></sheets>'
        archive.writestr("xl/workbook.xml", f'<workbook xmlns:r="r">{sheets}</workbook>')
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{relation}</Relationships>")
        archive.writestr("xl/sharedStrings.xml", f"<sst>{strings}</sst>")
        sheet = f"<worksheet><sheetData>{written}</sheetData></worksheet>"
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return path


def _cell(row: int, at: int, number: int | None) -> str:
    return "" if number is None else f'<c r="{letters_of(at)}{row}" t="s"><v>{number}</v></c>'


def test_a_long_string_in_many_cells_is_refused_at_the_first(tmp_path: Path) -> None:
    path = of_one_string(tmp_path / "sheet.xlsx", 3 << 20, 200, 1)
    assert path.stat().st_size < 64 << 10
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    assert "32767 characters" in refuse(path, SheetInvalid).detail
    assert time.process_time() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 << 10


def test_a_string_counts_in_each_cell_in_which_it_stands(tmp_path: Path) -> None:
    path = of_one_string(tmp_path / "sheet.xlsx", 30_000, 200, 10)
    limits = SheetLimits(unpacked_bytes=20 << 20)
    refuse(path, TooLarge, limits=limits)
    assert len(good(of_one_string(path, 30_000, 200, 0), limits=limits)) == 3


def test_a_workbook_of_very_many_sheets_is_refused(tmp_path: Path) -> None:
    """One part may stand for any number of them."""
    path = write_sheet(tmp_path, ROWS, encoding=None)

    def change(name: str, data: bytes) -> bytes:
        if name != "xl/workbook.xml":
            return data
        found = re.search(rb"<(?:\w+:)?sheet [^>]*/>", data)
        assert found is not None
        return data.replace(found[0], found[0] * 257)

    refuse(repacked(path, change), TooLarge)
