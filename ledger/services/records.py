"""The life of one record: its state, what was done about it, and what is still to be done by when.

A record is named by its statement, `ISSUER:ID`. Its issuer, auditors and the operator see it whole, whatever
became of it. Another officer or publisher sees a record about an organisation while it counts, and of one
that ended no more than that, by reference; of a record about a natural person nothing. Who looks at a record
looks at its subject, so each view is logged before it is shown; so is an attempt about a person that is
refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.domain import OrganisationCode, Person, dump_body
from ledger.domain.credit_state import RecordState, StepState, fold_credit
from ledger.domain.deadlines import duties_of
from ledger.domain.facts import Fact
from ledger.domain.records import Record, case_tag, identity_of
from ledger.domain.rules import KIND_NAMES, Rules
from ledger.domain.steps import Step
from ledger.domain.subjects import subject_tag
from ledger.errors import NotFound, NotYetPublished, RoleMissing
from ledger.formats.bundle import Completeness, format_bundle
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import Reference, parse_statement
from ledger.log.clock import Clock
from ledger.log.reader import LogReader
from ledger.merkle import index_key
from ledger.services.answers import (
    Asked,
    CheckpointReference,
    CompletenessSummary,
    EntryReference,
    Level,
    Logged,
    reference_of,
)
from ledger.services.case_register import RulesAt
from ledger.services.evidence import checkpoint_reference, look, summaries, today, under_checkpoint
from ledger.services.facts import FactCache
from ledger.services.handling import handles, refusals_logged, stated
from ledger.services.histories import history_of
from ledger.services.recorder import AccessRecorder
from ledger.store.port import StoredCheckpoint, StoredEntry

_SEES_ALL = frozenset({"auditor", "operator"})


@dataclass(frozen=True, slots=True)
class RecordStep:
    """One step by reference: its kind, its day, who took it, whether it was `applied`, is `upcoming`, or was
    `ineffective` (and then the code of the refusal)."""

    kind: str
    on: str
    issuer: str
    outcome: str
    refused: str | None
    entry: EntryReference


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that somebody still has to do about the record, and the last day for it."""

    duty: str
    due: str
    overdue: bool
    since: EntryReference


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record on a day, as `ledger.domain.credit_state.RecordState` says.

    `body` is what it states; None where that is not shown, as are severity, marks and terms then.
    """

    kind: str
    entry: EntryReference
    state: str
    reason: str
    counts: bool
    body: dict[str, Any] | None
    objected: bool | None
    repair: str | None
    corrected: bool | None
    severity: str | None
    performed: str | None
    publish_from: str | None
    publish_until: str | None
    repair_from: str | None
    changed_by: EntryReference | None
    history: tuple[RecordStep, ...]
    deadlines: tuple[Deadline, ...]


@dataclass(frozen=True, slots=True)
class RecordAnswer:
    """One record, proved; the look at it is `logged`."""

    view: RecordView
    day: str
    checkpoint: CheckpointReference
    completeness: tuple[CompletenessSummary, ...]
    bundle: bytes
    logged: Logged


@dataclass(frozen=True, slots=True)
class _Found:
    """A record under a checkpoint: what the log says about the same decision, and how it stands."""

    fact: Fact
    entries: dict[int, StoredEntry]
    kinds: dict[int, str]
    state: RecordState
    steps: Sequence[StepState]
    section: Completeness

    def reference_of(self, fact: Fact) -> EntryReference:
        return reference_of(fact, self.entries[fact.index].leaf_hash.hex())


class RecordService:
    """`reader` is the credit log's."""

    def __init__(self, reader: LogReader, recorder: AccessRecorder, rules_at: RulesAt, clock: Clock) -> None:
        self._reader = reader
        self._recorder = recorder
        self._rules_at = rules_at
        self._clock = clock
        self._facts = FactCache(20_000)

    def record(self, reference: Reference, asked: Asked, level: Level = "published") -> RecordAnswer:
        """One record, logged before it is shown.

        Raises `NotFound`, `NotYetPublished`, `RoleMissing` for who may not see it, `PurposeMissing` for who
        does not handle it and says nothing, and what logging raises.
        """
        now = self._clock()
        day = today(now).isoformat()
        record = self._record(reference)
        body = record.body
        assert isinstance(body, Record)
        resource = f"records/{reference.issuer}/{reference.id}"
        caller = asked.principal
        entitled = not _SEES_ALL.isdisjoint(caller.roles) or caller.member == record.issuer
        with refusals_logged(self._recorder, asked, body.subject, now, resource):
            asked = stated(
                asked, handles(caller, record.issuer, body.authority.uscc, identity_of(body.subject))
            )
            if not entitled and isinstance(body.subject, Person):
                raise RoleMissing("a person's record is for its issuer, auditors and the operator to see")
        checkpoint, found = under_checkpoint(
            self._reader, level, lambda checkpoint: self._find(checkpoint, record, day)
        )
        if found is None:
            raise NotYetPublished
        whole = entitled or found.state.counts
        shown = [found.fact.index, *(step.fact.index for step in found.steps)] if whole else []
        bundle = self._reader.bundle(checkpoint, shown, [found.section])
        view = self._view(found, whole, self._rules_at(day), day)
        event = look(
            asked,
            action="query",
            resource=resource,
            subject=_subject_of(body),
            rows=1 if whole else 0,
            now=now,
            randomness=self._recorder.randomness,
        )
        logged = self._recorder.record(event)
        return RecordAnswer(
            view=view,
            day=day,
            checkpoint=checkpoint_reference(checkpoint, level, bundle),
            completeness=summaries([found.section], set(shown)),
            bundle=format_bundle(bundle),
            logged=logged,
        )

    def _record(self, reference: Reference) -> Fact:
        stored = self._reader.find(reference.issuer, reference.id)
        fact = _fact_of(stored, self._facts) if stored is not None else None
        if fact is None or not isinstance(fact.body, Record):
            raise NotFound("the log holds no record under this issuer and id")
        return fact

    def _find(self, checkpoint: StoredCheckpoint, record: Fact, day: str) -> _Found | None:
        """The record with all that was said about the same decision; None where it is not published yet."""
        body = record.body
        assert isinstance(body, Record)
        subject, number = subject_tag(body.subject), case_tag(body.number)
        history = history_of(self._reader, checkpoint, body.number, subject)
        # One number may stand for many subjects; only this one's statements under it are parsed.
        own = {index_key("subject", bytes.fromhex(subject)), index_key("case", bytes.fromhex(number))}
        entries = {entry.index: entry for entry in history.entries if own.issubset(entry.index_keys)}
        if record.index not in entries:
            return None
        facts = [fact for entry in entries.values() if (fact := _fact_of(entry, self._facts)) is not None]
        folded = fold_credit(facts, self._rules_at(day), day)
        state = next(each for each in folded.records if each.fact.index == record.index)
        reference = Reference(record.issuer, record.id)
        steps = [step for step in folded.steps if reference in step.fact.refers]
        kinds = {step.fact.index: _kind_of(entries[step.fact.index]) for step in steps}
        return _Found(record, entries, kinds, state, steps, history.completeness)

    def _view(self, found: _Found, whole: bool, rules: Rules, day: str) -> RecordView:
        state = found.state
        changed_by = state.changed_by
        return RecordView(
            kind=KIND_NAMES[type(found.fact.body)],
            entry=found.reference_of(found.fact),
            state=state.state,
            reason=state.reason,
            counts=state.counts,
            body=dump_body(found.fact.body) if whole else None,
            objected=state.objected if whole else None,
            repair=state.repair if whole else None,
            corrected=state.corrected if whole else None,
            severity=state.severity if whole else None,
            performed=state.performed if whole else None,
            publish_from=state.publish_from if whole else None,
            publish_until=state.publish_until if whole else None,
            repair_from=state.repair_from if whole else None,
            changed_by=found.reference_of(changed_by) if changed_by is not None else None,
            history=tuple(_step(found, step) for step in found.steps) if whole else (),
            deadlines=_deadlines(found, rules, day) if whole else (),
        )


def _step(found: _Found, step: StepState) -> RecordStep:
    body = step.fact.body
    assert isinstance(body, Step)
    return RecordStep(
        kind=found.kinds[step.fact.index],
        on=body.day,
        issuer=step.fact.issuer,
        outcome=step.outcome,
        refused=step.refused,
        entry=found.reference_of(step.fact),
    )


def _deadlines(found: _Found, rules: Rules, day: str) -> tuple[Deadline, ...]:
    duties = duties_of([found.fact, *(step.fact for step in found.steps)], rules)
    return tuple(
        Deadline(duty.kind, duty.due, day > duty.due, found.reference_of(duty.started_by))
        for duty in duties
        if duty.done_by is None
    )


def _subject_of(body: Record) -> OrganisationCode | Person:
    if isinstance(body.subject, Person):
        return body.subject
    return OrganisationCode.model_construct(type="organisation", uscc=body.subject.uscc)


def _fact_of(entry: StoredEntry, facts: FactCache) -> Fact | None:
    """A statement; None for a manifest, which stands under no index key but has an issuer and an id too."""
    return facts.fact(entry) if entry.index_keys else None


def _kind_of(entry: StoredEntry) -> str:
    return parse_statement(parse_envelope(entry.entry).payload).kind
