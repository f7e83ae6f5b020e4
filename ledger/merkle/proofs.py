"""Inclusion and consistency proofs (RFC 9162 sections 2.1.3 and 2.1.4, hashes of DESIGN.md 4.1).

Proofs are lists of 32-byte hashes, from the leaf to the root. Making one reads tiles; checking one is pure:
`verify_inclusion` and `verify_consistency` return nothing, or raise `ProofInvalid` with a `reason`:

- `proof_shape`: index, sizes and number of hashes do not go together;
- `root_differs`: the hashes lead to another root.
"""

from collections.abc import Sequence

from ledger.errors import ProofInvalid
from ledger.merkle.tree import EMPTY_ROOT, HASH_SIZE, HashReader, node_hash, range_root, split


def inclusion_proof(index: int, size: int, reader: HashReader) -> list[bytes]:
    """The proof that leaf `index` is in the tree of the first `size` leaves.

    Raises `ProofInvalid` (`proof_shape`) unless 0 <= index < size, `IntegrityError` when a tile is missing.
    """
    if not 0 <= index < size:
        raise ProofInvalid("proof_shape", "the index is not below the tree size")
    siblings = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + split(stop - start)
        if index < middle:
            siblings.append((middle, stop))
            stop = middle
        else:
            siblings.append((start, middle))
            start = middle
    return [range_root(low, high, reader) for low, high in reversed(siblings)]


def consistency_proof(first: int, second: int, reader: HashReader) -> list[bytes]:
    """The proof that the tree of `first` leaves is the beginning of the tree of `second` leaves.

    Empty when first is 0 or equal to second. Raises `ProofInvalid` (`proof_shape`) unless
    0 <= first <= second, `IntegrityError` when a tile is missing.
    """
    if not 0 <= first <= second:
        raise ProofInvalid("proof_shape", "the first size is above the second")
    if first in (0, second):
        return []
    parts = []
    start, stop = 0, second
    while first != stop:
        middle = start + split(stop - start)
        if first <= middle:
            parts.append((middle, stop))
            stop = middle
        else:
            parts.append((start, middle))
            start = middle
    if start:
        parts.append((start, stop))
    return [range_root(low, high, reader) for low, high in reversed(parts)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` (a leaf hash) stands at `index` in the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        raise ProofInvalid("proof_shape", "the index is not below the tree size")
    if any(len(sibling) != HASH_SIZE for sibling in proof):
        raise ProofInvalid("proof_shape", "a hash of the proof is not 32 bytes")
    node, last, hash_ = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("proof_shape", "the inclusion proof is too long")
        if node & 1 or node == last:
            hash_ = node_hash(sibling, hash_)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            hash_ = node_hash(hash_, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise ProofInvalid("proof_shape", "the inclusion proof is too short")
    if hash_ != root:
        raise ProofInvalid("root_differs", "the inclusion proof leads to another root")


def verify_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Check that the tree of `first` leaves is the beginning of the tree of `second` leaves."""
    if not 0 <= first <= second:
        raise ProofInvalid("proof_shape", "the first size is above the second")
    if any(len(part) != HASH_SIZE for part in proof):
        raise ProofInvalid("proof_shape", "a hash of the proof is not 32 bytes")
    if first in (0, second):
        if proof:
            raise ProofInvalid("proof_shape", "the consistency proof must be empty")
        expected = second_root if first == second else EMPTY_ROOT
        if first_root != expected:
            raise ProofInvalid("root_differs", "the first root is not the one that the second implies")
        return
    _verify_growth(first, second, proof, first_root, second_root)


def _verify_growth(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """RFC 9162 section 2.1.4.2 for 0 < first < second."""
    hashes = list(proof)
    if first & (first - 1) == 0:
        hashes.insert(0, first_root)
    if not hashes:
        raise ProofInvalid("proof_shape", "the consistency proof is too short")
    node, last = first - 1, second - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old = new = hashes[0]
    for part in hashes[1:]:
        if last == 0:
            raise ProofInvalid("proof_shape", "the consistency proof is too long")
        if node & 1 or node == last:
            old, new = node_hash(part, old), node_hash(part, new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new = node_hash(new, part)
        node >>= 1
        last >>= 1
    if last:
        raise ProofInvalid("proof_shape", "the consistency proof is too short")
    if old != first_root or new != second_root:
        raise ProofInvalid("root_differs", "the consistency proof leads to other roots")
