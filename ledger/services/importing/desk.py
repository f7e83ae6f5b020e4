"""What would become of rows, asked of the log beforehand: nothing is kept, nothing is logged.

A member asks about its own statements only, so nobody learns what is not his. Of each row the desk says
whether the log would take it now (by the very rules that admission applies), has it already, or has another
record of the same number about the same subject, which the row would contradict.

The answer holds for the moment: what somebody else submits meanwhile may still refuse a row.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ledger.domain import Record, case_tag, dump_body, identity_of, kind_of, parse_body
from ledger.domain.credit_state import fold_credit
from ledger.domain.facts import Fact
from ledger.domain.fields import Body
from ledger.errors import (
    IdReused,
    IntegrityError,
    KindUnknown,
    LedgerError,
    NotYetPublished,
    RecordConflicts,
    ReferenceUnknown,
    StatementInvalid,
    Unavailable,
)
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope
from ledger.formats.statement import Reference, Statement, parse_statement
from ledger.formats.strictjson import dumps, loads
from ledger.log.clock import Clock, china_day
from ledger.log.credit_rules import CreditRulebook
from ledger.log.facts import find_fact, referring_facts
from ledger.log.reader import LogReader
from ledger.services.evidence import under_checkpoint
from ledger.services.facts import FactCache
from ledger.services.importing.bodies import Wanted
from ledger.services.importing.forms import FORMS
from ledger.services.importing.rows import FoundRecord, PreparedRow, decision_of
from ledger.store.port import LogStore, StoredCheckpoint

State = Literal["new", "already", "refused", "conflicting"]
KINDS = frozenset(form.kind for form in FORMS.values())
"""What rows of sheets become."""
_OURS = (IntegrityError, Unavailable)
"""Errors that say nothing about a row."""
_SAME_NUMBER = 500
"""Entries under one number that are looked at."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A row as the desk is asked about it: what is public of the statement that it would become.

    `body` is its members, or their JSON.
    """

    id: str
    kind: str
    body: Mapping[str, Any] | bytes
    refers: tuple[Reference, ...] = ()

    @property
    def members(self) -> dict[str, Any]:
        """The body's members. Raises a `FormatError`, or `StatementInvalid`."""
        members = loads(self.body) if isinstance(self.body, bytes) else self.body
        if not isinstance(members, Mapping):
            raise StatementInvalid("body must be an object")
        return dict(members)

    def as_json(self) -> bytes:
        """The row as the service is asked about it."""
        body = self.body if isinstance(self.body, bytes) else dumps(dict(self.body))
        refers = [{"issuer": each.issuer, "id": each.id} for each in self.refers]
        more = b',"refers":' + dumps(refers) if refers else b""
        return b'{"id":"%b","kind":"%b","body":%b%b}' % (self.id.encode(), self.kind.encode(), body, more)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would become of a row. Refused or conflicting: the error's code and its two sentences; `record` is
    the one in the log that the row contradicts."""

    state: State
    code: str = ""
    zh: str = ""
    en: str = ""
    record: Reference | None = None


class Desk(Protocol):
    """Who is asked about rows: the log itself, or the service that stands before it."""

    def find(self, wanted: Sequence[Wanted]) -> list[list[FoundRecord]]:
        """The member's own records that each step may be about, in the order asked."""

    def preview(self, rows: Sequence[Offered]) -> list[Outcome]:
        """What would become of each row, in the order asked."""


