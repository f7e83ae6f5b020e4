"""The rows of a CSV file, one by one: UTF-8 (with or without BOM) or GB18030, with comma, tab or semicolon.

The encoding is found by reading the file through once; the delimiter is the one with which the most cells of
the first rows are titles of columns. What begins with = is a formula to the spreadsheet that opens the file,
so it is one here.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import IO, cast

from ledger.errors import SheetDamaged, SheetFormatRefused, SheetInvalid
from ledger.services.importing.cells import Cell, Fault
from ledger.services.importing.limits import RawRow, SheetLimits

CHUNK = 1 << 20
DELIMITERS = (",", "\t", ";")
_LOOKED_AT = 256 << 10
_LONGEST_CELL = 1 << 20
_BY_CHANCE = 64
"""Bytes beyond the first of characters: GB18030 text is UTF-8 by chance for a few of them."""
_MARKUP = (b"<html", b"<!doctype html", b"<table", b"<?xml", b"<meta", b"<head", b"mime-version")


def csv_rows(
    file: IO[bytes], limits: SheetLimits, titles_in: Callable[[Sequence[str]], int]
) -> Iterator[RawRow]:
    """The rows with at least one value. `titles_in` counts the titles of columns among a row's cells.

    Raises `SheetInvalid` (`SheetDamaged`, `SheetFormatRefused`).
    """
    encoding = detect_encoding(file)
    file.seek(0)
    delimiter = _delimiter(file.read(_LOOKED_AT).decode(encoding, "ignore"), titles_in)
    whole = _ends_with_newline(file)
    file.seek(0)
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.TextIOWrapper(file, encoding, newline=""), strict=True, delimiter=delimiter)
    number = 0
    waiting: RawRow | None = None
    while True:
        try:
            values = next(reader)
        except StopIteration:
            break
        except (csv.Error, UnicodeDecodeError) as error:
            raise SheetDamaged(f"line {reader.line_num} is not well-formed CSV: {_reason(error)}") from None
        number += 1
        if len(values) > limits.columns and any(values[limits.columns :]):
            raise SheetInvalid(f"row {number} has more than {limits.columns} columns")
        if waiting is not None:
            yield waiting
        waiting = RawRow(number, _cells(values)) if any(values) else None
    if waiting is not None:
        yield waiting if whole else RawRow(waiting.number, waiting.values, torn=True)


def _cells(values: list[str]) -> list[Cell]:
    for value in values:
        if value.startswith("="):
            return [Fault.FORMULA if value.startswith("=") else value for value in values]
    return cast("list[Cell]", values)


def _reason(error: Exception) -> str:
    """What the library says, which never quotes the file: csv's messages are fixed."""
    return str(error) if isinstance(error, csv.Error) else "a character is not of the file's encoding"


def _delimiter(start: str, titles_in: Callable[[Sequence[str]], int]) -> str:
    best, most = DELIMITERS[0], 0
    for delimiter in DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO(start, newline=""), delimiter=delimiter))[:40]
        except csv.Error:
            continue
        found = max((titles_in(row) for row in rows), default=0)
        if found > most:
            best, most = delimiter, found
    return best


def _ends_with_newline(file: IO[bytes]) -> bool:
    if not file.seek(0, 2):
        return True
    file.seek(-1, 2)
    return file.read(1) in b"\r\n"


def detect_encoding(file: IO[bytes]) -> str:
    """`utf-8-sig` (which reads UTF-8 with or without BOM) or `gb18030`; raises `SheetInvalid` if neither.

    Every GB18030 text that is not ASCII is almost never valid UTF-8, so UTF-8 is tried first.
    """
    file.seek(0)
    start = file.read(512)
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise SheetFormatRefused("the file is UTF-16 (Unicode text); save it as CSV UTF-8")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_MARKUP):
        raise SheetFormatRefused("this is a web page or XML under the name of a spreadsheet")
    utf8, told_apart = _first_undecodable(file, "utf-8-sig")
    if utf8 is None:
        return "utf-8-sig"
    if told_apart or start.startswith(codecs.BOM_UTF8):
        # Read as GB18030 it might pass, and mean nothing.
        raise SheetDamaged(f"the file is UTF-8 up to line {utf8}, where it is cut off or damaged")
    gb18030, _ = _first_undecodable(file, "gb18030")
    if gb18030 is None:
        return "gb18030"
    raise SheetInvalid(
        f"the file is neither UTF-8 (from line {utf8} on) nor GB18030 (from line {gb18030} on)"
    )


def _first_undecodable(file: IO[bytes], encoding: str) -> tuple[int | None, bool]:
    """The line in which the text stops being of an encoding (None if it is all of it), and whether what
    stands before holds so much Chinese that it is no other's by chance."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    line, chinese = 1, 0
    while True:
        chunk = file.read(CHUNK)
        if b"\0" in chunk:
            raise SheetInvalid("the file holds zero bytes: it is neither a spreadsheet nor text")
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            chinese += len(before) - len(before.decode(encoding, "ignore"))
            return line + before.count(b"\n"), chinese >= _BY_CHANCE
        if not chunk:
            return None, True
        line += text.count("\n")
        chinese += len(chunk) - len(text)
