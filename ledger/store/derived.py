"""The derived tables of a log in SQLite: tree tiles, index pages, links and the leaf look-up.

How versions of index pages are kept is in `page_versions`: readable are the newest integrated size and those
that the last integration was told to keep.
"""

import sqlite3
from collections.abc import Sequence

from ledger.errors import IntegrityError, Unavailable
from ledger.merkle.index import EMPTY
from ledger.merkle.tree import EMPTY_ROOT
from ledger.store.connection import SqliteFile
from ledger.store.page_versions import NotReadable, clear_pages, read_pages, write_pages
from ledger.store.port import Integrated, Integration
from ledger.store.selecting import ListStatement

_SELECT_LINKS = ListStatement("SELECT idx, data FROM link WHERE idx IN (LIST)")
_SELECT_BLOCKS = ListStatement("SELECT place, data FROM block WHERE place IN (LIST)")


def _prefix(leaf_hash: bytes) -> int:
    return int.from_bytes(leaf_hash[:8], "big", signed=True)


def _integrated(connection: sqlite3.Connection) -> Integrated:
    row = connection.execute("SELECT size, root, index_root FROM state").fetchone()
    return Integrated(*row) if row else Integrated(0, EMPTY_ROOT, EMPTY)


class DerivedTables:
    """What can be rebuilt from the entries; the contract is in `port`."""

    _log: SqliteFile
    _derived: SqliteFile

    def integrated(self) -> Integrated:
        with self._derived.reading() as reader:
            return _integrated(reader)

    def integrate(self, integration: Integration, keep_sizes: Sequence[int]) -> None:
        size = integration.size
        count = size - integration.first
        if count < 0 or len(integration.links) != count or len(integration.leaf_hashes) != count:
            raise IntegrityError("an integration must have links and a leaf hash for each of its entries")
        with self._derived.writing() as writer:
            present = _integrated(writer).size
            if present != integration.first:
                raise IntegrityError(f"the integrated size is {present}, not {integration.first}")
            readable = {size for (size,) in writer.execute("SELECT size FROM readable")}
            kept = sorted(readable.intersection(keep_sizes))
            write_pages(writer, integration.pages, size, kept, sorted(readable.difference(kept)))
            writer.executemany(
                "INSERT INTO tile (level, idx, data) VALUES (?, ?, ?)"
                " ON CONFLICT (level, idx) DO UPDATE SET data = excluded.data",
                [(level, index, data) for (level, index), data in integration.tiles.items()],
            )
            writer.executemany(
                "INSERT INTO link (idx, data) VALUES (?, ?)", enumerate(integration.links, integration.first)
            )
            writer.executemany(
                "INSERT INTO leaf (prefix, idx) VALUES (?, ?)",
                sorted(
                    zip(map(_prefix, integration.leaf_hashes), range(integration.first, size), strict=True)
                ),
            )
            writer.executemany(
                "INSERT INTO block (place, data) VALUES (?, ?)", sorted(integration.blocks.items())
            )
            writer.execute("DELETE FROM readable")
            writer.executemany("INSERT INTO readable (size) VALUES (?)", [(each,) for each in {size, *kept}])
            writer.execute(
                "INSERT INTO state (id, size, root, index_root) VALUES (0, ?, ?, ?) ON CONFLICT (id)"
                " DO UPDATE SET size = excluded.size, root = excluded.root, index_root = excluded.index_root",
                (size, integration.root, integration.index_root),
            )
            # Commit point. A crash before: the integrated size is `first`, and the same entries are
            # integrated again to the same bytes. After a power cut the last commits may be missing as a
            # whole, which is the same case, even where a checkpoint of the lost size is published.

    def tile(self, level: int, index: int) -> bytes | None:
        with self._derived.reading() as reader:
            row = reader.execute(
                "SELECT data FROM tile WHERE level = ? AND idx = ?", (level, index)
            ).fetchone()
        return row[0] if row else None

    def pages(self, paths: Sequence[bytes], size: int) -> list[bytes | None]:
        if size == 0:
            return [None] * len(paths)
        try:
            return read_pages(self._derived.rows, paths, size)
        except NotReadable:
            raise Unavailable(
                f"the index cannot be read at tree size {size} now; ask for a newer checkpoint"
            ) from None

    def links(self, indexes: Sequence[int]) -> list[bytes | None]:
        return self._by_number(_SELECT_LINKS, indexes)

    def blocks(self, places: Sequence[int]) -> list[bytes | None]:
        return self._by_number(_SELECT_BLOCKS, places)

    def block_range(self, start: int, stop: int, most: int) -> list[tuple[int, bytes]]:
        return self._derived.rows(
            "SELECT place, data FROM block WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
            (start, stop, most),
        )

    def _by_number(self, select: ListStatement, numbers: Sequence[int]) -> list[bytes | None]:
        found: dict[int, bytes] = {}
        for statement, parameters in select.pieces(numbers):
            found.update(self._derived.rows(statement, parameters))
        return [found.get(number) for number in numbers]

    def find_leaf(self, leaf_hash: bytes) -> int | None:
        with self._derived.reading() as reader:
            candidates = reader.execute(
                "SELECT idx FROM leaf WHERE prefix = ? ORDER BY idx", (_prefix(leaf_hash),)
            ).fetchall()
        with self._log.reading() as reader:
            for (index,) in candidates:
                row = reader.execute("SELECT leaf FROM entry WHERE idx = ?", (index,)).fetchone()
                if row is not None and row[0] == leaf_hash:
                    return int(index)
        return None

    def clear_derived(self) -> None:
        with self._derived.writing() as writer:
            writer.execute("DELETE FROM state")
            writer.execute("DELETE FROM readable")
            writer.execute("DELETE FROM tile")
            clear_pages(writer)
            writer.execute("DELETE FROM link")
            writer.execute("DELETE FROM leaf")
            writer.execute("DELETE FROM block")
            # Commit point. A crash before: everything is as it was. After: the worker starts again at 0.
