"""From a file to rows: XLSX and CSV, streamed, with limits on everything that a hostile file could blow up.

An XLSX is a ZIP of XML: its uncompressed size is limited before anything is parsed, its first sheet is read
row by row, and a formula is refused by the name of its cell, because what it shows is not what it says. A
CSV is UTF-8 (with or without BOM) or GB18030; which one is found by reading it through once.
"""

import codecs
import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import openpyxl
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils import get_column_letter

from ledger.errors import ColumnMissing, FormulaForbidden, LedgerError, SheetInvalid, TooLarge, TooManyRows
from ledger.services.importing.cells import Cell, text_of
from ledger.services.importing.columns import FORMS, Column, Form

ROW_LIMIT = 100_000
_CHUNK = 1 << 20
_LONGEST_ROW = 16 << 20
_XLSX_MAGIC = b"PK\x03\x04"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """`rows` without the header; bytes of the file, of a ZIP's content, and of its strings (held in memory);
    columns of a row."""

    rows: int = ROW_LIMIT
    file_bytes: int = 256 << 20
    unpacked_bytes: int = 1 << 30
    strings_bytes: int = 128 << 20
    columns: int = 256


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row as read: its 1-based number in the sheet, and the cells by column code."""

    number: int
    cells: dict[str, Cell]


@dataclass(frozen=True)
class Sheet:
    """An opened sheet: its form, and its rows as a stream that may be read once."""

    form: Form
    date1904: bool
    rows: Iterator[SheetRow]


@contextmanager
def open_sheet(path: Path, form: Form | None = None, limits: SheetLimits | None = None) -> Iterator[Sheet]:
    """Open a sheet of the form given, or of the one whose columns its header has.

    Raises `SheetInvalid` (also while rows are read: `FormulaForbidden`, `TooManyRows`), `ColumnMissing`,
    `TooLarge`.
    """
    limits = limits or SheetLimits()
    try:
        with path.open("rb") as file:
            if path.stat().st_size > limits.file_bytes:
                raise TooLarge(f"the file is over {limits.file_bytes} bytes")
            magic = file.read(4)
            if magic == _OLE_MAGIC:
                raise SheetInvalid("this is an old XLS file; save it as XLSX or CSV")
            file.seek(0)
            opened = _xlsx_rows(file, limits) if magic == _XLSX_MAGIC else (_csv_rows(file, limits), False)
            raw, date1904 = opened
            header, columns = _find_header(raw, form)
            yield Sheet(header, date1904, _bounded(raw, columns, limits))
    except OSError as error:
        raise SheetInvalid("the file cannot be read") from error


Raw = Iterator[tuple[int, list[Any] | tuple[Any, ...]]]


def _find_header(raw: Raw, form: Form | None) -> tuple[Form, list[tuple[int, Column]]]:
    """The first row that is not blank must be the header; the form and (cell position, column)."""
    for _, values in raw:
        names = [text_of(value if isinstance(value, str) else None) for value in values]
        if not any(names):
            continue
        candidates = [form] if form else list(FORMS.values())
        matches = [(candidate, _match(candidate, names)) for candidate in candidates]
        best, columns = max(matches, key=lambda match: len(match[1]))
        present = {column.code for _, column in columns}
        missing = [column for column in best.columns if column.needed and column.code not in present]
        if not columns:
            raise ColumnMissing("no column of a known template is in the header row")
        if missing:
            named = ", ".join(f"{column.code} ({column.title})" for column in missing)
            raise ColumnMissing(f"the sheet of form {best.name} lacks {named}")
        if len(present) != len(columns):
            raise SheetInvalid("the header names a column twice")
        return best, columns
    raise ColumnMissing("the sheet is empty: it has no header row")


def _match(form: Form, names: list[str]) -> list[tuple[int, Column]]:
    columns = []
    for position, name in enumerate(names):
        code = "".join(name.split()).upper()
        column = form.by_header.get(code) or form.by_header.get(name)
        if column is None and code.isascii() is False:
            column = form.by_header.get(code.split("(")[0].split("（")[0])
        if column is not None:
            columns.append((position, column))
    return columns


def _bounded(raw: Raw, columns: list[tuple[int, Column]], limits: SheetLimits) -> Iterator[SheetRow]:
    count = 0
    places = [(position, column.code) for position, column in columns]
    for number, values in raw:
        width = len(values)
        cells = {code: values[position] for position, code in places if position < width}
        if not any(value is not None and value != "" for value in cells.values()):
            continue
        count += 1
        if count > limits.rows:
            raise TooManyRows(f"a sheet has at most {limits.rows} rows; split it")
        yield SheetRow(number, cells)


def _check_formula(number: int, values: list[Any] | tuple[Any, ...]) -> None:
    for position, value in enumerate(values):
        # openpyxl hands array formulas over as objects of its own.
        if (isinstance(value, str) and value.startswith("=")) or hasattr(value, "ref"):
            cell = f"{get_column_letter(position + 1)}{number}"
            raise FormulaForbidden(f"cell {cell} holds a formula; paste its value instead")


def _xlsx_rows(file: IO[bytes], limits: SheetLimits) -> tuple[Raw, bool]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        strings = sum(m.file_size for m in members if m.filename.lower().endswith("sharedstrings.xml"))
        if unpacked > limits.unpacked_bytes or strings > limits.strings_bytes:
            raise TooLarge("the workbook's content is too large when unpacked; split it")
        file.seek(0)
        first = _first_sheet(file)
        # Before openpyxl, which reads a sheet through to learn its extent.
        with zipfile.ZipFile(file) as archive, archive.open(first) as sheet_xml:
            _refuse_many_rows(sheet_xml, limits)
        file.seek(0)
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
        sheet = workbook.worksheets[0]
        # The file's own note of its extent is often wrong; rows are counted as they come.
        sheet.reset_dimensions()
        date1904 = workbook.epoch.year == 1904
    except LedgerError:
        raise
    except Exception as error:
        raise SheetInvalid("the file is not a readable XLSX workbook") from error
    return _xlsx_values(sheet, limits), date1904


def _first_sheet(file: IO[bytes]) -> str:
    """The name of the part that holds the workbook's first sheet."""
    reader = ExcelReader(file, read_only=True, keep_links=False)
    reader.read_manifest()
    reader.read_workbook()
    for _, relation in reader.parser.find_sheets():
        return str(relation.target)
    raise SheetInvalid("the workbook has no sheet")


