"""One log's database: the port that the log needs, and its SQLite form."""

from ledger.store.port import LogStore
from ledger.store.resident import ResidentFiles
from ledger.store.sqlite import SqliteStore

__all__ = ["LogStore", "ResidentFiles", "SqliteStore"]
