"""Collecting sealed blocks from nodes that answer late, wrongly, partly, or of other engines."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sealed_chain import ORIGIN, ROOT, Block, addresses, event, validator_keys
from sealed_node import FOUR, TX, Node

from ledger.chain.blocks import SealedBlocks
from ledger.errors import ChainUnavailable
from ledger.ethereum.headers import parse_header
from ledger.formats.consensus import Consensus, ValidatorSet
from ledger.formats.finality import AnchorRecord, Finality
from ledger.formats.trust import Chain, TrustLog
from ledger.log.proving import Prover, ProvingSettings, changes_before, unpack_finality
from ledger.log.reader import ChainPlace, LogReader
from ledger.store.port import StoredAnchor, StoredSealedBlock
from ledger.store.sqlite import SqliteStore
from ledger.verify import Question
from ledger.verify.checkpoint import finality_findings


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "log")
    yield made
    made.close()


def final_at(store: SqliteStore, block: Block, size: int = 40) -> None:
    hash_ = "0x" + block.hash.hex()
    store.put_anchor(StoredAnchor(size, b"\3" * 32, "mined", TX, block.number, hash_))
    store.put_anchor(StoredAnchor(size, b"\3" * 32, "final", TX, block.number, hash_))


def outcome(store: SqliteStore, block: Block, kind: str = "qbft", depth: int = 0, size: int = 40) -> str:
    """What a stranger makes of the kept block; its anchor is the one of `sealed_chain.event`."""
    kept = store.sealed_block(size)
    assert kept is not None
    finality = unpack_finality(kept.finality)
    assert finality.block is not None
    changes = changes_before(store, block.number)
    finality = replace(finality, block=replace(finality.block, changes=changes))
    expected = event()
    anchor = AnchorRecord(
        4242, "0x" + expected[0].hex(), expected[1][1], 40, ROOT, b"\2" * 32, b"\3" * 32,
        TX, block.number, kept.block_hash, finality,
    )  # fmt: skip
    consensus = Consensus(kind, (ValidatorSet(1, addresses(FOUR)),), depth)
    chain = Chain(4242, anchor.registry, addresses(FOUR), consensus)
    log = TrustLog(ORIGIN, ("subject",), {}, 1, (), None, chain)
    (finding,) = finality_findings(anchor, log, Question(0))
    return finding.reason


@pytest.mark.parametrize("kind", ["qbft", "kaia"])
@pytest.mark.parametrize("one_by_one", [False, True])
def test_the_block_of_a_final_anchor_is_collected_and_proves(
    store: SqliteStore, kind: str, one_by_one: bool
) -> None:
    node = Node(kind, one_by_one=one_by_one)
    node.add(*FOUR[1:])
    block = node.add(*FOUR[1:], anchoring=True, **({"forks": (7, b"\x08" * 32)} if kind == "qbft" else {}))
    prover = Prover(store, SealedBlocks(node.rpc), Clock(), ProvingSettings(since=1))
    assert prover.step() == 0
    final_at(store, block)
    assert prover.step() == 1
    assert (prover.failed, store.count_unproven(), store.latest_proven()) == ({}, 0, 40)
    assert outcome(store, block, kind) == "sealed_by_validators"
    asked = len(node.asked)
    assert prover.step() == 0
    assert len(node.asked) == asked


def _told(name: str, value: Any) -> Callable[[str, Any], Any]:
    def lying(method: str, answer: Any) -> Any:
        return answer | {name: value} if method == "eth_getBlockByNumber" else answer

    return lying


def _receipts(change: Callable[[list[Any]], Any]) -> Callable[[str, Any], Any]:
    def lying(method: str, answer: Any) -> Any:
        return change([*answer]) if method == "eth_getBlockReceipts" else answer

    return lying


@pytest.mark.parametrize(
    "mood",
    [
        _told("stateRoot", "0x" + "ee" * 32),
        _told("hash", "0x" + "ee" * 32),
        _told("extraData", "0xc0"),
        _told("number", "0x7"),
        _told("number", 2),
        _told("gasUsed", "0xzz"),
        _told("nonce", None),
        _told("mixHash", "0x"),
        _receipts(lambda told: told[:-1]),
        _receipts(lambda told: []),
        _receipts(lambda told: None),
        _receipts(lambda told: [None]),
        _receipts(lambda told: [told[0], told[2], told[1]]),
        _receipts(lambda told: [told[0], told[1], told[1]]),
        _receipts(lambda told: [told[0], told[1] | {"status": "0x0"}, told[2]]),
        _receipts(lambda told: [told[0], told[1] | {"logs": None}, told[2]]),
        _receipts(lambda told: [told[0], told[1] | {"logs": [{}]}, told[2]]),
        _receipts(lambda told: [told[0], told[1] | {"logs": ["x"]}, told[2]]),
        lambda method, answer: None,
        lambda method, answer: "0x",
        lambda method, answer: [],
    ],
)
def test_what_does_not_add_up_is_asked_for_again_later(store: SqliteStore, mood: Any) -> None:
    node, clock = Node(), Clock()
    node.add(*FOUR)
    block = node.add(*FOUR, anchoring=True)
    final_at(store, block)
    node.mood = mood
    prover = Prover(store, SealedBlocks(node.rpc), clock, ProvingSettings(since=1))
    prover.step()
    assert store.sealed_block(40) is None
    assert set(prover.failed) == {40}
    node.mood = lambda method, answer: answer
    assert prover.step() == 0, "it waits first"
    clock.now += 60_000
    assert prover.step() == 1
    assert prover.failed == {}
    assert outcome(store, block) == "sealed_by_validators"


def test_while_the_chain_is_away_nothing_is_noted_and_nothing_lost(store: SqliteStore) -> None:
    node = Node()
    node.add(*FOUR)
    block = node.add(*FOUR, anchoring=True)
    final_at(store, block)

    def away(method: str, answer: Any) -> Any:
        raise ChainUnavailable("away")

    node.mood = away
    prover = Prover(store, SealedBlocks(node.rpc), Clock(), ProvingSettings(since=1))
    with pytest.raises(ChainUnavailable):
        prover.step()
    assert (prover.failed, store.count_unproven()) == ({}, 1)
    node.mood = lambda method, answer: answer
    assert prover.step() == 1


def test_another_block_of_that_height_is_not_taken(store: SqliteStore) -> None:
    node, clock = Node(), Clock()
    node.add(*FOUR)
    block = node.add(*FOUR, anchoring=True)
    final_at(store, block)
    node.blocks[block.number] = replace(block, vanity=b"\x22" * 32)
    prover = Prover(store, SealedBlocks(node.rpc), clock, ProvingSettings(since=1))
    assert prover.step() == 0
    assert set(prover.failed) == {40}
    # The anchor is mined anew in the block that there is; what failed before is no alarm any more.
    final_at(store, node.blocks[block.number])
    clock.now += 60_000
    assert prover.step() == 1
    assert (prover.failed, outcome(store, node.blocks[block.number])) == ({}, "sealed_by_validators")


def test_an_anchor_that_moves_loses_its_block_and_gets_the_new_one(store: SqliteStore) -> None:
    node, clock = Node(), Clock()
    node.add(*FOUR)
    first, second = node.add(*FOUR, anchoring=True), node.add(*FOUR, anchoring=True)
    final_at(store, first)
    prover = Prover(store, SealedBlocks(node.rpc), clock, ProvingSettings(since=1))
    prover.step()
    assert store.put_sealed_block(StoredSealedBlock(40, "0x" + second.hash.hex(), b"x")) is False
    store.put_anchor(StoredAnchor(40, b"\3" * 32, "pending"))
    assert (store.sealed_block(40), store.count_unproven()) == (None, 0)
    final_at(store, second)
    assert store.unproven(0, 5) == [40]
    assert prover.step() == 1
    assert outcome(store, second) == "sealed_by_validators"


def test_the_newest_anchors_come_first_and_a_failing_one_holds_up_none(store: SqliteStore) -> None:
    node, clock = Node(), Clock()
    made = [node.add(*FOUR, anchoring=True) for _ in range(6)]
    for size, block in enumerate(made, 40):
        final_at(store, block, size)
    assert store.unproven(clock(), 3) == [45, 44, 43]
    node.receipts[made[5].number] = []
    prover = Prover(store, SealedBlocks(node.rpc), clock, ProvingSettings(a_round=2, since=1))
    assert [prover.step() for _ in range(4)] == [1, 2, 2, 0]
    assert (set(prover.failed), store.latest_proven(), store.count_unproven()) == ({45}, 44, 1)


def test_where_the_seals_are_two_thirds_and_not_more_the_next_blocks_come_along(store: SqliteStore) -> None:
    node, clock, six = Node(), Clock(), tuple(validator_keys(6))
    node.add(*six[:4], named=six)
    block = node.add(*six[:4], named=six, anchoring=True)
    final_at(store, block)
    prover = Prover(store, SealedBlocks(node.rpc), clock, ProvingSettings(since=1))
    assert (prover.step(), prover.failed) == (0, {}), "too early"
    node.add(*six[:4], named=six)
    clock.now += 1_000
    assert prover.step() == 0
    node.add(*six[1:5], named=six)
    clock.now += 1_000
    assert prover.step() == 1
    kept = store.sealed_block(40)
    assert kept is not None
    finality = unpack_finality(kept.finality)
    assert finality.block is not None
    assert len(finality.block.following) == 2


def test_changes_of_validators_between_anchors_are_found_and_lead_there(store: SqliteStore) -> None:
    node, clock = Node(), Clock()
    made = (*FOUR, *validator_keys(3, seed=9))
    sets = [made[start : start + 4] for start in range(4)]
    node.add(*FOUR)
    for named in sets:
        for place in range(9):
            # Which three of the four seal differs from block to block.
            node.add(*(named[(place + each) % 4] for each in range(3)), named=named)
    block = node.add(*sets[3][1:], named=sets[3], anchoring=True)
    final_at(store, block)
    prover = Prover(store, SealedBlocks(node.rpc), clock, ProvingSettings(since=1))
    assert prover.step() == 1
    assert outcome(store, block) == "sealed_by_validators"
    changes = [parse_header("qbft", data) for data in changes_before(store, block.number)]
    assert {each.validators for each in changes} == {addresses(each) for each in sets[1:]}
    assert changes_before(store, changes[0].number) == ()
    # Not a search of every block: some for each change.
    assert node.asked.count("eth_getBlockByNumber") < 40
    later = node.add(*sets[3][:3], named=sets[3], anchoring=True)
    final_at(store, later, 41)
    node.asked.clear()
    assert prover.step() == 1
    assert node.asked.count("eth_getBlockByNumber") == 1


def test_of_clique_as_many_blocks_come_along_as_the_policy_says(store: SqliteStore) -> None:
    node, clock = Node("clique"), Clock()
    node.add(FOUR[0], named=())
    block = node.add(FOUR[1], named=(), anchoring=True)
    final_at(store, block)
    prover = Prover(store, SealedBlocks(node.rpc), clock, ProvingSettings(depth=3, since=1))
    for key in (FOUR[2], FOUR[3], FOUR[0]):
        assert prover.step() == 0
        node.add(key, named=())
        clock.now += 1_000
    assert prover.step() == 1
    assert outcome(store, block, "clique", depth=3) == "signed_by_signers"
    assert outcome(store, block, "clique", depth=4) == "depth_missing"


def test_the_reader_attaches_what_was_collected_and_says_where_there_is_nothing(store: SqliteStore) -> None:
    node = Node()
    node.add(*FOUR)
    block = node.add(*FOUR, anchoring=True)
    final_at(store, block)
    anchor = store.anchor(40)
    assert anchor is not None
    reader = LogReader(store, ORIGIN, ChainPlace(4242, "0x" + "ab" * 20))
    embedded = LogReader(store, ORIGIN, ChainPlace(4242, "0x" + "ab" * 20, sealed=False))
    assert reader._finality(anchor, True) is None
    Prover(store, SealedBlocks(node.rpc), Clock(), ProvingSettings(since=1)).step()
    found = reader._finality(anchor, True)
    assert found is not None
    assert found.block is not None
    assert found.block.header == block.header
    assert embedded._finality(anchor, False) == Finality("unsealed")
    assert reader._finality(replace(anchor, block_hash="0x" + "ee" * 32), True) is None


def test_after_another_engine_changes_are_followed_from_its_own_blocks_on(
    store: SqliteStore,
) -> None:
    node, clock = Node(), Clock()
    for _ in range(3):
        node.add(*FOUR)
    block = node.add(*FOUR, anchoring=True)
    final_at(store, block)

    def other_engine(method: str, answer: Any) -> Any:
        early = method == "eth_getBlockByNumber" and int(answer["number"], 16) < block.number
        return answer | {"extraData": "0xf00d"} if early else answer

    node.mood = other_engine
    prover = Prover(store, SealedBlocks(node.rpc), clock, ProvingSettings(since=1))
    assert prover.step() == 1
    assert outcome(store, block) == "sealed_by_validators"
    changed = (*FOUR[1:], *validator_keys(1, seed=9))
    node.add(*changed[:3], named=changed)
    later = node.add(*changed[1:], named=changed, anchoring=True)
    final_at(store, later, 41)
    assert prover.step() == 1
    assert len(changes_before(store, later.number)) == 1
    assert outcome(store, later, size=41) == "sealed_by_validators"


def test_changes_that_cannot_be_found_do_not_keep_the_block_away(store: SqliteStore) -> None:
    node, clock = Node(), Clock()
    node.add(*FOUR)
    changed = (*FOUR[1:], *validator_keys(1, seed=9))
    for _ in range(4):
        node.add(*changed[:3], named=changed)
    later = node.add(*changed[:3], named=changed, anchoring=True)
    final_at(store, later)

    def gone(method: str, answer: Any) -> Any:
        middle = method == "eth_getBlockByNumber" and 1 < int(answer["number"], 16) < later.number
        return None if middle else answer

    node.mood = gone
    prover = Prover(store, SealedBlocks(node.rpc), clock, ProvingSettings(since=1))
    assert (prover.step(), prover.failed) == (1, {})
    assert changes_before(store, later.number) == ()
    node.mood = lambda method, answer: answer
    after = node.add(*changed[:3], named=changed, anchoring=True)
    final_at(store, after, 41)
    assert prover.step() == 1
    assert len(changes_before(store, after.number)) == 1
