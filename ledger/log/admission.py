"""Who may add what to a log: from a submission's bytes to an entry that the store may append.

Every check of DESIGN.md section 4 that does not need the log's state is made here, each refusal with its
own error, the cheap ones first: form, log, key and issuer, signature, kind, body, index tags, the rules of
the kind (`rulebook.py`), sealed content, time of signing. What passes is a value of its own (`Admitted`), so
that nothing checks again. What depends on the log's state is for the gate (`gate.py`).

`admission_batch.py` does the same for a batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ledger.domain import (
    Organisation,
    OrganisationCode,
    Person,
    check_person_tag,
    kind_of,
    subject_of,
    subject_tag,
    validate,
)
from ledger.domain.fields import Body
from ledger.errors import (
    AccessError,
    FormatError,
    InputError,
    LogMismatch,
    SealedMismatch,
    StatementTimeRefused,
)
from ledger.formats.bundle import Disclosure
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope
from ledger.formats.sealed import sealed_digest
from ledger.formats.statement import Statement, parse_statement
from ledger.gm import verify
from ledger.log.clock import Clock
from ledger.log.directory import Directory, DirectoryKey
from ledger.log.rulebook import Rulebook
from ledger.log.sealer import Sealer
from ledger.log.submission import split_submission
from ledger.merkle import index_key, leaf_hash
from ledger.store.port import LogStore, NewEntry, Sealed

OLDEST_STATEMENT_MS = 24 * 3600 * 1000
"""How long before acceptance a statement may have been signed."""
EARLIEST_STATEMENT_MS = 5 * 60 * 1000
"""How long after acceptance, by clocks that differ, a statement may have been signed."""
_CACHED_INDEX_KEYS = 65_536

Known = Callable[[str, str, bytes], bool]
"""Whether the log holds, under (issuer, id), exactly this envelope."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """One entry that may be appended, with what it states."""

    entry: NewEntry
    statement: Statement
    body: Body

    @property
    def gated(self) -> bool:
        """Whether the state of what it refers to must allow it."""
        refers = self.statement.refers
        return bool(refers) and kind_of(self.statement.kind).is_gated(refers)


class Admission:
    """The door of one log; thread-safe.

    `sealer` encrypts personal content (without one, sealed statements are refused); `person_tag_keys` maps
    epoch to person-tag key; `known` lets a submission that was accepted before through the checks of time
    and rights, so that it can be answered with its first receipt. `rulebook` has the rules of the kinds;
    without one whatever is in form is taken.
    """

    def __init__(
        self,
        origin: str,
        directory: Directory,
        clock: Clock,
        sealer: Sealer | None = None,
        person_tag_keys: Mapping[int, bytes] | None = None,
        known: Known | None = None,
        rulebook: Rulebook | None = None,
    ) -> None:
        self.origin = origin
        self.directory = directory
        self.clock = clock
        self._sealer = sealer
        self._person_tag_keys = dict(person_tag_keys or {})
        self.known = known or (lambda issuer, id, entry: False)
        self.rulebook = rulebook

    def admit(self, submission: bytes) -> Admitted:
        """Check one submission whole.

        Raises `TooLarge`, `FormatError`, `LogMismatch`, `KeyUnknown`, `IssuerMismatch`, `KeyRevoked`,
        `KeyExpired`, `RoleMissing`, `SignatureInvalid`, `KindUnknown`, `StatementInvalid`, `KeysMismatch`,
        `SealedMismatch`, `StatementTimeRefused`, and what the rulebook raises.
        """
        data, disclosure = split_submission(submission)
        envelope = parse_envelope(data)
        if envelope.payload_type != STATEMENT_TYPE or envelope.signature is None:
            raise FormatError(
                "one entry alone must be a signed statement; a manifest and its entries come as a batch"
            )
        statement = parse_statement(envelope.payload)
        if statement.log != self.origin:
            raise LogMismatch(f"the statement is for another log than {self.origin}")
        key = self.directory.key(envelope.keyid)
        now = self.clock()
        try:
            key.check_statement(self.origin, statement.issuer, statement.kind, statement.at, now)
            check_time(statement.at, now)
        except (AccessError, StatementTimeRefused):
            # What was accepted before gets its receipt again, though it would be refused today.
            if not self.known(statement.issuer, statement.id, data):
                raise
        verify(key.public, envelope.pae, envelope.signature)
        return self.examine(data, statement, disclosure, key, now)

    def examine(
        self,
        data: bytes,
        statement: Statement,
        disclosure: Disclosure | None,
        key: DirectoryKey,
        now: int,
    ) -> Admitted:
        """Check what a statement says, and make the entry; the signature and the rights are checked."""
        body = validate(statement)
        due = self._apply_rules(data, statement, body, key, now) if self.rulebook is not None else ()
        sealed = None
        if disclosure is not None or statement.sealed is not None:
            sealed = self._seal(statement, body, disclosure)
        entry = NewEntry(
            statement.issuer,
            statement.id,
            data,
            leaf_hash(data),
            index_keys_of(statement.keys),
            sealed,
            statement.refers,
            due,
        )
        return Admitted(entry, statement, body)

    def _apply_rules(
        self, data: bytes, statement: Statement, body: Body, key: DirectoryKey, now: int
    ) -> tuple[tuple[str, str], ...]:
        assert self.rulebook is not None
        try:
            self.rulebook.check_statement(statement, body, key.member.roles, now)
        except (AccessError, InputError):
            # As above: the rules, and the day, may be others than when it was accepted.
            if not self.known(statement.issuer, statement.id, data):
                raise
        return self.rulebook.due(statement, body, now)

    def _seal(self, statement: Statement, body: Body, disclosure: Disclosure | None) -> Sealed:
        if statement.sealed is None:
            raise SealedMismatch("personal content came with a statement that announces none")
        if disclosure is None:
            raise SealedMismatch("the statement announces sealed content, but none came with it")
        digest = sealed_digest(disclosure.salt, statement.issuer, statement.id, disclosure.content)
        if digest != statement.sealed:
            raise SealedMismatch("the sealed content does not have the digest that the statement names")
        subject = subject_of(body)
        assert subject is None or isinstance(subject, Organisation | OrganisationCode | Person)
        related = getattr(body, "related", None) or ()
        check_person_tag(subject, disclosure.content, self._person_tag_keys, related)
        if self._sealer is None:
            raise SealedMismatch("this log has no master key and takes no sealed content")
        if subject is None:
            raise SealedMismatch("the statement is about nobody whose content could be sealed")
        tag = subject_tag(subject)
        return self._sealer.seal(tag, statement.issuer, statement.id, disclosure.salt, disclosure.content)

    def seal_again(self, entries: Sequence[NewEntry], store: LogStore) -> list[NewEntry]:
        """Admitted entries whose content was sealed under a key that does not stand (`KeyLost`), under those
        that do."""
        assert self._sealer is not None
        again = []
        for entry in entries:
            if entry.sealed is not None:
                sealed = self._sealer.seal_again(entry.sealed, entry.issuer, entry.id, store.data_key)
                entry = replace(entry, sealed=sealed)
            again.append(entry)
        return again


def known_in(store: LogStore) -> Known:
    """What `Admission` asks about repeats, answered from the log's own store."""

    def known(issuer: str, id: str, entry: bytes) -> bool:
        stored = store.find(issuer, id)
        return stored is not None and stored.entry == entry

    return known


def check_time(at: int, now: int) -> None:
    """Refuse a time of signing too long before, or too far after, now (milliseconds)."""
    if not now - OLDEST_STATEMENT_MS <= at <= now + EARLIEST_STATEMENT_MS:
        raise StatementTimeRefused()


def index_keys_of(keys: Mapping[str, tuple[str, ...]]) -> tuple[bytes, ...]:
    """The 32-byte index keys of a statement's tags, distinct and ascending."""
    return tuple(sorted({_index_key(name, tag) for name, tags in keys.items() for tag in tags}))


@lru_cache(maxsize=_CACHED_INDEX_KEYS)
def _index_key(name: str, tag: str) -> bytes:
    return index_key(name, bytes.fromhex(tag))
