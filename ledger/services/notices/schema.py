"""The tables of `notices.db`, as migrations that run once each, in order; a released one is never edited.

Nothing personal stands here: a notice names an entry by its place in the log, and what it is about by kind
and list.
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

notices = Migrations("notices")


@notices(name="0001_notices")
def _create_notices(database: Database) -> None:
    for statement in (
        "CREATE TABLE subscription (id TEXT PRIMARY KEY, member TEXT NOT NULL, url TEXT NOT NULL,"
        " kinds TEXT NOT NULL, lists TEXT NOT NULL, persons INTEGER NOT NULL, desk TEXT NOT NULL,"
        " purpose TEXT NOT NULL, basis TEXT NOT NULL, basis_code TEXT, matter TEXT,"
        " created_at INTEGER NOT NULL,"
        # Where it began: entries before this index are not its business.
        " from_index INTEGER NOT NULL,"
        # The last notice that is settled: delivered, dead, or none of its business.
        " position INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0,"
        " delivered INTEGER NOT NULL DEFAULT 0, delivered_at INTEGER, failure TEXT, failed_at INTEGER"
        ") STRICT, WITHOUT ROWID",
        "CREATE INDEX subscription_member ON subscription (member)",
        # AUTOINCREMENT: a number is never given twice, also after the newest notices were pruned.
        "CREATE TABLE notice (seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL,"
        " idx INTEGER NOT NULL, kind TEXT NOT NULL, list TEXT, person INTEGER NOT NULL,"
        " record_issuer TEXT, record_id TEXT, reason TEXT, only_for TEXT) STRICT",
        "CREATE TABLE dead (subscription TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL,"
        " tries INTEGER NOT NULL, died_at INTEGER NOT NULL, retry INTEGER NOT NULL DEFAULT 0,"
        " PRIMARY KEY (subscription, seq)) STRICT, WITHOUT ROWID",
        # Entries whose publication begins on a later day.
        "CREATE TABLE later (day TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (day, idx))"
        " STRICT, WITHOUT ROWID",
        "CREATE TABLE cursor (id INTEGER PRIMARY KEY CHECK (id = 0), scanned INTEGER NOT NULL) STRICT",
    ):
        database.execute(statement)
