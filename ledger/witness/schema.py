"""The tables of a witness's memory of one log, as migrations that run once each, in order.

One file, unlike a log's: what was derived, what was seen and what was cosigned change together or not at all.
A migration that has been released is never edited.
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

witness = Migrations("witness")

_NO_CHANGE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""


@witness(name="0001_witness")
def _create(database: Database) -> None:
    for statement in (
        # Derived from the entries: the tree and the index, as in a log's derived.db.
        "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 0), size INTEGER NOT NULL,"
        " root BLOB NOT NULL, index_root BLOB NOT NULL) STRICT",
        "CREATE TABLE readable (size INTEGER PRIMARY KEY) STRICT",
        "CREATE TABLE tile (level INTEGER NOT NULL, idx INTEGER NOT NULL, data BLOB NOT NULL,"
        " PRIMARY KEY (level, idx)) STRICT",
        "CREATE TABLE page (path BLOB NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL,"
        " PRIMARY KEY (path, size)) STRICT, WITHOUT ROWID",
        "CREATE TABLE page_newest (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
        "CREATE TABLE page_before (id INTEGER NOT NULL, size INTEGER NOT NULL, until INTEGER NOT NULL,"
        " data BLOB NOT NULL) STRICT",
        # Issuer and id of every entry, to notice one that stands twice.
        "CREATE TABLE known (issuer_id BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        # The sizes up to which tree and index were derived, and agreed with a signed checkpoint.
        "CREATE TABLE derived (size INTEGER PRIMARY KEY, root BLOB NOT NULL, index_root BLOB NOT NULL)"
        " STRICT",
        # Every signed note that was looked at and is consistent with all before it; the newest is the head.
        "CREATE TABLE seen (seq INTEGER PRIMARY KEY, note_hash BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,"
        " root BLOB NOT NULL, index_root BLOB NOT NULL, time INTEGER NOT NULL, note BLOB NOT NULL) STRICT",
        "CREATE INDEX seen_size ON seen (size, time)",
        # What this witness vouched for. The trigger is the last word: no second root for a size, and never
        # a smaller size than before, whatever a program asks for.
        "CREATE TABLE cosigned (seq INTEGER PRIMARY KEY, note_hash BLOB NOT NULL UNIQUE,"
        " size INTEGER NOT NULL, root BLOB NOT NULL, index_root BLOB NOT NULL, seconds INTEGER NOT NULL,"
        " line TEXT NOT NULL) STRICT",
        "CREATE INDEX cosigned_size ON cosigned (size)",
        "CREATE TRIGGER cosigned_one_history BEFORE INSERT ON cosigned WHEN EXISTS (SELECT 1 FROM cosigned"
        " WHERE size > NEW.size OR (size = NEW.size AND (root <> NEW.root OR index_root <> NEW.index_root)))"
        " BEGIN SELECT RAISE(ABORT, 'a witness cosigns one history'); END",
        # Where a cosignature has got to: `log` and `chain` as milliseconds since 1970.
        "CREATE TABLE handed_in (note_hash BLOB NOT NULL, place TEXT NOT NULL, at INTEGER NOT NULL,"
        " PRIMARY KEY (note_hash, place)) STRICT, WITHOUT ROWID",
        # Notes that this witness refused, with why, and the proof's file where there is one.
        "CREATE TABLE refused (seq INTEGER PRIMARY KEY, note_hash BLOB NOT NULL, reason TEXT NOT NULL,"
        " at INTEGER NOT NULL, note BLOB NOT NULL, proof TEXT NOT NULL, UNIQUE (note_hash, reason)) STRICT",
    ):
        database.execute(statement)
    for table in ("seen", "cosigned", "derived", "known", "refused"):
        for verb in ("UPDATE", "DELETE"):
            database.execute(_NO_CHANGE.format(table=table, verb=verb))
