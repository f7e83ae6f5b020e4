"""Reading an edition of the catalogue, whole or not at all.

    catalogue = load_catalogue()
    catalogue.rule("wage-arrears", "bidding").decision      # 'restrict'
    catalogue.asks("bidding")                               # ('legal-representative',)

Rows are checked for their members, their codes for being defined once, and their references for existing.
The edition's digest is SM3 over its files in the order of `FILES`: for each its name, a zero byte, its
length as 8 bytes big-endian and its bytes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from ledger.catalog.calendar import Calendar, CalendarYear
from ledger.catalog.checks import check_catalogue
from ledger.catalog.rows import (
    ITSELF,
    BasisRow,
    ClassRow,
    DeadlineRow,
    ListRow,
    MatterRow,
    MeasureRow,
    NamedRow,
    RuleRow,
    Term,
    TermRow,
)
from ledger.errors import ConfigurationError, InputError
from ledger.formats.strictjson import loads
from ledger.gm import sm3

FILES = (
    "edition.json",
    "lists.json",
    "measures.json",
    "matters.json",
    "rules.json",
    "certificate_types.json",
    "roles.json",
    "terms.json",
    "classes.json",
    "deadlines.json",
    "calendar.json",
    "bases.json",
)
_is_edition = re.compile(r"[0-9]{4}\.[0-9]{1,4}").fullmatch
MARKS = ("V", "v", "M")


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file of an edition: its name, SM3 in lowercase hex and size in bytes."""

    name: str
    sm3: str
    bytes: int


@dataclass(frozen=True)
class Catalogue:
    """One edition, which applies from `from_day` on; `sm3` in lowercase hex."""

    edition: str
    from_day: str
    sm3: str
    files: tuple[FileRow, ...]
    lists: dict[str, ListRow]
    measures: dict[str, MeasureRow]
    matters: dict[str, MatterRow]
    rules: tuple[RuleRow, ...]
    certificate_types: dict[str, NamedRow]
    roles: dict[str, NamedRow]
    terms: dict[str, TermRow]
    classes: tuple[ClassRow, ...]
    deadlines: dict[str, DeadlineRow]
    calendar: Calendar
    bases: dict[str, BasisRow]

    @cached_property
    def _rules(self) -> dict[tuple[str | None, str | None, str, str | None, str], RuleRow]:
        return {(rule.list, rule.record, rule.matter, rule.severity, rule.role): rule for rule in self.rules}

    @cached_property
    def _matters_by_name(self) -> dict[str, MatterRow]:
        return {row.name: row for row in self.matters.values()}

    def matter(self, text: str) -> MatterRow | None:
        """A matter by its code or its Chinese name; None where the catalogue has none."""
        return self.matters.get(text) or self._matters_by_name.get(text)

    def asks(self, matter: str) -> tuple[str, ...]:
        """The related persons that a complete check of an organisation asks about besides, by role; none for
        a matter that the catalogue does not know."""
        row = self.matters.get(matter)
        return row.asks if row else ()

    def rule(
        self, list_code: str, matter: str, severity: str | None = None, role: str = ITSELF
    ) -> RuleRow | None:
        """The rule for a list and a matter, the one for the entry's severity before the one for any; None
        where the catalogue has none."""
        return self._find(list_code, None, matter, severity, role)

    def record_rule(
        self, record: str, matter: str, severity: str | None = None, role: str = ITSELF
    ) -> RuleRow | None:
        """The same for a kind of record (`credit.penalty.published`)."""
        return self._find(None, record, matter, severity, role)

    def _find(
        self, list_code: str | None, record: str | None, matter: str, severity: str | None, role: str
    ) -> RuleRow | None:
        found = self._rules.get((list_code, record, matter, severity, role))
        if found is None and severity is not None:
            found = self._rules.get((list_code, record, matter, None, role))
        return found


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """Load the edition in `folder`, by default the one that ships with the package.

    Raises `ConfigurationError`, naming file and row, when something is missing or does not fit.
    """
    folder = folder or Path(__file__).parent
    hashed = bytearray()
    tables: dict[str, Any] = {}
    files = []
    for name in FILES:
        try:
            data = (folder / name).read_bytes()
            tables[name] = loads(data)
        except OSError as error:
            raise ConfigurationError(f"catalogue file {name} cannot be read") from error
        except InputError as error:
            raise ConfigurationError(f"catalogue file {name}: {error.detail}") from error
        hashed += name.encode() + b"\0" + len(data).to_bytes(8, "big") + data
        files.append(FileRow(name, sm3(data).hex(), len(data)))
    edition, from_day = _header(tables["edition.json"])
    catalogue = Catalogue(
        edition=edition,
        from_day=from_day,
        sm3=sm3(bytes(hashed)).hex(),
        files=tuple(files),
        lists=_by_code("lists.json", tables, ListRow),
        measures=_by_code("measures.json", tables, _measure),
        matters=_by_code("matters.json", tables, _matter),
        rules=tuple(_rows("rules.json", tables, _rule)),
        certificate_types=_by_code("certificate_types.json", tables, NamedRow),
        roles=_by_code("roles.json", tables, NamedRow),
        terms=_by_code("terms.json", tables, TermRow),
        classes=tuple(_rows("classes.json", tables, ClassRow)),
        deadlines=_by_code("deadlines.json", tables, DeadlineRow),
        calendar=_calendar("calendar.json", tables),
        bases=_by_code("bases.json", tables, _basis),
    )
    check_catalogue(catalogue)
    return catalogue


