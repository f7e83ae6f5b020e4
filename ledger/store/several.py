"""Reading several entries of a log's database at once."""

from collections.abc import Iterator, Sequence

from ledger.store.connection import SqliteFile
from ledger.store.port import StoredEntry
from ledger.store.primary import entry_of_row
from ledger.store.selecting import ListStatement

_SELECT_ENTRIES = ListStatement(
    "SELECT idx, issuer, id, entry, leaf, index_keys, accepted_at FROM entry WHERE idx IN (LIST)"
)
_SELECT_LEAVES = ListStatement("SELECT idx, leaf FROM entry WHERE idx IN (LIST)")
_AT_ONCE = 1_000


class SeveralEntries:
    """The reads of several entries; the contract is in `port`."""

    _log: SqliteFile

    def several(self, indexes: Sequence[int]) -> list[StoredEntry | None]:
        found: dict[int, StoredEntry] = {}
        for statement, parameters in _SELECT_ENTRIES.pieces(indexes):
            for row in self._log.rows(statement, parameters):
                found[row[0]] = entry_of_row(row)
        return [found.get(index) for index in indexes]

    def several_leaves(self, indexes: Sequence[int]) -> list[bytes | None]:
        found: dict[int, bytes] = {}
        for statement, parameters in _SELECT_LEAVES.pieces(indexes):
            found.update(self._log.rows(statement, parameters))
        return [found.get(index) for index in indexes]

    def entry_bytes(self, start: int, stop: int) -> Iterator[bytes]:
        for low in range(start, stop, _AT_ONCE):
            for (entry,) in self._log.rows(
                "SELECT entry FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx",
                (low, min(low + _AT_ONCE, stop)),
            ):
                yield entry
