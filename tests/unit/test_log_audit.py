"""An audit is clean on an honest log, and names what somebody with the database file changed."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from log_world import ORIGIN, OTHER, World

from ledger.errors import Unavailable
from ledger.formats.encoding import b64encode
from ledger.formats.note import note_hash, parse_note
from ledger.gm import sm3
from ledger.log.audit import audit
from ledger.log.audit_report import AuditReport
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.merkle import leaf_hash
from ledger.merkle.blocks import batch_place, tree_place
from ledger.store import SqliteStore
from ledger.store.page_ids import page_id
from ledger.store.port import StoredAnchor

_NEWEST_PAGE = f"id = {page_id(bytes((3,)))}"
SEALED, BATCH_ENTRY, SINGLE = 0, 305, 2
_BATCH = 5
"""The first entry of the first batch."""
_A_BATCH_BLOCK = batch_place(_BATCH, 0, 3)


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


@pytest.fixture(scope="module")
def honest(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published log of 903 entries: a sealed one, single ones, two batches; several checkpoints."""
    folder = tmp_path_factory.mktemp("honest")
    store = SqliteStore(folder)
    appender = world.appender(store)
    envelope, salt, content = world.sealed()
    disclosure = {"salt": salt.hex(), "content": b64encode(content)}
    appender.submit(json.dumps({"entry": b64encode(envelope), "disclosure": disclosure}).encode())
    for _ in range(3):
        appender.submit(world.envelope())
    for size in (297, 600):
        appender.submit_batch(world.batch(size))
        while integrate(store, 512) is not None:
            publish(store, ORIGIN, world.log, world.clock() // 1000)
    publish(store, ORIGIN, world.log, world.clock() // 1000)
    appender.close()
    store.close()
    return folder


@pytest.fixture
def folder(honest: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    for name in ("log.db", "derived.db"):
        with sqlite3.connect(honest / name) as source, sqlite3.connect(tmp_path / name) as target:
            source.backup(target)
    return tmp_path


def run(world: World, folder: Path, level: str = "full", processes: int = 1) -> AuditReport:
    store = SqliteStore(folder)
    try:
        return audit(store, folder, world.rules(), level=level, processes=processes)  # type: ignore[arg-type]
    finally:
        store.close()


def attack(folder: Path, name: str, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Write as somebody who has the file: past the triggers, with the schema put back afterwards."""
    with sqlite3.connect(folder / name) as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for trigger, _ in triggers:
            db.execute(f"DROP TRIGGER {trigger}")
        for statement, values in statements:
            assert db.execute(statement, values).rowcount == 1
        for _, sql in triggers:
            db.execute(sql)


def value(folder: Path, name: str, query: str) -> bytes:
    with sqlite3.connect(folder / name) as db:
        found: bytes = db.execute(query).fetchone()[0]
        return found


def flipped(data: bytes) -> bytes:
    at = min(40, len(data) // 2)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_receipt_that_was_asked_for_an_entry_of_a_batch_is_no_finding(world: World, folder: Path) -> None:
    store = SqliteStore(folder)
    appender = world.appender(store)
    appender.receipt(next(iter(store.entries(BATCH_ENTRY, BATCH_ENTRY + 1))))
    appender.close()
    store.close()
    report = run(world, folder)
    assert (report.findings, report.figures["receipts"]) == ([], 7)


def test_an_honest_log_is_clean_at_both_levels(world: World, honest: Path) -> None:
    for level in ("hashes", "full"):
        report = run(world, honest, level)
        assert (report.findings, report.entries) == ([], 903)
    assert report.figures["batch_entries"] == 897
    assert report.figures["signatures"] == 6
    assert report.figures["receipts"] == 6
    assert report.figures["sealed_opened"] == 1
    assert report.figures["index_keys"] > 900
    assert report.figures["index_size"] == 903
    assert report.figures["blocks"] > 903 // 16
    assert "blocks_missing" not in report.figures


def test_a_log_without_blocks_is_clean_and_says_so(world: World, folder: Path) -> None:
    with sqlite3.connect(folder / "derived.db") as db:
        db.execute("DELETE FROM block")
    report = run(world, folder)
    assert report.findings == []
    assert report.figures["blocks_missing"] == report.figures["blocks"]


def changed(table: str, column: str, where: str, file: str = "log.db") -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        old: Any = value(folder, file, f"SELECT {column} FROM {table} WHERE {where}")
        new = OTHER if isinstance(old, str) else old + 1 if isinstance(old, int) else flipped(old)
        attack(folder, file, (f"UPDATE {table} SET {column} = ? WHERE {where}", (new,)))

    return tamper


def removed(table: str, where: str, file: str = "log.db") -> Callable[[Path], None]:
    return lambda folder: attack(folder, file, (f"DELETE FROM {table} WHERE {where}", ()))


def entry_and_leaf(folder: Path) -> None:
    """Another entry altogether, its leaf hash with it."""
    other = value(folder, "log.db", "SELECT entry FROM entry WHERE idx = 3").replace(b"A", b"B", 1)
    attack(
        folder,
        "log.db",
        ("UPDATE entry SET entry = ?, leaf = ? WHERE idx = ?", (other, leaf_hash(other), BATCH_ENTRY)),
    )


@pytest.mark.parametrize(
    ("tamper", "code", "index"),
    [
        (changed("entry", "entry", f"idx = {BATCH_ENTRY}"), "leaf_differs", BATCH_ENTRY),
        (changed("entry", "entry", f"idx = {SINGLE}"), "leaf_differs", SINGLE),
        (entry_and_leaf, "tile_differs", BATCH_ENTRY),
        (changed("entry", "leaf", "idx = 7"), "leaf_differs", 7),
        (changed("entry", "index_keys", "idx = 9"), "index_keys_differ", 9),
        (changed("entry", "accepted_at", f"idx = {SINGLE}"), "receipt_signature", SINGLE),
        (changed("tile", "data", "level = 0 AND idx = 1", "derived.db"), "tile_differs", 257),
        (changed("tile", "data", "level = 1 AND idx = 0", "derived.db"), "tile_differs", None),
        (changed("page_newest", "data", _NEWEST_PAGE, "derived.db"), "index_page_differs", None),
        (changed("link", "data", "idx = 8", "derived.db"), "index_link_differs", 8),
        (changed("checkpoint", "root", "seq = 2"), "checkpoint_row_differs", None),
        (changed("checkpoint", "time", "seq = 2"), "checkpoint_row_differs", None),
        (changed("receipt", "signature", f"first_index = {SINGLE}"), "receipt_signature", SINGLE),
        (changed("receipt", "signature", "first_index = 4"), "receipt_signature", 4),
        (changed("sealed", "ciphertext", f"idx = {SEALED}"), "sealed_differs", SEALED),
        (changed("entry", "accepted_at", "idx = 4"), "receipt_signature", 4),
        (changed("entry", "accepted_at", f"idx = {BATCH_ENTRY}"), "entry_time", BATCH_ENTRY),
        (changed("entry", "issuer", "idx = 2"), "entry_row_differs", 2),
        (changed("state", "root", "id = 0", "derived.db"), "integrated_differs", None),
        (changed("state", "index_root", "id = 0", "derived.db"), "integrated_differs", None),
        (changed("state", "size", "id = 0", "derived.db"), "integrated_differs", None),
        (changed("block", "data", f"place = {tree_place(0, 5)}", "derived.db"), "block_differs", None),
        (changed("block", "data", f"place = {tree_place(1, 1)}", "derived.db"), "block_differs", None),
        (changed("block", "data", f"place = {_A_BATCH_BLOCK}", "derived.db"), "block_differs", _BATCH),
        (changed("block", "place", f"place = {batch_place(5, 0, 18)}", "derived.db"), "block_differs", None),
        (changed("block", "place", f"place = {tree_place(1, 2)}", "derived.db"), "block_differs", None),
        (changed("leaf", "prefix", "idx = 11", "derived.db"), "lookup_differs", 11),
        (removed("leaf", "idx = 12", "derived.db"), "lookup_differs", 12),
        (removed("link", "idx = 12", "derived.db"), "index_link_differs", 12),
        (removed("page_newest", _NEWEST_PAGE, "derived.db"), "index_page_differs", None),
        (removed("tile", "level = 1", "derived.db"), "tile_differs", None),
        (removed("state", "id = 0", "derived.db"), "index_not_audited", None),
        (removed("readable", "size = 903", "derived.db"), "index_not_audited", None),
        (removed("checkpoint", "seq = 1"), "checkpoint_missing", None),
        (removed("checkpoint", "seq = 2"), "checkpoint_missing", None),
        (removed("entry", "idx = 0"), "entry_missing", 0),
        (removed("entry", "idx = 100"), "entry_missing", 100),
        (removed("entry", "idx = 902"), "entry_missing", 902),
    ],
)
def test_a_changed_value_is_named(
    world: World, folder: Path, tamper: Callable[[Path], None], code: str, index: int | None
) -> None:
    tamper(folder)
    found = [(finding.code, finding.index) for finding in run(world, folder).findings]
    assert (code, index) in found


def test_the_fast_level_names_a_changed_entry_with_issuer_and_id(world: World, folder: Path) -> None:
    changed("entry", "entry", f"idx = {BATCH_ENTRY}")(folder)
    first = run(world, folder, "hashes").findings
    named = next(finding for finding in first if finding.code == "leaf_differs")
    assert named.issuer is not None
    assert named.id is not None
    assert f"Entry {BATCH_ENTRY} (issuer {named.issuer}, id {named.id})" in named.en
    assert any(finding.code == "checkpoint_root_differs" for finding in first)


def test_a_changed_note_is_named(world: World, folder: Path) -> None:
    note = value(folder, "log.db", "SELECT note FROM checkpoint WHERE seq = 2")
    later = note.replace(b"time 20", b"time 21")
    attack(folder, "log.db", ("UPDATE checkpoint SET note = ? WHERE seq = 2", (later,)))
    codes = {finding.code for finding in run(world, folder).findings}
    assert "checkpoint_signature" in codes


def test_removed_entries_at_the_end_are_named_each(world: World, folder: Path) -> None:
    for index in (901, 902):
        removed("entry", f"idx = {index}")(folder)
    findings = run(world, folder, "hashes").findings
    assert [finding.index for finding in findings if finding.code == "entry_missing"] == [901, 902]
    assert "checkpoint_beyond_entries" in {finding.code for finding in findings}


def test_entries_that_changed_places_are_named_both(world: World, folder: Path) -> None:
    """With every column of theirs, receipts included: only the tree still knows the order."""
    for table, index in (("entry", "idx"), ("receipt", "first_index")):
        moves = [(2, -1), (3, 2), (-1, 3)]
        statement = f"UPDATE {table} SET {index} = ? WHERE {index} = ?"
        attack(folder, "log.db", *[(statement, (new, old)) for old, new in moves])
    found = {(finding.code, finding.index) for finding in run(world, folder).findings}
    assert {("tile_differs", 2), ("tile_differs", 3)} <= found
    assert {("receipt_signature", 2), ("receipt_signature", 3)} <= found


def test_sealed_contents_that_changed_places_are_named_both(world: World, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    appender = world.appender(store)
    for _ in range(2):
        envelope, salt, content = world.sealed()
        disclosure = {"salt": salt.hex(), "content": b64encode(content)}
        appender.submit(json.dumps({"entry": b64encode(envelope), "disclosure": disclosure}).encode())
    appender.close()
    while integrate(store) is not None:
        publish(store, ORIGIN, world.log, world.clock() // 1000)
    store.close()
    assert run(world, tmp_path).findings == []
    moves = [(0, -1), (1, 0), (-1, 1)]
    statement = "UPDATE sealed SET idx = ? WHERE idx = ?"
    attack(tmp_path, "log.db", *[(statement, (new, old)) for old, new in moves])
    found = [(finding.code, finding.index) for finding in run(world, tmp_path).findings]
    assert found == [("sealed_differs", 0), ("sealed_differs", 1)]


def test_a_leaf_that_stands_twice_or_for_no_entry_is_named(world: World, folder: Path) -> None:
    for index in (5, 903):
        attack(folder, "derived.db", ("INSERT INTO leaf (prefix, idx) VALUES (?, ?)", (7, index)))
    findings = run(world, folder).findings
    assert [(finding.code, finding.index) for finding in findings] == [
        ("lookup_differs", at) for at in (5, None)
    ]
    assert "index 903" in findings[1].en


def test_an_index_that_is_being_rebuilt_is_not_called_clean(world: World, folder: Path) -> None:
    store = SqliteStore(folder)
    store.clear_derived()
    integrate(store)
    assert store.integrated().size < 903
    report = audit(store, folder, world.rules(), processes=1)
    assert not report.clean
    assert {finding.code for finding in report.findings} == {"index_not_audited"}
    while integrate(store) is not None:
        pass
    assert audit(store, folder, world.rules(), processes=1).clean
    store.close()


def test_a_log_without_checkpoints_has_its_index_audited_all_the_same(world: World, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    appender = world.appender(store)
    appender.submit(world.envelope())
    appender.close()
    integrate(store)
    store.close()
    report = run(world, tmp_path)
    assert report.clean
    assert report.figures["index_keys"] > 0
    removed("page_newest", f"id = {page_id(b'')}", "derived.db")(tmp_path)
    assert "index_page_differs" in {finding.code for finding in run(world, tmp_path).findings}


def test_a_whole_history_made_anew_under_the_old_notes_is_found(world: World, folder: Path) -> None:
    """Entry, leaf and every derived table consistent: only the signed notes and signatures still speak."""
    entry_and_leaf(folder)
    store = SqliteStore(folder)
    store.clear_derived()
    store.close()
    codes = {finding.code for finding in run(world, folder).findings}
    assert {"checkpoint_root_differs", "batch_differs"} <= codes


def test_an_anchor_without_its_checkpoint_is_named(world: World, folder: Path) -> None:
    store = SqliteStore(folder)
    store.put_anchor(StoredAnchor(17, sm3(b""), "mined", "0x00", 1, "0x00"))
    store.close()
    assert "anchor_orphan" in {finding.code for finding in run(world, folder).findings}


def test_a_changed_anchor_is_named_without_the_chain_where_its_note_or_place_is_gone(
    world: World, folder: Path
) -> None:
    store = SqliteStore(folder)
    newest = store.latest_checkpoint()
    assert newest is not None
    text = note_hash(parse_note(newest.note).text)
    good = StoredAnchor(newest.size, text, "mined", "0x00", 1, "0x00")
    for anchor, codes in (
        (good, set()),
        (replace(good, note_hash=flipped(text)), {"anchor_orphan"}),
        (replace(good, block_hash=None), {"anchor_differs"}),
        (replace(good, tx_hash=None, state="final"), {"anchor_differs"}),
    ):
        store.put_anchor(anchor)
        assert {finding.code for finding in run(world, folder).findings} == codes
    store.close()


def test_a_projection_that_cannot_be_read_is_tried_again_and_then_a_finding(
    world: World, honest: Path
) -> None:
    store, tries = SqliteStore(honest), []

    def busy(_store: object, report: AuditReport) -> None:
        tries.append(report)
        report.add("projection_differs")
        if len(tries) != 5:
            raise Unavailable("too old")

    first = audit(store, honest, world.rules(), processes=1, projections=[busy])
    assert [finding.code for finding in first.findings] == ["projection_not_audited"]
    second = audit(store, honest, world.rules(), processes=1, projections=[busy])
    assert [finding.code for finding in second.findings] == ["projection_differs"]
    assert len(tries) == 5


def test_a_projection_that_differs_is_a_finding(world: World, honest: Path) -> None:
    store = SqliteStore(honest)
    hook = lambda _store, report: report.add("projection_differs", 3)  # noqa: E731
    report = audit(store, honest, world.rules(), processes=1, projections=[hook])
    assert [(finding.code, finding.index) for finding in report.findings] == [("projection_differs", 3)]


def test_no_finding_holds_what_an_entry_says(world: World, folder: Path) -> None:
    for index in (SEALED, SINGLE, BATCH_ENTRY):
        changed("entry", "entry", f"idx = {index}")(folder)
    text = json.dumps(run(world, folder).as_dict(), ensure_ascii=False)
    # Eight digits: four of them stand in some random id now and then.
    assert "19491231" not in text
    assert "行政许可审批" not in text
