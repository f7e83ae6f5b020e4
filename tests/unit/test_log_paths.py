"""Paths from stored blocks: as computed ones are, computed where a block is missing, and never wrong."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from log_world import ORIGIN, World

from ledger.errors import IntegrityError
from ledger.formats.envelope import parse_envelope, place_in
from ledger.log.integrate import integrate
from ledger.log.paths import Paths
from ledger.log.publish import publish
from ledger.log.reader import LogReader
from ledger.log.tiles import Tiles
from ledger.merkle import batch_leaf_hash, inclusion_proof, verify_batch_path, verify_inclusion
from ledger.merkle.blocks import batch_place, make_block, places_above, tree_place
from ledger.merkle.tree import hash_children
from ledger.store import SqliteStore
from ledger.store.port import StoredCheckpoint

BATCHES = (1, 16, 17, 300, 40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of three single entries and some batches, integrated in stretches that end anywhere."""
    folder = tmp_path_factory.mktemp("paths")
    world = World.make()
    store = SqliteStore(folder)
    appender = world.appender(store)
    for _ in range(3):
        appender.submit(world.envelope())
    for size in BATCHES:
        appender.submit_batch(world.batch(size))
        integrate(store, 37)
    while integrate(store, 101):
        pass
    publish(store, ORIGIN, world.log, world.clock() // 1000)
    appender.close()
    store.close()
    return folder


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> Iterator[SqliteStore]:
    for name in ("log.db", "derived.db"):
        with sqlite3.connect(folder / name) as source, sqlite3.connect(tmp_path / name) as target:
            source.backup(target)
    store = SqliteStore(tmp_path)
    yield store
    store.close()


def checkpoint_of(store: SqliteStore) -> StoredCheckpoint:
    found = store.latest_checkpoint()
    assert found is not None
    return found


def paths_of(store: SqliteStore) -> Paths:
    return Paths(store, Tiles(store))


def change(tmp_path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(tmp_path / "derived.db") as db:
        assert db.execute(statement, values).rowcount >= 1


def check_all(store: SqliteStore, *, warm: bool = False) -> None:
    checkpoint = checkpoint_of(store)
    paths = paths_of(store)
    if warm:
        paths.warm()
    entries = list(store.entries(0, checkpoint.size))
    placed = [(entry, place_in(entry.entry)) for entry in entries]
    assert sum(place is not None for _, place in placed) == sum(BATCHES)
    # Twice, so that what was kept the first time is given out as well.
    for _ in range(2):
        found = paths.prove(placed, checkpoint.size, checkpoint.root, range(40))
        for (entry, place), (path, in_batch) in zip(placed, found, strict=True):
            verify_inclusion(entry.leaf_hash, entry.index, checkpoint.size, path, checkpoint.root)
            assert list(path) == inclusion_proof(entry.index, checkpoint.size, store)
            assert (in_batch is None) == (place is None)
            if place is not None and in_batch is not None:
                leaf = batch_leaf_hash(parse_envelope(entry.entry).pae)
                verify_batch_path(leaf, place.index, place.size, in_batch, place.root)


def test_every_path_is_the_computed_one(store: SqliteStore) -> None:
    check_all(store)


def test_what_was_read_before_anybody_asked_is_right_and_is_not_read_again(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_all(store, warm=True)
    above = {
        place for start, stop in places_above() for place, _ in store.block_range(start, stop, 1_000_000)
    }
    assert {place >> 56 for place in above} >= {1, 17}
    paths = paths_of(store)
    paths.warm()
    asked: set[int] = set()
    monkeypatch.setattr(store, "blocks", lambda places: (asked.update(places), [None] * len(places))[1])
    checkpoint = checkpoint_of(store)
    paths.prove([(entry, None) for entry in store.entries(0, 300)], checkpoint.size, checkpoint.root)
    assert asked
    assert not asked & above


@pytest.mark.parametrize("damage", ["cut", "changed", "its node"])
def test_a_damaged_block_is_told_of_to_who_asks_and_not_before(
    store: SqliteStore, tmp_path: Path, damage: str
) -> None:
    place = tree_place(1, 0)
    (block,) = store.blocks([place])
    assert block is not None
    # The last is a whole block too, of one hash, and stands below the right node.
    node = make_block(block[: 16 * 32], hash_children)[1]
    changed = {"cut": b"", "changed": bytes(960), "its node": node}[damage]
    change(tmp_path, "UPDATE block SET data = ? WHERE place = ?", changed, place)
    checkpoint = checkpoint_of(store)
    paths = paths_of(store)
    paths.warm()
    entry = store.entry(0)
    assert entry is not None
    with pytest.raises(IntegrityError):
        paths.prove([(entry, None)], checkpoint.size, checkpoint.root)


def test_paths_are_computed_where_no_block_is_stored(store: SqliteStore, tmp_path: Path) -> None:
    change(tmp_path, "DELETE FROM block WHERE place % 3 = 0")
    check_all(store)
    change(tmp_path, "DELETE FROM block")
    check_all(store)


def test_a_checkpoint_with_another_root_gets_no_path(store: SqliteStore) -> None:
    checkpoint = checkpoint_of(store)
    for index in (0, checkpoint.size - 1):
        entry = store.entry(index)
        assert entry is not None
        with pytest.raises(IntegrityError):
            paths_of(store).prove([(entry, None)], checkpoint.size, bytes(32))


def test_a_leaf_that_is_not_in_the_tree_gets_no_path(store: SqliteStore) -> None:
    checkpoint = checkpoint_of(store)
    for index in (0, checkpoint.size - 1):
        entry = store.entry(index)
        assert entry is not None
        with pytest.raises(IntegrityError):
            paths_of(store).prove(
                [(replace(entry, leaf_hash=bytes(32)), None)], checkpoint.size, checkpoint.root
            )


FIRST_OF_300 = 3 + sum(size + 1 for size in BATCHES[:3]) + 1


@pytest.mark.parametrize(
    "place",
    [
        tree_place(0, 4),
        tree_place(1, 0),
        batch_place(FIRST_OF_300, 0, 0),
        batch_place(FIRST_OF_300, 1, 0),
        batch_place(FIRST_OF_300, 2, 0),
    ],
    ids=["tree-low", "tree-high", "batch-low", "batch-middle", "batch-top"],
)
def test_a_changed_block_is_never_handed_out(store: SqliteStore, tmp_path: Path, place: int) -> None:
    (block,) = store.blocks([place])
    assert block is not None
    spoiled = 0
    for at in range(0, len(block), 32):
        changed = block[:at] + bytes(32) + block[at + 32 :]
        change(tmp_path, "UPDATE block SET data = ? WHERE place = ?", changed, place)
        reader = LogReader(store, ORIGIN)
        checkpoint = reader.checkpoint()
        for index in range(FIRST_OF_300, FIRST_OF_300 + 40):
            try:
                bundle = reader.bundle(checkpoint, [index])
            except IntegrityError:
                spoiled += 1
                continue
            (shown,) = bundle.entries
            verify_inclusion(
                store.leaves(index, index + 1)[0][0],
                index,
                checkpoint.size,
                shown.proven.inclusion,
                checkpoint.root,
            )
            assert shown.batch is not None
            place_ = place_in(shown.proven.entry)
            assert place_ is not None
            leaf = batch_leaf_hash(parse_envelope(shown.proven.entry).pae)
            verify_batch_path(leaf, place_.index, place_.size, shown.batch.path, place_.root)
    assert spoiled
