"""Sealed blocks in SQLite: what makes an anchor final to somebody without a node, and which anchors lack it.

Triggers of the schema keep both in step with the anchors, whoever writes them: an anchor that becomes final
is `unproven`, and what was proven of a block that no longer holds the anchor is forgotten.
"""

from ledger.store.connection import SqliteFile
from ledger.store.port import StoredSealedBlock


class SealedBlockTable:
    """The part of the store that `port` describes under sealed blocks."""

    _log: SqliteFile

    def put_sealed_block(self, block: StoredSealedBlock) -> bool:
        with self._log.writing() as writer:
            put = writer.execute(
                "INSERT OR REPLACE INTO sealed_block (size, block_hash, finality)"
                " SELECT ?1, ?2, ?3 FROM anchor WHERE size = ?1 AND block_hash = ?2 AND state = 'final'",
                (block.size, block.block_hash, block.finality),
            ).rowcount
            if put:
                writer.execute("DELETE FROM unproven WHERE size = ?", (block.size,))
            # Commit point. A crash before: the anchor is still unproven, and its block is collected again.
            return bool(put)

    def sealed_block(self, size: int) -> StoredSealedBlock | None:
        for row in self._log.rows(
            "SELECT size, block_hash, finality FROM sealed_block WHERE size = ?", (size,)
        ):
            return StoredSealedBlock(*row)
        return None

    def unproven(self, now: int, limit: int) -> list[int]:
        with self._log.reading() as reader:
            rows = reader.execute(
                "SELECT size FROM unproven WHERE after <= ? ORDER BY size DESC LIMIT ?", (now, limit)
            ).fetchall()
        return [size for (size,) in rows]

    def count_unproven(self) -> int:
        with self._log.reading() as reader:
            return int(reader.execute("SELECT count(*) FROM unproven").fetchone()[0])

    def postpone_unproven(self, size: int, after: int) -> None:
        with self._log.writing() as writer:
            writer.execute("UPDATE unproven SET after = ? WHERE size = ?", (after, size))

    def latest_proven(self) -> int:
        with self._log.reading() as reader:
            return int(reader.execute("SELECT ifnull(max(size), 0) FROM sealed_block").fetchone()[0])
