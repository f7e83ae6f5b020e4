"""How a subject's entries stand for a question: what counts, what goes with it, and what is hidden and why.

Whatever ended by today is not shared, whichever day is asked about. The view `whole`, for auditors, takes the
records as they stood on the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.catalog import Catalogue, MatterRow
from ledger.domain import CaseMatched, CaseReviewed
from ledger.domain.case_state import CaseState, fold_cases
from ledger.domain.credit_state import CreditState, RecordState, fold_credit
from ledger.domain.facts import Fact
from ledger.domain.rules import Rules

STEP, INEFFECTIVE = "step", "ineffective"


@dataclass(frozen=True)
class Ground:
    """What a question is judged by: the matter, the day and today, the edition of the day, the rules of both
    days, and whether the view is whole."""

    matter: MatterRow
    day: str
    today: str
    catalogue: Catalogue
    rules: Rules
    rules_today: Rules
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """Why an entry does not count, and the statement that ended it if one did."""

    fact: Fact
    reason: str
    changed_by: Fact | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The records that count, by log order, the joint punishment cases in force that carry one of them, and
    the steps that go with each of these, by its index; `gone` is the rest."""

    counting: Sequence[RecordState] = ()
    cases: Sequence[CaseState] = ()
    steps: dict[int, list[Fact]] = field(default_factory=dict)
    gone: dict[int, Gone] = field(default_factory=dict)


def stand(facts: Sequence[Fact], ground: Ground) -> Standing:
    """The standing of all records and cases among `facts`."""
    if not facts:
        return Standing()
    then = fold_credit(facts, ground.rules, ground.day)
    if ground.whole or ground.day == ground.today:
        gone = {record.fact.index: _gone(record) for record in then.records if not record.counts}
        return _standing(then.counting, gone, then, ground)
    now = fold_credit(facts, ground.rules_today, ground.today)
    gone = {record.fact.index: _gone(record) for record in then.records if not record.counts}
    gone |= {record.fact.index: _gone(record) for record in now.records if not record.counts}
    counting = tuple(record for record in then.records if record.fact.index not in gone)
    return _standing(counting, gone, now, ground)


def _standing(
    counting: Sequence[RecordState], gone: dict[int, Gone], state: CreditState, ground: Ground
) -> Standing:
    steps: dict[int, list[Fact]] = {}
    shared = {record.fact.index for record in counting}
    for step in state.steps:
        record = step.record
        if step.outcome == INEFFECTIVE:
            gone[step.fact.index] = Gone(step.fact, INEFFECTIVE)
        elif record is None or record.index not in shared:
            gone[step.fact.index] = Gone(step.fact, STEP)
        else:
            steps.setdefault(record.index, []).append(step.fact)
    cases = _cases(state.others, counting, steps, gone, ground) if state.others else ()
    return Standing(counting, cases, steps, gone)


def _cases(
    facts: Sequence[Fact],
    counting: Sequence[RecordState],
    steps: dict[int, list[Fact]],
    gone: dict[int, Gone],
    ground: Ground,
) -> tuple[CaseState, ...]:
    """The cases in force on the day, and today unless the view is whole, that carry a record that counts."""
    carried = {(record.fact.issuer, record.fact.id) for record in counting}
    state = fold_cases(facts, ground.rules, ground.day)
    over = set()
    if not ground.whole and ground.day != ground.today:
        today = fold_cases(facts, ground.rules_today, ground.today)
        over = {case.fact.index for case in today.cases if not case.counts}
    found = []
    for case in state.cases:
        records = {(reference.issuer, reference.id) for reference in case.records or ()}
        if case.counts and case.fact.index not in over and records & carried:
            found.append(case)
            # Who reviewed it and what it was matched with belong to it; the feedback of others does not.
            steps[case.fact.index] = []
        else:
            gone[case.fact.index] = Gone(case.fact, f"case_{case.state}", case.changed_by)
    initiations = {(case.fact.issuer, case.fact.id): case.fact.index for case in found}
    for fact in facts:
        if fact.index in gone or fact.index in steps:
            continue
        index = next((initiations.get((ref.issuer, ref.id)) for ref in fact.refers), None)
        if index is not None and isinstance(fact.body, CaseReviewed | CaseMatched):
            steps[index].append(fact)
        else:
            gone[fact.index] = Gone(fact, STEP)
    return tuple(found)


def _gone(record: RecordState) -> Gone:
    return Gone(record.fact, record.reason, record.changed_by)
