"""The embedded chain's blocks: put together from what its node says, with its hash, and without any seals."""

import time
from typing import Any

import pytest

from ledger.chain.account import ChainAccount
from ledger.chain.blocks import RawHeader, SealedBlocks, Unsealed
from ledger.ethereum import headers
from ledger.ethereum.receipts import receipt_key
from ledger.ethereum.trie import prove_value
from ledger.log.proving import Prover, unpack_finality
from ledger.store.port import StoredAnchor
from ledger.store.sqlite import SqliteStore

pytestmark = pytest.mark.chain


def test_a_chain_without_seals_is_known_for_one_by_its_blocks_hash(consortium: Any) -> None:
    blocks = SealedBlocks(consortium.chains[0].rpc)
    head = consortium.chains[0].head().number
    for number in range(max(0, head - 3), head + 1):
        with pytest.raises(Unsealed):
            blocks.header(number)


def test_of_its_anchors_it_is_noted_that_nobody_sealed_them(consortium: Any, tmp_path: Any) -> None:
    chain = consortium.chains[0]
    head = chain.head()
    store = SqliteStore(tmp_path / "log")
    store.put_anchor(StoredAnchor(3, b"\1" * 32, "final", "0x" + "11" * 32, head.number, head.hash))
    assert Prover(store, SealedBlocks(chain.rpc), lambda: 1_000).step() == 1
    kept = store.sealed_block(3)
    assert kept is not None
    assert unpack_finality(kept.finality).kind == "unsealed"
    store.close()


def test_receipts_of_another_implementation_have_the_root_that_its_block_names(
    consortium: Any,
) -> None:
    """anvil's tries are its own: the tries built here have the same roots, with one transaction or many."""
    rpc = consortium.chains[0].rpc
    sender, seen, nonce = ChainAccount.generate(), set(), 0

    def send() -> str:
        nonlocal nonce
        fields = {"nonce": nonce, "gasPrice": 0, "gas": 21_000, "to": "0x" + "11" * 20, "value": 0}
        nonce += 1
        raw, _ = sender.sign(fields | {"data": "0x", "chainId": consortium.deployment.chain_id})
        return str(rpc("eth_sendRawTransaction", "0x" + raw.hex()))

    try:
        rpc("evm_setAutomine", False)
        for count in (1, 2, 17, 130):
            sent = [send() for _ in range(count)]
            rpc("evm_mine")
            deadline = time.monotonic() + 30
            while (mined := consortium.chains[0].receipt(sent[-1])) is None:
                assert time.monotonic() < deadline
                rpc("evm_mine")
            told = rpc("eth_getBlockByNumber", hex(mined.block_number), False)
            root = bytes.fromhex(told["receiptsRoot"][2:])
            header = headers.Header(mined.block_number, b"", b"", root, (), b"", ())
            for tx in (sent[0], sent[len(sent) // 2], sent[-1]):
                index, proof = SealedBlocks(rpc).receipt_proof(RawHeader("qbft", b"", header), tx)
                assert prove_value(root, receipt_key(index), proof)
                seen.add(index)
    finally:
        rpc("evm_setAutomine", True)
    assert max(seen) >= 129
