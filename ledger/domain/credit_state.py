"""What a subject's credit statements amount to on a day: which records count, and why others do not.

    state = fold_credit(facts, rules, "2026-09-21")
    [record.fact.body for record in state.counting]
    [(record.fact.index, record.reason) for record in state.no_longer]
    [(step.fact.index, step.refused) for step in state.ineffective]

A fold over the statements of one subject. The order in which facts are given does not matter, their log
indexes do. A record counts on a day when it is published then. A step changes the one record that it refers
to, if `ledger.domain.life` allows it; one that does not fit is `ineffective` and changes nothing. The same
function, `check_step`, refuses such a step before it is logged.

Everything goes by effective dates, so that a day in the past can be asked about with all that is known now:
a repair counts from the day it was decided, while what was withdrawn or replaced never counted. A decision
that was repaired and is published again does not count again.

`day` and `today` are `YYYY-MM-DD` in China.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ledger.domain.case_state import case_refusal, case_state_of
from ledger.domain.cases import CaseInitiated, CaseStep
from ledger.domain.facts import Fact
from ledger.domain.life import STEP_TYPES, Life, replace, same_decision, take
from ledger.domain.records import Record
from ledger.domain.refusals import after_today, refusal
from ledger.domain.rules import KIND_NAMES, Rules
from ledger.domain.steps import Step
from ledger.formats.words import SEVERITIES

State = Literal["pending", "published", "repaired", "withdrawn", "expired", "lifted", "replaced"]
_LATEST = "9999-12-31"


@dataclass(frozen=True, slots=True)
class RecordState:
    """One record on the day.

    `reason`: `in_force`; `not_yet` or `not_published` (a minor penalty) where pending; else the state.
    `counts` is whether a check may use it. `changed_by`: the statement that ended it. `objected`: an
    objection is open. `repair`: how far an application for repair came. `corrected`: as last reported.
    `publish_until`: the last day of publication; None where none is in sight. `severity`: the class of
    dishonesty; None where it is none. `performed`: what became of a commitment.
    """

    fact: Fact
    state: State
    reason: str
    counts: bool
    changed_by: Fact | None
    objected: bool
    repair: Literal["applied", "accepted", "rejected", "approved"] | None
    corrected: bool | None
    publish_from: str | None
    publish_until: str | None
    severity: str | None
    repair_from: str | None
    performed: str | None


@dataclass(frozen=True, slots=True)
class StepState:
    """One step: the record it refers to, whether it was `applied`, is `upcoming` (dated after the day) or
    `ineffective`, and then the code of the refusal."""

    fact: Fact
    record: Fact | None
    outcome: Literal["applied", "upcoming", "ineffective"]
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class CreditState:
    """A subject on a day, everything in log order: records, steps, and the other statements (of cases)."""

    records: tuple[RecordState, ...]
    steps: tuple[StepState, ...]
    others: tuple[Fact, ...]

    @property
    def counting(self) -> tuple[RecordState, ...]:
        """The records that a check may use."""
        return tuple([record for record in self.records if record.counts])

    @property
    def no_longer(self) -> tuple[RecordState, ...]:
        """The records that do not count, with the reason."""
        return tuple([record for record in self.records if not record.counts])

    @property
    def ineffective(self) -> tuple[StepState, ...]:
        """The steps that fit no record, with the code of the refusal."""
        return tuple([step for step in self.steps if step.outcome == "ineffective"])

    @property
    def hidden(self) -> tuple[tuple[Fact, str], ...]:
        """What an answer gives by reference, digest and reason only, in log order: the records that do not
        count, the steps that concern them (`step`), and the ineffective ones."""
        counting = {record.fact.index for record in self.records if record.counts}
        found = [(record.fact, record.reason) for record in self.records if not record.counts]
        for step in self.steps:
            if step.outcome == "ineffective":
                found.append((step.fact, "ineffective"))
            elif step.record is None or step.record.index not in counting:
                found.append((step.fact, "step"))
        return tuple(sorted(found, key=_index_of_pair))


def fold_credit(facts: Iterable[Fact], rules: Rules, day: str) -> CreditState:
    """The state on `day`; other days than today use the same facts by their effective dates."""
    lives: dict[tuple[str, str], Life] = {}
    cuts: dict[int, Life] = {}
    steps: list[StepState] = []
    others: list[Fact] = []
    for fact in sorted(facts, key=_index_of):
        body = fact.body
        kind = type(body)
        if kind in KIND_NAMES:
            for reference in fact.refers:
                replaced = lives.get((reference.issuer, reference.id))
                if replaced is not None:
                    replace(replaced, fact)
            lives[fact.issuer, fact.id] = Life(fact, rules)
        elif kind in STEP_TYPES:
            steps.append(_step_state(fact, lives, cuts, rules, day))
        else:
            others.append(fact)
    records = [_record_state(life, cuts.get(life.fact.index, life), day) for life in lives.values()]
    if steps:
        records = _without_repeats(records)
    return CreditState(tuple(records), tuple(steps), tuple(others))


def check_step(record: Fact, history: Sequence[Fact], step: Fact, rules: Rules, today: str) -> None:
    """Refuse a step that the record's state does not allow, or that is not its issuer's to take.

    `record` is what the step refers to (a record or the initiation of a case), `history` what was logged
    about it before: all that refers to it. Also checks a record that replaces another. Raises
    `DecisionDateRefused` (dated after `today`), `NotEntitled`, `StepRefused`.
    """
    body = step.body
    if isinstance(record.body, CaseInitiated) or isinstance(body, CaseStep):
        _check_case_step(record, history, step, rules, today)
        return
    if isinstance(body, Step) and body.day > today:
        raise after_today(today)
    if not isinstance(record.body, Record) or not isinstance(body, Step | Record):
        raise refusal("wrong_kind", "")
    life = Life(record, rules)
    for fact in sorted(history, key=_index_of):
        if not _refers_to(fact, record):
            continue
        if isinstance(fact.body, Step):
            take(life, fact, rules)
        elif isinstance(fact.body, Record):
            replace(life, fact)
    code = take(life, step, rules) if isinstance(body, Step) else replace(life, step)
    if code is not None:
        state = life.state_on(body.day if isinstance(body, Step) else today)
        raise refusal(code, state, *_more(code, life))


def counts_now(record: Fact, state_today: CreditState) -> bool:
    """Whether a record may be shown to an officer, whatever day he asks about: it counts today."""
    return any(found.counts for found in state_today.records if found.fact.index == record.index)


def _step_state(
    fact: Fact,
    lives: dict[tuple[str, str], Life],
    cuts: dict[int, Life],
    rules: Rules,
    day: str,
) -> StepState:
    reference = fact.refers[0] if len(fact.refers) == 1 else None
    life = lives.get((reference.issuer, reference.id)) if reference is not None else None
    if life is None:
        return StepState(fact, None, "ineffective", "record_unknown")
    upcoming = fact.body.day > day  # type: ignore[attr-defined]
    before = life.copy() if upcoming and life.fact.index not in cuts else None
    code = take(life, fact, rules)
    if code is not None:
        return StepState(fact, life.fact, "ineffective", code)
    if before is not None:
        cuts[life.fact.index] = before
    return StepState(fact, life.fact, "upcoming" if upcoming else "applied")


def _record_state(life: Life, view: Life, day: str) -> RecordState:
    """`life` as all steps leave it, `view` as the steps up to the day leave it."""
    if life.void is not None:
        state: str = life.void
        by = life.void_by
    else:
        state, by = view.state_on(day), view.ended_by
    if state == "published":
        reason = "in_force"
    elif state == "pending":
        reason = "not_published" if view.start is None else "not_yet"
    else:
        reason = state
    return RecordState(
        life.fact,
        state,  # type: ignore[arg-type]
        reason,
        state == "published",
        by,
        view.objected_on is not None,
        view.repair,  # type: ignore[arg-type]
        view.corrected,
        view.start,
        None if view.corrected is False else view.until,
        view.severity,
        view.repair_from,
        view.performed,
    )


def _without_repeats(records: list[RecordState]) -> list[RecordState]:
    """What was repaired is not shared again because somebody published the same decision again."""
    repaired = [record for record in records if record.state == "repaired"]
    if not repaired:
        return records
    found = []
    for record in records:
        if record.state in ("published", "pending"):
            for earlier in repaired:
                if earlier.fact.index < record.fact.index and _is_repeat(record.fact, earlier.fact):
                    record = _as_repaired(record, earlier)
                    break
        found.append(record)
    return found


def _is_repeat(fact: Fact, earlier: Fact) -> bool:
    body, other = fact.body, earlier.body
    return (
        fact.issuer == earlier.issuer and type(body) is type(other) and same_decision(body, other)  # type: ignore[arg-type]
    )


def _as_repaired(record: RecordState, earlier: RecordState) -> RecordState:
    return RecordState(
        record.fact,
        "repaired",
        "repaired",
        False,
        earlier.changed_by,
        record.objected,
        record.repair,
        record.corrected,
        record.publish_from,
        record.publish_until,
        record.severity,
        record.repair_from,
        record.performed,
    )


def _check_case_step(record: Fact, history: Sequence[Fact], step: Fact, rules: Rules, today: str) -> None:
    if not isinstance(record.body, CaseInitiated) or not isinstance(step.body, CaseStep):
        raise refusal("wrong_kind", "")
    if step.body.on > today:
        raise after_today(today)
    earlier = [fact for fact in history if _refers_to(fact, record)]
    code = case_refusal(record, earlier, step, rules)
    if code is not None:
        raise refusal(code, case_state_of(record, earlier, rules, _LATEST).state)


def _refers_to(fact: Fact, record: Fact) -> bool:
    return any(ref.issuer == record.issuer and ref.id == record.id for ref in fact.refers)


def _more(code: str, life: Life) -> tuple[str, str]:
    """The dates of a refusal, in English and in Chinese."""
    if code == "minimum_not_passed":
        named = SEVERITIES.get(life.severity or "", "")
        return (
            f"class {life.severity}: from {life.repair_from} on",
            f"{named}失信，{life.repair_from} 起可申请",
        )
    if code == "not_over":
        if life.until is None:
            return "it has no end", "没有截止日期"
        if life.corrected is False:
            return f"until {life.until}, and not while uncorrected", f"至 {life.until}，且尚未整改"
        return f"until {life.until}", f"至 {life.until}"
    if code == "back_dated":
        return f"the last step is of {life.last_day}", f"上一步骤日期为 {life.last_day}"
    return "", ""


def _index_of(fact: Fact) -> int:
    return fact.index


def _index_of_pair(pair: tuple[Fact, str]) -> int:
    return pair[0].index
