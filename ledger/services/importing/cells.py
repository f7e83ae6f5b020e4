"""What stands in a cell, made plain: text, dates, money, codes.

Departments' sheets hold full-width digits, spaces of every width, characters that have no width at all, and
dates of many forms; a cell that can be read in one way only is read so, every other is refused with the
error of its kind. So is what a spreadsheet has damaged: a formula, an error value, a long code that became a
number. Errors never quote a cell.
"""

import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache

from ledger.errors import CellError, CellMangled, CheckDigitWrong, DateInvalid, FormulaForbidden, InputError
from ledger.identifiers import check_uscc, uscc_check_character


class Fault(Enum):
    """What stands where a cell has no value of its own."""

    FORMULA = "formula"
    ERROR = "error"


Cell = str | int | float | date | datetime | bool | Fault | None

EARLIEST_YEAR, LATEST_YEAR = 1949, 2200
LONG_TERM = frozenset({"长期", "永久", "长期有效", "2099-12-31", "2099/12/31", "20991231", "2099年12月31日"})
"""How sheets say that something has no end."""
DAY_FORMS = "a date is written 2026-01-05, 2026/1/5, 20260105 or 2026年1月5日"
NO_SUCH_DAY = "there is no such day in the calendar"
FORMULA = "the cell holds a formula; paste its value instead"
ERROR_VALUES = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!"})
_EXCEL_EPOCH = date(1899, 12, 30)
_FIRST_SERIAL, _LAST_SERIAL = 10_000, 110_000
"""Serial numbers from 1927 to 2201: apart from dates written as 20260105."""
_DAYS_TO_1904 = 1462
_DIGITS_KEPT = 10**15
"""A spreadsheet keeps 15 digits of a number."""
_FORM = re.compile(
    r"(\d{4})([-/.年])(\d{1,2})([-/.月])(\d{1,2})[日号]?"
    r"(?:[ T]?([01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?\Z",
    re.ASCII,
)
_INVISIBLES = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
)
"""Characters without width: they are pasted along unseen, and would make another name of the same one."""
_SPACE_LIKE = " \t\x1c-\x1f\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_LINE_END_LIKE = "\r\n\x0b\x0c\x85\u2028\u2029"
_INVISIBLE = re.compile(f"[{_INVISIBLES}]")
_SPACES = re.compile(f"[{_SPACE_LIKE}]+")
_LINE_ENDS = re.compile(f"\r\n?|[{_LINE_END_LIKE}]")
_has_stray = re.compile(f"[#{_SPACE_LIKE}{_LINE_END_LIKE}{_INVISIBLES}]").search
_SPACE_IN_NAME = re.compile(r"(?<=[^\x00-\x7f]) (?=[^\x00-\x7f])")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?[Ee]\+\d{1,3}\Z", re.ASCII)
_HALF_WIDTH = {0xFF01 + at: 0x21 + at for at in range(94) if chr(0x21 + at).isalnum()}
_FEN_A_WAN = 1_000_000
_MOST_FEN = 10**15


def is_plain(text: str) -> bool:
    """Whether a text is what it is read as: no space, nothing unseen, no error value in it."""
    return _has_stray(text) is None


def text_of(cell: Cell) -> str:
    """The cell as text: no spaces round it, one kind of space within, nothing without width, line breaks as
    they are; blank as "".

    Chinese punctuation stays; codes and numbers are made half-width where they are read. Raises
    `FormulaForbidden`, `CellError`, and `CellMangled` for a number of more digits than spreadsheets keep.
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell if _has_stray(cell) is None else _plain(cell)
    return _text_of_other(cell)


def _plain(text: str) -> str:
    text = _SPACES.sub(" ", _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))).strip()
    if text in ERROR_VALUES:
        raise CellError
    return text


def _text_of_other(cell: int | float | date | datetime | bool | Fault) -> str:
    if isinstance(cell, Fault):
        if cell is Fault.FORMULA:
            raise FormulaForbidden(FORMULA)
        raise CellError
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, int | float) and abs(cell) >= _DIGITS_KEPT:
        raise CellMangled("a spreadsheet keeps 15 digits of a number; use a text cell for a code")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def code_of(cell: Cell) -> str:
    """The cell as a code: half-width, upper case, without any space.

    Raises what `text_of` raises, and `CellMangled` for a number in scientific notation or a date.
    """
    text = text_of(cell)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if isinstance(cell, date) or (len(text) < 24 and "+" in text and _SCIENTIFIC.match(text)):
        raise CellMangled
    return "".join(text.split()).upper()


def number_of(cell: Cell) -> str:
    """A document's number as it is written (云市监罚〔2026〕12号): digits and letters half-width, no spaces.

    Raises what `code_of` raises.
    """
    text = text_of(cell)
    if isinstance(cell, date) or (len(text) < 24 and "+" in text and _SCIENTIFIC.match(text)):
        raise CellMangled
    text = "".join(text.split())
    return text if text.isascii() else text.translate(_HALF_WIDTH)


def name_of(cell: Cell) -> str:
    """A name: what stands between Chinese characters to align them (张　三) is no part of it."""
    text = text_of(cell)
    return _SPACE_IN_NAME.sub("", text.replace("\n", " ")) if " " in text or "\n" in text else text


def uscc_of(cell: Cell) -> str:
    """A USCC. Raises `IdentifierInvalid`, or `CheckDigitWrong`, which names the right check character:
    an organisation's code is public."""
    code = code_of(cell)
    _check_uscc(code)
    return code


