"""How a case is shown: the shapes of the answers, and what of a case each one shows to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.domain.case_state import CasesState, CaseState
from ledger.domain.cases import CaseAnswered, CaseInitiated, CaseStep
from ledger.domain.facts import Fact
from ledger.domain.subjects import Authority, Organisation, subject_tag
from ledger.formats.bundle import Completeness
from ledger.formats.statement import Reference
from ledger.services.answers import (
    CheckpointReference,
    CompletenessSummary,
    EntryReference,
    Logged,
    reference_of,
)
from ledger.services.case_register import Figures, came_to_executors
from ledger.services.evidence import today
from ledger.store.port import StoredEntry


@dataclass(frozen=True, slots=True)
class ShownParty:
    """Whom a case is about: an organisation by code and name, a person by tag only."""

    type: str
    code: str | None
    name: str | None
    tag: str


@dataclass(frozen=True, slots=True)
class NamedMeasure:
    """A measure by its code, and its name in the edition in force (the code, where that has it no more)."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """One answer of an executor: applied or not and why, by which desk, on which day.

    `received_on` is the day on which the log accepted it.
    """

    applied: str
    content: str | None
    desk: str
    on: str
    received_on: str
    matter: str | None
    entry: EntryReference


@dataclass(frozen=True, slots=True)
class ExecutorView:
    """One executor: whether the case came to it (`received`), its feedback, and how it stands with that:
    `none_due`, `waiting`, `overdue`, `answered`, or `late` (answered after the deadline)."""

    uscc: str
    name: str
    received: bool
    status: str
    answers: tuple[Feedback, ...]


@dataclass(frozen=True, slots=True)
class CaseStatement:
    """One statement of a case, by reference: its kind's last word, the day it took effect, and whether it
    changed anything (what did not fit is logged, and changed nothing)."""

    step: str
    on: str
    effective: bool
    entry: EntryReference


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case on a day. `state`: `proposed`, `returned`, `approved`, `lifted`, `ended`; `in_force`: its
    measures apply. What only those who see the case whole see is None, or empty, for others.

    `received` and `handled` count its executors: to whom it came, and who gave feedback.
    """

    case: str
    reference: Reference
    state: str
    in_force: bool
    subject: ShownParty | None
    field: str | None
    reason: str | None
    list: str | None
    measures: tuple[NamedMeasure, ...]
    basis: str | None
    from_day: str
    until: str | None
    proposer: str
    proposer_name: str
    reviewed_on: str | None
    matched_on: str | None
    records: tuple[Reference, ...]
    feedback_due: str | None
    received: int
    handled: int
    overdue: int
    executors: tuple[ExecutorView, ...]
    statements: tuple[CaseStatement, ...]


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """One case, proved; the look at it is `logged`."""

    view: CaseView
    day: str
    checkpoint: CheckpointReference
    completeness: tuple[CompletenessSummary, ...]
    bundle: bytes
    logged: Logged


@dataclass(frozen=True, slots=True)
class CasesAnswer:
    """A page of cases, newest first, each proved as one alone is; `after` is where the next page begins.

    `scanned` entries of the log were looked through for cases.
    """

    cases: tuple[CaseView, ...]
    day: str
    scanned: int
    checkpoint: CheckpointReference
    completeness: tuple[CompletenessSummary, ...]
    after: int | None
    bundle: bytes
    logged: tuple[Logged, ...]


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """Counts of matched cases over all executors asked about, and each."""

    day: str
    scanned: int
    total: Figures
    departments: tuple[Figures, ...]


@dataclass(frozen=True, slots=True)
class FoundCase:
    """A case as it stands under a checkpoint: its statements, the entries they stand in by index, and the
    completeness section of its number's key."""

    initiated: Fact
    history: Sequence[Fact]
    entries: Mapping[int, StoredEntry]
    folded: CasesState
    section: Completeness

    @property
    def body(self) -> CaseInitiated:
        """What the initiation says."""
        assert isinstance(self.initiated.body, CaseInitiated)
        return self.initiated.body

    @property
    def state(self) -> CaseState:
        return self.folded.cases[0]

    def reference_of(self, fact: Fact) -> EntryReference:
        """One of its statements by place and hash."""
        return reference_of(fact, self.entries[fact.index].leaf_hash.hex())


