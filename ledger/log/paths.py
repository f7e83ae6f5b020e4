"""Paths in the log's tree and in batch trees, from stored blocks, each checked before it is handed out.

A path is read from the top: what stands above is known to be right, and the block below it must have it as
its node. At the top stands the checkpoint's root, or the root that a batch's manifest signed; at the bottom
the leaf. The blocks of the lowest height, one for sixteen leaves, are read when they are asked for and only
followed from the leaf up; those above serve many leaves, are recomputed when they are read and kept. What
lies below a complete subtree's node stays as the tree grows, so it is kept under that node, for all roots.

Where a block is not there (the right edge of the tree, a log that was integrated before blocks were stored) a
path is computed from tiles, or from the entries of the batch.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ledger.errors import IntegrityError, ProofInvalid
from ledger.formats.envelope import STATEMENT_TYPE, BatchPlace, pae, statement_in
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
    places_above,
    siblings,
    tree_place,
    width_of,
)
from ledger.merkle.tree import HASH_SIZE, hash_children
from ledger.store.port import LogStore, StoredEntry

Path = tuple[bytes, ...]
_Read = Mapping[int, bytes | None]
"""Blocks by place, None where none is stored."""

_KEPT_BLOCKS = 65_536
"""Some 75 MB: all that are above the lowest height for eight million entries."""
_KEPT_PATHS = 65_536
"""Paths from 256 leaves up to a complete subtree's node or a batch's root, a kilobyte each."""
_KEPT_TOPS = 1_024
"""Paths from the nodes of complete subtrees up to a root; each root has some twenty."""
_KEPT_OFTEN = 8_192
"""Paths of leaves that are asked for often, a kilobyte each."""


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
    """A path that is asked for: from a leaf at `position` up to a node that is known to be under a root.

    That node is `node`, `height` blocks lie between it and the leaf, and `above` continues from it.
    `compute` makes the whole path where a block is missing; `often`, whether it is worth keeping.
    """

    tree: _Tree
    position: int
    leaf: bytes
    height: int
    node: bytes
    above: Path
    compute: Callable[[], Path]
    often: bool = False


class Paths:
    """The paths of one log; safe for any number of threads."""

    def __init__(self, store: LogStore, tiles: Tiles) -> None:
        self._store = store
        self._tiles = tiles
        self._batches = BatchTrees(store)
        self._blocks: Kept[int, tuple[bytes, bytes]] = Kept(_KEPT_BLOCKS)
        self._tops: Kept[tuple[bytes, int, int, int], tuple[bytes, Path]] = Kept(_KEPT_TOPS)
        self._uppers: Kept[tuple[bytes, int], tuple[bytes, Path]] = Kept(_KEPT_PATHS)
        self._often: Kept[tuple[bytes, int, bytes], Path] = Kept(_KEPT_OFTEN)

    def warm(self) -> None:
        """Read and recompute what stands above the lowest blocks, so that the first to ask need not wait.

        What contradicts itself is left to whoever asks for it, and is told of the error.
        """
        room = _KEPT_BLOCKS
        for (start, stop), combine in zip(places_above(), (hash_children, hash_batch_children), strict=True):
            found = self._store.block_range(start, stop, room)
            room -= len(found)
            for place, stored in found:
                width = width_of(stored)
                if width is not None:
                    self._recompute(place, stored, width, combine)

    def prove(
        self,
        entries: Sequence[tuple[StoredEntry, BatchPlace | None]],
        size: int,
        root: bytes,
        often: Collection[int] = (),
    ) -> list[tuple[Path, Path | None]]:
        """Of each entry its inclusion proof at a tree size with that root, and the path to its batch's root.

        An entry comes with its place where it is in batch form; others have no path there. `often` are the
        indexes of entries that will be asked for again and again. Raises `IntegrityError` when what is stored
        does not lead to the root, or not to the one that the batch's manifest signed.
        """
        in_log = [self._in_log(entry.index, entry.leaf_hash, size, root, often) for entry, _ in entries]
        in_batch = [self._in_batch(entry, place) for entry, place in entries if place is not None]
        found = iter(self._paths([*in_log, *in_batch]))
        inclusions = [next(found) for _ in in_log]
        return [
            (inclusion, None if place is None else next(found))
            for inclusion, (_, place) in zip(inclusions, entries, strict=True)
        ]

    def _in_batch(self, entry: StoredEntry, place: BatchPlace) -> _Wanted:
        leaf = batch_leaf_hash(pae(STATEMENT_TYPE, statement_in(entry.entry)))

        def compute() -> Path:
            path = tuple(self._batches.path(entry.index, place))
            try:
                verify_batch_path(leaf, place.index, place.size, path, place.root)
            except ProofInvalid as error:
                raise IntegrityError(f"entry {entry.index} has no such place in its batch") from error
            return path

        tree = _BatchTree(entry.index - place.index, place.size)
        return _Wanted(tree, place.index, leaf, batch_heights(place.size), place.root, (), compute)

    def _in_log(self, index: int, leaf: bytes, size: int, root: bytes, often: Collection[int]) -> _Wanted:
        """Up to the highest node above the leaf whose blocks are complete."""
        if not 0 <= index < size:
            raise ProofInvalid("proof_shape", "the index is not below the tree size")

        def compute() -> Path:
            path = tuple(inclusion_proof(index, size, self._tiles.at(size)))
            try:
                verify_inclusion(leaf, index, size, path, root)
            except ProofInvalid as error:
                raise IntegrityError(f"the tree does not lead from entry {index} to its root") from error
            return path

        # The complete subtree that the leaf is in has the level of the highest bit in which they differ.
        height = ((index ^ size).bit_length() - 1) // BLOCK_HEIGHT
        if not height:
            return _Wanted(_LOG_TREE, index, leaf, 0, leaf, (), compute)
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
        return _Wanted(_LOG_TREE, index, leaf, height, *top, compute, index in often)

    def _paths(self, wanted: Sequence[_Wanted]) -> list[Path]:
        """The paths, computed where a block is missing; what is not kept of their blocks is read at once."""
        kept = [self._often.get((each.node, each.position, each.leaf)) for each in wanted]
        places = {
            place
            for each, path in zip(wanted, kept, strict=True)
            if path is None
            for place in self._places(each)
        }
        read = dict(zip(places, self._store.blocks(list(places)), strict=True))
        found = []
        for each, path in zip(wanted, kept, strict=True):
            try:
                found.append((path or self._below(each, read)) + each.above)
            except _NotStored:
                found.append(each.compute())
        return found

    def _places(self, wanted: _Wanted) -> Iterator[int]:
        """Where the blocks of a path stand that are not kept."""
        index = wanted.position
        known = (wanted.node, index >> 2 * BLOCK_HEIGHT) in self._uppers
        for height in range(min(wanted.height, 2) if known else wanted.height):
            index >>= BLOCK_HEIGHT
            place = wanted.tree.place(height, index)
            if height == 0 or place not in self._blocks:
                yield place

    def _below(self, wanted: _Wanted, read: _Read) -> Path:
        """The path from the leaf up to the node that is known."""
        if not wanted.height:
            return _alone(wanted)
        tree, position = wanted.tree, wanted.position
        index = position >> BLOCK_HEIGHT
        block = read.get(tree.place(0, index))
        if block is None:
            raise _NotStored
        above: Path
        if wanted.height == 1:
            node, above = wanted.node, ()
        else:
            upper, beyond = self._upper(wanted, read)
            between = self._block(tree, 1, index >> BLOCK_HEIGHT, upper, read)
            width, place = tree.width(1, index >> BLOCK_HEIGHT), index & (BLOCK_WIDTH - 1)
            node, above = lowest_of(between, place), siblings(between, width, place) + beyond
        width, place = tree.width(0, index), position & (BLOCK_WIDTH - 1)
        if climb(block, width, place, wanted.leaf, tree.combine) != node:
            raise IntegrityError("a stored block does not lead from its leaf to the node above it")
        path = siblings(block, width, place) + above
        if wanted.often:
            self._often.keep((wanted.node, position, wanted.leaf), path)
        return path

    def _upper(self, wanted: _Wanted, read: _Read) -> tuple[bytes, Path]:
        """The node above the 256 leaves that the leaf is among, and the path from it to the one known."""
        index = wanted.position >> 2 * BLOCK_HEIGHT
        key = wanted.node, index
        found = self._uppers.get(key)
        if found is None:
            node = wanted.node
            above: Path = ()
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
            kept = self._recompute(place, stored, tree.width(height, index), tree.combine)
            if kept is None:
                raise IntegrityError("a stored block contradicts itself")
        if kept[1] != node or width_of(kept[0]) != tree.width(height, index):
            raise IntegrityError("a stored block does not stand below the node above it")
        return kept[0]

    def _recompute(
        self, place: int, stored: bytes, width: int, combine: Combine
    ) -> tuple[bytes, bytes] | None:
        """A stored block and the node above it, kept from now on; None when it contradicts itself."""
        made, above = make_block(stored[: width * HASH_SIZE], combine)
        if made != stored:
            return None
        self._blocks.keep(place, (stored, above))
        return stored, above


def _alone(wanted: _Wanted) -> Path:
    """The path where no block lies between: a batch of one; in the log's tree it is to be computed."""
    if wanted.tree is _LOG_TREE:
        raise _NotStored
    if wanted.leaf != wanted.node:
        raise IntegrityError("a batch of one entry has another root than was signed")
    return ()
