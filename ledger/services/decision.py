"""From a record that counts and the catalogue to a hit with its measures, and one decision. Pure.

The gravest hit decides: prohibit, restrict, caution; an incentive counts only where nothing speaks against;
else clear. A list without a rule for the matter is a caution if it is a black list or one of attention, and
nothing if it is a red one; any other record without a rule is no hit. A measure whose term has run out
applies no more, and a rule all of whose measures have run out is a caution: the subject is listed, but
nothing is left to apply.

A record that is not the subject's own bears on it by its relation (`Path`) alone: a rule for that role, or a
measure that follows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, cast

from ledger.catalog import ITSELF, Catalogue, MeasureRow, RuleRow
from ledger.domain import CaseInitiated, ListEntered
from ledger.domain.case_state import CaseState
from ledger.domain.credit_state import RecordState
from ledger.domain.rules import KIND_NAMES
from ledger.services.answers import AppliedMeasure, Decision, Hit, RecordSubject, reference_of

_GRAVITY = ("prohibit", "restrict", "caution", "incentive", "clear")
_KINDS_OF_CAUTION = ("serious", "attention", "unknown")
CASE = "credit.case.initiated"
TITLES = {
    CASE: "联合惩戒",
    "credit.penalty.published": "行政处罚",
    "credit.licence.published": "行政许可",
    "credit.commitment.made": "信用承诺",
    "credit.evaluation.published": "信用评价",
    "credit.contract.reported": "合同履约",
    "credit.enforcement.published": "法院执行",
}
_FIRST_DAYS = ("decided_on", "made_on", "evaluated_on", "reported_on", "filed_on")


@dataclass(frozen=True, slots=True)
class Path:
    """How a record's subject is related to the one asked about.

    `role` is that of a person who was given, behind the organisation asked about: rules name it. `follows` is
    the role in which an organisation's record names a person: measures name it. `of` is the record's subject.
    """

    role: str = ITSELF
    follows: str | None = None
    of: RecordSubject | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """The relations from the subject asked about to the record's subject."""
        given = () if self.role == ITSELF else (self.role,)
        return given if self.follows is None else (*given, self.follows)


OWN = Path()


def decide(hits: Sequence[Hit]) -> Decision:
    """The one decision of all hits; `clear` where there are none."""
    return cast(Decision, min((hit.decision for hit in hits), key=_GRAVITY.index, default="clear"))


def gravest(hits: Sequence[Hit]) -> Hit | None:
    """The gravest of several hits of one record, the first of equals; None of none."""
    return min(hits, key=lambda hit: _GRAVITY.index(hit.decision), default=None)


def hit_of(
    record: RecordState, leaf_hash: str, path: Path, matter: str, day: str, catalogue: Catalogue
) -> Hit | None:
    """What one record that counts on `day` means for a matter; None where it has no bearing."""
    body: Any = record.fact.body
    # The type itself is asked for: of a model, isinstance costs more than the look at the rules.
    listed = type(body) is ListEntered
    rule = _rule(body, record.severity, path, matter, catalogue)
    if rule is None and not (listed and path is OWN):
        return None
    row = catalogue.lists.get(body.list_code) if listed else None
    kind = row.kind if row else "unknown"
    sort = KIND_NAMES[type(body)]
    measures = _measures(record, rule, path, day, catalogue) if rule else ()
    if path.role == ITSELF and path.follows is not None and not measures:
        return None
    name = (row.name if row else body.list_code) if listed else None
    return Hit(
        record=sort,
        title=name or TITLES[sort],
        list=body.list_code if listed else None,
        list_name=name,
        list_kind=kind if listed else None,
        severity=record.severity,
        case=body.number,
        authority=body.authority.uscc,
        authority_name=body.authority.name,
        basis=getattr(body, "basis", None),
        grounds=_grounds(body),
        from_day=first_day(body),
        until=body.until if listed else record.publish_until,
        objected=record.objected,
        repair=record.repair,
        corrected=record.corrected,
        roles=path.roles,
        of=path.of,
        decision=_decision(kind, rule, measures),
        measures=measures,
        entry=reference_of(record.fact, leaf_hash),
    )


