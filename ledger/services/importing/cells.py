"""What stands in a cell, made plain: text, dates, money, codes.

Departments' sheets hold full-width digits, spaces of every width and dates of four forms; a cell that can
be read in one way only is read so, every other is refused with the error of its kind. Errors never quote a
cell.
"""

import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from ledger.errors import CheckDigitWrong, DateInvalid, InputError
from ledger.identifiers import check_uscc, uscc_check_character

Cell = str | int | float | date | datetime | bool | None

EARLIEST_YEAR, LATEST_YEAR = 1949, 2200
LONG_TERM = frozenset({"长期", "永久", "2099-12-31", "2099/12/31", "20991231"})
"""How sheets say that something has no end."""
_EXCEL_EPOCH = date(1899, 12, 30)
_EXCEL_SERIALS = range(10_000, 110_000)
"""Serial numbers from 1927 to 2201: apart from dates written as 20260105."""
_FORM = re.compile(
    r"(\d{4})([-/.年])(\d{1,2})([-/.月])(\d{1,2})日?(?:[ T]00:00(?::00(?:\.0+)?)?)?\Z", re.ASCII
)
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200b\u3000\ufeff]+")
_FEN_A_WAN = 1_000_000
_LARGEST_WAN = Decimal(10) ** 9


def text_of(cell: Cell) -> str:
    """The cell as text: no spaces round it, one kind of space within, line breaks as they are; blank as "".

    Chinese punctuation stays; codes and numbers are made half-width where they are read.
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell if cell.isalnum() else _SPACES.sub(" ", cell).strip()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return str(cell)


def code_of(cell: Cell) -> str:
    """The cell as a code: half-width, upper case, without any space."""
    text = text_of(cell)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.replace(" ", "").upper()


def uscc_of(cell: Cell) -> str:
    """A USCC. Raises `IdentifierInvalid`, or `CheckDigitWrong`, which names the right check character:
    an organisation's code is public."""
    code = code_of(cell)
    try:
        check_uscc(code)
    except CheckDigitWrong:
        right = uscc_check_character(code[:17])
        raise CheckDigitWrong(
            f"the check character of the unified social credit code is wrong; it should be {right}"
        ) from None
    return code


def day_of(cell: Cell, date1904: bool = False) -> str:
    """A date as YYYY-MM-DD: `2026/1/5`, `2026-01-05`, `20260105`, `2026年1月5日`, an Excel date or serial.

    Raises `DateInvalid`.
    """
    if isinstance(cell, datetime):
        cell = cell.date()
    if isinstance(cell, date):
        return _plausible(cell)
    if isinstance(cell, int | float) and not isinstance(cell, bool) and cell in _EXCEL_SERIALS:
        return _plausible(_EXCEL_EPOCH + timedelta(days=int(cell) + (1462 if date1904 else 0)))
    return _day_of_text(text_of(cell))


@lru_cache(maxsize=16_384)
def _day_of_text(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).strip()
    if len(plain) == 8 and plain.isascii() and plain.isdigit():
        parts = plain[:4], plain[4:6], plain[6:]
    else:
        match = _FORM.match(plain)
        if match is None or (match[2], match[4]) not in {("-", "-"), ("/", "/"), (".", "."), ("年", "月")}:
            raise DateInvalid("a date is written 2026-01-05, 2026/1/5, 20260105 or 2026年1月5日")
        parts = match[1], match[3], match[5]
    try:
        return _plausible(date(*map(int, parts)))
    except ValueError:
        raise DateInvalid("there is no such day in the calendar") from None


def _plausible(day: date) -> str:
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise DateInvalid(f"the year must be from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return day.isoformat()


def fen_of(cell: Cell) -> int | None:
    """An amount in 万元 (at most six decimals) as whole fen; None where blank. Raises `InputError`."""
    text = code_of(cell).replace(",", "")
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise InputError("an amount in 万元 is a number such as 0.5") from None
    if not amount.is_finite() or not 0 <= amount <= _LARGEST_WAN:
        raise InputError("an amount in 万元 is from 0 to 1,000,000,000")
    fen = amount * _FEN_A_WAN
    if isinstance(cell, float):
        # A spreadsheet's binary number: 0.1 + 0.2 is meant as 0.3.
        fen = fen.to_integral_value() if abs(fen - fen.to_integral_value()) < Decimal("0.001") else fen
    if fen != fen.to_integral_value():
        raise InputError("an amount in 万元 has at most six decimals")
    return int(fen)


def mask_name(name: str) -> str:
    """A person's name as it may be shown: 张**, whatever its length."""
    return f"{name[0]}**" if name else ""