def _refuse_many_rows(sheet_xml: IO[bytes], limits: SheetLimits) -> None:
    """Refuse a sheet with far too many rows within a second, before they are parsed one by one.

    Counts the rows that hold a value in the form that spreadsheets write; others are counted later.
    """
    count, rest = 0, b""
    while chunk := sheet_xml.read(_CHUNK):
        *rows, rest = (rest + chunk).split(b"</row>")
        count += sum(b"</v>" in row or b"</is>" in row for row in rows)
        if count > limits.rows + 1:
            raise TooManyRows(f"a sheet has at most {limits.rows} rows; split it")
        # A row is at most some thousand bytes; what has no end is no sheet.
        if len(rest) > _LONGEST_ROW:
            return


def _xlsx_values(sheet: Any, limits: SheetLimits) -> Raw:
    rows = sheet.iter_rows(values_only=True)
    number = 0
    while True:
        try:
            values = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise SheetInvalid(f"the sheet cannot be read after row {number}") from error
        number += 1
        if len(values) > limits.columns:
            raise SheetInvalid(f"row {number} has more than {limits.columns} columns")
        _check_formula(number, values)
        yield number, values


def _csv_rows(file: IO[bytes], limits: SheetLimits) -> Raw:
    encoding = detect_encoding(file)
    file.seek(0)
    reader = csv.reader(io.TextIOWrapper(file, encoding, newline=""), strict=True)
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError) as error:
            raise SheetInvalid(f"line {reader.line_num} is not well-formed CSV") from error
        if len(values) > limits.columns:
            raise SheetInvalid(f"line {reader.line_num} has more than {limits.columns} columns")
        _check_formula(reader.line_num, values)
        yield reader.line_num, values


def detect_encoding(file: IO[bytes]) -> str:
    """`utf-8-sig` (which reads UTF-8 with or without BOM) or `gb18030`; raises `SheetInvalid` if neither.

    Every GB18030 text that is not ASCII is almost never valid UTF-8, so UTF-8 is tried first.
    """
    if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise SheetInvalid("the file is UTF-16; save it as UTF-8 or GB18030")
    for encoding in ("utf-8-sig", "gb18030"):
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while chunk := file.read(_CHUNK):
                if b"\0" in chunk:
                    raise SheetInvalid("the file is neither a spreadsheet nor text")
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise SheetInvalid("the file is neither UTF-8 nor GB18030")
