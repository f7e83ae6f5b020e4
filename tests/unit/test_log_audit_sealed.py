"""What an audit says of sealed content: erased on purpose is no damage, gone without a record is."""

import json
import sqlite3
from pathlib import Path

import pytest
from log_world import ORIGIN, PERSON, TAG_KEY, World

from ledger.formats.encoding import b64encode
from ledger.formats.tags import person_tag
from ledger.gm import sm4_gcm_encrypt
from ledger.log.audit import audit
from ledger.log.audit_report import AuditReport
from ledger.log.integrate import integrate
from ledger.log.masters import master_key_id
from ledger.log.publish import publish
from ledger.merkle import index_key
from ledger.store import SqliteStore

TAG = person_tag(TAG_KEY, 0, PERSON)


@pytest.fixture
def world() -> World:
    return World.make()


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    """A published log with two sealed contents of one person and an entry without any."""
    store = SqliteStore(tmp_path)
    appender = world.appender(store)
    for _ in range(2):
        envelope, salt, content = world.sealed()
        disclosure = {"salt": salt.hex(), "content": b64encode(content)}
        appender.submit(json.dumps({"entry": b64encode(envelope), "disclosure": disclosure}).encode())
    appender.submit(world.envelope())
    appender.close()
    while integrate(store) is not None:
        publish(store, ORIGIN, world.log, world.clock() // 1000)
    store.close()
    return tmp_path


def run(world: World, folder: Path) -> AuditReport:
    store = SqliteStore(folder)
    try:
        return audit(store, folder, world.rules(), processes=1)
    finally:
        store.close()


def attack(folder: Path, *statements: str) -> None:
    """Write as somebody who has the file: past the triggers."""
    with sqlite3.connect(folder / "log.db") as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for trigger, _ in triggers:
            db.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            assert db.execute(statement).rowcount >= 1
        for _, sql in triggers:
            db.execute(sql)


def codes(report: AuditReport) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.index) for finding in report.findings]


def test_an_honest_log_is_clean_and_its_contents_were_opened(world: World, folder: Path) -> None:
    report = run(world, folder)
    assert report.clean
    assert report.figures["sealed_opened"] == 2


def test_erased_content_is_no_damage_and_is_counted(world: World, folder: Path) -> None:
    store = SqliteStore(folder)
    store.erase_subjects([TAG], [], 1)
    store.close()
    report = run(world, folder)
    assert report.clean
    assert report.figures["sealed_erased"] == 2
    assert "sealed_opened" not in report.figures


def test_erased_content_of_the_first_version_is_no_damage(world: World, folder: Path) -> None:
    store = SqliteStore(folder)
    first_version(store, world)
    assert run(world, folder).figures["sealed_opened"] == 2
    erased = store.erase_subjects([], [index_key("subject", bytes.fromhex(TAG))], 1)
    store.close()
    assert erased.contents == 1
    report = run(world, folder)
    assert report.clean
    assert (report.figures["sealed_erased"], report.figures["sealed_opened"]) == (1, 1)


def first_version(store: SqliteStore, world: World) -> None:
    """Put entry 0's content back as the first version would have stored it."""
    entry, sealed = store.entry(0), store.sealed(0)
    assert entry is not None
    assert sealed is not None
    salt, content = world.sealer.open(sealed, TAG, entry.issuer, entry.id)
    (name, master), key, bound = (
        world.sealer.masters.current,
        b"d" * 16,
        f"{entry.issuer}\0{entry.id}".encode(),
    )
    blob = b"\x01" + b"w" * 12 + sm4_gcm_encrypt(master, b"w" * 12, key, bound)
    blob += b"c" * 12 + sm4_gcm_encrypt(key, b"c" * 12, salt + content, bound)
    assert name == master_key_id(master)
    with store._log.writing() as writer:
        writer.execute("UPDATE sealed SET ciphertext = ?, key_id = ? WHERE idx = 0", (blob, name))


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM sealed WHERE idx = 1", [("sealed_missing", 1)]),
        ("DELETE FROM data_key", [("sealed_key_missing", 0), ("sealed_key_missing", 1)]),
        ("UPDATE sealed SET key_id = 'another' WHERE idx = 1", [("sealed_key_missing", 1)]),
        ("UPDATE data_key SET master = 'another'", [("sealed_differs", 0), ("sealed_differs", 1)]),
        ("UPDATE data_key SET subject = zeroblob(32)", [("sealed_differs", 0), ("sealed_differs", 1)]),
        ("UPDATE data_key SET wrapped = zeroblob(44)", [("sealed_differs", 0), ("sealed_differs", 1)]),
        ("UPDATE sealed SET ciphertext = x'02' WHERE idx = 0", [("sealed_differs", 0)]),
        (
            "INSERT INTO sealed (idx, ciphertext, key_id) VALUES (2, x'00', '')",
            [("sealed_unannounced", 2)],
        ),
    ],
    ids=["content", "key", "content-key", "master", "subject", "wrapped", "blob", "unannounced"],
)
def test_what_is_gone_or_changed_without_a_record_is_named(
    world: World, folder: Path, statement: str, found: list[tuple[str, int]]
) -> None:
    attack(folder, statement)
    assert codes(run(world, folder)) == found


def test_a_claim_of_erasure_needs_the_destroyed_keys_row(world: World, folder: Path) -> None:
    """A key's row that still stands cannot be passed off as erased, nor an erased one as lost."""
    attack(folder, "UPDATE data_key SET wrapped = NULL, master = '', erased_at = 1")
    assert run(world, folder).figures["sealed_erased"] == 2
    attack(folder, "DELETE FROM data_key")
    assert codes(run(world, folder)) == [("sealed_key_missing", 0), ("sealed_key_missing", 1)]
