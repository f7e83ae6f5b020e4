"""Making proofs of misbehaviour from what a witness holds and what the log itself still answers.

Each function returns a proof that the offline verifier accepts, or None where the material for one is not to
be had: a log that shows another history and then serves nothing that leads into it is refused all the same,
and is then to be challenged on the chain, where it must show a consistency proof or stand flagged.
"""

from collections.abc import Sequence

from ledger.errors import LedgerError, ProofInvalid
from ledger.formats.misbehaviour import (
    INCONSISTENT,
    REPEATED_ID,
    TWO_ROOTS,
    WENT_BACK,
    Beginning,
    Misbehaviour,
    PlacedEntry,
    Repeated,
)
from ledger.formats.note import SignedNote
from ledger.merkle import (
    HashReader,
    consistency_proof,
    grow_tiles,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from ledger.witness.source import LogSource

_SMALL = 2
"""Sizes up to which the other tree's beginning is computed from its entries."""


def two_roots(first: SignedNote, second: SignedNote) -> Misbehaviour:
    """One size, two trees or two indexes."""
    return Misbehaviour(first.checkpoint.origin, TWO_ROOTS, (first, second))


def went_back(larger: SignedNote, later: SignedNote) -> Misbehaviour:
    """A smaller size, signed later."""
    return Misbehaviour(later.checkpoint.origin, WENT_BACK, (larger, later))


def beginning_of_ours(
    smaller: SignedNote, ours: SignedNote | None, derived: HashReader
) -> Misbehaviour | None:
    """`smaller` does not begin the tree of `ours`, a note whose tree is derived here."""
    if ours is None or not 0 < smaller.checkpoint.size < ours.checkpoint.size:
        return None
    first, second = smaller.checkpoint.size, ours.checkpoint.size
    root = tree_root(first, derived)
    return _inconsistent(smaller, ours, root, consistency_proof(first, second, derived))


def beginning_of_theirs(smaller: SignedNote, larger: SignedNote, source: LogSource) -> Misbehaviour | None:
    """`smaller` does not begin the tree of `larger`, which only the log can look into."""
    first, second = smaller.checkpoint.size, larger.checkpoint.size
    if not 0 < first < second:
        return None
    try:
        proof = source.consistency(first, second)
        root = _beginning(first, second, proof, source)
    except LedgerError:
        return None
    return None if root is None else _inconsistent(smaller, larger, root, proof)


def _beginning(first: int, second: int, proof: Sequence[bytes], source: LogSource) -> bytes | None:
    """What the log's answers give as the root of the first leaves; to be verified by the caller."""
    if first & (first - 1):
        return _fold_old(first, second, proof)
    # The proof of a size that is a power of two leaves that root out.
    if first <= _SMALL:
        entries: list[bytes] = []
        while len(entries) < first:
            entries += source.entries(len(entries), first)
        return root_hash([leaf_hash(entry) for entry in entries])
    # That of one size less begins with its last leaf, and passes the complete subtree on its way up.
    node, (hash_, *rest) = first - 2, source.consistency(first - 1, second)
    for part in rest[: first.bit_length() - 1]:
        hash_ = node_hash(part, hash_) if node & 1 else node_hash(hash_, part)
        node >>= 1
    return hash_


def _fold_old(first: int, second: int, proof: Sequence[bytes]) -> bytes | None:
    """The smaller tree's root in a consistency proof (RFC 9162, 2.1.4.2)."""
    if not proof:
        return None
    node, last = first - 1, second - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old = proof[0]
    for part in proof[1:]:
        if node & 1 or node == last:
            old = node_hash(part, old)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        node >>= 1
        last >>= 1
    return old


def _inconsistent(
    smaller: SignedNote, larger: SignedNote, root: bytes, proof: Sequence[bytes]
) -> Misbehaviour | None:
    first, second = smaller.checkpoint, larger.checkpoint
    try:
        verify_consistency(first.size, second.size, proof, root, second.root)
    except ProofInvalid:
        return None
    if root == first.root:
        return None
    return Misbehaviour(first.origin, INCONSISTENT, (smaller, larger), Beginning(root, tuple(proof)))


class _Grown:
    """What is derived, with the tiles that further entries lead to."""

    def __init__(self, start: int, entries: Sequence[bytes], derived: HashReader) -> None:
        self._derived = derived
        self._tiles = grow_tiles(start, [leaf_hash(entry) for entry in entries], derived)

    def tile(self, level: int, index: int) -> bytes | None:
        return self._tiles.get((level, index)) or self._derived.tile(level, index)


def repeated_id(
    note: SignedNote,
    first: int,
    index: int,
    new: tuple[int, Sequence[bytes]],
    source: LogSource,
    derived: HashReader,
) -> Misbehaviour | None:
    """The entry at `index` repeats the (issuer, id) of the one at `first`, under `note`.

    `new` are the entries that follow what is derived, from an index on; the second of the two is among them.
    """
    size, root = note.checkpoint.size, note.checkpoint.root
    start, entries = new
    placed = []
    try:
        grown = _Grown(start, entries, derived)
        for at in (first, index):
            bytes_ = entries[at - start] if at >= start else source.entries(at, at + 1)[0]
            leaf = leaf_hash(bytes_)
            if start + len(entries) == size:
                path = inclusion_proof(at, size, grown)
            else:
                _, path = source.inclusion(leaf, size)
            verify_inclusion(leaf, at, size, path, root)
            placed.append(PlacedEntry(at, bytes_, tuple(path)))
    except LedgerError:
        return None
    return Misbehaviour(note.checkpoint.origin, REPEATED_ID, (note,), Repeated(*placed))
