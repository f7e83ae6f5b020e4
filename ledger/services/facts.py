"""What logged entries say, parsed once: an entry never changes, so neither does what it says."""

import json

from ledger.domain.admitted import admitted_body
from ledger.domain.facts import Fact
from ledger.domain.kinds import kind_of
from ledger.formats.envelope import statement_in
from ledger.formats.statement import Reference
from ledger.log.keeping import Kept
from ledger.store.port import StoredEntry

_decode = json.JSONDecoder().decode


class FactCache:
    """Parsed entries by leaf hash; safe for any number of threads."""

    def __init__(self, size: int = 20_000) -> None:
        """`size`: facts that are kept, some 3 kB each."""
        self._facts: Kept[bytes, Fact] = Kept(size)

    def fact(self, entry: StoredEntry) -> Fact:
        """What an entry says.

        Its form was checked on admission and its bytes against their leaf hash when they were read, so it is
        taken apart without checking all that again.
        """
        fact = self._facts.get(entry.leaf_hash)
        if fact is None or fact.index != entry.index:
            fact = read_fact(entry)
            self._facts.keep(entry.leaf_hash, fact)
        return fact


def read_fact(entry: StoredEntry) -> Fact:
    """The fact in an admitted statement's entry. Raises a `FormatError` or `KindUnknown` where it is none."""
    statement = _decode(statement_in(entry.entry).decode())
    body = admitted_body(kind_of(statement["kind"]), statement["body"])
    refers = tuple([Reference(each["issuer"], each["id"]) for each in statement.get("refers", ())])
    return Fact(entry.index, statement["issuer"], statement["id"], refers, body)
