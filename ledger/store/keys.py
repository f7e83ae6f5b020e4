"""Sealed content and the data keys that it is encrypted under, one per subject; the contract is in `port`.

A key is never deleted: destroying it leaves its row without the wrapped key, which is the record that the
content was erased and not lost. The database itself refuses to insert content under a key that does not
stand, to delete a key's row and to fill a destroyed one again (triggers in `schema`).
"""

import sqlite3
from collections.abc import Sequence

from ledger.errors import IntegrityError, StoreBusy
from ledger.store.connection import SqliteFile
from ledger.store.ids import id_text
from ledger.store.port import DataKey, Erased, KeyFigures, NewEntry, Sealed, SealedRow

ERASED_CONTENT = b"\x00"
"""What stands in place of content that carried its own key and was erased."""
_SCRUB_TRIES = 3

_KEY = "SELECT id, subject, wrapped, master FROM data_key "
_INSERT_KEY = "INSERT OR IGNORE INTO data_key (id, subject, wrapped, master) VALUES (?, ?, ?, ?)"
_SEALED = (
    "SELECT s.ciphertext, s.key_id, k.id, k.subject, k.wrapped, k.master"
    " FROM sealed s LEFT JOIN data_key k ON k.id = s.key_id WHERE s.idx = ?"
)


class KeyStands(IntegrityError):
    """Some content of an insert is sealed under a key that does not stand.

    It is the caller's to find out whose; content that came without its key is a defect of ours.
    """


class KeyTables:
    """The tables `sealed` and `data_key`."""

    _log: SqliteFile

    def sealed(self, index: int) -> Sealed | None:
        with self._log.reading() as reader:
            row = reader.execute(_SEALED, (index,)).fetchone()
        return sealed_of(*row) if row else None

    def erase_sealed(self, index: int) -> None:
        with self._log.writing() as writer:
            writer.execute(
                "UPDATE sealed SET ciphertext = ?, key_id = '' WHERE idx = ?", (ERASED_CONTENT, index)
            )
            # Commit point. A crash before: the content is still there, and erasing again is harmless.

    def data_key(self, subject: str) -> DataKey | None:
        with self._log.reading() as reader:
            return _standing_key(reader, subject)

    def erase_subjects(self, subjects: Sequence[str], index_keys: Sequence[bytes], now: int) -> Erased:
        tags = [(bytes.fromhex(subject),) for subject in subjects]
        # Looked for before the transaction, which others wait for: no more of these can come to be.
        older = self._older_of(index_keys)
        with self._log.writing() as writer:
            keys = [
                id
                for tag in tags
                for (id,) in writer.execute(
                    "SELECT id FROM data_key WHERE subject = ? AND wrapped IS NOT NULL", tag
                ).fetchall()
            ]
            writer.executemany(
                "UPDATE data_key SET wrapped = NULL, master = '', erased_at = ? WHERE id = ?",
                [(now, id) for id in keys],
            )
            writer.executemany(
                "UPDATE sealed SET ciphertext = ?, key_id = '' WHERE idx = ?",
                [(ERASED_CONTENT, index) for index in older],
            )
            # Commit point. A crash before: nothing is erased, and erasing again does it. A crash after: the
            # keys are gone from the tables, and stand in the write-ahead log until `scrub` is done.
        with self._log.reading() as reader:
            contents = sum(
                reader.execute("SELECT count(*) FROM sealed WHERE key_id = ?", (id,)).fetchone()[0]
                for id in keys
            )
        return Erased(len(keys), contents + len(older))

    def _older_of(self, index_keys: Sequence[bytes]) -> list[int]:
        """The contents with a key of their own whose entries bear one of these index keys."""
        wanted = set(index_keys)
        found = []
        with self._log.reading() as reader:
            for index, keys in reader.execute(
                "SELECT s.idx, e.index_keys FROM sealed s INDEXED BY sealed_older"
                " JOIN entry e ON e.idx = s.idx WHERE substr(s.ciphertext, 1, 1) = x'01'"
            ):
                if any(keys[at : at + 32] in wanted for at in range(0, len(keys), 32)):
                    found.append(index)
        return found

    def erased(self) -> tuple[list[str], list[int]]:
        with self._log.reading() as reader:
            keys = reader.execute(
                "SELECT DISTINCT subject FROM data_key INDEXED BY data_key_destroyed WHERE wrapped IS NULL"
            ).fetchall()
            contents = reader.execute(
                "SELECT idx FROM sealed INDEXED BY sealed_erased WHERE key_id = '' ORDER BY idx"
            ).fetchall()
        return [subject.hex() for (subject,) in keys], [index for (index,) in contents]

    def scrub(self) -> None:
        for _ in range(_SCRUB_TRIES):
            if self._log.truncate():
                return
        raise StoreBusy("what was erased still stands in the write-ahead log, which others are reading")

    def keys_under_other_masters(self, master: str, after: str, limit: int) -> list[DataKey]:
        with self._log.reading() as reader:
            rows = reader.execute(
                _KEY + "WHERE wrapped IS NOT NULL AND master != ? AND id > ? ORDER BY id LIMIT ?",
                (master, after, limit),
            ).fetchall()
        return [_key(*row) for row in rows]

    def rewrap(self, keys: Sequence[tuple[DataKey, bytes]], master: str) -> int:
        with self._log.writing() as writer:
            before = writer.total_changes
            writer.executemany(
                "UPDATE data_key SET wrapped = ?, master = ? WHERE id = ? AND master = ? AND wrapped = ?",
                [(wrapped, master, key.id, key.master, key.wrapped) for key, wrapped in keys],
            )
            # Commit point. A crash before: these keys are still under the old master key, to be found again.
            return writer.total_changes - before

    def older_under_other_masters(self, master: str, after: int, limit: int) -> list[SealedRow]:
        with self._log.reading() as reader:
            rows = reader.execute(
                "SELECT s.idx, e.issuer, e.id, s.ciphertext, s.key_id FROM sealed s INDEXED BY sealed_older"
                " JOIN entry e ON e.idx = s.idx"
                " WHERE substr(s.ciphertext, 1, 1) = x'01' AND s.idx > ? AND s.key_id != ?"
                " ORDER BY s.idx LIMIT ?",
                (after, master, limit),
            ).fetchall()
        return [SealedRow(index, issuer, id_text(id), Sealed(c, k)) for index, issuer, id, c, k in rows]

    def rewrap_older(self, rows: Sequence[tuple[SealedRow, Sealed]]) -> int:
        with self._log.writing() as writer:
            before = writer.total_changes
            writer.executemany(
                "UPDATE sealed SET ciphertext = ?, key_id = ? WHERE idx = ? AND ciphertext = ?",
                [(new.ciphertext, new.key_id, row.index, row.sealed.ciphertext) for row, new in rows],
            )
            # Commit point. A crash before: as for `rewrap`.
            return writer.total_changes - before

    def key_figures(self) -> KeyFigures:
        with self._log.snapshot() as reader:
            keys = dict(
                reader.execute(
                    "SELECT master, count(*) FROM data_key WHERE wrapped IS NOT NULL GROUP BY master"
                ).fetchall()
            )
            older = dict(
                reader.execute(
                    "SELECT key_id, count(*) FROM sealed INDEXED BY sealed_older"
                    " WHERE substr(ciphertext, 1, 1) = x'01' GROUP BY key_id"
                ).fetchall()
            )
            (erased,) = reader.execute("SELECT count(*) FROM data_key WHERE wrapped IS NULL").fetchone()
        return KeyFigures(keys, older, erased)