def view_of(found: FoundCase, names: Mapping[str, str], whole: bool, member: str, day: str) -> CaseView:
    """A case as `member` sees it, `whole` or not; `names` are the measures' names by code."""
    body, state = found.body, found.state
    executors = [_executor(found, each, whole or each.uscc == member, day) for each in body.executors]
    return CaseView(
        case=body.case,
        reference=Reference(found.initiated.issuer, found.initiated.id),
        state=state.state,
        in_force=state.counts,
        subject=_party(body) if whole else None,
        field=body.field if whole else None,
        reason=body.reason if whole else None,
        list=body.list_code if whole else None,
        measures=tuple(NamedMeasure(code, names.get(code, code)) for code in body.measures if whole),
        basis=body.basis if whole else None,
        from_day=body.from_day,
        until=body.until,
        proposer=body.proposer.uscc,
        proposer_name=body.proposer.name,
        reviewed_on=state.reviewed_on,
        matched_on=state.matched_on,
        records=(state.records or ()) if whole else (),
        feedback_due=state.feedback_due,
        received=len(executors) if came_to_executors(state) else 0,
        handled=sum(each.status in ("answered", "late") for each in executors),
        overdue=sum(each.status == "overdue" for each in executors),
        executors=tuple(each for each in executors if whole or each.uscc == member),
        statements=_statements(found, None if whole else member),
    )


def _executor(found: FoundCase, executor: Authority, shown: bool, day: str) -> ExecutorView:
    answers = tuple(_feedback(found, fact) for fact in found.state.answers if fact.issuer == executor.uscc)
    status = _status(found.state, answers, day)
    return ExecutorView(
        executor.uscc, executor.name, came_to_executors(found.state), status, answers if shown else ()
    )


def _status(state: CaseState, answers: Sequence[Feedback], day: str) -> str:
    due = state.feedback_due
    if due is None or not came_to_executors(state):
        return "none_due"
    if answers:
        return "late" if min(each.received_on for each in answers) > due else "answered"
    lifted = state.changed_by if state.state == "lifted" else None
    if lifted is not None and _day_of(lifted) <= due:
        # It was lifted in time: there is nothing to answer late.
        return "waiting"
    return "overdue" if day > due else "waiting"


def _feedback(found: FoundCase, fact: Fact) -> Feedback:
    body = fact.body
    assert isinstance(body, CaseAnswered)
    return Feedback(
        applied=body.applied,
        content=body.content,
        desk=body.desk,
        on=body.on,
        received_on=today(found.entries[fact.index].accepted_at).isoformat(),
        matter=body.matter,
        entry=found.reference_of(fact),
    )


def _statements(found: FoundCase, only_of: str | None) -> tuple[CaseStatement, ...]:
    """All statements, or all but the feedback of others than `only_of`."""
    ineffective = {step.fact.index for step in found.folded.ineffective}
    return tuple(
        CaseStatement(
            step=type(fact.body).__name__.removeprefix("Case").lower(),
            on=_day_of(fact),
            effective=fact.index not in ineffective,
            entry=found.reference_of(fact),
        )
        for fact in (found.initiated, *found.history)
        if only_of is None or fact.issuer == only_of or not isinstance(fact.body, CaseAnswered)
    )


def _party(body: CaseInitiated) -> ShownParty:
    subject, tag = body.subject, subject_tag(body.subject)
    if isinstance(subject, Organisation):
        return ShownParty("organisation", subject.uscc, subject.name, tag)
    return ShownParty("person", None, None, tag)


def _day_of(fact: Fact) -> str:
    body = fact.body
    if isinstance(body, CaseStep):
        return body.on
    assert isinstance(body, CaseInitiated)
    return body.from_day
