"""Two ways of reading a sheet give the same cells, and they are the cells that were written."""

import io
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from ledger.errors import LedgerError
from ledger.services.importing import sheet_rows as module
from ledger.services.importing.cells import (
    Fault,
    code_of,
    day_of,
    fen_of,
    name_of,
    number_of,
    text_of,
    uscc_of,
)
from ledger.services.importing.limits import SheetLimits
from ledger.services.importing.sheet_rows import column_of, letters_of, sheet_rows
from ledger.services.importing.workbook import is_date_format, open_workbook
from ledger.services.importing.xlsx_out import new_sheet

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(
    lambda text: ILLEGAL_CHARACTERS_RE.sub("", text)
)
CELLS = st.one_of(
    st.none(),
    TEXTS,
    st.sampled_from(["=A1", "_x000D_", "#N/A", "a\r\nb", " ", "&amp;", "]]>"]),
    st.booleans(),
    st.integers(-(10**14), 10**14),
    st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 4)),
    st.dates(date(1930, 1, 1), date(2199, 1, 1)),
    st.datetimes(datetime(1930, 1, 1), datetime(2199, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
)
SHEETS = st.lists(st.lists(CELLS, max_size=6), max_size=6)


def read(data: bytes) -> list[tuple[int, list[Any]]]:
    with open_workbook(io.BytesIO(data), SheetLimits()) as workbook:
        rows = sheet_rows(workbook, workbook.sheets[0].part, SheetLimits())
        return [(row.number, row.values) for row in rows]


def written(lines: Sequence[Sequence[Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(list(line))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def repacked(data: bytes, part: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            target.writestr(name, content if name == part else source.read(name))
    return file.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def prefixed(data: bytes) -> bytes:
    """The same workbook in a form that only the parser takes."""
    text = zipfile.ZipFile(io.BytesIO(data)).read(SHEET)
    changed = text.replace(b"<worksheet ", b"<x:worksheet ", 1).replace(b"</worksheet>", b"</x:worksheet>")
    return repacked(data, SHEET, changed.replace(b" xmlns=", b" xmlns:x=", 1))


def as_openpyxl(data: bytes) -> list[tuple[int, list[Any]]]:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet is not None
    rows = []
    for number, row in enumerate(sheet.iter_rows(), 1):
        values = [_value(cell) for cell in row]
        while values and values[-1] is None:
            values.pop()
        if values:
            rows.append((number, values))
    return rows


def _value(cell: Any) -> Any:
    if cell.data_type == "f":
        return Fault.FORMULA
    if cell.data_type == "e":
        return Fault.ERROR
    if isinstance(cell.value, datetime):
        return cell.value.date()
    return None if cell.value == "" else cell.value


@settings(max_examples=60, deadline=None)
@given(SHEETS)
def test_a_sheet_is_read_as_the_usual_library_reads_it(lines: list[list[Any]]) -> None:
    data = written(lines)
    expected = as_openpyxl(data)
    assert read(data) == [(number, [plain(value) for value in values]) for number, values in expected]


def plain(value: Any) -> Any:
    """Line ends as XML gives them back, and characters that are written escaped."""
    if not isinstance(value, str):
        return value
    return value.replace("_x000D_", "\r")


@settings(max_examples=60, deadline=None)
@given(SHEETS)
def test_the_plain_way_and_the_parser_give_the_same_rows(lines: list[list[Any]]) -> None:
    data = written(lines)
    assert read(data) == read(prefixed(data))


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_where_a_chunk_ends_does_not_matter(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    lines = [["云岭", 1, date(2026, 1, 5), None, "&<>"], [], [None, "x" * 50], ["=A1", "", True]]
    data = written(lines)
    expected = read(data)
    # The head must stand in the first chunk to be read the plain way.
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        head = archive.read(SHEET).index(b"<sheetData") + 11
    real = zipfile.ZipExtFile.read
    first = [True]

    def short(self: Any, size: int = -1) -> bytes:
        if self.name != SHEET:
            return real(self, size)
        wanted = head + 1 if first[0] else chunk
        first[0] = False
        return real(self, wanted)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", short)
    assert read(data) == expected


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.one_of(st.none(), TEXTS, st.integers(-99, 99)), min_size=1), min_size=1, max_size=5)
)
def test_what_is_written_is_read_back(tmp_path: Path, lines: list[list[Any]]) -> None:
    path = tmp_path / "out.xlsx"
    with new_sheet(path, "页", 1, [10]) as sheet:
        for line in lines:
            sheet.write(line)
    expected = []
    for number, line in enumerate(lines, 1):
        values = [None if cell == "" else cell for cell in line]
        while values and values[-1] is None:
            values.pop()
        if values:
            expected.append((number, values))
    assert read(path.read_bytes()) == expected


@given(st.integers(0, 16_383))
def test_columns_and_letters(column: int) -> None:
    assert column_of(letters_of(column).encode()) == column


@given(st.binary(max_size=400))
def test_bytes_that_are_no_sheet_part_are_refused_or_hold_no_rows(data: bytes) -> None:
    whole = repacked(written([["a"]]), SHEET, b"<worksheet><sheetData>" + data)
    with suppress(LedgerError):
        read(whole)


ROW_PIECES = st.lists(
    st.sampled_from(
        [
            b'<row r="1">',
            b'<row r="2" hidden="1">',
            b"<row>",
            b"</row>",
            b'<c r="A1"><v>1</v></c>',
            b'<c r="B1" t="s"><v>0</v></c>',
            b'<c r="C1" t="inlineStr"><is><t>x</t></is></c>',
            b'<c r="D1"/>',
            b"<c><v>2</v></c>",
            b'<c r="A1"><f>B1</f><v>1</v></c>',
            b"<!-- x -->",
            b"<![CDATA[</row>]]>",
            b"</sheetData>",
            b"<row/>",
            b"text",
        ]
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(ROW_PIECES)
def test_hostile_rows_are_read_alike_both_ways_or_refused(pieces: list[bytes]) -> None:
    """The plain way never gives cells that the parser would not."""
    data = repacked(
        written([["a"]]), SHEET, b"<worksheet><sheetData>" + b"".join(pieces) + b"</sheetData></worksheet>"
    )
    try:
        parsed = read(prefixed_root(data))
    except LedgerError:
        return
    with suppress(LedgerError):
        assert read(data) == parsed


def prefixed_root(data: bytes) -> bytes:
    text = zipfile.ZipFile(io.BytesIO(data)).read(SHEET)
    return repacked(
        data,
        SHEET,
        text.replace(b"<worksheet>", b"<x:worksheet>").replace(b"</worksheet>", b"</x:worksheet>"),
    )


# Cells

ANY_CELL = st.one_of(CELLS, st.text(max_size=30), st.floats(), st.integers(), st.sampled_from(list(Fault)))


@given(ANY_CELL)
def test_every_cell_is_read_or_refused_with_an_error_of_ours(cell: Any) -> None:
    said = []
    for parse in (text_of, code_of, number_of, name_of, uscc_of, day_of, fen_of):
        try:
            parse(cell)
        except LedgerError as error:
            said.append(error.detail)
    assert not isinstance(cell, str) or len(cell) < 4 or not any(cell in detail for detail in said)


@given(st.text(max_size=30))
def test_reading_a_text_again_changes_nothing(text: str) -> None:
    try:
        once = text_of(text)
    except LedgerError:
        return
    assert text_of(once) == once
    assert once == once.strip()


@given(st.dates(date(1949, 1, 1), date(2200, 12, 31)))
def test_a_day_is_the_same_in_all_its_forms(day: date) -> None:
    serial = (day - date(1899, 12, 30)).days
    forms: list[Any] = [
        day,
        datetime.combine(day, datetime.min.time()) + timedelta(hours=13),
        f"{day:%Y-%m-%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day:%Y%m%d}",
        int(f"{day:%Y%m%d}"),
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}.{day.month}.{day.day}",
    ]
    if 10_000 <= serial < 110_000:
        forms += [serial, serial + 0.25]
    assert {day_of(form) for form in forms} == {day.isoformat()}
    if serial - 1462 >= 10_000:
        assert day_of(serial - 1462, date1904=True) == day.isoformat()


@given(st.integers(0, 10**9 - 1))
def test_amounts_are_exact(wan: int) -> None:
    assert fen_of(f"{wan}.123456") == wan * 1_000_000 + 123_456
    assert fen_of(f"{wan}.12", "元") == wan * 100 + 12


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("General", False),
        ("0.00", False),
        ("@", False),
        ("yyyy-mm-dd", True),
        ("m/d/yy h:mm", True),
        ('yyyy"年"m"月"', True),
        ("[$-804]aaaa", False),
        ('0.00"元/年"', False),
        ("[Red]-0.00", False),
        ("#,##0\\m", False),
    ],
)
def test_formats_of_dates_are_told_from_those_of_numbers(code: str, expected: bool) -> None:
    assert is_date_format(code) is expected


def test_the_longest_row_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_ROW", 10_000)
    cell = b'<c r="A1" t="inlineStr"><is><t>' + b"x" * 3_000_000 + b"</t></is></c>"
    data = repacked(written([["a"]]), SHEET, b'<worksheet><sheetData><row r="1">' + cell)
    with pytest.raises(LedgerError):
        read(data)
