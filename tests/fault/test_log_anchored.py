"""An anchored log on a real chain: which note its answers carry, and what an audit says of its anchors."""

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from log_world import INDEXES, ORIGIN, World

from ledger.chain.changes import define_log
from ledger.chain.embedded import EmbeddedChain
from ledger.formats.bundle import Bundle, format_bundle
from ledger.formats.finality import log_id
from ledger.formats.note import note_hash
from ledger.formats.trust import Chain, Trust
from ledger.log.anchor import Anchorer, AnchorSettings
from ledger.log.audit import audit
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.log.reader import ChainPlace, LogReader
from ledger.store import SqliteStore
from ledger.store.port import StoredAnchor
from ledger.verify import PASS, UNKNOWN, ChainNode, HttpRpc, Question, verify_bundle

pytestmark = pytest.mark.chain
OPERATOR = "113501000099000133"
LOG_ID = log_id(ORIGIN)


class AnchoredLog:
    """Two entries, each under a checkpoint that is final on the chain; a third one only published."""

    def __init__(self, folder: Path, consortium: Any) -> None:
        self.folder, self.world, self.chain = folder, World.make(), consortium.chains[0]
        consortium.agree(define_log(ORIGIN, OPERATOR, INDEXES))
        self.store = SqliteStore(folder)
        self.anchorer = Anchorer(self.store, ORIGIN, self.chain, self.world.clock, AnchorSettings(interval=0))
        self.place = ChainPlace(consortium.deployment.chain_id, self.chain.registry.lower())
        self.reader = LogReader(self.store, ORIGIN, self.place)
        for size in (1, 2, 3):
            self.store.append([[self.world.admission().admit(self.world.envelope()).entry]], size)
            integrate(self.store)
            self.publish(0)
            if size < 3:
                self.anchor_to(size)

    def publish(self, later: int) -> None:
        assert publish(self.store, ORIGIN, self.world.log, self.world.clock() // 1000 + later) is not None

    def anchor_to(self, size: int) -> None:
        deadline = time.monotonic() + 20
        while self.anchorer.step().final < size:
            assert time.monotonic() < deadline

    def trust(self) -> Trust:
        trust = self.world.trust()
        chain = Chain(self.place.chain_id, self.place.registry)
        return replace(trust, logs={ORIGIN: replace(trust.logs[ORIGIN], chain=chain)})

    def findings(self, chain: Any) -> list[str]:
        # The acceptance times above are too small to be true, and no concern here.
        report = audit(self.store, self.folder, self.world.rules(), chain=chain, processes=1)
        return [finding.code for finding in report.findings if finding.code != "entry_time"]


@pytest.fixture
def log(tmp_path: Path, consortium: Any) -> Iterator[AnchoredLog]:
    made = AnchoredLog(tmp_path, consortium)
    yield made
    made.store.close()


def verdicts(log: AnchoredLog, bundle: Bundle, url: str) -> dict[str, str]:
    question = Question(
        now=log.world.clock() + 60_000,
        require=frozenset({"anchor"}),
        node=ChainNode(HttpRpc(url)),
    )
    return dict(verify_bundle(format_bundle(bundle), log.trust(), question).verdicts)


def test_a_refreshed_checkpoint_does_not_take_the_place_of_the_anchored_one(
    log: AnchoredLog, embedded_chain: EmbeddedChain
) -> None:
    log.anchor_to(3)
    anchored = log.reader.checkpoint("anchored")
    log.publish(later=30)
    refreshed = log.reader.checkpoint("published")
    assert refreshed.size == anchored.size
    assert refreshed.time > anchored.time
    assert log.store.checkpoint(3) == refreshed
    for level in ("anchored", "final"):
        assert log.reader.checkpoint(level) == anchored  # type: ignore[arg-type]
        bundle = log.reader.bundle(log.reader.checkpoint(level), [0, 2])  # type: ignore[arg-type]
        assert bundle.anchor is not None
        held = log.chain.checkpoint(LOG_ID, 3)
        assert held.note_hash == bundle.anchor.note_hash == note_hash(bundle.note.text)
        said = verdicts(log, bundle, embedded_chain.url)
        assert {said[verdict] for verdict in ("checkpoint", "inclusion", "anchor")} == {PASS}
    bundle = log.reader.bundle(refreshed, [0, 2])
    assert (bundle.note.checkpoint.time, bundle.anchor) == (refreshed.time, None)
    said = verdicts(log, bundle, embedded_chain.url)
    assert (said["checkpoint"], said["inclusion"], said.get("anchor", UNKNOWN)) == (PASS, PASS, UNKNOWN)


def test_an_anchor_sent_after_a_refresh_is_of_the_note_that_was_chosen_for_it(log: AnchoredLog) -> None:
    """The outbox names the note; a refresh between outbox and broadcast changes nothing."""
    old = log.store.latest_checkpoint()
    assert old is not None
    log.anchorer._begin(log.anchorer.check_chain())
    log.publish(later=30)
    log.anchor_to(3)
    held = log.chain.checkpoint(LOG_ID, 3)
    assert log.store.checkpoint(3, held.note_hash) == old
    assert log.reader.checkpoint("final") == old
    assert log.findings(log.chain) == []


def test_untouched_anchors_are_clean_with_and_without_the_chain(log: AnchoredLog) -> None:
    assert [anchor.state for anchor in log.store.anchors(0, 9)] == ["final", "final"]
    assert (log.findings(None), log.findings(log.chain)) == ([], [])


OTHER_HASH = "0x" + "11" * 32


@pytest.mark.parametrize(
    ("changes", "alone", "with_chain"),
    [
        ({"note_hash": bytes(32)}, ["anchor_orphan"], ["anchor_orphan"]),
        ({"block_number": 1}, [], ["anchor_differs"]),
        ({"block_hash": OTHER_HASH}, [], ["anchor_differs"]),
        ({"tx_hash": OTHER_HASH}, [], ["anchor_differs"]),
        ({"block_number": None}, ["anchor_differs"], ["anchor_differs"]),
        ({"state": "fine"}, ["anchor_differs"], ["anchor_differs"]),
        ({"size": 3}, ["anchor_orphan"], ["anchor_orphan", "anchor_unrecorded"]),
        ({"size": 7}, ["anchor_orphan"], ["anchor_orphan", "anchor_unrecorded"]),
    ],
)
def test_a_changed_anchor_is_named(
    log: AnchoredLog, changes: dict[str, Any], alone: list[str], with_chain: list[str]
) -> None:
    with sqlite3.connect(log.folder / "log.db") as db:
        for column, value in changes.items():
            assert db.execute(f"UPDATE anchor SET {column} = ? WHERE size = 2", (value,)).rowcount == 1
    assert log.findings(None) == alone
    assert log.findings(log.chain) == with_chain


def test_an_anchor_that_only_the_database_or_only_the_chain_has_is_named(log: AnchoredLog) -> None:
    newest = log.store.latest_checkpoint()
    first = log.store.anchor(1)
    assert newest is not None
    assert first is not None
    text = log.reader.bundle(newest).note.text
    invented = replace(first, size=3, note_hash=note_hash(text))
    log.store.put_anchor(invented)
    assert log.findings(log.chain) == ["anchor_missing"]
    log.store.put_anchor(StoredAnchor(3, invented.note_hash, "pending"))
    assert log.findings(log.chain) == []
    with sqlite3.connect(log.folder / "log.db") as db:
        db.execute("DELETE FROM anchor")
    assert log.findings(None) == []
    assert log.findings(log.chain) == ["anchor_unrecorded"]


def test_a_log_cut_back_together_with_its_checkpoints_is_told_by_the_chain(log: AnchoredLog) -> None:
    """Nothing in the database is left to contradict it."""
    with sqlite3.connect(log.folder / "log.db") as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        for table, column in (("entry", "idx"), ("checkpoint", "size - 1"), ("anchor", "size - 1")):
            db.execute(f"DELETE FROM {table} WHERE {column} >= 1")
    log.store.clear_derived()
    integrate(log.store)
    assert log.findings(None) == []
    assert log.findings(log.chain) == ["anchor_unrecorded"]
