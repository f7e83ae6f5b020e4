"""The Merkle-Patricia trie (Ethereum Yellow Paper, appendix D): proofs of one value, read and made.

A node is an RLP list: of 17 items, a branch (a child for each nibble, and the value that ends here); of 2, a
path in compact form and what stands at its end, a child or a value. A child of 32 bytes or more stands as its
Keccak-256, a smaller one as itself. A proof is the nodes from the root down, those that stand in another left
out.
"""

from collections.abc import Iterator, Mapping, Sequence

from ledger.errors import ProofInvalid
from ledger.ethereum.keccak import keccak256
from ledger.ethereum.rlp import Item, decode, encode, read_bytes, read_list

EMPTY_TRIE = keccak256(encode(b""))

_BRANCH, _HASH = 17, 32
Nibbles = tuple[int, ...]


def prove_value(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes:
    """The value that the trie under `root` holds for `key`.

    Raises `ProofInvalid`: `receipt_proof` where the nodes do not lead there one by one, `rlp_malformed`.
    """
    nodes = iter(proof)
    path = _nibbles(key)
    child: Item = root
    while True:
        node = _node(child, nodes)
        if len(node) == _BRANCH:
            if not path:
                child = node[16]
                break
            child, path = node[path[0]], path[1:]
            continue
        steps, is_leaf = _read_path(read_bytes(node[0], "a path"))
        if path[: len(steps)] != steps or (is_leaf and len(path) != len(steps)):
            raise _wrong("the path leads elsewhere")
        child, path = node[1], path[len(steps) :]
        if is_leaf:
            break
    value = read_bytes(child, "a value")
    if not value or next(nodes, None) is not None:
        raise _wrong("the proof has no value at its end, or goes on behind it")
    return value


def _node(child: Item, nodes: Iterator[bytes]) -> list[Item]:
    """The node that a child stands for."""
    if isinstance(child, bytes):
        if len(child) != _HASH:
            raise _wrong("nothing stands on the path")
        encoded = next(nodes, None)
        if encoded is None or keccak256(encoded) != child:
            raise _wrong("a node is missing, or is another one")
        child = decode(encoded)
    node = read_list(child, "a node")
    if len(node) not in (2, _BRANCH):
        raise _wrong("a node has 2 or 17 items")
    return node


def _nibbles(key: bytes) -> Nibbles:
    return tuple(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _read_path(compact: bytes) -> tuple[Nibbles, bool]:
    """(nibbles, whether a value stands at the end) of a path in compact form."""
    nibbles = _nibbles(compact)
    if not nibbles or nibbles[0] > 3 or (not nibbles[0] & 1 and nibbles[1]):
        raise _wrong("a path is not in compact form")
    return nibbles[2 - (nibbles[0] & 1) :], nibbles[0] >= 2


def _write_path(nibbles: Nibbles, is_leaf: bool) -> bytes:
    odd = len(nibbles) & 1
    whole = (2 * is_leaf + odd, *(() if odd else (0,)), *nibbles)
    return bytes(high << 4 | low for high, low in zip(whole[::2], whole[1::2], strict=True))


def make_proof(values: Mapping[bytes, bytes], key: bytes) -> tuple[bytes, list[bytes]]:
    """(root, proof of `key`) of the trie of these values, none of them empty; `key` is one of theirs."""
    proof: list[bytes] = []
    pairs = [(_nibbles(each), value) for each, value in sorted(values.items())]
    encoded = encode(_build(pairs, _nibbles(key), proof))
    proof.append(encoded)
    return keccak256(encoded), proof[::-1]


def _build(pairs: Sequence[tuple[Nibbles, bytes]], wanted: Nibbles | None, proof: list[bytes]) -> list[Item]:
    """The node over these (path, value); those on the way to `wanted` go into `proof`, deepest first."""
    first = pairs[0][0]
    if len(pairs) == 1:
        return [_write_path(first, True), pairs[0][1]]
    shared = _shared(first, pairs[-1][0])
    if shared:
        below = [(path[shared:], value) for path, value in pairs]
        on_way = wanted is not None and wanted[:shared] == first[:shared]
        child = _build(below, wanted[shared:] if wanted is not None and on_way else None, proof)
        return [_write_path(first[:shared], False), _reference(child, on_way, proof)]
    node: list[Item] = [b""] * _BRANCH
    for nibble in range(16):
        below = [(path[1:], value) for path, value in pairs if path and path[0] == nibble]
        if below:
            on_way = wanted is not None and wanted[:1] == (nibble,)
            child = _build(below, wanted[1:] if wanted is not None and on_way else None, proof)
            node[nibble] = _reference(child, on_way, proof)
    node[16] = next((value for path, value in pairs if not path), b"")
    return node


def _reference(node: list[Item], on_way: bool, proof: list[bytes]) -> Item:
    encoded = encode(node)
    if len(encoded) < _HASH:
        return node
    if on_way:
        proof.append(encoded)
    return keccak256(encoded)


def _shared(left: Nibbles, right: Nibbles) -> int:
    """How many nibbles two paths begin with alike; of sorted paths, the first and the last tell for all."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return place
    return min(len(left), len(right))


def _wrong(detail: str) -> ProofInvalid:
    return ProofInvalid("receipt_proof", detail)
