"""The subject's own view (本人查询): all that is recorded about it, and every look at it, proved complete.

For the window that identified the person, or that an organisation's authorised clerk stands at (role
`subject-desk`). Unlike anybody else the subject sees what no longer counts as well: repaired, withdrawn,
expired records with their states and steps, the statements about organisations behind which the person
stands, and its e-certificates. Sealed content is opened where it is about the subject itself; of other
persons whom it names (an organisation's legal representative, say) name and number stay masked, and it is
then not disclosed in the bundle. What was erased says so.

Both parts come in pages, each with its own bundle; a look at any of them is logged before it is answered, and
stands in the trail the next time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.domain import KINDS, Organisation, OrganisationCode, Person, parse_personal, subject_of
from ledger.domain import dump_body as members_of
from ledger.domain.certificate_state import fold_certificate
from ledger.domain.credit_state import CreditState, RecordState, fold_credit
from ledger.domain.facts import Fact
from ledger.domain.subjects import Personal, PersonDetails, subject_tag
from ledger.errors import InputError, LedgerError, NotYetPublished, SealedErased
from ledger.formats.bundle import Bundle, Disclosure, format_bundle
from ledger.formats.times import format_time
from ledger.log.clock import Clock
from ledger.log.credit_rules import CreditRulebook
from ledger.log.reader import History, LogReader
from ledger.log.sealer import Sealer
from ledger.services.answers import After, Asked, Level, Logged, SubjectQuery, reference_of
from ledger.services.authorisation import Authoriser
from ledger.services.evidence import (
    ResolvedSubject,
    check_asked,
    checkpoint_reference,
    look,
    resolve_subject,
    summaries,
    today,
    under_checkpoint,
)
from ledger.services.facts import FactCache
from ledger.services.masking import show_person
from ledger.services.own_answers import (
    OwnAnswer,
    OwnContent,
    OwnPlace,
    OwnProof,
    OwnRecords,
    OwnState,
    OwnStatement,
    OwnTrail,
    Section,
)
from ledger.services.recorder import AccessRecorder
from ledger.services.trailing import PAGE_LIMIT, TrailPage, TrailReader
from ledger.store.port import LogStore, StoredCheckpoint, StoredEntry

RESOURCE = "own"
_INDEXES = {"credit": "subject", "certificate": "holder"}
_KIND_NAMES = {kind.model: kind.name for kind in KINDS.values()}


@dataclass(frozen=True, slots=True)
class OwnLog:
    """One log that holds statements about subjects."""

    reader: LogReader
    store: LogStore
    sealer: Sealer


@dataclass(frozen=True, slots=True)
class _Found:
    """All statements of a log about the subject, under one checkpoint."""

    checkpoint: StoredCheckpoint
    histories: tuple[History, ...]
    entries: dict[int, StoredEntry]
    facts: dict[int, Fact]
    states: dict[int, OwnState]


class OwnService:
    """`logs` are those of credit and certificates by their short names, `access` the access log's reader."""

    def __init__(
        self,
        logs: Mapping[str, OwnLog],
        access: LogReader,
        recorder: AccessRecorder,
        person_tag_keys: Mapping[int, bytes],
        rulebook: CreditRulebook,
        authoriser: Authoriser,
        clock: Clock,
    ) -> None:
        self._logs = tuple((short, logs[short]) for short in _INDEXES)
        self._trails = TrailReader(access)
        self._recorder = recorder
        self._person_tag_keys = dict(person_tag_keys)
        self._rulebook = rulebook
        self._authoriser = authoriser
        self._clock = clock
        self._facts = FactCache(5_000)

    def view(
        self,
        query: SubjectQuery,
        asked: Asked,
        *,
        section: Section = "both",
        records_after: OwnPlace | None = None,
        trail_after: After | None = None,
        trail_epoch: int | None = None,
        limit: int = 100,
        level: Level = "published",
    ) -> OwnAnswer:
        """A page of each part, or of one; logged before it is answered.

        To go on, ask for one part with its `after` (and `epoch`). Raises `PurposeMissing`,
        `IdentifierInvalid`, `CheckDigitWrong`, `InputError`, `CursorInvalid`, `NotYetPublished`, and what
        logging raises.
        """
        subject = resolve_subject(query, self._person_tag_keys)
        now = self._clock()
        try:
            check_asked(asked)
        except InputError as error:
            self._authoriser.refuse(asked, subject, error, now, action="own", resource=RESOURCE)
            raise
        if not 1 <= limit <= PAGE_LIMIT:
            raise InputError(f"limit must be from 1 to {PAGE_LIMIT}")
        records = trail = None
        if section != "trail":
            records = self._records(subject, records_after, limit, level, today(now).isoformat())
        if section != "records":
            tags = subject.tags
            page = self._trails.page("subject", tags, trail_after, trail_epoch, limit, level, whole=True)
            trail = _trail(page, subject)
        logged = self._log(subject, asked, records, trail, now)
        return OwnAnswer(subject.shown, today(now).isoformat(), records, trail, logged)

    def _log(
        self,
        subject: ResolvedSubject,
        asked: Asked,
        records: OwnRecords | None,
        trail: OwnTrail | None,
        now: int,
    ) -> Logged:
        rows = len(records.statements) if records is not None else 0
        if trail is not None:
            rows += len(trail.events) + len(trail.authorisations)
        event = look(
            asked,
            action="own",
            resource=RESOURCE,
            subject=subject.reference,
            rows=rows,
            now=now,
            randomness=self._recorder.randomness,
        )
        return self._recorder.record(event)

    # What is recorded

    def _records(
        self, subject: ResolvedSubject, after: OwnPlace | None, limit: int, level: Level, day: str
    ) -> OwnRecords:
        statements: list[OwnStatement] = []
        proofs: list[OwnProof] = []
        bundles: dict[str, bytes] = {}
        following: OwnPlace | None = None
        for place, (short, log) in enumerate(self._logs):
            if after is not None and place < after.log:
                continue
            beyond = after.index if after is not None and place == after.log else -1
            found = self._find(short, log, subject, level, day)
            if found is None:
                continue
            left = [index for index in found.facts if index > beyond]
            shown = left[: limit - len(statements)]
            disclosures: dict[int, Disclosure] = {}
            for index in shown:
                statements.append(self._statement(short, log, subject, found, index, disclosures))
            bundle = _bundle(log.reader, found, shown, disclosures)
            sections = [history.completeness for history in found.histories]
            checkpoint = checkpoint_reference(found.checkpoint, level, bundle)
            proofs.append(OwnProof(short, checkpoint, summaries(sections, set(shown))))
            bundles[short] = format_bundle(bundle)
            if len(shown) < len(left):
                following = OwnPlace(place, shown[-1] if shown else beyond)
                break
        return OwnRecords(tuple(statements), tuple(proofs), following, bundles)

    def _find(
        self, short: str, log: OwnLog, subject: ResolvedSubject, level: Level, day: str
    ) -> _Found | None:
        """All that a log holds about the subject; None for a log that has published nothing yet."""
        tags = [tag for _, tag in subject.tags]
        try:
            checkpoint, histories = under_checkpoint(
                log.reader,
                level,
                lambda checkpoint: log.reader.lookup_many(checkpoint, _INDEXES[short], tags),
            )
        except NotYetPublished:
            if level != "published":
                raise
            return None
        entries = {entry.index: entry for history in histories for entry in history.entries}
        facts = {index: self._facts.fact(entries[index]) for index in sorted(entries)}
        if short == "credit":
            state = fold_credit(facts.values(), self._rulebook.rules(day), day)
            states = _credit_states(state, entries)
        else:
            states = _certificate_states(facts.values(), day)
        return _Found(checkpoint, tuple(histories), entries, facts, states)

    def _statement(
        self,
        short: str,
        log: OwnLog,
        subject: ResolvedSubject,
        found: _Found,
        index: int,
        disclosures: dict[int, Disclosure],
    ) -> OwnStatement:
        fact, entry = found.facts[index], found.entries[index]
        role = _role(fact, subject)
        content, disclosure = self._content(log, fact, role)
        if disclosure is not None:
            disclosures[index] = disclosure
        return OwnStatement(
            short,
            _KIND_NAMES[type(fact.body)],
            reference_of(fact, entry.leaf_hash.hex()),
            format_time(entry.accepted_at),
            role,
            tuple(f"{reference.issuer}:{reference.id}" for reference in fact.refers),
            members_of(fact.body),
            found.states.get(index),
            content,
        )

    def _content(self, log: OwnLog, fact: Fact, role: str) -> tuple[OwnContent, Disclosure | None]:
        """The sealed content as the subject sees it, and what may be disclosed in the bundle."""
        sealed = log.store.sealed(fact.index)
        if sealed is None:
            return OwnContent("none"), None
        if role != "itself":
            return OwnContent("of_another"), None
        about = subject_of(fact.body)
        assert isinstance(about, Organisation | OrganisationCode | Person)
        try:
            salt, content = log.sealer.open(sealed, subject_tag(about), fact.issuer, fact.id)
            personal = parse_personal(content)
        except SealedErased:
            return OwnContent("erased"), None
        except LedgerError:
            # The audit names it; the rest of the view is not kept from the subject for it.
            return OwnContent("unreadable"), None
        itself = personal.subject if isinstance(about, Person) else None
        shown, others = _shown(personal, itself)
        return OwnContent("open", shown), None if others else Disclosure(salt, content)


