"""A history whose head stands in a block that validators sealed: who must have, and what it must hold."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from history_made import CONSORTIUM, made_history
from sealed_chain import Anchored, Block, addresses, receipt, validator_keys

from ledger.errors import HistoryRefused
from ledger.ethereum.headers import MAX_VALIDATORS
from ledger.formats.consensus import Consensus, ValidatorSet, format_consensus, parse_consensus, with_set
from ledger.formats.finality import Finality, format_finality
from ledger.formats.history import ACTIONS, History, format_history, head_of, parse_history
from ledger.formats.registry import trust_of
from ledger.formats.trust import Exported, Trust, format_trust, parse_trust, with_consensus
from ledger.verify.governance import Replay, follow, head_at_node
from ledger.verify.node import NodeUnusable

NOW = 1_795_334_400
FOUR, OTHERS = validator_keys(4), validator_keys(4, seed=9)
RECORDED = keccak(b"Recorded(uint256,bytes18,uint256,uint8,uint64,bytes,bytes32)")


def started(
    history: History,
    validators: Sequence[Any] = FOUR,
    kind: str = "qbft",
    consortium: str | None = CONSORTIUM,
) -> Trust:
    """The trust file of block 4, where the log was defined, with these validators."""
    replayed = Replay(history.exported.chain_id, history.consortium)
    for record in history.records:
        if record.block <= 4:
            replayed.add(record)
    exported = Exported((NOW - 500) * 1000, history.exported.chain_id, 4)
    trust = trust_of(replayed.state(history, exported))
    sets = (ValidatorSet(1, addresses(validators)),)
    trust = with_consensus(trust, Consensus(kind, sets, consortium=consortium))
    return parse_trust(format_trust(trust))


def recorded(history: History, **changes: Any) -> list[Any]:
    """The event of the last record."""
    last = history.records[-1]
    said = {
        "registry": bytes.fromhex(CONSORTIUM[2:]),
        "topic": RECORDED,
        "sequence": len(history.records) - 1,
        "head": history.head,
        "action": ACTIONS.index(last.action),
    } | changes
    topics = [said["topic"], encode(["uint256"], [said["sequence"]]), bytes(32), bytes(32)]
    data = encode(
        ["uint8", "uint64", "bytes", "bytes32"], [said["action"], last.time, last.content, said["head"]]
    )
    return [said["registry"], topics, data]


def sealed(
    history: History,
    sealers: Sequence[Any] = FOUR,
    kind: str = "qbft",
    number: int = 5,
    named: Sequence[Any] = FOUR,
    **changes: Any,
) -> History:
    """The history with its last block, sealed by these."""
    made = Block(kind=kind, number=number, named=tuple(named), sealers=tuple(sealers))
    _, block = Anchored(made, 1, 3, receipt(recorded(history, **changes))).sealed()
    with_proof = replace(history, finality=format_finality(Finality(kind, block=block)))
    return parse_history(format_history(with_proof))


@pytest.mark.parametrize("kind", ["qbft", "kaia"])
@pytest.mark.parametrize(("count", "backed"), [(4, "finality"), (3, "finality"), (2, None), (0, None)])
def test_more_than_two_thirds_of_the_validators_vouch_for_the_head(
    kind: str, count: int, backed: str | None
) -> None:
    history = made_history(NOW)
    followed = follow(sealed(history, FOUR[:count], kind), started(history, kind=kind))
    assert followed.head_backed == backed
    # The trust file that follows is as old as what was proved, or as what was believed before.
    assert followed.trust.exported.block == 5
    assert followed.trust.exported.at == (NOW - 1000 if backed else NOW - 500) * 1000


def test_seals_of_validators_that_the_starting_file_does_not_trust_prove_nothing() -> None:
    history = made_history(NOW)
    assert follow(sealed(history), started(history, OTHERS)).head_backed is None
    theirs = sealed(history, OTHERS, named=OTHERS)
    assert follow(theirs, started(history)).head_backed is None
    told = follow(theirs, started(history), expected_head=history.head)
    assert told.head_backed == "expected"


@pytest.mark.parametrize(
    "changes",
    [
        {"head": bytes(32)},
        {"sequence": 4},
        {"registry": b"\x07" * 20},
        {"topic": bytes(32)},
        {"action": 2},
        {"number": 6},
    ],
)
def test_a_block_that_does_not_hold_the_head_is_refused(changes: dict[str, Any]) -> None:
    history = made_history(NOW)
    with pytest.raises(HistoryRefused, match="does not hold"):
        follow(sealed(history, **changes), started(history))


def test_a_head_that_another_contract_of_the_chain_said_is_not_the_consortium_s() -> None:
    history = made_history(NOW)
    impostor = "0x" + "07" * 20
    head = head_of(history.exported.chain_id, impostor, history.records)
    told = sealed(replace(history, consortium=impostor, head=head), registry=bytes.fromhex(impostor[2:]))
    with pytest.raises(HistoryRefused, match="another consortium"):
        follow(told, started(history))
    assert follow(told, started(history, consortium=None)).head_backed is None

    def node(method: str, _params: list[Any]) -> str:
        answers = {"eth_chainId": hex(history.exported.chain_id), "eth_call": "0x" + CONSORTIUM[2:].zfill(64)}
        return answers[method]

    with pytest.raises(HistoryRefused, match="under another consortium"):
        follow(told, started(history, consortium=None), rpc=node)


def test_what_the_registry_took_for_validators_leaves_a_trust_file_that_can_be_read() -> None:
    first, *others = addresses(FOUR)
    crowd = tuple(f"0x{number:040x}" for number in range(MAX_VALIDATORS + 1))
    before = Consensus("qbft", (ValidatorSet(1, (first,)),), consortium=CONSORTIUM)
    for agreed, kept in (((first, *others, first), 4), (crowd, MAX_VALIDATORS)):
        after = with_set(before, 9, agreed)
        assert parse_consensus(format_consensus(after)) == after
        assert after.sets[-1] == ValidatorSet(9, agreed[:kept])


def test_a_node_that_does_not_answer_with_a_number_is_unusable() -> None:
    with pytest.raises(NodeUnusable):
        head_at_node(lambda _method, _params: None, made_history(NOW))


def test_a_shorter_history_does_not_pass_under_the_proof_of_a_longer_one() -> None:
    history = made_history(NOW)
    shorter = replace(made_history(NOW, records=5), finality=sealed(history).finality)
    with pytest.raises(HistoryRefused, match=r"block_number_differs|head_not_in_block"):
        follow(shorter, started(shorter))


def test_a_kind_that_is_not_known_proves_nothing_and_does_no_harm() -> None:
    history = made_history(NOW)
    told = replace(history, finality={"kind": "tomorrow", "seals": []})
    assert follow(told, started(history)).head_backed is None
