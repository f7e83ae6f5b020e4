"""The witnesses' lines over a log's checkpoints."""

from ledger.store.connection import SqliteFile
from ledger.store.port import StoredCosignature

_COLUMNS = "note_hash, name, key_hash, size, seconds, line"


class CosignatureTable:
    """Cosignatures; the contract is in `port`."""

    _log: SqliteFile

    def keep_cosignature(self, cosignature: StoredCosignature) -> bool:
        with self._log.writing() as writer:
            before = writer.total_changes
            writer.execute(
                f"INSERT OR IGNORE INTO cosignature ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - ours
                (
                    cosignature.note_hash,
                    cosignature.name,
                    cosignature.key_hash,
                    cosignature.size,
                    cosignature.seconds,
                    cosignature.line,
                ),
            )
            # Commit point. A crash before: the witness was not answered, and hands it in again.
            return writer.total_changes > before

    def cosignatures(self, note_hash: bytes) -> list[StoredCosignature]:
        rows = self._log.rows(
            f"SELECT {_COLUMNS} FROM cosignature WHERE note_hash = ? ORDER BY name, key_hash",  # noqa: S608 - ours
            (note_hash,),
        )
        return [StoredCosignature(*row) for row in rows]