def _bundle(
    reader: LogReader, found: _Found, shown: Sequence[int], disclosures: Mapping[int, Disclosure]
) -> Bundle:
    sections = [history.completeness for history in found.histories]
    return reader.bundle(found.checkpoint, shown, sections, disclosures)


def _trail(page: TrailPage, subject: ResolvedSubject) -> OwnTrail:
    return OwnTrail(
        page.events,
        page.authorisations,
        page.checkpoint,
        page.completeness,
        page.after,
        page.epoch if isinstance(subject.reference, Person) else None,
        format_bundle(page.bundle),
    )


def _role(fact: Fact, subject: ResolvedSubject) -> str:
    """`itself`, or as what the person stands behind the statement's subject."""
    tags = {tag for _, tag in subject.tags}
    about = subject_of(fact.body)
    if isinstance(about, Organisation | OrganisationCode | Person) and subject_tag(about) in tags:
        return "itself"
    roles = [person.role for person in getattr(fact.body, "related", None) or () if person.person_tag in tags]
    return roles[0] if roles else "behind"


def _shown(personal: Personal, itself: PersonDetails | None) -> tuple[dict[str, Any], bool]:
    """Sealed content as the subject sees it, and whether it names other persons, who are masked."""
    shown = personal.model_dump(exclude_none=True)
    others = False
    for member, value in (
        ("subject", personal.subject),
        ("legal_representative", personal.legal_representative),
    ):
        if value is not None:
            others = others or value is not itself
            shown[member] = _details(value, value is itself)
    if personal.related is not None:
        others = True
        shown["related"] = [_details(each, False) for each in personal.related]
    return shown, others


