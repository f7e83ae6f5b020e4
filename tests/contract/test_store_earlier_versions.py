"""A database that an earlier version wrote opens, and has what that version did not keep."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlite_utils import Database

from ledger.errors import IntegrityError
from ledger.formats.envelope import STATEMENT_TYPE, sign_batch, sign_envelope
from ledger.formats.statement import Reference, Statement, format_statement, new_id
from ledger.gm import PrivateKey, signer
from ledger.merkle import leaf_hash
from ledger.store import schema
from ledger.store.port import StoredDue, StoredSealedBlock
from ledger.store.sqlite import SqliteStore

ISSUER = "91350100MA99000369"
KEY = signer(PrivateKey.generate())


def number(place: int) -> str:
    return new_id(1_790_000_000_000 + place, bytes(10))


def statement(place: int, refers: tuple[Reference, ...] = ()) -> bytes:
    return format_statement(
        Statement(
            id=number(place),
            kind="credit.list.removed" if refers else "credit.list.entered",
            log="yunling.example/credit",
            issuer=ISSUER,
            at=1_790_000_000_000,
            keys={"subject": ("00" * 32,)},
            body={"note": "x" * (place % 7)},
            refers=refers,
        )
    )


def entries() -> list[tuple[str, bytes]]:
    """(id, bytes): single ones, two that refer, a batch of which one refers, one that cannot be read."""
    single = [(number(0), statement(0)), (number(1), statement(1, (Reference(ISSUER, number(0)),)))]
    made = [(id, sign_envelope(STATEMENT_TYPE, payload, KEY)) for id, payload in single]
    payloads = [statement(3), statement(4, (Reference(ISSUER, number(0)), Reference(ISSUER, number(3))))]
    manifest, batch = sign_batch(
        payloads, log="yunling.example/credit", issuer=ISSUER, id=number(2), at=1, signer=KEY
    )
    made += [(number(place), entry) for place, entry in enumerate([manifest, *batch], 2)]
    # A member's name may be written with escapes.
    escaped = statement(5, (Reference(ISSUER, number(1)),)).replace(b'"refers"', b'"\\u0072efers"')
    made.append((number(5), sign_envelope(STATEMENT_TYPE, escaped, KEY)))
    made.append((number(6), b'{"payloadType":"changed"}'))
    return made


def write_earlier(folder: Path, rows: list[tuple[str, bytes]]) -> None:
    """A log's primary database as the first version made it."""
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / "log.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    schema.primary.apply(Database(connection), stop_before="0002_references")
    connection.executemany(
        "INSERT INTO entry (idx, issuer, id, accepted_at, leaf, index_keys, entry)"
        " VALUES (?, ?, ?, 1, ?, x'', ?)",
        [
            (index, ISSUER, bytes.fromhex(id.replace("-", "")), leaf_hash(entry), entry)
            for index, (id, entry) in enumerate(rows)
        ],
    )
    connection.close()


def test_references_are_there_as_if_they_had_always_been_kept(tmp_path: Path) -> None:
    write_earlier(tmp_path / "log", entries())
    store = SqliteStore(tmp_path / "log")
    assert store.referrers(ISSUER, number(0)) == [1, 4]
    assert store.referrers(ISSUER, number(3)) == [4]
    assert store.referrers(ISSUER, number(1)) == [5]
    assert store.size() == 7
    store.close()


def test_what_is_due_of_earlier_entries_is_a_backlog_that_is_worked_off_once(tmp_path: Path) -> None:
    write_earlier(tmp_path / "log", entries())
    store = SqliteStore(tmp_path / "log")
    assert store.due_backlog() == (0, 7)
    store.work_off(0, 4, [StoredDue("expiry", "2026-12-01", 3)])
    with pytest.raises(IntegrityError):
        store.work_off(0, 4, [])
    with pytest.raises(IntegrityError):
        store.work_off(4, 8, [])
    assert store.due_backlog() == (4, 7)
    store.close()
    store = SqliteStore(tmp_path / "log")
    store.work_off(4, 7, [])
    assert store.due_backlog() is None
    assert store.due("expiry", "2027-01-01", 9) == [StoredDue("expiry", "2026-12-01", 3)]
    store.close()


def test_an_earlier_database_without_entries_has_no_backlog(tmp_path: Path) -> None:
    write_earlier(tmp_path / "log", [])
    store = SqliteStore(tmp_path / "log")
    assert store.due_backlog() is None
    store.close()


def test_of_processes_that_open_it_at_once_each_waits_for_the_one_that_fills_it_in(tmp_path: Path) -> None:
    write_earlier(tmp_path / "log", entries())
    held = sqlite3.connect(tmp_path / "log" / "log.db", isolation_level=None, check_same_thread=False)
    held.execute("BEGIN IMMEDIATE")
    found: list[list[int]] = []

    def open_() -> None:
        # Its patience with appends is shorter than another process may take to fill a large database in.
        store = SqliteStore(tmp_path / "log", busy_timeout=0.05)
        found.append(store.referrers(ISSUER, number(0)))
        store.close()

    threads = [threading.Thread(target=open_) for _ in range(3)]
    for thread in threads:
        thread.start()
    threads[0].join(0.4)
    held.execute("ROLLBACK")
    held.close()
    for thread in threads:
        thread.join()
    assert found == [[1, 4]] * 3


def test_final_anchors_of_an_earlier_version_wait_for_their_blocks(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    connection = sqlite3.connect(tmp_path / "log" / "log.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    schema.primary.apply(Database(connection), stop_before="0006_sealed_blocks")
    connection.executemany(
        "INSERT INTO anchor (size, note_hash, state, tx_hash, block_number, block_hash)"
        " VALUES (?, x'00', ?, '0x1', 7, '0xab')",
        [(3, "final"), (5, "mined"), (4, "final"), (6, "pending")],
    )
    connection.close()
    store = SqliteStore(tmp_path / "log")
    assert (store.unproven(0, 9), store.latest_proven()) == ([4, 3], 0)
    assert store.put_sealed_block(StoredSealedBlock(4, "0xab", b"kept"))
    assert store.put_sealed_block(StoredSealedBlock(5, "0xab", b"not final")) is False
    store.close()
    store = SqliteStore(tmp_path / "log")
    assert (store.unproven(0, 9), store.latest_proven()) == ([3], 4)
    assert store.sealed_block(4) == StoredSealedBlock(4, "0xab", b"kept")
    store.close()
