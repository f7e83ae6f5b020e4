"""What a trust file says of a chain's consensus: read from the newest header and the registry's events."""

from typing import Any

import pytest
from eth_abi.abi import encode
from sealed_chain import addresses, validator_keys
from sealed_node import FOUR, Node

from ledger.chain.blocks import BlockUnproven
from ledger.chain.consensus import VALIDATORS_CHANGED, ConsensusReader
from ledger.formats.consensus import ValidatorSet

REGISTRY = "0x" + "cc" * 20


def changed(number: int, *validators: str) -> dict[str, Any]:
    data = "0x" + encode(["address[]"], [validators]).hex()
    return {"blockNumber": hex(number), "data": data, "topics": [VALIDATORS_CHANGED]}


def chain(blocks: int = 20, kind: str = "qbft", **more: Any) -> Node:
    node = Node(kind)
    for _ in range(blocks):
        node.add(*(FOUR[:1] if kind == "clique" else FOUR), **more)
    return node


def reader(node: Node, depth: int = 12) -> ConsensusReader:
    return ConsensusReader(node.rpc, REGISTRY, 3, depth)


@pytest.mark.parametrize("kind", ["qbft", "kaia"])
def test_sets_begin_where_the_registry_took_them_in(kind: str) -> None:
    node, others = chain(kind=kind), addresses(validator_keys(5, seed=2))
    read = reader(node)
    assert read.read(4) is None, "nobody agreed on validators yet"
    node.events = [changed(5, *others), changed(9, *others[:2]), changed(9, *addresses(FOUR))]
    found = read.read(8)
    assert found is not None
    assert (found.kind, found.depth) == (kind, 0)
    assert found.sets == (ValidatorSet(5, others),)
    found = read.read(20)
    assert found is not None
    assert found.sets == (ValidatorSet(5, others), ValidatorSet(9, addresses(FOUR)))


def test_what_was_read_is_not_asked_for_again() -> None:
    node = chain()
    node.events = [changed(5, *addresses(FOUR))]
    read = reader(node)
    first = read.read(10)
    node.events = []
    assert read.read(10) == first
    assert read.read(20) == first
    assert node.asked.count("eth_getLogs") == 2


def test_a_chain_set_back_forgets_what_it_no_longer_holds() -> None:
    node = chain()
    node.events = [changed(5, *addresses(FOUR)), changed(15, *addresses(FOUR[:3]))]
    read = reader(node)
    assert len(getattr(read.read(20), "sets", ())) == 2
    assert len(getattr(read.read(9), "sets", ())) == 1


def test_cliques_depth_goes_into_the_file_and_an_emptied_set_ends_it() -> None:
    node = chain(kind="clique", named=())
    node.events = [changed(5, *addresses(FOUR))]
    read = reader(node, depth=7)
    found = read.read(10)
    assert found is not None
    assert (found.kind, found.depth) == ("clique", 7)
    node.events.append(changed(12))
    assert read.read(20) is None


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        [None],
        [{}],
        [{"blockNumber": 5}],
        [{"blockNumber": "0x5", "data": "0x00"}],
        [changed(5) | {"data": 1}],
    ],
)
def test_events_in_no_form_are_refused_and_asked_for_again(answer: Any) -> None:
    node = chain()
    node.events = [changed(5, *addresses(FOUR))]
    node.mood = lambda method, told: answer if method == "eth_getLogs" else told
    read = reader(node)
    with pytest.raises(BlockUnproven):
        read.read(10)
    node.mood = lambda method, told: told
    assert read.read(10) is not None


def test_other_validators_in_the_blocks_than_in_the_registry_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    node = chain()
    node.events = [changed(5, *addresses(FOUR[:3]))]
    assert reader(node).read(10) is not None
    assert "member propose validators" in caplog.text
