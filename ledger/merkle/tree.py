"""The log's tree: RFC 6962 section 2.1 over SM3 (DESIGN.md 4.1), and batch trees of the same shape.

    leaf = SM3(00 || entry)        node = SM3(01 || left || right)        root of the empty tree = SM3("")

The tree of n > 1 leaves splits at k, the largest power of two below n: its root is the node over the root
of the first k and the root of the remaining n - k. A *complete subtree* at level h, index i covers the 2^h
leaves from i * 2^h on; its hash never changes once those leaves are there.

Storage is a `HashReader` of one method. A *tile* of level L, index n holds, concatenated, the hashes of the
complete subtrees at tree level 8 * L with indexes from 256 * n on, at most 256 of them. Everything between
two tile levels is recomputed (and remembered) from the tile below.

    >>> from ledger.merkle import Frontier, leaf_hash, root_hash
    >>> leaves = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")]
    >>> frontier = Frontier()
    >>> for leaf in leaves: frontier.append(leaf)
    >>> frontier.root() == root_hash(leaves)
    True
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from ledger.errors import IntegrityError
from ledger.gm import sm3, sm3_prefixed

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

EMPTY_ROOT = sm3(b"")

leaf_hash: Callable[[bytes], bytes] = sm3_prefixed(b"\x00")
"""`leaf_hash(entry)` -> 32 bytes."""

hash_children: Callable[[bytes], bytes] = sm3_prefixed(b"\x01")
"""`hash_children(left || right)` -> 32 bytes, for callers that hold both hashes in one piece."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node over two 32-byte hashes."""
    return hash_children(left + right)


class HashReader(Protocol):
    """Where a tree's tiles are kept."""

    def tile(self, level: int, index: int) -> bytes | None:
        """The tile's hashes, concatenated (at most 256 * 32 bytes), or None if there is none.

        A tile at the right edge may be shorter; it must hold at least the complete subtrees of the tree size
        that the caller works with, and may hold more.
        """


def fold(hashes: Sequence[bytes], combine: Callable[[bytes], bytes] = hash_children) -> bytes:
    """The root over at least one leaf hash; `combine` hashes two concatenated children.

    Levels are paired left to right and an odd last hash is carried up unchanged, which gives the split of
    RFC 6962 because each carried hash is the root of the tree's right edge.
    """
    level = list(hashes)
    while len(level) > 1:
        paired = [combine(level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) & 1:
            paired.append(level[-1])
        level = paired
    return level[0]


def root_hash(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root hash of a tree with these leaf hashes (none: the empty root)."""
    return fold(leaf_hashes) if leaf_hashes else EMPTY_ROOT


class Frontier:
    """The right edge of a growing tree: its size and the roots of its complete subtrees, largest first."""

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Raises `IntegrityError` when `hashes` are not as many as `size` has one bits."""
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise IntegrityError(
                f"a tree of size {size} has {size.bit_count()} complete subtrees at its edge"
            )

    @classmethod
    def read(cls, size: int, reader: HashReader) -> "Frontier":
        """The frontier of the first `size` leaves of a stored tree."""
        return cls(size, (subtree_hash(level, index, reader) for level, index in edge(size)))

    def append(self, leaf: bytes) -> None:
        """Grow the tree by one leaf hash."""
        carry, rest = leaf, self.size
        while rest & 1:
            carry = hash_children(self.hashes.pop() + carry)
            rest >>= 1
        self.hashes.append(carry)
        self.size += 1

    def root(self) -> bytes:
        """The root hash of the tree as it stands."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = hash_children(left + root)
        return root

    def copy(self) -> "Frontier":
        return Frontier(self.size, self.hashes)


def edge(size: int) -> Iterator[tuple[int, int]]:
    """(level, index) of the complete subtrees that a tree of `size` leaves splits into, left to right."""
    start = 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            yield level, start >> level
            start += 1 << level


# 1,024 full tiles with all levels above them are 24 MB.
@lru_cache(maxsize=1024)
def _levels(tile: bytes) -> tuple[bytes, ...]:
    """The tile's hashes and, above them, every level of complete pairs inside it; each level concatenated."""
    levels = [tile]
    while len(levels) < TILE_HEIGHT and len(levels[-1]) >= 2 * HASH_SIZE:
        below = levels[-1]
        stop = len(below) - len(below) % (2 * HASH_SIZE)
        levels.append(
            b"".join(hash_children(below[at : at + 2 * HASH_SIZE]) for at in range(0, stop, 2 * HASH_SIZE))
        )
    return tuple(levels)


def subtree_hash(level: int, index: int, reader: HashReader) -> bytes:
    """The hash of a complete subtree of a stored tree; level 0 is the leaf hashes.

    Raises `IntegrityError` when the tile that must hold it is missing or too short.
    """
    tile_level, inside = divmod(level, TILE_HEIGHT)
    first = index << inside
    tile = reader.tile(tile_level, first >> TILE_HEIGHT)
    if tile is not None:
        at = ((first & (TILE_WIDTH - 1)) >> inside) * HASH_SIZE
        if inside == 0:
            found = tile[at : at + HASH_SIZE]
        else:
            levels = _levels(tile)
            found = levels[inside][at : at + HASH_SIZE] if inside < len(levels) else b""
        if len(found) == HASH_SIZE:
            return found
    raise IntegrityError(f"the tree lacks the hash at level {level}, index {index}")


def range_root(start: int, stop: int, reader: HashReader) -> bytes:
    """The root over the leaves start..stop-1 of a stored tree, where start is a split point of the tree."""
    level = (stop - start).bit_length() - 1
    if stop - start == 1 << level:
        return subtree_hash(level, start >> level, reader)
    middle = start + split(stop - start)
    return node_hash(range_root(start, middle, reader), range_root(middle, stop, reader))


def split(size: int) -> int:
    """The largest power of two below `size` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def tree_root(size: int, reader: HashReader) -> bytes:
    """The root hash of the first `size` leaves of a stored tree."""
    return range_root(0, size, reader) if size else EMPTY_ROOT
