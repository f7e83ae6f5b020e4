"""The bare rows of a log's SQLite files, for an audit that believes nothing but the bytes.

A `RawLog` is a folder: cheap to hand to another process. Every reading method opens a connection of its own,
read-only, and streams; nothing is cached, sorted through an index or taken from another table than named,
since whoever changed a value may have changed those as well. An id is 16 bytes, as stored.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.store.backfill import BACKLOG, parse_backlog
from ledger.store.connection import translated
from ledger.store.keys import sealed_of
from ledger.store.page_ids import MOST_NIBBLES, page_id
from ledger.store.port import Integrated, Sealed, StoredCheckpoint

HashRow = tuple[int, bytes, bytes, str, bytes]
"""index, entry, leaf hash, issuer, id"""
IndexRow = tuple[int, bytes, bytes]
"""index, leaf hash, index keys joined"""


@dataclass(frozen=True, slots=True)
class RawEntry:
    """A row of the entry table and what belongs to it."""

    index: int
    issuer: str
    id: bytes
    entry: bytes
    leaf: bytes
    index_keys: bytes
    accepted_at: int
    sealed: Sealed | None
    receipt: bytes | None


@dataclass(frozen=True, slots=True)
class RawLog:
    """The files of one log, in `folder`."""

    folder: Path

    def size(self) -> int:
        """The number of entries, if none is missing: the last index plus one."""
        with self._open("log.db") as db:
            return int(db.execute("SELECT ifnull(max(idx) + 1, 0) FROM entry").fetchone()[0])

    def hash_rows(self, start: int, stop: int) -> Iterator[HashRow]:
        with self._open("log.db") as db:
            yield from db.execute(
                "SELECT idx, entry, leaf, issuer, id FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx",
                (start, stop),
            )

    def index_rows(self, start: int, stop: int) -> Iterator[IndexRow]:
        with self._open("log.db") as db:
            yield from db.execute(
                "SELECT idx, leaf, index_keys FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx",
                (start, stop),
            )

    def entries(self, start: int, stop: int) -> Iterator[RawEntry]:
        with self._open("log.db") as db:
            rows = db.execute(
                "SELECT e.idx, e.issuer, e.id, e.entry, e.leaf, e.index_keys, e.accepted_at,"
                " r.signature, s.ciphertext, s.key_id, k.id, k.subject, k.wrapped, k.master FROM entry e"
                " LEFT JOIN sealed s ON s.idx = e.idx LEFT JOIN data_key k ON k.id = s.key_id"
                " LEFT JOIN receipt r ON r.first_index = e.idx"
                " WHERE e.idx >= ? AND e.idx < ? ORDER BY e.idx",
                (start, stop),
            )
            for index, issuer, id, entry, leaf, keys, accepted_at, signature, *stored in rows:
                sealed = None if stored[0] is None else sealed_of(*stored)
                yield RawEntry(index, issuer, id, entry, leaf, keys, accepted_at, sealed, signature)

    def keyless(self, stop: int) -> Iterator[tuple[int, bytes]]:
        """(index, entry) of the entries before `stop` without index keys, such as manifests."""
        with self._open("log.db") as db:
            yield from db.execute(
                "SELECT idx, entry FROM entry WHERE idx < ? AND length(index_keys) = 0 ORDER BY idx", (stop,)
            )

    def entry_bytes(self, index: int) -> bytes | None:
        with self._open("log.db") as db:
            row = db.execute("SELECT entry FROM entry WHERE idx = ?", (index,)).fetchone()
        return row[0] if row else None

    def repeated_ids(self) -> list[tuple[int, str, bytes]]:
        """(index of the later one, issuer, id) of ids that stand twice; sorted without the table's index."""
        with self._open("log.db") as db:
            return db.execute(
                "SELECT max(idx), issuer, id FROM entry NOT INDEXED GROUP BY issuer, id HAVING count(*) > 1"
            ).fetchall()

    def strays(self) -> list[int]:
        """Indexes of sealed contents and receipts that belong to no entry."""
        with self._open("log.db") as db:
            rows = db.execute(
                "SELECT idx FROM sealed WHERE idx NOT IN (SELECT idx FROM entry) UNION"
                " SELECT first_index FROM receipt WHERE first_index NOT IN (SELECT idx FROM entry)"
            ).fetchall()
        return [row[0] for row in rows]

    def reference_count(self, size: int) -> int:
        """How many references the entries below `size` make, as the table says."""
        with self._open("log.db") as db:
            return int(db.execute("SELECT count(*) FROM reference WHERE idx < ?", (size,)).fetchone()[0])

    def references(self, size: int) -> Iterator[tuple[str, bytes, int]]:
        """(issuer, id, index of the entry that refers to it) for the entries below `size`, unordered."""
        with self._open("log.db") as db:
            yield from db.execute("SELECT issuer, id, idx FROM reference WHERE idx < ?", (size,))

    @contextmanager
    def tables(self, start: int, stop: int) -> Iterator["TableRows"]:
        """What is kept about the references and the dues of entries start..stop-1."""
        with self._open("log.db") as db:
            yield TableRows(db, start, stop)

    def published_size(self) -> int:
        """The size of the newest checkpoint, as its row says; 0 if there is none."""
        with self._open("log.db") as db:
            row = db.execute("SELECT size FROM checkpoint ORDER BY seq DESC LIMIT 1").fetchone()
        return int(row[0]) if row else 0

    def checkpoints(self) -> Iterator[tuple[int, StoredCheckpoint]]:
        """Every published checkpoint, in the order of publishing, with its number; the first one has 1."""
        with self._open("log.db") as db:
            for seq, *row in db.execute(
                "SELECT seq, size, root, index_root, time, note FROM checkpoint ORDER BY seq"
            ):
                yield seq, StoredCheckpoint(*row)

    def notes(self, size: int) -> list[bytes]:
        """The notes published for a size."""
        with self._open("log.db") as db:
            return [row[0] for row in db.execute("SELECT note FROM checkpoint WHERE size = ?", (size,))]

    def tiles(self, level: int, start: int, stop: int) -> dict[int, bytes]:
        """The stored tiles start..stop-1 of a tile level."""
        with self._open("derived.db") as db:
            rows = db.execute(
                "SELECT idx, data FROM tile WHERE level = ? AND idx >= ? AND idx < ?", (level, start, stop)
            )
            return dict(rows.fetchall())

    @contextmanager
    def derived(self) -> Iterator["DerivedSnapshot"]:
        """The derived data as it stands now, for as long as it is looked at.

        Meanwhile its write-ahead log only grows, so this is not to be held for longer than it takes.
        """
        with self._open("derived.db") as db:
            db.execute("BEGIN")
            yield DerivedSnapshot(db)

    @contextmanager
    def _open(self, name: str) -> Iterator[sqlite3.Connection]:
        with translated():
            path = (self.folder / name).absolute()
            db: Any = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None)
            try:
                yield db
            finally:
                db.close()


