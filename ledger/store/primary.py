"""The primary tables of a log in SQLite: what cannot be rebuilt."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, repeat

from ledger.errors import CheckpointRefused, InputError
from ledger.gm import sm3
from ledger.store.connection import SqliteFile
from ledger.store.ids import id_bytes, id_text
from ledger.store.keys import KeyStands, KeyTables, insert_keys, insert_sealed, lost_subject
from ledger.store.port import (
    Accepted,
    KeyLost,
    NewEntry,
    Reused,
    StoredAnchor,
    StoredCheckpoint,
    StoredEntry,
)
from ledger.store.references import ReferenceTables, insert_references

_CHUNK = 500

_ENTRY = "SELECT idx, issuer, id, entry, leaf, index_keys, accepted_at FROM entry "
_CHECKPOINT = "SELECT size, root, index_root, time, note FROM checkpoint "
_ANCHOR = "SELECT size, note_hash, state, tx_hash, block_number, block_hash FROM anchor "


def _split_keys(keys: bytes) -> tuple[bytes, ...]:
    return tuple([keys[at : at + 32] for at in range(0, len(keys), 32)])


def entry_of_row(row: tuple[int, str, bytes, bytes, bytes, bytes, int]) -> StoredEntry:
    """The entry of a row of the columns of `_ENTRY`."""
    index, issuer, id, entry, leaf, keys, accepted_at = row
    return StoredEntry(index, issuer, id_text(id), entry, leaf, _split_keys(keys), accepted_at)


def _hash_note(note: bytes) -> bytes:
    return sm3(note[: note.find(b"\n\n") + 1])


def _next_index(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT ifnull(max(idx) + 1, 0) FROM entry").fetchone()[0])


def _after_last(connection: sqlite3.Connection, now: int) -> tuple[int, int]:
    """The next entry's index, and its time of acceptance: `now`, or the last entry's if that is later.

    Another process may have looked at the clock later than this one and have committed earlier.
    """
    row = connection.execute("SELECT idx, accepted_at FROM entry ORDER BY idx DESC LIMIT 1").fetchone()
    return (row[0] + 1, max(row[1], now)) if row else (0, now)


class PrimaryTables(ReferenceTables, KeyTables):
    """Entries, checkpoints, anchors and facts; the contract is in `port`."""

    _log: SqliteFile

    # entries

    def append(
        self, submissions: Sequence[Sequence[NewEntry]], accepted_at: int
    ) -> list[Accepted | Reused | KeyLost]:
        if not all(submissions):
            raise InputError("a submission has at least one entry")
        ids = [[id_bytes(new.id) for new in submission] for submission in submissions]
        try:
            # Nearly every submission is new: insert first, and look only when the database objects.
            with self._log.writing() as writer:
                first, accepted_at = _after_last(writer, accepted_at)
                _insert(writer, first, list(chain(*submissions)), list(chain(*ids)), accepted_at)
                answers: list[Accepted | Reused | KeyLost] = []
                for submission in submissions:
                    answers.append(Accepted(first, accepted_at, repeated=False))
                    first += len(submission)
                # Commit point. A crash before: nothing was accepted, nobody has a receipt. A crash after:
                # the entries are accepted for good; their submitters ask again and learn their places.
                return answers
        except (_IdStands, KeyStands):
            pass
        with self._log.writing() as writer:
            _, accepted_at = _after_last(writer, accepted_at)
            # Commit point, as above.
            return [
                _append_one(writer, submission, its_ids, accepted_at)
                for submission, its_ids in zip(submissions, ids, strict=True)
            ]

    def size(self) -> int:
        with self._log.reading() as reader:
            return _next_index(reader)

    def entry(self, index: int) -> StoredEntry | None:
        for row in self._log.rows(_ENTRY + "WHERE idx = ?", (index,)):
            return entry_of_row(row)
        return None

    def entries(self, start: int, stop: int) -> Iterator[StoredEntry]:
        for low in range(start, stop, _CHUNK):
            with self._log.reading() as reader:
                rows = reader.execute(
                    _ENTRY + "WHERE idx >= ? AND idx < ? ORDER BY idx",
                    (low, min(low + _CHUNK, stop)),
                ).fetchall()
            yield from map(entry_of_row, rows)

    def leaves(self, start: int, stop: int) -> list[tuple[bytes, tuple[bytes, ...]]]:
        with self._log.reading() as reader:
            rows = reader.execute(
                "SELECT leaf, index_keys FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx", (start, stop)
            ).fetchall()
        return [(leaf, _split_keys(keys)) for leaf, keys in rows]

    def find(self, issuer: str, id: str) -> StoredEntry | None:
        with self._log.reading() as reader:
            row = reader.execute(_ENTRY + "WHERE issuer = ? AND id = ?", (issuer, id_bytes(id))).fetchone()
        return entry_of_row(row) if row else None

    def receipt_signature(self, first_index: int) -> bytes | None:
        with self._log.reading() as reader:
            row = reader.execute(
                "SELECT signature FROM receipt WHERE first_index = ?", (first_index,)
            ).fetchone()
        return row[0] if row else None

    def keep_receipt_signatures(self, signatures: Sequence[tuple[int, bytes]]) -> None:
        with self._log.writing() as writer:
            writer.executemany(
                "INSERT OR IGNORE INTO receipt (first_index, signature) VALUES (?, ?)", signatures
            )
            # Commit point. A crash before: the entries are accepted and their receipts are signed anew.

    # checkpoints and anchors

    def publish(self, checkpoint: StoredCheckpoint, previous_size: int) -> None:
        with self._log.writing() as writer:
            row = writer.execute(_CHECKPOINT + "ORDER BY seq DESC LIMIT 1").fetchone()
            _check_continues(StoredCheckpoint(*row) if row else None, checkpoint, previous_size)
            writer.execute(
                "INSERT INTO checkpoint (size, root, index_root, time, note) VALUES (?, ?, ?, ?, ?)",
                (checkpoint.size, checkpoint.root, checkpoint.index_root, checkpoint.time, checkpoint.note),
            )
            # Commit point. A crash before: the signed note was shown to nobody and is forgotten. A crash
            # after: it is published, and the worker finds it without an anchor and anchors it.

    def latest_checkpoint(self) -> StoredCheckpoint | None:
        for row in self._log.rows(_CHECKPOINT + "ORDER BY seq DESC LIMIT 1"):
            return StoredCheckpoint(*row)
        return None

    def checkpoint(self, size: int, note_hash: bytes | None = None) -> StoredCheckpoint | None:
        order = "ORDER BY seq DESC LIMIT 1" if note_hash is None else "ORDER BY seq"
        with self._log.reading() as reader:
            # The one that was anchored is nearly always the first of its size.
            for row in reader.execute(_CHECKPOINT + "WHERE size = ? " + order, (size,)):
                stored = StoredCheckpoint(*row)
                if note_hash in (None, _hash_note(stored.note)):
                    return stored
        return None

    def checkpoints(self, after_size: int, limit: int) -> list[StoredCheckpoint]:
        with self._log.reading() as reader:
            rows = reader.execute(
                "SELECT size, root, index_root, time, note FROM checkpoint WHERE seq IN"
                " (SELECT max(seq) FROM checkpoint WHERE size > ? GROUP BY size ORDER BY size LIMIT ?)"
                " ORDER BY size",
                (after_size, limit),
            ).fetchall()
        return [StoredCheckpoint(*row) for row in rows]

    def recent_sizes(self, limit: int) -> list[int]:
        with self._log.reading() as reader:
            rows = reader.execute(
                "SELECT DISTINCT size FROM checkpoint ORDER BY size DESC LIMIT ?", (limit,)
            ).fetchall()
        return [size for (size,) in rows]

    def put_anchor(self, anchor: StoredAnchor) -> None:
        with self._log.writing() as writer:
            writer.execute(
                "INSERT INTO anchor (size, note_hash, state, tx_hash, block_number, block_hash)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (size) DO UPDATE SET"
                " note_hash = excluded.note_hash, state = excluded.state, tx_hash = excluded.tx_hash,"
                " block_number = excluded.block_number, block_hash = excluded.block_hash",
                (
                    anchor.size,
                    anchor.note_hash,
                    anchor.state,
                    anchor.tx_hash,
                    anchor.block_number,
                    anchor.block_hash,
                ),
            )
            # Commit point. A crash before: the outbox is as it was, and the worker asks the chain first.

    def anchor(self, size: int) -> StoredAnchor | None:
        for row in self._log.rows(_ANCHOR + "WHERE size = ?", (size,)):
            return StoredAnchor(*row)
        return None

    def anchors(self, after_size: int, limit: int, state: str | None = None) -> list[StoredAnchor]:
        with self._log.reading() as reader:
            rows = reader.execute(
                _ANCHOR + "WHERE size > ?1 AND (?2 IS NULL OR state = ?2) ORDER BY size LIMIT ?3",
                (after_size, state, limit),
            ).fetchall()
        return [StoredAnchor(*row) for row in rows]

    def latest_anchor(self, states: Sequence[str] = ("mined", "final")) -> StoredAnchor | None:
        marks = ", ".join("?" * len(states))
        with self._log.reading() as reader:
            row = reader.execute(
                _ANCHOR + "WHERE state IN (" + marks + ") ORDER BY size DESC LIMIT 1",
                tuple(states),
            ).fetchone()
        return StoredAnchor(*row) if row else None

    # facts

    def fact(self, name: str) -> bytes | None:
        for (value,) in self._log.rows("SELECT value FROM fact WHERE name = ?", (name,)):
            return bytes(value)
        return None

    def put_fact(self, name: str, value: bytes) -> None:
        with self._log.writing() as writer:
            writer.execute(
                "INSERT INTO fact (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )
            # Commit point. A crash before: the old value stands.


class _IdStands(Exception):
    """Some (issuer, id) of an insert is there already."""


def _insert(
    writer: sqlite3.Connection, first: int, news: Sequence[NewEntry], ids: Sequence[bytes], accepted_at: int
) -> None:
    try:
        writer.executemany(
            "INSERT INTO entry (idx, issuer, id, accepted_at, leaf, index_keys, entry)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            zip(
                range(first, first + len(news)),
                [new.issuer for new in news],
                ids,
                repeat(accepted_at),
                [new.leaf_hash for new in news],
                [b"".join(new.index_keys) for new in news],
                [new.entry for new in news],
                strict=False,
            ),
        )
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise _IdStands from error
        raise
    insert_sealed(writer, first, news)
    insert_references(writer, first, news)


def _append_one(
    writer: sqlite3.Connection, submission: Sequence[NewEntry], ids: Sequence[bytes], accepted_at: int
) -> Accepted | Reused | KeyLost:
    """Append one submission, or say where it stands, inside a transaction."""
    places: list[tuple[int, int]] = []
    for position, (new, id) in enumerate(zip(submission, ids, strict=True)):
        row = writer.execute(
            "SELECT idx, accepted_at, entry FROM entry WHERE issuer = ? AND id = ?", (new.issuer, id)
        ).fetchone()
        if row is not None:
            same_bytes = row[2] == new.entry
            follows = len(places) == position and (not places or row[0] == places[0][0] + position)
            if not (same_bytes and follows):
                return Reused(new.issuer, new.id)
            places.append((row[0], row[1]))
        elif places:
            return Reused(submission[0].issuer, submission[0].id)
    if places:
        return Accepted(*places[0], repeated=True)
    seen = set()
    for new, id in zip(submission, ids, strict=True):
        if (new.issuer, id) in seen:
            return Reused(new.issuer, new.id)
        seen.add((new.issuer, id))
    insert_keys(writer, submission)
    lost = lost_subject(writer, submission)
    if lost is not None:
        return KeyLost(lost)
    first = _next_index(writer)
    _insert(writer, first, submission, ids, accepted_at)
    return Accepted(first, accepted_at, repeated=False)


def _check_continues(
    latest: StoredCheckpoint | None, checkpoint: StoredCheckpoint, previous_size: int
) -> None:
    size = latest.size if latest else 0
    if size != previous_size:
        raise CheckpointRefused(f"the published size is {size}, not {previous_size}")
    if checkpoint.size < size:
        raise CheckpointRefused(f"size {checkpoint.size} is below the published size {size}")
    if latest is None:
        return
    if checkpoint.size == size and (
        checkpoint.root != latest.root or checkpoint.index_root != latest.index_root
    ):
        raise CheckpointRefused(f"size {size} is published with another root")
    if checkpoint.time < latest.time:
        raise CheckpointRefused("the time is before that of the published checkpoint")
