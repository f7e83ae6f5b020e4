"""Looking through the log's entries for a few kinds among many, cheaply.

What is sought is told by the kind's name standing in the payload's bytes; only what may be of a sought kind
is parsed. JSON may write a character otherwise (`\\u0065`), so a payload with a backslash is parsed too:
nothing is ever missed, and nothing else costs more than decoding base64.
"""

from base64 import b64decode
from collections.abc import Collection, Iterator, Sequence

from ledger.domain import parse_body
from ledger.domain.facts import Fact
from ledger.domain.kinds import kind_of
from ledger.formats.envelope import STATEMENT_TYPE
from ledger.formats.statement import Statement, parse_statement
from ledger.store.port import LogStore, StoredEntry

_PREFIX = f'{{"payloadType":"{STATEMENT_TYPE}","payload":"'.encode()


def needles_of(kinds: Collection[str]) -> tuple[bytes, ...]:
    """What `statement_among` looks for, for these kinds."""
    return tuple(kind.encode() for kind in sorted(kinds))


def statement_among(entry: bytes, needles: Sequence[bytes]) -> Statement | None:
    """The statement of an entry if it may be of one of the kinds sought; None for all that surely is not.

    `entry` was admitted. The caller still compares the kind.
    """
    if not entry.startswith(_PREFIX):
        # A manifest.
        return None
    start = len(_PREFIX)
    payload = b64decode(entry[start : entry.index(b'"', start)])
    if b"\\" not in payload and not any(needle in payload for needle in needles):
        return None
    return parse_statement(payload)


def scan(
    store: LogStore, start: int, stop: int, kinds: Collection[str]
) -> Iterator[tuple[StoredEntry, Statement]]:
    """The entries start..stop-1 whose statements are of these kinds, in order."""
    needles = needles_of(kinds)
    for entry in store.entries(start, stop):
        statement = statement_among(entry.entry, needles)
        if statement is not None and statement.kind in kinds:
            yield entry, statement


def fact_of_statement(index: int, statement: Statement) -> Fact:
    """A statement, parsed on the way, as the folds take it."""
    body = parse_body(kind_of(statement.kind), statement.body)
    return Fact(index, statement.issuer, statement.id, statement.refers, body)
