"""Where the log says which edition of the catalogue is in force: the entry that published it."""

from dataclasses import dataclass
from threading import Lock

from ledger.catalog import Catalogue
from ledger.domain import CataloguePublished
from ledger.domain.reports import edition_tag
from ledger.log.reader import LogReader
from ledger.services.answers import CatalogueReference, reference_of
from ledger.services.facts import FactCache
from ledger.store.port import StoredCheckpoint


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found under a checkpoint of this size: a reference, or none yet."""

    size: int
    reference: CatalogueReference


class EditionEntries:
    """The entries of the editions; thread-safe. Found once, an entry is not looked for again.

    `operator` is the only member whose word on editions counts.
    """

    def __init__(self, reader: LogReader, facts: FactCache, operator: str) -> None:
        self._reader = reader
        self._facts = facts
        self._operator = operator
        self._looked: dict[str, _Looked] = {}
        self._lock = Lock()

    def reference(self, checkpoint: StoredCheckpoint, catalogue: Catalogue) -> CatalogueReference:
        """An edition as an answer under this checkpoint names it; raises what `LogReader.lookup` raises."""
        with self._lock:
            looked = self._looked.get(catalogue.sm3)
        if looked is None or (looked.reference.entry is None and looked.size != checkpoint.size):
            looked = _Looked(checkpoint.size, self._look(checkpoint, catalogue))
            with self._lock:
                self._looked[catalogue.sm3] = looked
        entry = looked.reference.entry
        if entry is not None and entry.index >= checkpoint.size:
            return CatalogueReference(catalogue.edition, catalogue.sm3)
        return looked.reference

    def _look(self, checkpoint: StoredCheckpoint, catalogue: Catalogue) -> CatalogueReference:
        history = self._reader.lookup(checkpoint, "case", edition_tag(catalogue.edition))
        for stored in history.entries:
            fact = self._facts.fact(stored)
            body = fact.body
            if (
                isinstance(body, CataloguePublished)
                and fact.issuer == self._operator
                and body.sm3 == catalogue.sm3
            ):
                reference = reference_of(fact, stored.leaf_hash.hex())
                return CatalogueReference(catalogue.edition, catalogue.sm3, reference)
        return CatalogueReference(catalogue.edition, catalogue.sm3)
