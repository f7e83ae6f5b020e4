"""From a file to rows: XLSX and CSV, streamed, with limits on everything that a hostile file could blow up.

    with open_sheet(path) as sheet:
        for row in sheet.rows: ...

The header is looked for below title rows, may be one row or two with merged cells, and may be followed by a
row that says the same in the other language. Of a workbook with several sheets the first one that is not
hidden and has the columns is read, or the one that is named.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ledger.errors import (
    SheetEncrypted,
    SheetFormatRefused,
    SheetInvalid,
    SheetNameUnknown,
    TooLarge,
    TooManyRows,
)
from ledger.services.importing.cells import Cell
from ledger.services.importing.columns import Form
from ledger.services.importing.csv_rows import csv_rows
from ledger.services.importing.forms import FORMS
from ledger.services.importing.header import Header, Look, look_for_header, titles_in
from ledger.services.importing.limits import ROW_LIMIT, RawRow, SheetLimits
from ledger.services.importing.sheet_rows import sheet_rows
from ledger.services.importing.workbook import SheetPart, Workbook, open_workbook

_XLSX_MAGIC = b"PK\x03\x04"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_LOOKED_AT = 1 << 20

__all__ = ["ROW_LIMIT", "RawRow", "Sheet", "SheetLimits", "SheetRow", "SheetSeen", "open_sheet"]


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row as read: its 1-based number in the sheet, and the cells by column code.

    `extra`: beyond the header's last column there is something too. `torn`: the file ends within the row.
    """

    number: int
    cells: dict[str, Cell]
    extra: bool = False
    torn: bool = False


@dataclass(slots=True)
class SheetSeen:
    """What somebody should know about a sheet besides its rows: its name, the names of the sheets that have
    columns of a form too and were not read, how many rows are hidden."""

    name: str = ""
    not_read: tuple[str, ...] = ()
    hidden_rows: int = 0


@dataclass(frozen=True)
class Sheet:
    """An opened sheet: its form, and its rows as a stream that may be read once."""

    form: Form
    date1904: bool
    rows: Iterator[SheetRow]
    header: Header
    seen: SheetSeen = field(default_factory=SheetSeen)


@dataclass(frozen=True)
class _Opened:
    header: Header
    rest: Iterator[RawRow]
    seen: SheetSeen
    date1904: bool = False
    delimited: bool = False


@contextmanager
def open_sheet(
    path: Path,
    form: Form | None = None,
    limits: SheetLimits | None = None,
    *,
    name: str | None = None,
    skip_hidden: bool = False,
) -> Iterator[Sheet]:
    """Open a sheet of the form given, or of the one whose columns its header has.

    `name` is the sheet of the workbook to read; `skip_hidden` leaves hidden rows out. Raises `SheetInvalid`
    (also while rows are read: `SheetDamaged`, `TooManyRows`), `ColumnMissing`, `TooLarge`.
    """
    limits = limits or SheetLimits()
    forms = (form,) if form else tuple(FORMS.values())
    with _file(path) as file, _opened(file, path, forms, limits, name) as opened:
        rows = _bounded(opened, limits, skip_hidden)
        yield Sheet(opened.header.form, opened.date1904, rows, opened.header, opened.seen)


Opened = tuple[Iterator[RawRow], bool, Header, SheetSeen]


@contextmanager
def open_raw(
    path: Path, form: Form | None = None, limits: SheetLimits | None = None, *, name: str | None = None
) -> Iterator[tuple[Header, Iterator[RawRow]]]:
    """The header of a sheet and the rows below it with every cell, as they stand. Raises as `open_sheet`."""
    limits = limits or SheetLimits()
    forms = (form,) if form else tuple(FORMS.values())
    with _file(path) as file, _opened(file, path, forms, limits, name) as opened:
        yield opened.header, opened.rest


@contextmanager
def _file(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise SheetInvalid("the file cannot be read") from error
    with file:
        yield file


@contextmanager
def _opened(
    file: IO[bytes], path: Path, forms: Sequence[Form], limits: SheetLimits, name: str | None
) -> Iterator[_Opened]:
    if path.stat().st_size > limits.file_bytes:
        raise TooLarge(f"the file is over {limits.file_bytes} bytes")
    magic = file.read(4)
    if magic == _OLE_MAGIC:
        raise _explained(file)
    if magic == _XLSX_MAGIC:
        with open_workbook(file, limits) as workbook:
            yield _chosen(workbook, forms, limits, name)
        return
    if name is not None:
        raise SheetNameUnknown("a CSV file has no sheets with names")
    look = look_for_header(csv_rows(file, limits, lambda cells: titles_in(cells, forms)), forms)
    if look.header is None:
        raise look.refusal
    yield _Opened(look.header, look.rest, SheetSeen(), delimited=True)


def _explained(file: IO[bytes]) -> SheetInvalid:
    """Whether a compound file is an encrypted workbook or an old one."""
    file.seek(0)
    rest = b""
    while chunk := file.read(_LOOKED_AT):
        if _ENCRYPTED in rest + chunk:
            return SheetEncrypted()
        rest = chunk[-len(_ENCRYPTED) :]
    return SheetFormatRefused("this is an old XLS (or ET) file; save it as XLSX or CSV")


def _chosen(workbook: Workbook, forms: Sequence[Form], limits: SheetLimits, name: str | None) -> _Opened:
    """The sheet to read: the one named, or the first that has most of a form's columns."""
    found: tuple[SheetPart, Look] | None = None
    refusal: SheetInvalid | None = None
    others = []
    for sheet in workbook.sheets:
        if sheet.hidden if name is None else sheet.name.strip() != name.strip():
            continue
        look = look_for_header(sheet_rows(workbook, sheet.part, limits), forms)
        if 2 * look.found < look.needed:
            refusal = refusal or look.refusal
        elif found is None:
            found = sheet, look
        else:
            others.append(sheet.name)
    if found is None and refusal is None:
        names = "、".join(sheet.name for sheet in workbook.sheets)
        raise SheetNameUnknown(f"the workbook's sheets are {names}" if name else "all sheets are hidden")
    if found is None or found[1].header is None:
        raise refusal if found is None and refusal is not None else found[1].refusal  # type: ignore[index]
    sheet, look = found
    assert look.header is not None
    seen = SheetSeen(sheet.name, tuple(others))
    return _Opened(look.header, look.rest, seen, workbook.date1904)


def _bounded(opened: _Opened, limits: SheetLimits, skip_hidden: bool) -> Iterator[SheetRow]:
    count = usual = 0
    header, seen, places, width = opened.header, opened.seen, opened.header.places, opened.header.width
    for row in opened.rest:
        values = row.values
        if row.hidden:
            seen.hidden_rows += 1
            if skip_hidden:
                continue
        length = len(values)
        cells = {code: values[position] for position, code in places if position < length}
        if not any(map(_is_filled, cells.values())):
            continue
        count += 1
        if count > limits.rows:
            raise TooManyRows(f"a sheet has at most {limits.rows} rows; split it")
        if count == 1:
            # Some writers end every row, or every row but the header, with a delimiter.
            usual = max(length, len(header.rows[-1].values))
        extra = opened.delimited and (length > usual or any(map(_is_filled, values[width:])))
        yield SheetRow(row.number, cells, extra, row.torn and length < width)


def _is_filled(cell: Cell) -> bool:
    return cell is not None and cell != "" and not (isinstance(cell, str) and cell.isspace())
