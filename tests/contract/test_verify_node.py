"""The verifier's own node: what it says about an anchor that stands on a real chain."""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils import keccak

import ledger.chain
from ledger.chain import changes
from ledger.chain.embedded import EmbeddedChain
from ledger.formats.finality import AnchorRecord, log_id
from ledger.verify import FAIL, PASS, UNKNOWN, ChainNode, Finding, HttpRpc, Outcome, Question
from ledger.verify.anchor import anchor_findings
from ledger.verify.node import CHECKPOINT_SELECTOR

ORIGIN = "yunling.example/credit"
ROOT, INDEX_ROOT, NOTE_HASH = b"\1" * 32, b"\2" * 32, b"\3" * 32


def test_the_selector_is_that_of_the_committed_contract() -> None:
    path = Path(ledger.chain.__file__).parent / "artifacts" / "CheckpointRegistry.json"
    abi = json.loads(path.read_bytes())["abi"]
    (function,) = [item for item in abi if item.get("name") == "checkpoint"]
    signature = f"checkpoint({','.join(item['type'] for item in function['inputs'])})"
    assert keccak(text=signature)[:4].hex() == CHECKPOINT_SELECTOR
    outputs = [(item["name"], item["type"]) for item in function["outputs"]]
    assert outputs[:4] == [
        ("root", "bytes32"),
        ("indexRoot", "bytes32"),
        ("noteHash", "bytes32"),
        ("blockNumber", "uint64"),
    ]
    assert len(outputs) == 5


@pytest.mark.chain
class TestOnAChain:
    @pytest.fixture
    def anchor(self, embedded_chain: EmbeddedChain, found: Callable[..., Any]) -> AnchorRecord:
        """An anchor that stands on the chain."""
        consortium = found(embedded_chain.url, members=1, threshold=1)
        operator = consortium.chains[0]
        issuer = operator.export().members[0].id
        consortium.agree(changes.define_log(ORIGIN, issuer, ["subject"]))
        tx_hash = operator.publish(log_id(ORIGIN), 40, ROOT, INDEX_ROOT, NOTE_HASH)
        deadline = time.monotonic() + 20
        while (mined := operator.receipt(tx_hash)) is None:
            assert time.monotonic() < deadline, "not mined"
            time.sleep(0.01)
        return AnchorRecord(
            operator.identity().chain_id,
            operator.registry.lower(),
            log_id(ORIGIN),
            40,
            ROOT,
            INDEX_ROOT,
            NOTE_HASH,
            mined.tx_hash,
            mined.block_number,
            mined.block_hash,
        )

    def test_a_node_confirms_what_its_chain_holds_and_nothing_else(
        self, embedded_chain: EmbeddedChain, anchor: AnchorRecord
    ) -> None:
        node = ChainNode(HttpRpc(embedded_chain.url))

        def answer(asked: AnchorRecord) -> tuple[str, str]:
            (finding,) = node.findings(asked)
            return finding.outcome, finding.reason

        other = "0x" + "ab" * 32
        assert answer(anchor) == (PASS, "anchored_by_node")
        assert answer(replace(anchor, chain_id=1)) == (FAIL, "node_other_chain")
        assert answer(replace(anchor, size=41)) == (FAIL, "node_lacks_anchor")
        assert answer(replace(anchor, log_id=bytes(32))) == (FAIL, "node_lacks_anchor")
        assert answer(replace(anchor, registry="0x" + "ab" * 20)) == (FAIL, "node_lacks_anchor")
        assert answer(replace(anchor, tx_hash=other)) == (FAIL, "node_lacks_anchor")
        for change in (
            {"root": bytes(32)},
            {"index_root": bytes(32)},
            {"note_hash": bytes(32)},
            {"block_number": anchor.block_number + 1},
            {"block_hash": other},
        ):
            assert answer(replace(anchor, **change)) == (FAIL, "node_disagrees"), change  # type: ignore[arg-type]

    def test_a_node_backs_an_anchor_or_fails_it_and_silence_takes_nothing_from_finality(
        self, embedded_chain: EmbeddedChain, anchor: AnchorRecord
    ) -> None:
        def reasons(asked: AnchorRecord, url: str, finality: Outcome) -> list[str]:
            question = Question(0, node=ChainNode(HttpRpc(url, timeout=2)))
            found = anchor_findings(asked, [], [Finding("finality", finality, "any")], question)
            return [finding.reason for finding in found]

        changed = replace(anchor, root=bytes(32))
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            silent = f"http://127.0.0.1:{held.getsockname()[1]}"
            assert reasons(anchor, silent, UNKNOWN) == ["node_unreachable"]
            assert reasons(anchor, silent, PASS) == ["anchored"]
        assert reasons(anchor, embedded_chain.url, UNKNOWN) == ["anchored_by_node"]
        assert reasons(changed, embedded_chain.url, PASS) == ["anchored", "node_disagrees"]


def test_a_node_that_cannot_be_reached_says_nothing() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, but nobody listens
        node = ChainNode(HttpRpc(f"http://127.0.0.1:{held.getsockname()[1]}", timeout=2))
        some = "0x" + "ab" * 32
        anchor = AnchorRecord(1, "0x" + "ab" * 20, ROOT, 1, ROOT, ROOT, ROOT, some, 1, some)
        (finding,) = node.findings(anchor)
    assert (finding.outcome, finding.reason) == (UNKNOWN, "node_unreachable")
