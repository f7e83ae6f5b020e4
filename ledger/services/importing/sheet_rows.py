"""The rows of one sheet of a workbook, one by one, in bounded memory.

Spreadsheets write a sheet in one plain form, which is read by its bytes, a row at a time: blank rows, however
many, cost next to nothing, and a row with values a tenth of what a parser takes. A row in which anything else
stands (runs of text, formulas, entities, cells without a place) is handed to the parser as it is, and so is a
whole sheet that is not in the plain form from its beginning. Both ways give the same cells (a test compares
them).
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import IO

from ledger.errors import DateInvalid, SheetDamaged, SheetInvalid, TooLarge
from ledger.services.importing.cells import Cell, Fault, day_of_serial
from ledger.services.importing.limits import RawRow, SheetLimits
from ledger.services.importing.workbook import (
    CHUNK,
    Workbook,
    damaged_if_unreadable,
    local,
    new_parser,
    unescape,
)

_LONGEST_ROW = 8 << 20
_LONGEST_CELL = 32_767
"""Characters; what spreadsheets themselves allow."""
_PLAIN_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?<worksheet[\s>]")
_FOREIGN_ENCODING = re.compile(rb'<\?xml[^>]*encoding=["\'](?!utf-?8["\'])', re.IGNORECASE)
_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})[0-9]{1,7}"(?: s="([0-9]{1,6})")?(?: t="([A-Za-z]{1,9})")?'
    rb'(?:/>|>(?:<v>([^<]*)</v>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?</c>)'
)
_ROW_NUMBER = re.compile(rb'<row\s(?:[^>]*?\s)?r="([0-9]{1,7})"')
_HIDDEN = re.compile(rb'<row\s[^>]*?hidden="(?:1|true)"')
_PLAIN_WHOLE = re.compile(r"-?[0-9]{1,17}\Z", re.ASCII)
_REFERENCE = re.compile(r"([A-Z]{1,3})[0-9]*\Z", re.ASCII)


def sheet_rows(workbook: Workbook, part: str, limits: SheetLimits) -> Iterator[RawRow]:
    """The rows with at least one value, in order. Raises `SheetInvalid` (`SheetDamaged`)."""
    rows = _rows(workbook, part, limits)
    number = 0
    while True:
        with damaged_if_unreadable(f"the sheet after row {number}"):
            row = next(rows, None)
        if row is None:
            return
        if row.number <= number:
            raise SheetDamaged(f"row {row.number} stands after row {number}")
        number = row.number
        yield row


def _rows(workbook: Workbook, part: str, limits: SheetLimits) -> Iterator[RawRow]:
    values = _Values(workbook, limits)
    with workbook.archive.open(part) as file:
        data = file.read(CHUNK)
        place = data.find(b"<sheetData")
        plain = (
            place >= 0
            and _PLAIN_HEAD.match(data) is not None
            and b"<!" not in data[:place]
            and _FOREIGN_ENCODING.match(data) is None
        )
        if plain:
            yield from _plain_rows(file, data[place:], values)
        else:
            yield from _parsed_rows(file, data, values)


def _plain_rows(file: IO[bytes], rest: bytes, values: "_Values") -> Iterator[RawRow]:
    number = 0
    ended = False
    rest = rest[rest.find(b">") + 1 :] if not rest.startswith(b"<sheetData/>") else b"</sheetData>"
    while True:
        end = rest.find(b"</sheetData>")
        if end >= 0:
            rest, ended = rest[:end], True
        *pieces, rest = rest.split(b"</row>")
        for piece in pieces:
            if b"<v" in piece or b"<is" in piece or b"<f" in piece or b"<!" in piece:
                row, number = _row_of(piece, number, values)
                if row is not None:
                    yield row
            else:
                number = _number_of(piece, number)
        if ended:
            return
        if len(rest) > _LONGEST_ROW:
            # Blank rows that are closed in themselves have no end tag to be split at.
            rest = rest[rest.rfind(b"<row") :]
            if len(rest) > _LONGEST_ROW:
                raise TooLarge(f"a row of the sheet is over {_LONGEST_ROW} bytes")
        chunk = file.read(CHUNK)
        if not chunk:
            raise SheetDamaged(f"the sheet is cut off after row {number}")
        rest += chunk


def _number_of(piece: bytes, before: int) -> int:
    """The number of the last row that begins in this piece."""
    start = piece.rfind(b"<row")
    match = _ROW_NUMBER.match(piece, start) if start >= 0 else None
    return int(match[1]) if match else before + max(1, piece.count(b"<row"))


def _row_of(piece: bytes, before: int, values: "_Values") -> tuple[RawRow | None, int]:
    start = piece.rfind(b"<row")
    match = _ROW_NUMBER.match(piece, start) if start >= 0 else None
    if match is None or b"&" in piece or b"<!" in piece or b"\r" in piece or b"<?" in piece:
        return _parsed_row(piece, before, values)
    cells = _CELL.findall(piece, start)
    if len(cells) != piece.count(b"<c ", start) + piece.count(b"<c>", start):
        return _parsed_row(piece, before, values)
    number = int(match[1])
    row = values.row(number, cells, _HIDDEN.match(piece, start) is not None)
    return row, number


def _parsed_row(piece: bytes, before: int, values: "_Values") -> tuple[RawRow | None, int]:
    parser = _RowParser(values, before)
    parser.feed(b"<sheetData>" + piece + b"</row></sheetData>", last=True)
    rows = parser.take()
    if len(rows) > 1:
        raise SheetInvalid("the rows of the sheet are not told apart")
    return (rows[0] if rows else None), parser.number


def _parsed_rows(file: IO[bytes], data: bytes, values: "_Values") -> Iterator[RawRow]:
    parser = _RowParser(values, 0)
    while data:
        parser.feed(data)
        yield from parser.take()
        data = file.read(CHUNK)
    parser.feed(b"", last=True)
    yield from parser.take()


class _Values:
    """Cells from what stands in the sheet."""

    def __init__(self, workbook: Workbook, limits: SheetLimits) -> None:
        self._strings = workbook.strings
        self._date_styles = frozenset(str(style).encode() for style in workbook.date_styles)
        self._date1904 = workbook.date1904
        self._columns = limits.columns
        # One string of the workbook may stand in any number of cells: it counts in each.
        self._characters_left = limits.unpacked_bytes

    def row(self, number: int, cells: list[tuple[bytes, ...]], hidden: bool) -> RawRow | None:
        """A row from cells in the plain form: column, style, type, value, text; None where all are blank."""
        values: list[Cell] = []
        strings = self._strings
        for letters, style, kind, value, text in cells:
            if text:
                cell: Cell = unescape(text.decode())
            elif not value:
                continue
            elif kind == b"s":
                cell = strings[int(value)]
            else:
                cell = self.value(kind, style, value.decode())
            self.put(values, column_of(letters), cell, number)
        return RawRow(number, values, hidden) if values else None

    def put(self, values: list[Cell], column: int, cell: Cell, number: int) -> None:
        """Set a cell of a row; raises `SheetInvalid` where the row has too many or one is too long, and
        `TooLarge` where the texts of all rows together are."""
        if cell is None or cell == "":
            return
        if isinstance(cell, str):
            self._characters_left -= len(cell)
            if len(cell) > _LONGEST_CELL:
                raise SheetInvalid(f"a cell of row {number} is over {_LONGEST_CELL} characters")
            if self._characters_left < 0:
                raise TooLarge("the workbook's content is too large when unpacked; split it")
        missing = column - len(values)
        if missing >= 0:
            if column >= self._columns:
                raise SheetInvalid(f"row {number} has more than {self._columns} columns")
            if missing:
                values.extend([None] * missing)
            values.append(cell)
        else:
            values[column] = cell

    def value(self, kind: bytes, style: bytes, text: str) -> Cell:
        """A cell's value by its type."""
        if kind in (b"", b"n"):
            return self._number(style, text)
        if kind == b"s":
            return self._strings[int(text)]
        if kind in (b"str", b"inlineStr"):
            return unescape(text)
        if kind == b"e":
            return Fault.ERROR
        if kind == b"b":
            return text.strip() == "1"
        if kind == b"d":
            return datetime.fromisoformat(text.strip().removesuffix("Z"))
        raise SheetDamaged("a cell is of a type that is not known")

    def _number(self, style: bytes, text: str) -> Cell:
        if _PLAIN_WHOLE.match(text):
            number: int | float = int(text)
        else:
            number = float(text)
            if number != number or number in (float("inf"), float("-inf")):
                return Fault.ERROR
        return self._day(number) if style in self._date_styles else number

    def _day(self, serial: int | float) -> date | int | float:
        try:
            return day_of_serial(serial, self._date1904)
        except DateInvalid:
            return serial


