"""Blocks as their validators sealed them, put together from what a node answers and checked against itself.

Asked are standard methods: `eth_getBlockByNumber` for the header, whose hash is computed anew, and
`eth_getBlockReceipts` (or each `eth_getTransactionReceipt`) for the trie under its receipts root. A Kaia node
keeps its header from those; there `kaia_getHeaderByNumber` gives it. Nothing that a node says is passed on
unless it adds up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.chain.nodes import NodeComplaint
from ledger.errors import ChainUnavailable, ProofInvalid
from ledger.ethereum.headers import CLIQUE, KAIA, QBFT, QBFT_MIX_HASH, Header, parse_header
from ledger.ethereum.keccak import keccak256
from ledger.ethereum.receipts import receipt_key
from ledger.ethereum.rlp import Item, encode, encode_integer
from ledger.ethereum.secp256k1 import SEAL_SIZE
from ledger.ethereum.trie import make_proof

Rpc = Callable[..., Any]
"""`rpc(method, *parameters)` is a node's answer; it raises `ChainUnavailable`."""

MAX_TRANSACTIONS = 20_000
"""Most transactions of a block whose receipts are asked for."""

_VANITY, _ADDRESS = 32, 20
_ETHEREUM: tuple[tuple[str, bool], ...] = (
    ("parentHash", False),
    ("sha3Uncles", False),
    ("miner", False),
    ("stateRoot", False),
    ("transactionsRoot", False),
    ("receiptsRoot", False),
    ("logsBloom", False),
    ("difficulty", True),
    ("number", True),
    ("gasLimit", True),
    ("gasUsed", True),
    ("timestamp", True),
    ("extraData", False),
    ("mixHash", False),
    ("nonce", False),
)
"""A header's fields in their order, and which are integers."""
_ETHEREUM_FORKS: tuple[tuple[str, bool], ...] = (
    ("baseFeePerGas", True),
    ("withdrawalsRoot", False),
    ("blobGasUsed", True),
    ("excessBlobGas", True),
    ("parentBeaconBlockRoot", False),
    ("requestsHash", False),
)
_KAIA: tuple[tuple[str, bool], ...] = (
    ("parentHash", False),
    ("reward", False),
    ("stateRoot", False),
    ("transactionsRoot", False),
    ("receiptsRoot", False),
    ("logsBloom", False),
    ("blockScore", True),
    ("number", True),
    ("gasUsed", True),
    ("timestamp", True),
    ("timestampFoS", True),
    ("extraData", False),
    ("governanceData", False),
    ("voteData", False),
)
_KAIA_FORKS: tuple[tuple[str, bool], ...] = (
    ("baseFeePerGas", True),
    ("randomReveal", False),
    ("mixHash", False),
)


class BlockUnproven(ChainUnavailable):
    """What the nodes say about a block does not add up, or is not there (yet). Asked again later."""


class Unsealed(Exception):
    """The block bears no seals of a kind that is known."""


@dataclass(frozen=True, slots=True)
class RawHeader:
    """A header in RLP with its seals, and what it says."""

    kind: str
    data: bytes
    header: Header