def _details(details: PersonDetails, itself: bool) -> dict[str, Any]:
    person = show_person(details, "subject" if itself else "auditor")
    members = {
        "name": person.name,
        "document_type": person.document_type,
        "document_number": person.number,
    }
    return {name: value for name, value in members.items() if value is not None}


def _credit_states(state: CreditState, entries: Mapping[int, StoredEntry]) -> dict[int, OwnState]:
    states = {record.fact.index: _record_state(record, entries) for record in state.records}
    for step in state.steps:
        states[step.fact.index] = OwnState(step.outcome, step.refused)
    return states


def _record_state(record: RecordState, entries: Mapping[int, StoredEntry]) -> OwnState:
    by = record.changed_by
    return OwnState(
        record.state,
        record.reason,
        record.counts,
        record.objected,
        record.repair,
        record.corrected,
        record.publish_from,
        record.publish_until,
        record.repair_from,
        reference_of(by, entries[by.index].leaf_hash.hex())
        if by is not None and by.index in entries
        else None,
    )


def _certificate_states(facts: Iterable[Fact], day: str) -> dict[int, OwnState]:
    facts = list(facts)
    states = {}
    for identifier in {getattr(fact.body, "identifier", "") for fact in facts}:
        status = fold_certificate(identifier, [fact for fact in facts if _is_of(fact, identifier)], day)
        if status is not None:
            states[status.issued.index] = OwnState(status.state, status.why, status.in_force)
    return states


def _is_of(fact: Fact, identifier: str) -> bool:
    return identifier in (getattr(fact.body, "identifier", None), getattr(fact.body, "replaces", None))
