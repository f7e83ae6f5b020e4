"""Working off what an earlier version did not keep: what is due of the entries that it accepted."""

from collections.abc import Callable

from ledger.domain.kinds import kind_of, parse_body
from ledger.errors import InputError
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope
from ledger.formats.statement import parse_statement
from ledger.log.rulebook import Rulebook
from ledger.store.port import LogStore, StoredDue, StoredEntry

STRETCH = 2_000
"""Entries worked off in one transaction."""


def work_off_backlog(store: LogStore, rulebook: Rulebook, stopping: Callable[[], bool]) -> int:
    """Add what is due of a log's backlog, in bounded memory; returns how many entries were worked off.

    What is due is what it would have been when the entry was accepted. A kill leaves whole stretches done.
    """
    done = 0
    while not stopping():
        backlog = store.due_backlog()
        if backlog is None:
            break
        start, stop = backlog[0], min(backlog[0] + STRETCH, backlog[1])
        dues = [due for entry in store.entries(start, stop) for due in _due_of(entry, rulebook)]
        store.work_off(start, stop, dues)
        done += stop - start
    return done


def _due_of(entry: StoredEntry, rulebook: Rulebook) -> list[StoredDue]:
    try:
        envelope = parse_envelope(entry.entry)
        if envelope.payload_type != STATEMENT_TYPE:
            return []
        statement = parse_statement(envelope.payload)
        body = parse_body(kind_of(statement.kind), statement.body)
    except InputError:
        # It was changed since it was accepted; the audit names it.
        return []
    found = rulebook.due(statement, body, entry.accepted_at)
    return [StoredDue(kind, day, entry.index) for kind, day in found]
