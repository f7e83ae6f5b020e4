"""The tables of a log's two SQLite files, as migrations that run once each, in order.

`log.db` is the primary data; its triggers refuse what must never happen, whoever asks. `derived.db` can be
rebuilt from the entries alone.

A migration that has been released is never edited: a change is a further one.
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from ledger.store.backfill import fill_references, note_backlog
from ledger.store.page_ids import page_id

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
        # In the order of the entries, so that an append adds at the end; `settled` is empty while it is open.
        "CREATE TABLE due (idx INTEGER NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL,"
        " settled TEXT NOT NULL, PRIMARY KEY (idx, kind, day)) STRICT, WITHOUT ROWID",
        "CREATE INDEX due_open ON due (kind, day, idx) WHERE settled = ''",
        "CREATE INDEX due_settled ON due (kind, settled, day, idx) WHERE settled > ''",
    ):
        database.execute(statement)
    fill_references(database.conn)
    note_backlog(database.conn)


@primary(name="0003_data_keys")
def _create_data_keys(database: Database) -> None:
    for statement in (
        # `wrapped` is NULL once the key was destroyed: the row stays, and says so.
        "CREATE TABLE data_key (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, subject BLOB NOT NULL,"
        " wrapped BLOB, master TEXT NOT NULL, erased_at INTEGER) STRICT",
        "CREATE UNIQUE INDEX data_key_standing ON data_key (subject) WHERE wrapped IS NOT NULL",
        # Few change at a time, and all that are under another master key are asked for.
        "CREATE INDEX data_key_master ON data_key (master) WHERE wrapped IS NOT NULL",
        "CREATE TRIGGER data_key_no_delete BEFORE DELETE ON data_key"
        " BEGIN SELECT RAISE(ABORT, 'a data key is destroyed, never deleted'); END",
        "CREATE TRIGGER data_key_stays_destroyed BEFORE UPDATE ON data_key WHEN OLD.wrapped IS NULL"
        " BEGIN SELECT RAISE(ABORT, 'a destroyed data key stays so'); END",
        "CREATE TRIGGER data_key_stays_its_own BEFORE UPDATE OF id, subject ON data_key"
        " BEGIN SELECT RAISE(ABORT, 'a data key stays its subject''s'); END",
        # x'02' begins content under a data key, x'01' content that carries a key of its own.
        "CREATE TRIGGER sealed_under_a_standing_key BEFORE INSERT ON sealed"
        " WHEN substr(NEW.ciphertext, 1, 1) = x'02' AND NOT EXISTS"
        " (SELECT 1 FROM data_key WHERE id = NEW.key_id AND wrapped IS NOT NULL)"
        " BEGIN SELECT RAISE(ABORT, 'sealed under a key that does not stand'); END",
        "CREATE INDEX sealed_older ON sealed (idx, key_id) WHERE substr(ciphertext, 1, 1) = x'01'",
    ):
        database.execute(statement)


@primary(name="0004_erased")
def _create_erased(database: Database) -> None:
    # Few, and an audit asks for all of them.
    for statement in (
        "CREATE INDEX data_key_destroyed ON data_key (subject) WHERE wrapped IS NULL",
        "CREATE INDEX sealed_erased ON sealed (idx) WHERE key_id = ''",
    ):
        database.execute(statement)


@primary(name="0005_cosignatures")
def _create_cosignatures(database: Database) -> None:
    # A witness's line over a published note; what a log cannot make itself, and so is not derived.
    for statement in (
        "CREATE TABLE cosignature (note_hash BLOB NOT NULL, name TEXT NOT NULL, key_hash BLOB NOT NULL,"
        " size INTEGER NOT NULL, seconds INTEGER NOT NULL, line TEXT NOT NULL,"
        " PRIMARY KEY (note_hash, name, key_hash)) STRICT, WITHOUT ROWID",
        _APPEND_ONLY.format(table="cosignature", verb="UPDATE"),
        _APPEND_ONLY.format(table="cosignature", verb="DELETE"),
    ):
        database.execute(statement)


@primary(name="0006_sealed_blocks")
def _create_sealed_blocks(database: Database) -> None:
    for statement in (
        "CREATE TABLE sealed_block (size INTEGER PRIMARY KEY, block_hash TEXT NOT NULL,"
        " finality BLOB NOT NULL) STRICT",
        # Final anchors whose block was not collected yet; `after` is when to try again, in milliseconds.
        "CREATE TABLE unproven (size INTEGER PRIMARY KEY, after INTEGER NOT NULL DEFAULT 0) STRICT",
        "CREATE TRIGGER anchor_final_at_once AFTER INSERT ON anchor WHEN NEW.state = 'final'"
        " BEGIN INSERT OR IGNORE INTO unproven (size) VALUES (NEW.size); END",
        "CREATE TRIGGER anchor_final AFTER UPDATE ON anchor WHEN NEW.state = 'final' AND"
        " (OLD.state <> 'final' OR OLD.block_hash IS NOT NEW.block_hash)"
        " BEGIN INSERT OR IGNORE INTO unproven (size) VALUES (NEW.size); END",
        "CREATE TRIGGER anchor_not_final AFTER UPDATE ON anchor WHEN NEW.state <> 'final'"
        " BEGIN DELETE FROM unproven WHERE size = NEW.size; END",
        "CREATE TRIGGER anchor_moved AFTER UPDATE ON anchor WHEN OLD.block_hash IS NOT NEW.block_hash"
        " BEGIN DELETE FROM sealed_block WHERE size = NEW.size; END",
        "INSERT INTO unproven (size) SELECT size FROM anchor WHERE state = 'final'",
    ):
        database.execute(statement)


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


@derived(name="0002_block")
def _create_block(database: Database) -> None:
    # A log that was integrated before has none until its derived data is rebuilt: its paths are computed.
    database.execute("CREATE TABLE block (place INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT")


@derived(name="0003_pages_by_number")
def _number_pages(database: Database) -> None:
    # `page` keeps what has no number. In a table without row numbers a page of a kilobyte stands in the inner
    # nodes, too, and each look-up went nine levels deep among a million of them; now it goes three.
    for statement in (
        "CREATE TABLE page_newest (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
        # A version that was replaced at `until`.
        "CREATE TABLE page_before (id INTEGER NOT NULL, size INTEGER NOT NULL, until INTEGER NOT NULL,"
        " data BLOB NOT NULL) STRICT",
        "CREATE INDEX page_before_id ON page_before (id, size)",
        "CREATE INDEX page_before_until ON page_before (until)",
    ):
        database.execute(statement)
    database.conn.create_function("page_id", 1, page_id, deterministic=True)
    for statement in (
        "INSERT INTO page_newest (id, size, data) SELECT page_id(path), max(size), data FROM page"
        " WHERE length(path) <= 13 GROUP BY path",
        "INSERT INTO page_before (id, size, until, data)"
        " SELECT page_id(path), size, until, data FROM (SELECT path, size, data,"
        " lead(size) OVER (PARTITION BY path ORDER BY size) AS until FROM page WHERE length(path) <= 13)"
        " WHERE until IS NOT NULL",
        "DELETE FROM page WHERE length(path) <= 13",
    ):
        database.execute(statement)
