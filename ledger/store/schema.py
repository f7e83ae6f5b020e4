"""The tables of a log's two SQLite files, as migrations that run once each, in order.

`log.db` is the primary data; its triggers refuse what must never happen, whoever asks. `derived.db` can be
rebuilt from the entries alone.

A migration that has been released is never edited: a change is a further one.
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from ledger.store.backfill import fill_references, note_backlog

primary = Migrations("log")
derived = Migrations("derived")

_APPEND_ONLY = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""


@primary(name="0001_log")
def _create_log(database: Database) -> None:
    # The short columns stand before the long one, so that reading them never walks a row's overflow pages.
    database.table("entry").create(
        {
            "idx": int,
            "issuer": str,
            "id": bytes,
            "accepted_at": int,
            "leaf": bytes,
            "index_keys": bytes,
            "entry": bytes,
        },
        pk="idx",
        not_null={"issuer", "id", "accepted_at", "leaf", "index_keys", "entry"},
        strict=True,
    )
    database.table("entry").create_index(["issuer", "id"], unique=True)
    database.table("sealed").create(
        {"idx": int, "ciphertext": bytes, "key_id": str},
        pk="idx",
        not_null={"ciphertext", "key_id"},
        foreign_keys=[("idx", "entry", "idx")],
        strict=True,
    )
    database.table("receipt").create(
        {"first_index": int, "signature": bytes}, pk="first_index", not_null={"signature"}, strict=True
    )
    database.table("checkpoint").create(
        {"seq": int, "size": int, "root": bytes, "index_root": bytes, "time": int, "note": bytes},
        pk="seq",
        not_null={"size", "root", "index_root", "time", "note"},
        strict=True,
    )
    database.table("checkpoint").create_index(["size"])
    database.table("anchor").create(
        {
            "size": int,
            "note_hash": bytes,
            "state": str,
            "tx_hash": str,
            "block_number": int,
            "block_hash": str,
        },
        pk="size",
        not_null={"note_hash", "state"},
        strict=True,
    )
    database.table("anchor").create_index(["state", "size"])
    database.table("fact").create({"name": str, "value": bytes}, pk="name", not_null={"value"}, strict=True)
    for table in ("entry", "checkpoint"):
        for verb in ("UPDATE", "DELETE"):
            database.execute(_APPEND_ONLY.format(table=table, verb=verb))


@primary(name="0002_references")
def _create_references(database: Database) -> None:
    for statement in (
        "CREATE TABLE reference (issuer TEXT NOT NULL, id BLOB NOT NULL, idx INTEGER NOT NULL,"
        " PRIMARY KEY (issuer, id, idx)) STRICT, WITHOUT ROWID",
        # `settled` is empty while it is open, so that what is open and due by a day is one range.
        "CREATE TABLE due (kind TEXT NOT NULL, settled TEXT NOT NULL, day TEXT NOT NULL,"
        " idx INTEGER NOT NULL, PRIMARY KEY (kind, settled, day, idx)) STRICT, WITHOUT ROWID",
    ):
        database.execute(statement)
    fill_references(database.conn)
    note_backlog(database.conn)


@derived(name="0001_derived")
def _create_derived(database: Database) -> None:
    for statement in (
        "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 0), size INTEGER NOT NULL,"
        " root BLOB NOT NULL, index_root BLOB NOT NULL) STRICT",
        # The sizes at which index pages can be read.
        "CREATE TABLE readable (size INTEGER PRIMARY KEY) STRICT",
        "CREATE TABLE tile (level INTEGER NOT NULL, idx INTEGER NOT NULL, data BLOB NOT NULL,"
        " PRIMARY KEY (level, idx)) STRICT",
        # A page and its children are neighbours in this order, so that an integration that changes
        # one of each often changes one page of the database.
        "CREATE TABLE page (path BLOB NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL,"
        " PRIMARY KEY (path, size)) STRICT, WITHOUT ROWID",
        "CREATE TABLE link (idx INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT",
        # The first 8 bytes of the leaf hash as a signed integer.
        "CREATE TABLE leaf (prefix INTEGER NOT NULL, idx INTEGER NOT NULL,"
        " PRIMARY KEY (prefix, idx)) STRICT, WITHOUT ROWID",
    ):
        database.execute(statement)