@lru_cache(maxsize=65_536)
def _check_uscc(code: str) -> None:
    try:
        check_uscc(code)
    except CheckDigitWrong:
        right = uscc_check_character(code[:17])
        raise CheckDigitWrong(
            f"the check character of the unified social credit code is wrong; it should be {right}"
        ) from None


def day_of(cell: Cell, date1904: bool = False) -> str:
    """A date as YYYY-MM-DD: `2026/1/5`, `2026-01-05`, `20260105`, `2026年1月5日`, an Excel date or serial; a
    time of day after it is left out.

    Raises `DateInvalid`, `FormulaForbidden`, `CellError`.
    """
    if isinstance(cell, datetime):
        cell = cell.date()
    if isinstance(cell, date):
        return _plausible(cell)
    if isinstance(cell, int | float) and _FIRST_SERIAL <= cell < _LAST_SERIAL:
        return _plausible(day_of_serial(cell, date1904))
    return _day_of_text(text_of(cell))


def day_of_serial(serial: int | float, date1904: bool) -> date:
    """The day that a spreadsheet counts as `serial`. Raises `DateInvalid`."""
    try:
        return _EXCEL_EPOCH + timedelta(days=int(serial) + (_DAYS_TO_1904 if date1904 else 0))
    except (OverflowError, ValueError):
        raise DateInvalid(NO_SUCH_DAY) from None


@lru_cache(maxsize=16_384)
def _day_of_text(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    if len(plain) == 8 and plain.isascii() and plain.isdigit():
        parts = plain[:4], plain[4:6], plain[6:]
    else:
        match = _FORM.match(re.sub(r"(?<=[-/.年月]) | (?=[-/.年月日号])", "", plain))
        if match is None or (match[2], match[4]) not in {("-", "-"), ("/", "/"), (".", "."), ("年", "月")}:
            raise DateInvalid(DAY_FORMS)
        parts = match[1], match[3], match[5]
    try:
        return _plausible(date(*map(int, parts)))
    except ValueError:
        raise DateInvalid(NO_SUCH_DAY) from None


def _plausible(day: date) -> str:
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise DateInvalid(f"the year must be from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return day.isoformat()


def fen_of(cell: Cell, unit: str = "万元") -> int | None:
    """An amount in 万元 (at most six decimals) or 元 (two) as whole fen; None where blank.

    Raises `InputError`, and what `code_of` raises.
    """
    text = repr(cell) if isinstance(cell, float) else code_of(cell).replace(",", "")
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise InputError(f"an amount in {unit} is a number such as 0.5") from None
    fen_a_unit = _FEN_A_WAN if unit == "万元" else 100
    if not amount.is_finite() or not 0 <= amount * fen_a_unit <= _MOST_FEN:
        raise InputError(f"an amount in {unit} is from 0 to {_MOST_FEN // fen_a_unit:,}")
    fen = amount * fen_a_unit
    if isinstance(cell, float):
        # A spreadsheet's binary number: 0.1 + 0.2 is meant as 0.3.
        fen = fen.to_integral_value() if abs(fen - fen.to_integral_value()) < Decimal("0.001") else fen
    if fen != fen.to_integral_value():
        raise InputError(f"an amount in {unit} has at most {6 if unit == '万元' else 2} decimals")
    return int(fen)


def mask_name(name: str) -> str:
    """A person's name as it may be shown: 张**, whatever its length."""
    return f"{name[0]}**" if name else ""
