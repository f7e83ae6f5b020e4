"""Batch trees (DESIGN.md 4.1 and 4.3): the log tree's shape over SM3(06 || PAE) and SM3(07 || left || right).

A gateway signs one root over thousands of statements; each statement carries its place, and its path proves
that the signed root covers it.
"""

from collections.abc import Callable, Sequence

from ledger.errors import ProofInvalid
from ledger.gm import sm3_prefixed
from ledger.merkle.tree import HASH_SIZE, fold

MAX_BATCH = 65_535

batch_leaf_hash: Callable[[bytes], bytes] = sm3_prefixed(b"\x06")
"""`batch_leaf_hash(pae)` -> 32 bytes."""

hash_batch_children: Callable[[bytes], bytes] = sm3_prefixed(b"\x07")
"""`hash_batch_children(left || right)` -> 32 bytes, for callers that hold both hashes in one piece."""


def batch_node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a batch tree's node over two 32-byte hashes."""
    return hash_batch_children(left + right)


def batch_root(leaves: Sequence[bytes]) -> bytes:
    """The root over 1 to 65,535 batch leaf hashes. Raises `ProofInvalid` (`proof_shape`) otherwise."""
    if not 1 <= len(leaves) <= MAX_BATCH:
        raise ProofInvalid("proof_shape", f"a batch has 1 to {MAX_BATCH} leaves")
    return fold(leaves, hash_batch_children)


def batch_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path from batch leaf `index` to the root, over all the batch's leaf hashes."""
    return BatchTree(leaves).path(index)


class BatchTree:
    """A batch tree with all its levels, 64 bytes a leaf, for taking many paths."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Raises `ProofInvalid` (`proof_shape`) unless there are 1 to 65,535 leaves."""
        if not 1 <= len(leaves) <= MAX_BATCH:
            raise ProofInvalid("proof_shape", f"a batch has 1 to {MAX_BATCH} leaves")
        nodes = list(leaves)
        self._levels = [b"".join(nodes)]
        while len(nodes) > 1:
            above = [hash_batch_children(nodes[i] + nodes[i + 1]) for i in range(0, len(nodes) - 1, 2)]
            if len(nodes) & 1:
                above.append(nodes[-1])
            nodes = above
            self._levels.append(b"".join(nodes))

    @property
    def root(self) -> bytes:
        return self._levels[-1]

    def path(self, index: int) -> list[bytes]:
        """The path of leaf `index`, leaf to root. Raises `ProofInvalid` (`proof_shape`) if there is none."""
        if not 0 <= index * HASH_SIZE < len(self._levels[0]):
            raise ProofInvalid("proof_shape", "the index is not below the batch size")
        path = []
        for level in self._levels[:-1]:
            # An odd last node has no sibling: it stands unchanged one level up.
            sibling = level[(index ^ 1) * HASH_SIZE : (index ^ 1) * HASH_SIZE + HASH_SIZE]
            if sibling:
                path.append(sibling)
            index >>= 1
        return path


def verify_batch_path(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` (a batch leaf hash) stands at `index` in the batch of `size` with this root.

    Returns nothing or raises `ProofInvalid` with reason `proof_shape` or `root_differs`.
    """
    if not 0 <= index < size <= MAX_BATCH:
        raise ProofInvalid("proof_shape", "the index is not below the batch size")
    if any(len(sibling) != HASH_SIZE for sibling in path):
        raise ProofInvalid("proof_shape", "a hash of the path is not 32 bytes")
    node, last, hash_ = index, size - 1, leaf
    rest = iter(path)
    while last:
        if node & 1 or node < last:
            sibling = next(rest, None)
            if sibling is None:
                raise ProofInvalid("proof_shape", "the batch path is too short")
            hash_ = batch_node_hash(sibling, hash_) if node & 1 else batch_node_hash(hash_, sibling)
        node >>= 1
        last >>= 1
    if next(rest, None) is not None:
        raise ProofInvalid("proof_shape", "the batch path is too long")
    if hash_ != root:
        raise ProofInvalid("root_differs", "the batch path leads to another root")
