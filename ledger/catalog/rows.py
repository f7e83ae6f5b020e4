"""The rows of the catalogue's tables.

Rules say what a record or a listing means for a matter. `role` says in which role the recorded subject stands
to the one who is asked about: `itself`, or a person behind it (`legal-representative`, ...): a company is
checked, its legal representative is on a list. The other direction is the measure's: `follows` names the
roles of the persons to whom a measure against an organisation extends.
"""

from dataclasses import dataclass

ITSELF = "itself"
ROLES = ("legal-representative", "responsible-person", "actual-controller")
"""The persons behind an organisation: 法定代表人, 主要负责人或直接责任人员, 实际控制人."""
SEVERITIES = ("minor", "general", "serious")
"""The classes of dishonest conduct, the lightest first: 轻微, 一般, 严重."""


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
    """A list; `severity` is the class whose minimum publication a repair needs where the entry names none."""

    kind: str
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class MatterRow(NamedRow):
    """A matter (事项) in which a check is embedded; `asks`: the related persons that a complete check of an
    organisation asks about besides."""

    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MeasureRow(NamedRow):
    """A measure with whom it is for, its legal basis and its term; `follows`: the roles of the persons behind
    an organisation to whom it extends."""

    target: str
    basis: str
    term: Term
    follows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BasisRow(NamedRow):
    """A legal basis that replaces a person's authorisation; no `matters` means any."""

    basis: str
    matters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TermRow(NamedRow):
    """A class of records by severity: months of publication, at least and at most, from the decision on;
    `published`: whether by default."""

    min_months: int
    max_months: int
    published: bool


@dataclass(frozen=True, slots=True)
class ClassRow:
    """Which severity a record has by what it says: a kind of penalty, a contract's performance."""

    record: str
    value: str
    severity: str
    mark: str
    source: str


@dataclass(frozen=True, slots=True)
class DeadlineRow(NamedRow):
    """A duty's deadline in working days."""

    days: int


@dataclass(frozen=True, slots=True)
class RuleRow:
    """What being on a list (`list`), or having a record of a kind (`record`), means for a matter."""

    matter: str
    decision: str
    measures: tuple[str, ...]
    mark: str
    source: str
    list: str | None = None
    record: str | None = None
    severity: str | None = None
    role: str = ITSELF
