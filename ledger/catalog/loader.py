"""Reading an edition of the catalogue, whole or not at all.

    catalogue = load_catalogue()
    catalogue.rule("wage-arrears", "bidding").decision      # 'restrict'

Rows are checked for their members, their codes for being defined once, and their references for existing.
The edition's digest is SM3 over its files in the order of `FILES`: for each its name, a zero byte, its
length as 8 bytes big-endian and its bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

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
)
DECISIONS = ("prohibit", "restrict", "caution", "incentive", "clear")
"""What a rule may decide, the gravest first."""
_LIST_KINDS = ("red", "serious", "attention")
_MARKS = ("V", "v", "M")


@dataclass(frozen=True, slots=True)
class Term:
    """How long a measure lasts: `years` (min to max), `listed` (while on the list) or `life`."""

    type: str
    min: int | None = None
    max: int | None = None

    def __str__(self) -> str:
        if self.type != "years":
            return {"listed": "while listed", "life": "life"}[self.type]
        return f"{self.min} y" if self.min == self.max else f"{self.min}-{self.max} y"


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row with a code, a Chinese and an English name; the certificate types and roles are no more."""

    code: str
    name: str
    en: str
    mark: str
    source: str


@dataclass(frozen=True, slots=True)
class ListRow(NamedRow):
    kind: str


@dataclass(frozen=True, slots=True)
class MatterRow(NamedRow):
    """A matter (事项) in which a check is embedded."""


@dataclass(frozen=True, slots=True)
class MeasureRow(NamedRow):
    """A measure with whom it is for, its legal basis and its term."""

    target: str
    basis: str
    term: Term


@dataclass(frozen=True, slots=True)
class RuleRow:
    """What being on a list means for a matter."""

    list: str
    matter: str
    decision: str
    measures: tuple[str, ...]
    mark: str
    source: str


@dataclass(frozen=True)
class Catalogue:
    """One edition; `sm3` in lowercase hex."""

    edition: str
    sm3: str
    lists: dict[str, ListRow]
    measures: dict[str, MeasureRow]
    matters: dict[str, MatterRow]
    rules: tuple[RuleRow, ...]
    certificate_types: dict[str, NamedRow]
    roles: dict[str, NamedRow]

    @cached_property
    def _rules(self) -> dict[tuple[str, str], RuleRow]:
        return {(rule.list, rule.matter): rule for rule in self.rules}

    @cached_property
    def _matters_by_name(self) -> dict[str, MatterRow]:
        return {row.name: row for row in self.matters.values()}

    def matter(self, text: str) -> MatterRow | None:
        """A matter by its code or its Chinese name; None where the catalogue has none."""
        return self.matters.get(text) or self._matters_by_name.get(text)

    def rule(self, list_code: str, matter: str) -> RuleRow | None:
        """The rule for a list and a matter; None where the catalogue has none."""
        return self._rules.get((list_code, matter))


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """Load the edition in `folder`, by default the one that ships with the package.

    Raises `ConfigurationError`, naming file and row, when something is missing or does not fit.
    """
    folder = folder or Path(__file__).parent
    hashed = bytearray()
    tables: dict[str, Any] = {}
    for name in FILES:
        try:
            data = (folder / name).read_bytes()
            tables[name] = loads(data)
        except OSError as error:
            raise ConfigurationError(f"catalogue file {name} cannot be read") from error
        except InputError as error:
            raise ConfigurationError(f"catalogue file {name}: {error.detail}") from error
        hashed += name.encode() + b"\0" + len(data).to_bytes(8, "big") + data
    header = tables["edition.json"]
    if not isinstance(header, dict) or not isinstance(header.get("edition"), str):
        raise ConfigurationError("catalogue file edition.json must name the edition")
    catalogue = Catalogue(
        edition=header["edition"],
        sm3=sm3(bytes(hashed)).hex(),
        lists=_by_code("lists.json", tables, ListRow),
        measures=_by_code("measures.json", tables, _measure),
        matters=_by_code("matters.json", tables, MatterRow),
        rules=tuple(_rows("rules.json", tables, _rule)),
        certificate_types=_by_code("certificate_types.json", tables, NamedRow),
        roles=_by_code("roles.json", tables, NamedRow),
    )
    _check_references(catalogue)
    return catalogue


def _measure(term: dict[str, Any], **members: Any) -> MeasureRow:
    parsed = Term(**term)
    if parsed.type == "years":
        fits = parsed.min is not None and parsed.max is not None and 0 < parsed.min <= parsed.max
    else:
        fits = parsed.type in ("listed", "life") and parsed.min is None and parsed.max is None
    if not fits:
        raise ValueError("its term is not one of years (min to max), listed, life")
    return MeasureRow(term=parsed, **members)


def _rule(measures: list[str], **members: Any) -> RuleRow:
    return RuleRow(measures=tuple(measures), **members)


def _rows(name: str, tables: dict[str, Any], make: Callable[..., Any]) -> list[Any]:
    if not isinstance(tables[name], list):
        raise ConfigurationError(f"catalogue file {name} must be a list of rows")
    rows = []
    for number, members in enumerate(tables[name], 1):
        try:
            row = make(**members)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"catalogue file {name}, row {number}: {error}") from None
        if row.mark not in _MARKS:
            raise ConfigurationError(f"catalogue file {name}, row {number}: mark must be V, v or M")
        rows.append(row)
    return rows


def _by_code(name: str, tables: dict[str, Any], make: Callable[..., Any]) -> dict[str, Any]:
    rows = _rows(name, tables, make)
    table = {row.code: row for row in rows}
    if len(table) != len(rows):
        raise ConfigurationError(f"catalogue file {name} defines a code twice")
    return table


def _check_references(catalogue: Catalogue) -> None:
    for row in catalogue.lists.values():
        if row.kind not in _LIST_KINDS:
            raise ConfigurationError(f"list {row.code}: kind must be one of {', '.join(_LIST_KINDS)}")
    seen = set()
    for rule in catalogue.rules:
        where = f"rule for {rule.list} and {rule.matter}"
        unknown = [code for code in rule.measures if code not in catalogue.measures]
        if rule.list not in catalogue.lists or rule.matter not in catalogue.matters or unknown:
            raise ConfigurationError(f"{where}: the list, the matter or a measure is not in the catalogue")
        if rule.decision not in DECISIONS:
            raise ConfigurationError(f"{where}: decision must be one of {', '.join(DECISIONS)}")
        if (rule.list, rule.matter) in seen:
            raise ConfigurationError(f"{where} stands twice")
        seen.add((rule.list, rule.matter))
