"""What logged entries say, parsed once: an entry never changes, so neither does what it says."""

import threading
from collections import OrderedDict

from ledger.domain import parse_body
from ledger.domain.facts import Fact
from ledger.domain.kinds import kind_of
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.store.port import StoredEntry


class FactCache:
    """Parsed entries by leaf hash: an entry never changes, so neither does what it says. Thread-safe."""

    def __init__(self, size: int = 50_000) -> None:
        self._size = size
        self._facts: OrderedDict[bytes, Fact] = OrderedDict()
        self._lock = threading.Lock()

    def fact(self, entry: StoredEntry) -> Fact:
        """What an entry says. It was validated on admission; its body is parsed by the same model."""
        with self._lock:
            fact = self._facts.get(entry.leaf_hash)
            if fact is not None and fact.index == entry.index:
                self._facts.move_to_end(entry.leaf_hash)
                return fact
        statement = parse_statement(parse_envelope(entry.entry).payload)
        body = parse_body(kind_of(statement.kind), statement.body)
        fact = Fact(entry.index, statement.issuer, statement.id, statement.refers, body)
        with self._lock:
            self._facts[entry.leaf_hash] = fact
            if len(self._facts) > self._size:
                self._facts.popitem(last=False)
        return fact