class _RowParser:
    """Rows from XML in any form; `number` is that of the last row that began."""

    def __init__(self, values: _Values, before: int) -> None:
        self.number = before
        self._values = values
        self._rows: list[RawRow] = []
        self._cells: list[Cell] = []
        self._hidden = False
        self._column = -1
        self._kind = self._style = b""
        self._texts: list[str] = []
        self._keep = self._phonetic = self._formula = self._inline = False
        self._parser = new_parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._within = 0

    def feed(self, data: bytes, last: bool = False) -> None:
        self._parser.Parse(data, last)

    def take(self) -> list[RawRow]:
        """The rows that have ended since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "row":
            self.number = int(attributes.get("r", self.number + 1))
            self._cells, self._column, self._within = [], -1, 0
            self._hidden = attributes.get("hidden") in ("1", "true")
        elif kind == "c":
            match = _REFERENCE.match(attributes.get("r", ""))
            self._column = column_of(match[1].encode()) if match else self._column + 1
            self._kind = attributes.get("t", "").encode()
            self._style = attributes.get("s", "0").encode()
            self._texts.clear()
            self._formula = self._phonetic = self._inline = False
            self._within = 0
        elif kind == "f":
            self._formula = True
        elif kind == "is":
            self._inline = True
        elif kind == "rPh":
            self._phonetic = True
        elif kind == "v" or (kind == "t" and self._inline and not self._phonetic):
            self._keep = True

    def _end(self, name: str) -> None:
        kind = local(name)
        if kind in ("v", "t"):
            self._keep = False
        elif kind == "rPh":
            self._phonetic = False
        elif kind == "c":
            self._values.put(self._cells, self._column, self._cell(), self.number)
        elif kind == "row" and self._cells:
            self._rows.append(RawRow(self.number, self._cells, self._hidden))

    def _cell(self) -> Cell:
        if self._formula:
            return Fault.FORMULA
        text = "".join(self._texts)
        if not text:
            return None
        return unescape(text) if self._inline else self._values.value(self._kind, self._style, text)

    def _text(self, text: str) -> None:
        if self._keep:
            self._texts.append(text)
            self._within += len(text)
            if self._within > _LONGEST_ROW:
                raise TooLarge(f"a cell of the sheet is over {_LONGEST_ROW} bytes")


@lru_cache(maxsize=1024)
def column_of(letters: bytes) -> int:
    """The 0-based column of A, B, ... XFD."""
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return column - 1


def letters_of(column: int) -> str:
    """The letters of a 0-based column."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
