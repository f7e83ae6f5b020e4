"""Paths in the log's tree and in batch trees, from stored blocks, each checked before it is handed out.

A path is read from the top: what stands above is known to be right, and the block below it must have it as
its node. At the top stands the checkpoint's root, or the root that a batch's manifest signed; at the bottom
the leaf. The blocks of the lowest height, one for sixteen leaves, are read when they are asked for and only
followed from the leaf up; those above serve many leaves, are recomputed when they are read and kept.

Where a block is not there (the right edge of the tree, a log that was integrated before blocks were stored) a
path is computed from tiles, or from the entries of the batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ledger.errors import IntegrityError, ProofInvalid
from ledger.formats.envelope import STATEMENT_TYPE, BatchPlace, pae, place_in, statement_in
from ledger.log.batches import BatchTrees
from ledger.log.keeping import Kept
from ledger.log.tiles import Tiles
from ledger.merkle import (
    batch_leaf_hash,
    hash_batch_children,
    inclusion_proof,
    subtree_hash,
    verify_batch_path,
    verify_inclusion,
)
from ledger.merkle.blocks import (
    BLOCK_HEIGHT,
    BLOCK_WIDTH,
    Combine,
    batch_heights,
    batch_place,
    batch_width,
    climb,
    lowest_of,
    make_block,
    siblings,
    tree_place,
)
from ledger.merkle.tree import HASH_SIZE, hash_children
from ledger.store.port import LogStore, StoredEntry

Path = tuple[bytes, ...]
_Read = Mapping[int, bytes | None]
"""Blocks by place, None where none is stored."""

_KEPT_BLOCKS = 65_536
"""Some 75 MB: all that are above the lowest height for eight million entries."""
_KEPT_PATHS = 40_000
"""Paths from 256 leaves up to a root, a kilobyte each."""


class _NotStored(Exception):
    """A block is not there."""


class _Tree(Protocol):
    """One tree as its blocks need it: where they are kept, how wide they are, how its nodes are hashed."""

    combine: Combine

    def place(self, height: int, index: int) -> int: ...

    def width(self, height: int, index: int) -> int: ...


class _LogTree:
    combine = staticmethod(hash_children)

    def place(self, height: int, index: int) -> int:
        return tree_place(height, index)

    def width(self, height: int, index: int) -> int:
        return BLOCK_WIDTH


class _BatchTree:
    combine = staticmethod(hash_batch_children)
    __slots__ = ("first", "size")

    def __init__(self, first: int, size: int) -> None:
        self.first = first
        self.size = size

    def place(self, height: int, index: int) -> int:
        return batch_place(self.first, height, index)

    def width(self, height: int, index: int) -> int:
        return batch_width(self.size, height, index)


_LOG_TREE = _LogTree()


class _Wanted(NamedTuple):
    """A path that is asked for: from a leaf at `position` up to a node that is known to be under `root`.

    That node is `node`, `height` blocks lie between it and the leaf, and `above` continues from it.
    """

    tree: _Tree
    position: int
    leaf: bytes
    root: bytes
    height: int
    node: bytes
    above: Path


class Paths:
    """The paths of one log; safe for any number of threads."""

    def __init__(self, store: LogStore, tiles: Tiles) -> None:
        self._store = store
        self._tiles = tiles
        self._batches = BatchTrees(store)
        self._blocks: Kept[int, tuple[bytes, bytes]] = Kept(_KEPT_BLOCKS)
        self._tops: Kept[tuple[bytes, int, int, int], tuple[bytes, Path]] = Kept(_KEPT_PATHS)
        self._uppers: Kept[tuple[bytes, int], tuple[bytes, Path]] = Kept(_KEPT_PATHS)

    def inclusions(self, leaves: Sequence[tuple[int, bytes]], size: int, root: bytes) -> list[Path]:
        """The inclusion proofs of (index, leaf hash) pairs at a tree size with that root.

        Raises `IntegrityError` when what is stored does not lead to the root.
        """
        wanted = [self._wanted_in_log(index, leaf, size, root) for index, leaf in leaves]

        def compute(which: int) -> Path:
            index, leaf = leaves[which]
            path = tuple(inclusion_proof(index, size, self._tiles.at(size)))
            try:
                verify_inclusion(leaf, index, size, path, root)
            except ProofInvalid as error:
                raise IntegrityError(f"the tree does not lead from entry {index} to its root") from error
            return path

        return self._paths(wanted, compute)

    def batch_paths(self, entries: Sequence[StoredEntry]) -> list[tuple[BatchPlace, Path] | None]:
        """Of each entry in batch form its place and its path to the batch's root, checked; None of others."""
        places = [place_in(entry.entry) for entry in entries]
        members = [(entry, place) for entry, place in zip(entries, places, strict=True) if place is not None]
        wanted = []
        for entry, place in members:
            leaf = batch_leaf_hash(pae(STATEMENT_TYPE, statement_in(entry.entry)))
            first = entry.index - place.index
            tree, height = _BatchTree(first, place.size), batch_heights(place.size)
            wanted.append(_Wanted(tree, place.index, leaf, place.root, height, place.root, ()))

        def compute(which: int) -> Path:
            entry, place = members[which]
            path = tuple(self._batches.path(entry.index, place))
            try:
                verify_batch_path(wanted[which].leaf, place.index, place.size, path, place.root)
            except ProofInvalid as error:
                raise IntegrityError(f"entry {entry.index} has no such place in its batch") from error
            return path

        paths = iter(self._paths(wanted, compute))
        return [None if place is None else (place, next(paths)) for place in places]

    def _wanted_in_log(self, index: int, leaf: bytes, size: int, root: bytes) -> _Wanted:
        """Up to the highest node above the leaf whose blocks are complete."""
        if not 0 <= index < size:
            raise ProofInvalid("proof_shape", "the index is not below the tree size")
        # The complete subtree that the leaf is in has the level of the highest bit in which they differ.
        height = ((index ^ size).bit_length() - 1) // BLOCK_HEIGHT
        if not height:
            return _Wanted(_LOG_TREE, index, leaf, root, 0, leaf, ())
        level = BLOCK_HEIGHT * height
        key = root, size, height, index >> level
        top = self._tops.get(key)
        if top is None:
            reader = self._tiles.at(size)
            node = subtree_hash(level, index >> level, reader)
            above = tuple(inclusion_proof(index, size, reader)[level:])
            try:
                verify_inclusion(node, index >> level, -(-size >> level), above, root)
            except ProofInvalid as error:
                raise IntegrityError(f"the stored tree of size {size} does not lead to its root") from error
            top = node, above
            self._tops.keep(key, top)
        return _Wanted(_LOG_TREE, index, leaf, root, height, *top)

    def _paths(self, wanted: Sequence[_Wanted], compute: Callable[[int], Path]) -> list[Path]:
        """The paths, computed where a block is missing; what is not kept of their blocks is read at once."""
        places = {place for each in wanted for place in self._places(each)}
        read = dict(zip(places, self._store.blocks(list(places)), strict=True))
        found = []
        for which, each in enumerate(wanted):
            try:
                found.append(self._path(each, read) if each.height else _alone(each))
            except _NotStored:
                found.append(compute(which))
        return found

    def _places(self, wanted: _Wanted) -> Iterator[int]:
        """Where the blocks of a path stand that are not kept."""
        index = wanted.position
        known = (wanted.root, index >> 2 * BLOCK_HEIGHT) in self._uppers
        for height in range(min(wanted.height, 2) if known else wanted.height):
            index >>= BLOCK_HEIGHT
            place = wanted.tree.place(height, index)
            if height == 0 or place not in self._blocks:
                yield place

    def _path(self, wanted: _Wanted, read: _Read) -> Path:
        tree, position = wanted.tree, wanted.position
        index = position >> BLOCK_HEIGHT
        block = read.get(tree.place(0, index))
        if block is None:
            raise _NotStored
        if wanted.height == 1:
            node, above = wanted.node, wanted.above
        else:
            upper, beyond = self._upper(wanted, read)
            between = self._block(tree, 1, index >> BLOCK_HEIGHT, upper, read)
            width, place = tree.width(1, index >> BLOCK_HEIGHT), index & (BLOCK_WIDTH - 1)
            node, above = lowest_of(between, place), siblings(between, width, place) + beyond
        width, place = tree.width(0, index), position & (BLOCK_WIDTH - 1)
        if climb(block, width, place, wanted.leaf, tree.combine) != node:
            raise IntegrityError("a stored block does not lead from its leaf to the node above it")
        return siblings(block, width, place) + above

    def _upper(self, wanted: _Wanted, read: _Read) -> tuple[bytes, Path]:
        """The node above the 256 leaves that the leaf is among, and the path from it."""
        index = wanted.position >> 2 * BLOCK_HEIGHT
        key = wanted.root, index
        found = self._uppers.get(key)
        if found is None:
            node, above = wanted.node, wanted.above
            for height in range(wanted.height - 1, 1, -1):
                place = wanted.position >> BLOCK_HEIGHT * height
                number, place = place >> BLOCK_HEIGHT, place & (BLOCK_WIDTH - 1)
                block = self._block(wanted.tree, height, number, node, read)
                width = wanted.tree.width(height, number)
                node, above = lowest_of(block, place), siblings(block, width, place) + above
            found = node, above
            self._uppers.keep(key, found)
        return found

    def _block(self, tree: _Tree, height: int, index: int, node: bytes, read: _Read) -> bytes:
        """A block above the lowest height, which must stand below `node`."""
        place = tree.place(height, index)
        kept = self._blocks.get(place)
        if kept is None:
            stored = read.get(place)
            if stored is None:
                raise _NotStored
            made, above = make_block(stored[: tree.width(height, index) * HASH_SIZE], tree.combine)
            if made != stored:
                raise IntegrityError("a stored block contradicts itself")
            kept = stored, above
            self._blocks.keep(place, kept)
        if kept[1] != node:
            raise IntegrityError("a stored block does not stand below the node above it")
        return kept[0]


def _alone(wanted: _Wanted) -> Path:
    """The path where no block lies between: a batch of one; in the log's tree it is to be computed."""
    if wanted.tree is _LOG_TREE:
        raise _NotStored
    if wanted.leaf != wanted.node:
        raise IntegrityError("a batch of one entry has another root than was signed")
    return ()
