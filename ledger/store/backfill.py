"""What a database of an earlier version lacks, made from its entries when it is first opened.

References are needed by the first step that is checked, so they are filled in at once, in the migration: of
each entry only the text of its statement is searched, and the few that refer to something are parsed. What is
due needs the catalogue, which a store knows nothing of: the entries are noted as a backlog for the worker.
"""

import binascii
import sqlite3
from collections.abc import Iterable, Iterator

from ledger.errors import IntegrityError, LedgerError
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope
from ledger.formats.statement import Reference, parse_statement
from ledger.store.ids import id_bytes

BACKLOG = "due/backlog"
"""The fact that holds the backlog, as two decimal numbers with a space between."""

_CHUNK = 2_000
_PAYLOAD_AT = b'"payload":"'
_NAME = b'"refers"'


def reference_rows(first: int, refers: Iterable[Iterable[Reference]]) -> list[tuple[str, bytes, int]]:
    """Rows of the table `reference` for entries from `first` on, given what each refers to."""
    return [
        (reference.issuer, id_bytes(reference.id), index)
        for index, references in enumerate(refers, first)
        for reference in references
    ]


def fill_references(connection: sqlite3.Connection) -> None:
    """Fill the empty table `reference` from all entries; memory is bounded by the chunk."""
    for start in range(0, _next_index(connection), _CHUNK):
        rows = connection.execute(
            "SELECT idx, entry FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx", (start, start + _CHUNK)
        ).fetchall()
        connection.executemany(
            "INSERT OR IGNORE INTO reference (issuer, id, idx) VALUES (?, ?, ?)", _references_of(rows)
        )


def note_backlog(connection: sqlite3.Connection) -> None:
    """Note that of all entries that are there nothing due was kept."""
    size = _next_index(connection)
    if size:
        connection.execute("INSERT INTO fact (name, value) VALUES (?, ?)", (BACKLOG, b"0 %d" % size))


def parse_backlog(value: bytes | None) -> tuple[int, int] | None:
    """The backlog from its fact's value; None when it is worked off. Raises `IntegrityError`."""
    if value is None:
        return None
    try:
        start, stop = map(int, value.split(b" "))
    except ValueError as error:
        raise IntegrityError("the stored backlog is not in form") from error
    return (start, stop) if start < stop else None


def _references_of(rows: Iterable[tuple[int, bytes]]) -> Iterator[tuple[str, bytes, int]]:
    for index, entry in rows:
        try:
            if not _may_refer(entry):
                continue
            envelope = parse_envelope(entry)
            if envelope.payload_type != STATEMENT_TYPE:
                continue
            refers = parse_statement(envelope.payload).refers
        except (LedgerError, binascii.Error):
            # It was parsed when it was accepted, so it was changed since: the audit names it.
            continue
        yield from reference_rows(index, [refers])


def _may_refer(entry: bytes) -> bool:
    """Whether a statement's text holds the member `refers`, or something that looks like it."""
    start = entry.find(_PAYLOAD_AT) + len(_PAYLOAD_AT)
    payload = binascii.a2b_base64(entry[start : entry.find(b'"', start)])
    # A member's name may be written with escapes; whoever does has it read whole.
    return _NAME in payload or b"\\u" in payload


def _next_index(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT ifnull(max(idx) + 1, 0) FROM entry").fetchone()[0])