class LogDesk:
    """The desk of one member at the log; `roles` are the member's. Thread-safe."""

    def __init__(
        self,
        store: LogStore,
        reader: LogReader,
        rulebook: CreditRulebook,
        member: str,
        roles: Collection[str],
        clock: Clock,
        facts: FactCache | None = None,
    ) -> None:
        self._store = store
        self._reader = reader
        self._rulebook = rulebook
        self._member = member
        self._roles = roles
        self._clock = clock
        self._facts = facts or FactCache(1_000)

    def find(self, wanted: Sequence[Wanted]) -> list[list[FoundRecord]]:
        """See `Desk`. Raises `KindUnknown`."""
        for each in wanted:
            _check_kind(each.kind)
        by_number = self._under_numbers([each.number for each in wanted])
        return [
            [
                FoundRecord(Reference(fact.issuer, fact.id), dump_body(fact.body))
                for fact in by_number.get(each.number, ())
                if _is_wanted(fact.body, each)
            ]
            for each in wanted
        ]

    def preview(self, rows: Sequence[Offered]) -> list[Outcome]:
        """See `Desk`."""
        now = self._clock()
        bodies: list[Body | None] = []
        outcomes: list[Outcome] = []
        for row in rows:
            try:
                members = row.members
                body = self._body(row.kind, members)
                outcome = self._stored(row, body) or self._refused(row, members, body, now)
            except _OURS:
                raise
            except LedgerError as error:
                body, outcome = None, refused(error)
            bodies.append(body)
            outcomes.append(outcome or _NEW)
        self._find_conflicts(rows, bodies, outcomes, china_day(now))
        return outcomes

    def _body(self, kind: str, members: dict[str, Any]) -> Body:
        _check_kind(kind)
        return parse_body(kind_of(kind), members)

    def _stored(self, row: Offered, body: Body) -> Outcome | None:
        """Whether the log has the row, or something else under its id."""
        stored = self._store.find(self._member, row.id)
        if stored is None:
            return None
        envelope = parse_envelope(stored.entry)
        if envelope.payload_type == STATEMENT_TYPE:
            statement = parse_statement(envelope.payload)
            if statement.kind == row.kind and statement.body == dump_body(body):
                return Outcome("already")
        return refused(IdReused())

    def _refused(self, row: Offered, members: dict[str, Any], body: Body, now: int) -> Outcome | None:
        """What admission and the gate would say."""
        statement = Statement(
            row.id, row.kind, self._reader.origin, self._member, now, {}, members, None, row.refers
        )
        try:
            self._rulebook.check_statement(statement, body, self._roles, now)
            if kind_of(row.kind).is_gated(row.refers):
                step = Fact(self._store.size(), self._member, row.id, row.refers, body)
                for reference in row.refers:
                    record = find_fact(self._store, reference)
                    if record is None:
                        raise ReferenceUnknown()
                    self._rulebook.check_step(record, referring_facts(self._store, reference), step, now)
        except _OURS:
            raise
        except LedgerError as error:
            return refused(error)
        return None

    def _find_conflicts(
        self, rows: Sequence[Offered], bodies: Sequence[Body | None], outcomes: list[Outcome], day: str
    ) -> None:
        fresh = {
            at: body
            for at, body in enumerate(bodies)
            if isinstance(body, Record) and outcomes[at].state == "new" and not rows[at].refers
        }
        by_number = self._under_numbers([body.number for body in fresh.values()])
        for at, body in fresh.items():
            same = [
                fact
                for fact in by_number.get(body.number, ())
                if isinstance(fact.body, type(body)) and decision_of(fact.body) == decision_of(body)
            ]
            standing = self._standing(by_number[body.number], day) if same else set()
            latest = max((fact for fact in same if fact.index in standing), key=_index_of, default=None)
            if latest is not None:
                error, record = RecordConflicts(), Reference(latest.issuer, latest.id)
                outcomes[at] = Outcome("conflicting", error.code, error.zh, error.en, record)

    def _standing(self, facts: Sequence[Fact], day: str) -> set[int]:
        """The log indexes of the records that are neither withdrawn nor replaced nor over."""
        state = fold_credit(facts, self._rulebook.rules(day), day)
        return {record.fact.index for record in state.records if record.state in ("published", "pending")}

    def _under_numbers(self, numbers: Sequence[str]) -> dict[str, list[Fact]]:
        """The member's own statements under each number, in log order."""
        distinct = list(dict.fromkeys(numbers))
        if not distinct:
            return {}
        try:
            return under_checkpoint(self._reader, "published", lambda at: self._read(at, distinct))[1]
        except NotYetPublished:
            return {}

    def _read(self, checkpoint: StoredCheckpoint, numbers: list[str]) -> dict[str, list[Fact]]:
        found = {}
        for number in numbers:
            entries, _ = self._reader.page(checkpoint, "case", case_tag(number), 0, _SAME_NUMBER)
            own = [entry for entry in entries if entry.issuer == self._member]
            if own:
                found[number] = [self._facts.fact(entry) for entry in own]
        return found


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise KindUnknown(f"the kinds of sheets are {', '.join(sorted(KINDS))}")


def refused(error: LedgerError) -> Outcome:
    """The outcome of a row that an error stands against."""
    return Outcome("refused", error.code, error.zh, error.detail or error.en)


def offered(row: PreparedRow) -> Offered:
    """A prepared row as it is asked about."""
    return Offered(row.id, row.kind, row.body, row.refers)


def _is_wanted(body: Body, wanted: Wanted) -> bool:
    if not isinstance(body, Record) or identity_of(body.subject) not in wanted.subjects:
        return False
    if type(body) is not kind_of(wanted.kind).model:
        return False
    return wanted.fits(dump_body(body))


def _index_of(fact: Fact) -> int:
    return fact.index


_NEW = Outcome("new")