def case_hit_of(case: CaseState, leaf_hash: str, matter: str, day: str, catalogue: Catalogue) -> Hit | None:
    """What a joint punishment case in force means for a matter: those of its measures that a rule for this
    matter knows, as gravely as the gravest such rule says; None where there are none."""
    body = case.fact.body
    assert isinstance(body, CaseInitiated)
    measures, decisions = [], []
    for code, grave in _measures_of_matter(catalogue, matter).items():
        measure = catalogue.measures[code]
        until = measure_end(measure, body.from_day, body.until)
        if code in body.measures and (until is None or day <= until):
            measures.append(
                AppliedMeasure(code, measure.name, measure.basis, str(measure.term), until, measure.mark)
            )
            decisions.append(grave)
    if not measures:
        return None
    return Hit(
        record=CASE,
        title=TITLES[CASE],
        list=None,
        list_name=None,
        list_kind=None,
        severity=None,
        case=body.case,
        authority=body.proposer.uscc,
        authority_name=body.proposer.name,
        basis=body.basis,
        grounds=body.reason,
        from_day=body.from_day,
        until=body.until,
        objected=False,
        repair=None,
        corrected=None,
        roles=(),
        of=None,
        decision=cast(Decision, min(decisions, key=_GRAVITY.index)),
        measures=tuple(measures),
        entry=reference_of(case.fact, leaf_hash),
    )


def _measures_of_matter(catalogue: Catalogue, matter: str) -> dict[str, str]:
    """The measures that the rules for a matter know, each with the gravest decision that it stands for."""
    found: dict[str, str] = {}
    for rule in catalogue.rules:
        if rule.matter == matter:
            for code in rule.measures:
                found[code] = min(found.get(code, rule.decision), rule.decision, key=_GRAVITY.index)
    return found


def _rule(body: Any, severity: str | None, path: Path, matter: str, catalogue: Catalogue) -> RuleRow | None:
    """The rule that makes the record bear on the subject; by a relation only where one says so."""
    rule = _rule_for(body, severity, path.role, matter, catalogue)
    if rule is None or path.follows is None:
        return rule
    own = rule if path.role == ITSELF else _rule_for(body, severity, ITSELF, matter, catalogue)
    followed = own is not None and any(
        path.follows in catalogue.measures[code].follows for code in own.measures
    )
    return rule if followed else None


def _rule_for(
    body: Any, severity: str | None, role: str, matter: str, catalogue: Catalogue
) -> RuleRow | None:
    if type(body) is ListEntered:
        return catalogue.rule(body.list_code, matter, severity, role)
    return catalogue.record_rule(KIND_NAMES[type(body)], matter, severity, role)


def _grounds(body: Any) -> str | None:
    """What happened, in the record's own public words."""
    for member in ("grounds", "violation", "duty", "project", "licence_name", "content"):
        text = getattr(body, member, None)
        if text is not None:
            return str(text)
    grade = getattr(body, "grade", None)
    return None if grade is None else f"{body.scheme} {grade}"


def first_day(body: Any) -> str:
    """The day from which a record speaks: of the decision, the report, the grade."""
    if isinstance(body, ListEntered):
        return body.from_day
    return str(next(day for day in (getattr(body, name, None) for name in _FIRST_DAYS) if day))


def _decision(kind: str, rule: RuleRow | None, measures: tuple[AppliedMeasure, ...]) -> Decision:
    if rule is not None and (measures or not rule.measures):
        return cast(Decision, rule.decision)
    return "caution" if rule is not None or kind in _KINDS_OF_CAUTION else "clear"


def _measures(
    record: RecordState, rule: RuleRow, path: Path, day: str, catalogue: Catalogue
) -> tuple[AppliedMeasure, ...]:
    """The rule's measures that the decision named (all, where it named none), that extend to the subject
    asked about, and that still run."""
    named = getattr(record.fact.body, "measures", None)
    follows = path.follows if path.role == ITSELF else None
    applied = []
    for code in rule.measures:
        measure = catalogue.measures[code]
        if (named is not None and code not in named) or (follows and follows not in measure.follows):
            continue
        until = measure_end(measure, first_day(record.fact.body), record.publish_until)
        if until is None or day <= until:
            applied.append(
                AppliedMeasure(code, measure.name, measure.basis, str(measure.term), until, measure.mark)
            )
    return tuple(applied)


def measure_end(measure: MeasureRow, start: str, until: str | None) -> str | None:
    """The last day of a measure: that of the record, at the latest the longest term that the law allows.

    None: as long as the record stands, or for life.
    """
    if measure.term.type == "life":
        return None
    if measure.term.max is None:
        return until
    latest = _years_later(start, measure.term.max)
    return min(latest, until) if until else latest


@lru_cache(maxsize=4096)
def _years_later(day: str, years: int) -> str:
    start = date.fromisoformat(day)
    try:
        return start.replace(year=start.year + years).isoformat()
    except ValueError:
        # 29 February: the term ends with February.
        return start.replace(year=start.year + years, day=28).isoformat()
