"""From a subject's state and the catalogue to hits, measures and one decision. Pure.

The gravest hit decides: prohibit, restrict, caution; an incentive counts only where nothing speaks against;
else clear. A list without a rule for the matter is a caution if it is a black list or one of attention, and
nothing if it is a red one. A measure whose term has run out applies no more, and a rule all of whose
measures have run out is a caution: the subject is listed, but nothing is left to apply.
"""

from collections.abc import Sequence
from datetime import date
from typing import cast

from ledger.catalog import Catalogue, MeasureRow, RuleRow
from ledger.domain import ListEntered
from ledger.domain.facts import Fact
from ledger.services.answers import AppliedMeasure, Decision, Hit, reference_of

_GRAVITY = ("prohibit", "restrict", "caution", "incentive", "clear")
_KINDS_OF_CAUTION = ("serious", "attention", "unknown")


def decide(hits: Sequence[Hit]) -> Decision:
    """The one decision of all hits; `clear` where there are none."""
    return cast(Decision, min((hit.decision for hit in hits), key=_GRAVITY.index, default="clear"))


def hit_of(fact: Fact, leaf_hash: str, matter: str, day: str, catalogue: Catalogue) -> Hit:
    """What one list entry in force on `day` means for a matter."""
    body = fact.body
    assert isinstance(body, ListEntered)
    row = catalogue.lists.get(body.list_code)
    kind = row.kind if row else "unknown"
    rule = catalogue.rule(body.list_code, matter)
    measures = _measures(body, rule, day, catalogue) if rule else ()
    return Hit(
        record="list",
        title=row.name if row else body.list_code,
        list=body.list_code,
        list_name=row.name if row else body.list_code,
        list_kind=kind,
        severity=None,
        case=body.case,
        authority=body.authority.uscc,
        authority_name=body.authority.name,
        basis=body.basis,
        grounds=body.grounds,
        from_day=body.from_day,
        until=body.until,
        objected=False,
        repair=None,
        corrected=None,
        roles=(),
        of=None,
        decision=_decision(kind, rule, measures),
        measures=measures,
        entry=reference_of(fact, leaf_hash),
    )


def _decision(kind: str, rule: RuleRow | None, measures: tuple[AppliedMeasure, ...]) -> Decision:
    if rule is not None and (measures or not rule.measures):
        return cast(Decision, rule.decision)
    return "caution" if kind in _KINDS_OF_CAUTION else "clear"


def _measures(body: ListEntered, rule: RuleRow, day: str, catalogue: Catalogue) -> tuple[AppliedMeasure, ...]:
    """The rule's measures that the listing named (all, where it named none) and that still run."""
    applied = []
    for code in rule.measures:
        if body.measures is not None and code not in body.measures:
            continue
        measure = catalogue.measures[code]
        until = measure_end(measure, body)
        if until is None or day <= until:
            applied.append(
                AppliedMeasure(code, measure.name, measure.basis, str(measure.term), until, measure.mark)
            )
    return tuple(applied)


def measure_end(measure: MeasureRow, body: ListEntered) -> str | None:
    """The last day of a measure: that of the listing, at the latest the longest term that the law allows.

    None: as long as the listing stands, or for life.
    """
    if measure.term.type == "life":
        return None
    if measure.term.max is None:
        return body.until
    latest = _years_later(body.from_day, measure.term.max)
    return min(latest, body.until) if body.until else latest


def _years_later(day: str, years: int) -> str:
    start = date.fromisoformat(day)
    try:
        return start.replace(year=start.year + years).isoformat()
    except ValueError:
        # 29 February: the term ends with February.
        return start.replace(year=start.year + years, day=28).isoformat()
