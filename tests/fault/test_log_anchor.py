"""Anchoring over a chain that crashes us, loses what it had, or holds what it should not."""

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_chain import FakeChain
from log_world import INDEXES, ORIGIN, World

from ledger.chain.changes import define_log
from ledger.chain.port import Mined
from ledger.errors import ChainContradicts, ChainUnavailable
from ledger.gm import sm3
from ledger.log import anchor as anchoring
from ledger.log.anchor import Anchorer, AnchorSettings
from ledger.log.audit import audit
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.store import SqliteStore

LOG_ID = sm3(ORIGIN.encode())
POINTS = ("anchor.pending", "anchor.broadcast", "anchor.sent", "anchor.mined", "anchor.final")
AT_ONCE = AnchorSettings(interval=0, stuck=0, patience=0, alarm=0)


class Crash(BaseException):
    """The process ended here."""


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path)


def grow(world: World, store: SqliteStore) -> int:
    """One more entry, published; returns the size."""
    store.append([[world.admission().admit(world.envelope()).entry]], world.clock())
    integrate(store)
    published = publish(store, ORIGIN, world.log, world.clock() // 1000)
    assert published is not None
    return published.size


def make(world: World, store: SqliteStore, chain: FakeChain, settings: AnchorSettings = AT_ONCE) -> Anchorer:
    return Anchorer(store, ORIGIN, chain, world.clock, settings)  # type: ignore[arg-type]


def anchor_all(anchorer: Anchorer, chain: FakeChain, rounds: int = 3) -> None:
    for _ in range(rounds):
        anchorer.step()
        chain.mine()
    anchorer.step()


def states(store: SqliteStore) -> list[tuple[int, str]]:
    return [(anchor.size, anchor.state) for anchor in store.anchors(0, 100)]


def test_a_checkpoint_goes_through_the_outbox_to_final(world: World, store: SqliteStore) -> None:
    chain = FakeChain()
    chain.depth = 1
    anchorer = make(world, store, chain)
    assert anchorer.step().anchored == 0
    size = grow(world, store)
    anchorer.step()
    assert states(store) == [(size, "sent")]
    chain.mine()
    assert (anchorer.step().anchored, anchorer.state.final) == (size, 0)
    chain.mine()
    assert (anchorer.step().final, anchorer.state.alarms) == (size, set())
    assert chain.sent == 1


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_ends_in_one_anchor(
    world: World, store: SqliteStore, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(name: str) -> None:
        if name == point:
            raise Crash

    chain, size = FakeChain(), grow(world, store)
    monkeypatch.setattr(anchoring, "point", crash)
    with pytest.raises(Crash):
        anchor_all(make(world, store, chain), chain)
    chain.mine()
    monkeypatch.undo()
    after = make(world, store, chain)
    anchor_all(after, chain)
    assert states(store) == [(size, "final")]
    assert [anchored.size for anchored in chain._held()] == [size]
    assert after.state.alarms == set()


def test_a_chain_restored_from_an_older_backup_gets_the_lost_anchors_back_in_order(
    world: World, store: SqliteStore
) -> None:
    chain = FakeChain()
    anchorer = make(world, store, chain)
    sizes = []
    for _ in range(4):
        sizes.append(grow(world, store))
        anchor_all(anchorer, chain)
    before = {anchored.size: anchored.note_hash for anchored in chain._held()}
    chain.forget(next(a.block_number for a in chain._held() if a.size == sizes[1]))
    anchorer.step()
    assert "anchor_lost" in anchorer.state.alarms
    anchor_all(anchorer, chain)
    assert {anchored.size: anchored.note_hash for anchored in chain._held()} == before
    assert states(store) == [(size, "final") for size in sizes]
    assert anchorer.state.alarms == set()


def test_a_loss_is_told_for_a_while_even_when_it_is_mended_at_once(world: World, store: SqliteStore) -> None:
    now = [world.clock()]
    chain, size = FakeChain(), grow(world, store)
    settings = AnchorSettings(interval=0, stuck=0, patience=0, alarm=60_000)
    anchorer = Anchorer(store, ORIGIN, chain, lambda: now[0], settings)  # type: ignore[arg-type]
    anchor_all(anchorer, chain)
    chain.forget(1)
    anchor_all(anchorer, chain)
    assert (states(store), anchorer.state.alarms) == ([(size, "final")], {"anchor_lost"})
    now[0] += 60_000
    assert anchorer.step().alarms == set()


def test_a_node_that_is_merely_behind_is_given_time(world: World, store: SqliteStore) -> None:
    chain = FakeChain()
    size = grow(world, store)
    anchor_all(make(world, store, chain), chain)
    patient = make(world, store, chain, AnchorSettings(patience=60_000))
    blocks = chain.blocks
    chain.blocks = blocks[:1]
    assert patient.step().alarms == {"chain_behind"}
    chain.blocks = blocks
    assert patient.step().alarms == set()
    assert states(store) == [(size, "final")]


def test_while_anchors_are_in_doubt_no_newer_one_shuts_them_out(world: World, store: SqliteStore) -> None:
    """The contract takes sizes in ascending order: had the newest gone first, the lost one could not come."""
    chain = FakeChain()
    anchorer = make(world, store, chain, AnchorSettings(interval=0, patience=60_000, alarm=0))
    sizes = []
    for _ in range(2):
        sizes.append(grow(world, store))
        anchor_all(anchorer, chain)
    chain.forget(next(a.block_number for a in chain._held() if a.size == sizes[1]))
    sizes.append(grow(world, store))
    sent = chain.sent
    assert anchorer.step().alarms == {"chain_behind"}
    assert chain.sent == sent
    # The chain goes on from there, and is soon as high as it was.
    anchor_all(anchorer, chain, rounds=8)
    assert [anchored.size for anchored in chain._held()] == sizes
    assert (states(store), anchorer.state.alarms) == ([(size, "final") for size in sizes], set())


def test_a_replaced_block_corrects_the_coordinates(world: World, store: SqliteStore) -> None:
    chain = FakeChain()
    anchorer, size = make(world, store, chain), grow(world, store)
    anchor_all(anchorer, chain)
    anchor = store.anchor(size)
    assert anchor is not None
    assert anchor.block_number is not None
    assert anchor.tx_hash is not None
    # A block is replaced together with all that were made upon it.
    chain.blocks[anchor.block_number :] = [("0xother", chain.blocks[anchor.block_number][1])]
    chain.mine()
    chain.found[anchor.tx_hash] = Mined(anchor.tx_hash, anchor.block_number, "0xother", True, 1)
    anchorer.step()
    corrected = store.anchor(size)
    assert corrected is not None
    assert corrected.block_hash == "0xother"


def test_what_stands_under_a_block_that_stands_is_not_asked_again(
    world: World, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = FakeChain()
    anchorer, asked, sizes = make(world, store, chain), [], []
    for _ in range(3):
        sizes.append(grow(world, store))
        anchor_all(anchorer, chain)
    held = chain.checkpoint
    monkeypatch.setattr(chain, "checkpoint", lambda log_id, size: asked.append(size) or held(log_id, size))
    anchorer.step()
    assert asked == []
    chain.mine()
    anchorer.step()
    assert asked == []
    chain.blocks[-1] = ("0xother", [])
    chain.mine()
    anchorer.step()
    assert sorted(asked) == sizes


def test_an_anchor_called_final_too_early_is_named_by_an_audit(
    world: World, store: SqliteStore, tmp_path: Path
) -> None:
    chain, size = FakeChain(), grow(world, store)
    chain.depth = 1
    anchorer = make(world, store, chain)
    anchorer.step()
    chain.mine()
    anchorer.step()

    def findings() -> list[str]:
        report = audit(store, tmp_path, world.rules(), chain=chain, processes=1)  # type: ignore[arg-type]
        return [finding.code for finding in report.findings]

    anchor = store.anchor(size)
    assert anchor is not None
    assert (anchor.state, findings()) == ("mined", [])
    store.put_anchor(replace(anchor, state="final"))
    assert findings() == ["anchor_differs"]
    chain.mine()
    assert findings() == []


def test_a_forgotten_transaction_is_sent_anew(world: World, store: SqliteStore) -> None:
    chain = FakeChain()
    anchorer, size = make(world, store, chain), grow(world, store)
    anchorer.step()
    chain.waiting = {}
    anchorer.step()
    anchor_all(anchorer, chain)
    assert (states(store), chain.sent) == ([(size, "final")], 2)


def test_a_chain_that_is_away_costs_nothing(world: World, store: SqliteStore) -> None:
    chain = FakeChain()
    anchorer, size = make(world, store, chain), grow(world, store)
    chain.away = True
    with pytest.raises(ChainUnavailable):
        anchorer.step()
    chain.away = False
    anchor_all(anchorer, chain)
    assert states(store) == [(size, "final")]


@pytest.mark.parametrize(("beyond", "same_size"), [(1, False), (0, True)])
def test_a_chain_that_holds_another_history_stops_us(
    world: World, store: SqliteStore, beyond: int, same_size: bool
) -> None:
    """A database restored from an older backup, or somebody else with our keys."""
    chain, size = FakeChain(), grow(world, store)
    chain.publish(LOG_ID, size + beyond, bytes(32), bytes(32), bytes(32))
    chain.mine()
    with pytest.raises(ChainContradicts):
        make(world, store, chain).step()
    assert states(store) == []
    assert same_size or chain.sent == 1


@pytest.mark.chain
@pytest.mark.parametrize("point", POINTS)
def test_on_a_real_chain_too_a_crash_anywhere_ends_in_one_anchor(
    world: World, store: SqliteStore, point: str, monkeypatch: pytest.MonkeyPatch, consortium: Any
) -> None:
    def crash(name: str) -> None:
        if name == point:
            raise Crash

    chain = consortium.chains[0]
    consortium.agree(define_log(ORIGIN, "113501000099000133", INDEXES))
    size = grow(world, store)
    monkeypatch.setattr(anchoring, "point", crash)

    def until_final(anchorer: Anchorer) -> None:
        deadline = time.monotonic() + 20
        final = 0
        while final < size:
            assert time.monotonic() < deadline
            # The worker too asks again when a node names a block that it says it does not have yet.
            with suppress(ChainUnavailable):
                final = anchorer.step().final

    patient = AnchorSettings(interval=0)
    with pytest.raises(Crash):
        until_final(make(world, store, chain, patient))
    monkeypatch.undo()
    until_final(make(world, store, chain, patient))
    assert states(store) == [(size, "final")]
    held = chain.checkpoint(LOG_ID, size)
    anchor = store.anchor(size)
    assert anchor is not None
    assert (held.note_hash, held.block_number) == (anchor.note_hash, anchor.block_number)