def insert_sealed(writer: sqlite3.Connection, first: int, news: Sequence[NewEntry]) -> None:
    """Add the sealed content of these entries, from index `first` on, and the keys that came with it.

    Raises `KeyStands` when some content is under a key that does not stand: another was there first, or it
    was destroyed meanwhile. The transaction is then to be given up.
    """
    sealed = [(index, new.sealed) for index, new in enumerate(news, first) if new.sealed is not None]
    if not sealed:
        return
    insert_keys(writer, news)
    try:
        writer.executemany(
            "INSERT INTO sealed (idx, ciphertext, key_id) VALUES (?, ?, ?)",
            [(index, each.ciphertext, each.key_id) for index, each in sealed],
        )
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
            raise KeyStands("content is sealed under a key that does not stand") from error
        raise


def insert_keys(writer: sqlite3.Connection, news: Sequence[NewEntry]) -> None:
    """Add the keys that came with these entries; where its subject has one already, that one stays."""
    keys = {
        new.sealed.data_key.id: new.sealed.data_key
        for new in news
        if new.sealed is not None and new.sealed.data_key is not None
    }
    writer.executemany(
        _INSERT_KEY, [(key.id, bytes.fromhex(key.subject), key.wrapped, key.master) for key in keys.values()]
    )


def lost_subject(writer: sqlite3.Connection, news: Sequence[NewEntry]) -> str | None:
    """A subject among these entries whose content is under a key that does not stand, if there is one."""
    for new in news:
        if new.sealed is None or new.sealed.data_key is None:
            continue
        key = new.sealed.data_key
        row = writer.execute(
            "SELECT 1 FROM data_key WHERE id = ? AND wrapped IS NOT NULL", (key.id,)
        ).fetchone()
        if row is None:
            return key.subject
    return None


def sealed_of(
    ciphertext: bytes,
    key_id: str,
    id: str | None,
    subject: bytes | None,
    wrapped: bytes | None,
    master: str | None,
) -> Sealed:
    """Sealed content from a row of `sealed`, joined with its key's."""
    if id is None or subject is None or master is None:
        return Sealed(ciphertext, key_id)
    return Sealed(ciphertext, key_id, _key(id, subject, wrapped, master))


def _key(id: str, subject: bytes, wrapped: bytes | None, master: str) -> DataKey:
    return DataKey(id, subject.hex(), wrapped, master)


def _standing_key(connection: sqlite3.Connection, subject: str) -> DataKey | None:
    row = connection.execute(
        _KEY + "WHERE subject = ? AND wrapped IS NOT NULL", (bytes.fromhex(subject),)
    ).fetchone()
    return _key(*row) if row else None
