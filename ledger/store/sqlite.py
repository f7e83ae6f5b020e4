"""A log's database in a folder of two SQLite files, `log.db` and `derived.db`.

Two files, so that an append never waits for an integration, nor an integration for an append: SQLite has one
writer per file. `log.db` syncs fully on every commit. `derived.db` syncs at SQLite's own checkpoints only:
in WAL mode that keeps it consistent and may lose its last transactions in a power cut, which the port allows.
"""

from pathlib import Path

from ledger.errors import StoreBusy
from ledger.store import schema
from ledger.store.connection import SqliteFile
from ledger.store.cosignatures import CosignatureTable
from ledger.store.derived import DerivedTables
from ledger.store.primary import PrimaryTables
from ledger.store.sealed_blocks import SealedBlockTable
from ledger.store.several import SeveralEntries


class SqliteStore(PrimaryTables, SeveralEntries, CosignatureTable, SealedBlockTable, DerivedTables):
    """The `LogStore` of one log; safe for any number of threads, and of processes with their own objects."""

    def __init__(self, folder: Path, *, busy_timeout: float = 10.0) -> None:
        """Open or create the files in `folder`. `busy_timeout` is in seconds.

        Raises `StoreBusy` when the folder cannot be used, `IntegrityError` when a file is no database.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreBusy("the log's folder cannot be made or entered") from error
        self.files = (folder / "log.db", folder / "derived.db")
        """What it consists of, beside SQLite's own journals."""
        self._log = SqliteFile(
            self.files[0],
            schema.primary,
            synchronous="FULL",
            overwrite_deleted=True,
            busy_timeout=busy_timeout,
            page_bytes=8192,
            cache_kib=32 * 1024,
            # 128 MB: `tidy`, in the worker's process, comes first, so that appends need not pay for it.
            checkpoint_pages=16_000,
        )
        self._derived = SqliteFile(
            self.files[1],
            schema.derived,
            synchronous="NORMAL",
            overwrite_deleted=False,
            busy_timeout=busy_timeout,
            page_bytes=4096,
            # A large integration changes some 200 MB of pages; what the cache cannot hold is written twice.
            cache_kib=256 * 1024,
            # 400 MB: a page that several integrations change is then copied to its place once.
            checkpoint_pages=100_000,
        )

    def tidy(self) -> None:
        self._log.tidy()

    def close(self) -> None:
        self._log.close()
        self._derived.close()