class SealedBlocks:
    """Reads blocks over a chain's plain JSON-RPC."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._no_kaia = False

    def head(self) -> int:
        """The newest block's number. Raises `ChainUnavailable`."""
        return _integer(self._rpc("eth_blockNumber"))

    def header(self, number: int) -> RawHeader:
        """The header of a block.

        Raises `Unsealed`, `BlockUnproven` where there is none or its hash is another one, `ChainUnavailable`.
        """
        told = self._block(number)
        kind, data = self._encoded(told, number)
        try:
            header = parse_header(kind, data)
        except ProofInvalid as error:
            raise BlockUnproven(f"block {number}: {error.detail}") from error
        if "0x" + header.hash.hex() != told.get("hash") or header.number != number:
            raise BlockUnproven(f"block {number}: the header does not have the hash that the node names")
        return RawHeader(kind, data, header)

    def receipt_proof(self, raw: RawHeader, tx_hash: str) -> tuple[int, tuple[bytes, ...]]:
        """(the transaction's index in its block, proof of its receipt under the header's receipts root).

        Raises `BlockUnproven`, `ChainUnavailable`.
        """
        number = raw.header.number
        told = self._receipts(number)
        indexes = [place for place, each in enumerate(told) if each.get("transactionHash") == tx_hash]
        if len(indexes) != 1:
            raise BlockUnproven(f"block {number} does not hold the transaction")
        encoded = [_receipt(each, raw.kind) for each in told]
        if not all(encoded):
            raise BlockUnproven(f"block {number}: a receipt is empty")
        values = {receipt_key(place): each for place, each in enumerate(encoded)}
        root, proof = make_proof(values, receipt_key(indexes[0]))
        if root != raw.header.receipts_root:
            raise BlockUnproven(f"block {number}: the receipts are not those under the header's root")
        return indexes[0], tuple(proof)

    def _block(self, number: int) -> Mapping[str, Any]:
        told = self._rpc("eth_getBlockByNumber", hex(number), False)
        if not isinstance(told, Mapping):
            raise BlockUnproven(f"there is no block {number}")
        return told

    def _encoded(self, told: Mapping[str, Any], number: int) -> tuple[str, bytes]:
        extra = _bytes(told.get("extraData"))
        if _bytes(told.get("mixHash", "0x")) == QBFT_MIX_HASH:
            return QBFT, _rlp(told, _ETHEREUM, _ETHEREUM_FORKS)
        signers = len(extra) - _VANITY - SEAL_SIZE
        if signers >= 0 and signers % _ADDRESS == 0:
            return CLIQUE, _rlp(told, _ETHEREUM, _ETHEREUM_FORKS)
        if not extra and not self._no_kaia:
            try:
                header = self._rpc("kaia_getHeaderByNumber", hex(number))
            except NodeComplaint:
                # Any other engine's node does not know the method; which one it is does not change.
                self._no_kaia = True
            else:
                if not isinstance(header, Mapping):
                    raise BlockUnproven(f"there is no header of block {number}")
                return KAIA, _rlp(header, _KAIA, _KAIA_FORKS)
        # Taken for a block without seals only if it is one: an answer in no form must not pass for that.
        if "0x" + keccak256(_rlp(told, _ETHEREUM, _ETHEREUM_FORKS)).hex() != told.get("hash"):
            raise BlockUnproven(f"block {number}: the header does not have the hash that the node names")
        raise Unsealed

    def _receipts(self, number: int) -> list[Mapping[str, Any]]:
        try:
            told = self._rpc("eth_getBlockReceipts", hex(number))
        except NodeComplaint:
            # Nodes of before 2023, GoQuorum's among them, give them one by one only.
            hashes = self._block(number).get("transactions")
            if not isinstance(hashes, list) or len(hashes) > MAX_TRANSACTIONS:
                raise BlockUnproven(f"block {number} has too many transactions") from None
            told = [self._rpc("eth_getTransactionReceipt", each) for each in hashes]
        if not isinstance(told, list) or not all(isinstance(each, Mapping) for each in told):
            raise BlockUnproven(f"the receipts of block {number} are missing")
        if len(told) > MAX_TRANSACTIONS:
            raise BlockUnproven(f"block {number} has too many transactions")
        return told


def _rlp(
    told: Mapping[str, Any], fields: tuple[tuple[str, bool], ...], forks: tuple[tuple[str, bool], ...]
) -> bytes:
    """A header in RLP; what came with forks is there as far as the node tells it, without gaps."""
    there = [told.get(name) is not None for name, _ in forks]
    later = forks[: there.index(False)] if False in there else forks
    return encode([_field(told, name, is_integer) for name, is_integer in (*fields, *later)])


def _field(told: Mapping[str, Any], name: str, is_integer: bool) -> Item:
    value = told.get(name)
    return encode_integer(_integer(value)) if is_integer else _bytes(value)


def _receipt(told: Mapping[str, Any], kind: str) -> bytes:
    # Before Byzantium a state root stood where the status stands now.
    status = _field(told, "status", True) if "status" in told else _field(told, "root", False)
    gas = _field(told, "gasUsed" if kind == KAIA else "cumulativeGasUsed", True)
    logs = told.get("logs")
    if not isinstance(logs, list):
        raise BlockUnproven("a receipt has no logs")
    body = encode([status, gas, _bytes(told.get("logsBloom")), [_log(each) for each in logs]])
    form = _integer(told.get("type", "0x0"))
    return body if form == 0 or kind == KAIA else encode_integer(form) + body


def _log(told: Any) -> Item:
    topics = told.get("topics") if isinstance(told, Mapping) else None
    if not isinstance(topics, list):
        raise BlockUnproven("an event of a receipt is not in form")
    return [_bytes(told.get("address")), [_bytes(topic) for topic in topics], _bytes(told.get("data"))]


def _bytes(value: Any) -> bytes:
    try:
        if isinstance(value, str) and value.startswith("0x"):
            return bytes.fromhex(value[2:])
    except ValueError:
        pass
    raise BlockUnproven("a node's answer has something else where bytes should be")


def _integer(value: Any) -> int:
    try:
        if isinstance(value, str) and value.startswith("0x") and len(value) <= 66:
            return int(value, 16)
    except ValueError:
        pass
    raise BlockUnproven("a node's answer has something else where a number should be")