def _header(header: Any) -> tuple[str, str]:
    if not isinstance(header, dict) or not _is_edition(str(header.get("edition"))):
        raise ConfigurationError("catalogue file edition.json must name the edition, as 2026.2")
    if not is_day(header.get("from")):
        raise ConfigurationError("catalogue file edition.json must say from which day it applies")
    return header["edition"], header["from"]


def _measure(term: dict[str, Any], follows: list[str] | None = None, **members: Any) -> MeasureRow:
    parsed = Term(**term)
    if parsed.type == "years":
        fits = parsed.min is not None and parsed.max is not None and 0 < parsed.min <= parsed.max
    else:
        fits = parsed.type in ("listed", "life") and parsed.min is None and parsed.max is None
    if not fits:
        raise ValueError("its term is not one of years (min to max), listed, life")
    return MeasureRow(term=parsed, follows=tuple(follows or ()), **members)


def _matter(asks: list[str] | None = None, **members: Any) -> MatterRow:
    return MatterRow(asks=tuple(asks or ()), **members)


def _basis(matters: list[str], **members: Any) -> BasisRow:
    return BasisRow(matters=tuple(matters), **members)


def _rule(measures: list[str], **members: Any) -> RuleRow:
    return RuleRow(measures=tuple(measures), **members)


def _calendar(name: str, tables: dict[str, Any]) -> Calendar:
    rows = _rows(name, tables, _year)
    years = {row.year: row for row in rows}
    if len(years) != len(rows):
        raise ConfigurationError(f"catalogue file {name} has a year twice")
    return Calendar(years)


def _year(year: int, holidays: list[dict[str, str]], workdays: list[str], **members: Any) -> CalendarYear:
    free = frozenset(day for span in holidays for day in _days(**span))
    days = [*free, *workdays]
    if not all(is_day(day) and day[:4] == str(year) for day in days) or free & set(workdays):
        raise ValueError("its days must be of that year, each either a holiday or a workday")
    return CalendarYear(year, free, frozenset(workdays), **members)


def _days(name: str, until: str, **start: str) -> list[str]:
    first, last = date.fromisoformat(start.pop("from")), date.fromisoformat(until)
    if start or not name or last < first:
        raise ValueError("a holiday has a name, a first day and a last day")
    return [(first + timedelta(days=days)).isoformat() for days in range((last - first).days + 1)]


def is_day(value: object) -> bool:
    """Whether this is a real date as YYYY-MM-DD."""
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _rows(name: str, tables: dict[str, Any], make: Callable[..., Any]) -> list[Any]:
    if not isinstance(tables[name], list):
        raise ConfigurationError(f"catalogue file {name} must be a list of rows")
    rows = []
    for number, members in enumerate(tables[name], 1):
        try:
            row = make(**members)
        except (TypeError, ValueError, KeyError) as error:
            raise ConfigurationError(f"catalogue file {name}, row {number}: {error}") from None
        if row.mark not in MARKS:
            raise ConfigurationError(f"catalogue file {name}, row {number}: mark must be V, v or M")
        rows.append(row)
    return rows


def _by_code(name: str, tables: dict[str, Any], make: Callable[..., Any]) -> dict[str, Any]:
    rows = _rows(name, tables, make)
    table = {row.code: row for row in rows}
    if len(table) != len(rows):
        raise ConfigurationError(f"catalogue file {name} defines a code twice")
    return table
