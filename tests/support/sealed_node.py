"""A node of a made chain of sealed blocks, behind JSON-RPC as Besu, GoQuorum or Kaia answer it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import rlp
from eth_keys import keys
from sealed_chain import Block, event, receipts, validator_keys
from sealed_chain import receipt as made_receipt

from ledger.chain.nodes import NodeComplaint

TX = "0x" + "cd" * 32
FOUR = tuple(validator_keys(4))
_NAMES = [
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
    *("baseFeePerGas", "withdrawalsRoot"),
]
_NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas"}
_KAIA = [
    *("parentHash", "reward", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "blockScore"),
    *("number", "gasUsed", "timestamp", "timestampFoS", "extraData", "governanceData", "voteData"),
    "baseFeePerGas",
]
_KAIA_NUMBERS = {"blockScore", "number", "gasUsed", "timestamp", "timestampFoS", "baseFeePerGas"}


def as_json(header: bytes, hash_: bytes, names: list[str], numbers: set[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"hash": "0x" + hash_.hex()}
    for name, value in zip(names, rlp.decode(header), strict=False):
        told[name] = hex(int.from_bytes(value, "big")) if name in numbers else "0x" + value.hex()
    return told


@dataclass
class Node:
    """A chain of made blocks behind JSON-RPC, as Besu, GoQuorum or Kaia would tell it."""

    kind: str = "qbft"
    blocks: dict[int, Block] = field(default_factory=dict)
    receipts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    one_by_one: bool = False
    mood: Callable[[str, Any], Any] = lambda method, answer: answer
    asked: list[str] = field(default_factory=list)

    def add(self, *sealers: keys.PrivateKey, named: tuple[keys.PrivateKey, ...] = FOUR, **more: Any) -> Block:
        """A block after the last one; with `anchoring=True` its second transaction anchors."""
        number = max(self.blocks, default=0) + 1
        parent = self.blocks[number - 1].hash if number > 1 else bytes(32)
        anchoring = more.pop("anchoring", False)
        root, _ = receipts(made_receipt(event()), 1, 3) if anchoring else (b"\6" * 32, ())
        block = Block(self.kind, number, parent, root, named, sealers, **more)
        self.blocks[number] = block
        if anchoring:
            self.receipts[number] = [self._receipt(place, place == 1) for place in range(3)]
        return block

    def _receipt(self, place: int, mine: bool) -> dict[str, Any]:
        address, topics, data = event()
        log = {"address": "0x" + address.hex(), "topics": ["0x" + each.hex() for each in topics]}
        return {
            "transactionHash": TX if mine else f"0x{place:064x}",
            "status": "0x1",
            "cumulativeGasUsed": hex(60_000),
            "gasUsed": hex(60_000),
            "logsBloom": "0x" + "00" * 256,
            "type": "0x0",
            "logs": [log | {"data": "0x" + data.hex()}] if mine else [],
        }

    def rpc(self, method: str, *parameters: Any) -> Any:
        self.asked.append(method)
        return self.mood(method, self._answer(method, parameters))

    def _answer(self, method: str, parameters: tuple[Any, ...]) -> Any:
        if method == "eth_blockNumber":
            return hex(max(self.blocks))
        if method == "eth_getTransactionReceipt":
            whole = [each for held in self.receipts.values() for each in held]
            return next((each for each in whole if each["transactionHash"] == parameters[0]), None)
        if method == "eth_getLogs":
            start, stop = (int(parameters[0][name], 16) for name in ("fromBlock", "toBlock"))
            return [each for each in self.events if start <= int(each["blockNumber"], 16) <= stop]
        number = int(parameters[0], 16)
        if method == "eth_getBlockReceipts" and not self.one_by_one:
            return self.receipts.get(number, [])
        if method == "kaia_getHeaderByNumber" and self.kind == "kaia":
            return as_json(*self.blocks[number].made(), _KAIA, _KAIA_NUMBERS)
        if method != "eth_getBlockByNumber":
            raise NodeComplaint(f"the method {method} does not exist")
        if number not in self.blocks:
            return None
        header, hash_ = self.blocks[number].made()
        more = {"transactions": [each["transactionHash"] for each in self.receipts.get(number, [])]}
        if self.kind == "kaia":
            return {"hash": "0x" + hash_.hex(), "extraData": "0x", "mixHash": "0x" + "00" * 32} | more
        return as_json(header, hash_, _NAMES, _NUMBERS) | more