class TableRows:
    """The tables `reference` and `due` for a range of entries, while it is looked at."""

    def __init__(self, db: sqlite3.Connection, start: int, stop: int) -> None:
        self._db = db
        self._range = (start, stop)

    def refers(self, issuer: str, id: bytes, index: int) -> bool:
        """Whether the table says that the entry at `index` refers to (issuer, id)."""
        row = self._db.execute(
            "SELECT 1 FROM reference WHERE issuer = ? AND id = ? AND idx = ?", (issuer, id, index)
        ).fetchone()
        return row is not None

    def dues(self) -> Iterator[tuple[int, str, str]]:
        """(index, kind, day) of what is due or was, by index."""
        yield from self._db.execute(
            "SELECT idx, kind, day FROM due WHERE idx >= ? AND idx < ? ORDER BY idx", self._range
        )

    def backlog(self) -> tuple[int, int] | None:
        """Entries of which nothing due is kept yet."""
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (BACKLOG,)).fetchone()
        return parse_backlog(row[0] if row else None)


class DerivedSnapshot:
    """`derived.db` at one moment, whatever a worker integrates and drops beside it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        # The first reading fixes the moment.
        self.integrated: Integrated | None = None
        row = db.execute("SELECT size, root, index_root FROM state").fetchone()
        if row is not None:
            self.integrated = Integrated(*row)
        self.readable = frozenset(size for (size,) in db.execute("SELECT size FROM readable"))

    def pages(self, paths: Sequence[bytes], size: int) -> list[bytes | None]:
        """The index pages as they stood at a size, which must be among `readable`."""
        return [self._page(path, size) for path in paths]

    def _page(self, path: bytes, size: int) -> bytes | None:
        deep = len(path) > MOST_NIBBLES
        statement = (
            "SELECT data FROM page WHERE path = ?1 AND size <= ?2 ORDER BY size DESC LIMIT 1"
            if deep
            else "SELECT data FROM page_newest WHERE id = ?1 AND size <= ?2 UNION ALL"
            " SELECT data FROM page_before WHERE id = ?1 AND size <= ?2 AND until > ?2"
        )
        row = self._db.execute(statement, (path if deep else page_id(path), size)).fetchone()
        return row[0] if row else None

    def blocks(self, start: int, stop: int) -> dict[int, bytes]:
        """Place -> block from one place to before another."""
        rows = self._db.execute("SELECT place, data FROM block WHERE place >= ? AND place < ?", (start, stop))
        return dict(rows.fetchall())

    def block(self, place: int) -> bytes | None:
        row = self._db.execute("SELECT data FROM block WHERE place = ?", (place,)).fetchone()
        return row[0] if row else None

    def block_count(self, start: int, stop: int | None) -> int:
        """How many blocks there are from one place to before another, or to the end."""
        return int(
            self._db.execute(
                "SELECT count(*) FROM block WHERE place >= ?1 AND (?2 IS NULL OR place < ?2)", (start, stop)
            ).fetchone()[0]
        )

    def links(self, stop: int) -> Iterator[tuple[int, bytes]]:
        yield from self._db.execute("SELECT idx, data FROM link WHERE idx < ? ORDER BY idx", (stop,))

    def link_count(self) -> int:
        """The number of links, if none is missing: the last index plus one."""
        return int(self._db.execute("SELECT ifnull(max(idx) + 1, 0) FROM link").fetchone()[0])

    def lookup(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """(first 8 bytes of the leaf hash as a signed integer, index) of entries start..stop-1, unordered."""
        yield from self._db.execute("SELECT prefix, idx FROM leaf WHERE idx >= ? AND idx < ?", (start, stop))

    def lookup_outside(self, size: int, limit: int) -> list[int]:
        """Indexes in the leaf look-up that are not below `size`, at most `limit`."""
        rows = self._db.execute("SELECT idx FROM leaf WHERE idx < 0 OR idx >= ? LIMIT ?", (size, limit))
        return [index for (index,) in rows]


def id_text(id: object) -> str:
    """A stored id as text; whatever stands there, if it is none."""
    text = id.hex() if isinstance(id, bytes) else "?"
    if len(text) != 32:
        return text[:64]
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
