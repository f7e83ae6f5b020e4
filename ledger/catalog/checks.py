"""Whether an edition holds together: every code that a row names must be one that another table defines."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ledger.catalog.rows import ITSELF, ROLES, SEVERITIES, RuleRow
from ledger.errors import ConfigurationError

if TYPE_CHECKING:
    from ledger.catalog.loader import Catalogue

DECISIONS = ("prohibit", "restrict", "caution", "incentive", "clear")
"""What a rule may decide, the gravest first."""
DUTIES = ("publication", "objection", "acceptance", "decision", "withdrawal", "feedback")
"""The duties that have a deadline."""
_LIST_KINDS = ("red", "serious", "attention")


def check_catalogue(catalogue: "Catalogue") -> None:
    """Raise `ConfigurationError`, naming the row, where an edition contradicts itself."""
    for row in catalogue.lists.values():
        if row.kind not in _LIST_KINDS:
            raise ConfigurationError(f"list {row.code}: kind must be one of {', '.join(_LIST_KINDS)}")
        _check_in(f"list {row.code}", "severity", [row.severity], (None, *SEVERITIES))
    for matter in catalogue.matters.values():
        _check_in(f"matter {matter.code}", "asks", matter.asks, ROLES)
    for measure in catalogue.measures.values():
        _check_in(f"measure {measure.code}", "follows", measure.follows, ROLES)
    for basis in catalogue.bases.values():
        _check_in(f"basis {basis.code}", "matters", basis.matters, catalogue.matters)
    _check_terms(catalogue)
    seen = set()
    for rule in catalogue.rules:
        where = f"rule for {rule.list or rule.record} and {rule.matter}"
        _check_rule(catalogue, rule, where)
        key = (rule.list, rule.record, rule.matter, rule.severity, rule.role)
        if key in seen:
            raise ConfigurationError(f"{where} stands twice")
        seen.add(key)


def _check_rule(catalogue: "Catalogue", rule: RuleRow, where: str) -> None:
    unknown = [code for code in rule.measures if code not in catalogue.measures]
    if (rule.list is None) == (rule.record is None):
        raise ConfigurationError(f"{where}: a rule is for a list or for a kind of record")
    if (rule.list and rule.list not in catalogue.lists) or rule.matter not in catalogue.matters or unknown:
        raise ConfigurationError(f"{where}: the list, the matter or a measure is not in the catalogue")
    _check_in(where, "decision", [rule.decision], DECISIONS)
    _check_in(where, "severity", [rule.severity], (None, *SEVERITIES))
    _check_in(where, "role", [rule.role], (ITSELF, *ROLES))


def _check_terms(catalogue: "Catalogue") -> None:
    if set(catalogue.terms) != set(SEVERITIES):
        raise ConfigurationError(f"terms.json must have exactly the rows {', '.join(SEVERITIES)}")
    for term in catalogue.terms.values():
        if not 0 <= term.min_months <= term.max_months or not term.max_months:
            raise ConfigurationError(f"term {term.code}: min_months must not be over max_months")
    if set(catalogue.deadlines) != set(DUTIES):
        raise ConfigurationError(f"deadlines.json must have exactly the rows {', '.join(DUTIES)}")
    for deadline in catalogue.deadlines.values():
        if not 0 < deadline.days <= 90:
            raise ConfigurationError(f"deadline {deadline.code}: days must be 1 to 90 working days")
    values = set()
    for row in catalogue.classes:
        where = f"class of {row.record} {row.value}"
        _check_in(where, "severity", [row.severity], SEVERITIES)
        if (row.record, row.value) in values:
            raise ConfigurationError(f"{where} stands twice")
        values.add((row.record, row.value))


def _check_in(where: str, name: str, values: Iterable[str | None], known: Iterable[str | None]) -> None:
    known = list(known)
    if any(value not in known for value in values):
        allowed = ", ".join(value for value in known if value is not None)
        raise ConfigurationError(f"{where}: {name} must be of {allowed}")
