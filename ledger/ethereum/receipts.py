"""Receipts of transactions, and the event in them by which a checkpoint was anchored.

A receipt is RLP: [status, gas, bloom, [[address, [topics], data], ...]], preceded by one byte where its
transaction is of a typed form (EIP-2718). Kaia's has the same shape.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.errors import ProofInvalid
from ledger.ethereum.keccak import keccak256
from ledger.ethereum.rlp import decode, encode, encode_integer, read_bytes, read_list

PUBLISHED = keccak256(b"CheckpointPublished(bytes32,uint64,bytes32,bytes32,bytes32)")
"""The first topic of the registry's event."""

_SUCCEEDED = b"\x01"
_FIRST_LIST = 0xC0


@dataclass(frozen=True, slots=True)
class Log:
    """One event. `address` is lowercase hex with 0x."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """What `CheckpointPublished` says, and the registry that said it."""

    registry: str
    log_id: bytes
    size: int
    root: bytes
    index_root: bytes
    note_hash: bytes


def receipt_key(index: int) -> bytes:
    """Where the receipt of a block's transaction stands in the trie; the first one's index is 0."""
    return encode(encode_integer(index))


def parse_logs(receipt: bytes) -> list[Log]:
    """The events of a receipt. Raises `ProofInvalid`: `rlp_malformed`, `receipt_failed`."""
    body = receipt[1:] if receipt[:1] < bytes((_FIRST_LIST,)) else receipt
    status, _gas, _bloom, logs = read_list(decode(body), "a receipt", 4, 4)
    if status != _SUCCEEDED:
        raise ProofInvalid("receipt_failed", "the transaction did not succeed")
    found = []
    for each in read_list(logs, "the events"):
        address, topics, data = read_list(each, "an event", 3, 3)
        found.append(
            Log(
                "0x" + read_bytes(address, "an address", 20).hex(),
                tuple(read_bytes(topic, "a topic", 32) for topic in read_list(topics, "the topics", 0, 4)),
                read_bytes(data, "the data"),
            )
        )
    return found


def check_published(receipt: bytes, expected: Published) -> None:
    """Check that the receipt's events anchor exactly this.

    Raises `ProofInvalid`: `event_missing`, or by what the nearest event differs: `event_registry`,
    `event_log_id`, `event_size`, `event_root`, `event_index_root`, `event_note_hash`.
    """
    found = [log for log in parse_logs(receipt) if log.topics[:1] == (PUBLISHED,)]
    events = [_published(log) for log in found if len(log.topics) == 3 and len(log.data) == 96]
    if not events:
        raise ProofInvalid("event_missing", "the transaction anchored nothing")
    agrees: dict[str, Callable[[Published], bool]] = {
        "event_registry": lambda event: event.registry == expected.registry,
        "event_log_id": lambda event: event.log_id == expected.log_id,
        "event_size": lambda event: event.size == expected.size,
        "event_root": lambda event: event.root == expected.root,
        "event_index_root": lambda event: event.index_root == expected.index_root,
        "event_note_hash": lambda event: event.note_hash == expected.note_hash,
    }
    for reason, holds in agrees.items():
        events = [event for event in events if holds(event)]
        if not events:
            raise ProofInvalid(reason, "the event is another one than the anchor's")


def _published(log: Log) -> Published:
    return Published(
        log.address,
        log.topics[1],
        int.from_bytes(log.topics[2], "big"),
        log.data[:32],
        log.data[32:64],
        log.data[64:],
    )
