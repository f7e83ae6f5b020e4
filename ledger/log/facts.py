"""What a stored entry says, parsed by the models that validated it."""

from ledger.domain import parse_body
from ledger.domain.facts import Fact
from ledger.domain.kinds import kind_of
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope
from ledger.formats.statement import Reference, parse_statement
from ledger.store.port import LogStore, StoredEntry


def fact_of(index: int, entry: bytes) -> Fact | None:
    """The statement of an entry; None for a manifest. Raises an `InputError` for what was never admitted."""
    envelope = parse_envelope(entry)
    if envelope.payload_type != STATEMENT_TYPE:
        return None
    statement = parse_statement(envelope.payload)
    body = parse_body(kind_of(statement.kind), statement.body)
    return Fact(index, statement.issuer, statement.id, statement.refers, body)


def find_fact(store: LogStore, reference: Reference) -> Fact | None:
    """What was accepted under (issuer, id), integrated or not; None when nothing, or a manifest, was."""
    stored = store.find(reference.issuer, reference.id)
    return None if stored is None else fact_of(stored.index, stored.entry)


def referring_facts(store: LogStore, reference: Reference) -> list[Fact]:
    """All accepted statements that refer to (issuer, id), in log order."""
    return facts_at(store, store.referrers(reference.issuer, reference.id))


def facts_at(store: LogStore, indexes: list[int]) -> list[Fact]:
    """The statements at these indexes, in their order."""
    found = [_fact(stored) for index in indexes if (stored := store.entry(index)) is not None]
    return [fact for fact in found if fact is not None]


def _fact(stored: StoredEntry) -> Fact | None:
    return fact_of(stored.index, stored.entry)
