"""The index: a verifiable map from a key to the chain of all its entries (DESIGN.md 4.5).

    key   = SM3("xinzheng/index/v1" || 00 || name || 00 || tag)
    head0 = 32 zero bytes,  head = SM3(04 || head || u64be(log index) || leaf hash),  one step an entry
    value = SM3(05 || u64be(count) || head)

Keys and values sit in a compact sparse tree over the 256 bits of the key, most significant first: an empty
subtree is 32 zero bytes, a subtree with one key is that key's leaf SM3(02 || key || value), any other is
SM3(03 || left || right). Compactness makes the root a function of the set of keys and values alone.

A proof for a key is the siblings on its way from the root down and what stands where the way ends:
`Present` (the key's own leaf), `Absent` (nothing) or `OtherKey` (another key's leaf). `verify_index_proof`
returns nothing or raises `ProofInvalid` with a `reason`:

- `proof_shape`: more than 256 siblings, or hashes that are not 32 bytes;
- `tree_not_compact`: the last sibling is empty;
- `other_key_is_the_key`, `other_key_elsewhere`: the other key's leaf does not stand on the key's way;
- `index_root_differs`: the hashes lead to another root.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.errors import ProofInvalid
from ledger.gm import sm3_prefixed
from ledger.merkle.tree import HASH_SIZE

EMPTY = bytes(HASH_SIZE)
"""The empty subtree, and so the index root of a log without tags."""

EMPTY_HEAD = bytes(HASH_SIZE)
"""The head of a chain without entries."""

KEY_BITS = 256

_key: Callable[[bytes], bytes] = sm3_prefixed(b"xinzheng/index/v1\x00")
_leaf: Callable[[bytes], bytes] = sm3_prefixed(b"\x02")
_node: Callable[[bytes], bytes] = sm3_prefixed(b"\x03")
_step: Callable[[bytes], bytes] = sm3_prefixed(b"\x04")
_value: Callable[[bytes], bytes] = sm3_prefixed(b"\x05")


@dataclass(frozen=True, slots=True)
class Present:
    """The way ends at the key's own leaf, with this value."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Absent:
    """The way ends at nothing."""


@dataclass(frozen=True, slots=True)
class OtherKey:
    """The way ends at the leaf of another key."""

    key: bytes
    value: bytes


End = Present | Absent | OtherKey


def index_key(name: str, tag: bytes) -> bytes:
    """The key of index `name` and a 32-byte tag."""
    return _key(name.encode() + b"\x00" + tag)


def chain_step(head: bytes, log_index: int, leaf: bytes) -> bytes:
    """The head after the entry with this log index and leaf hash."""
    return _step(head + log_index.to_bytes(8, "big") + leaf)


def index_value(count: int, head: bytes) -> bytes:
    """The value of a key whose chain has `count` entries and ends in `head`."""
    return _value(count.to_bytes(8, "big") + head)


def index_leaf(key: bytes, value: bytes) -> bytes:
    """The leaf of one key."""
    return _leaf(key + value)


def index_node(left: bytes, right: bytes) -> bytes:
    """The node over two subtrees, at least two keys below it."""
    return _node(left + right)


def key_bit(key: bytes, depth: int) -> int:
    """Bit number `depth` of a key, 0 being the most significant."""
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


def verify_index_proof(root: bytes, key: bytes, siblings: Sequence[bytes], end: End) -> None:
    """Check what stands at the end of `key`'s way in the index with this root; see the module."""
    if climb_index(key, siblings, index_proof_end(key, siblings, end)) != root:
        raise ProofInvalid("index_root_differs", "the index proof leads to another root")


def index_proof_end(key: bytes, siblings: Sequence[bytes], end: End) -> bytes:
    """The hash of what stands at the end of a proof; raises `ProofInvalid` where its form is wrong."""
    depth = len(siblings)
    if depth > KEY_BITS or any(len(sibling) != HASH_SIZE for sibling in siblings):
        raise ProofInvalid("proof_shape", "an index proof has at most 256 siblings of 32 bytes")
    if siblings and siblings[-1] == EMPTY:
        raise ProofInvalid("tree_not_compact", "the last sibling is empty")
    match end:
        case Present(value=value):
            return index_leaf(key, value)
        case Absent():
            return EMPTY
        case OtherKey(key=other, value=value):
            if other == key:
                raise ProofInvalid("other_key_is_the_key", "the other key is the key itself")
            shift = KEY_BITS - depth
            if int.from_bytes(other, "big") >> shift != int.from_bytes(key, "big") >> shift:
                raise ProofInvalid("other_key_elsewhere", "the other key does not stand on the key's way")
            return index_leaf(other, value)


def climb_index(key: bytes, siblings: Sequence[bytes], end: bytes, depth: int = 0) -> bytes:
    """The node at `depth` on the key's way that the siblings below it, and the hash at their end, lead to."""
    found = end
    bits = int.from_bytes(key, "big") >> KEY_BITS - len(siblings)
    for sibling in siblings[: depth - 1 if depth else None : -1]:
        found = _node(sibling + found) if bits & 1 else _node(found + sibling)
        bits >>= 1
    return found
