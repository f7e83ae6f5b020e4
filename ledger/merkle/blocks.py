"""Blocks: four levels of a tree in one piece, so that a path is a few small reads and no hashing.

A *block* of height h, index n stands below the node at tree level 4h + 4, index n. It holds that node's
descendants on the levels 4h to 4h + 3, the lowest level first, each from left to right:

    16 hashes | 8 | 4 | 2            30 * 32 = 960 bytes

In the log's tree (`tree`) a block is kept when its lowest sixteen are complete subtrees, so that it never
changes. In a batch tree (`batch`), whose size is known, the blocks at the right edge are narrower: w hashes,
then half of them rounded up, and so on down to 2 (a block of one hash holds just that). An odd last hash is
carried up unchanged, and has no sibling.

A block alone proves nothing: whoever reads one checks it against the node that stands above it.

    >>> from ledger.merkle import leaf_hash, root_hash
    >>> from ledger.merkle.blocks import climb, make_block, siblings
    >>> from ledger.merkle.tree import hash_children
    >>> leaves = [leaf_hash(bytes((n,))) for n in range(16)]
    >>> block, above = make_block(b"".join(leaves), hash_children)
    >>> above == root_hash(leaves) == climb(block, 16, 5, leaves[5], hash_children)
    True
    >>> siblings(block, 16, 5)[0] == leaves[4]
    True
"""

from collections.abc import Callable, Iterator
from functools import cache

from ledger.merkle.tree import HASH_SIZE

BLOCK_HEIGHT = 4
BLOCK_WIDTH = 1 << BLOCK_HEIGHT

Combine = Callable[[bytes], bytes]
"""Hashes two concatenated children."""

_MANIFEST_BITS = 12  # a batch has at most 65,535 entries, so at most 4,096 blocks of one height
_HEIGHT_AT = 56
_BATCH_HEIGHTS = 16
BATCH_PLACES = _BATCH_HEIGHTS << _HEIGHT_AT
"""The places of batch trees' blocks begin here, those of the log's tree end before."""


def tree_place(height: int, index: int) -> int:
    """The number under which a store keeps a block of the log's tree."""
    return height << _HEIGHT_AT | index


def batch_place(first: int, height: int, index: int) -> int:
    """The number of a block of the batch tree whose first entry has the log index `first`."""
    return (_BATCH_HEIGHTS + height) << _HEIGHT_AT | first << _MANIFEST_BITS | index


def make_block(lowest: bytes, combine: Combine) -> tuple[bytes, bytes]:
    """The block over 1 to 16 concatenated hashes, and the hash of the node above it."""
    levels = []
    level = lowest
    while len(level) > HASH_SIZE:
        levels.append(level)
        paired = [combine(level[at : at + 2 * HASH_SIZE]) for at in range(0, len(level) - HASH_SIZE, 64)]
        if len(level) & HASH_SIZE:
            paired.append(level[-HASH_SIZE:])
        level = b"".join(paired)
    return b"".join(levels) or lowest, level


def siblings(block: bytes, width: int, position: int) -> tuple[bytes, ...]:
    """The siblings on the way up from the lowest hash at `position` of a block `width` wide."""
    return tuple([block[at : at + HASH_SIZE] for at, _ in _steps(width)[position]])


def climb(block: bytes, width: int, position: int, lowest: bytes, combine: Combine) -> bytes:
    """The node above the block as `lowest`, standing at `position`, and its siblings there lead to it."""
    found = lowest
    for at, right in _steps(width)[position]:
        sibling = block[at : at + HASH_SIZE]
        found = combine(sibling + found) if right else combine(found + sibling)
    return found


def lowest_of(block: bytes, position: int) -> bytes:
    """The hash at `position` of the block's lowest level."""
    return block[position * HASH_SIZE : (position + 1) * HASH_SIZE]


def places_above() -> tuple[tuple[int, int], tuple[int, int]]:
    """Where the blocks above the lowest height stand, of the log's tree and of batches: from, to below."""
    return (tree_place(1, 0), BATCH_PLACES), (batch_place(0, 1, 0), 2 * BATCH_PLACES)


def width_of(block: bytes) -> int | None:
    """How many hashes the lowest level of a block has; None if no block is that long."""
    return _WIDTHS.get(len(block))


def block_bytes(width: int) -> int:
    """How long a block is whose lowest level has `width` hashes."""
    return HASH_SIZE * (sum(_widths(width)) or 1)


def batch_blocks(leaves: bytes, combine: Combine) -> tuple[list[tuple[int, int, bytes]], bytes]:
    """All blocks of a batch tree over concatenated leaf hashes, as (height, index, block), and its root.

    A batch of one has none: its root is its leaf.
    """
    blocks = []
    height, level = 0, leaves
    while len(level) > HASH_SIZE:
        above = []
        for index, at in enumerate(range(0, len(level), BLOCK_WIDTH * HASH_SIZE)):
            block, node = make_block(level[at : at + BLOCK_WIDTH * HASH_SIZE], combine)
            blocks.append((height, index, block))
            above.append(node)
        height, level = height + 1, b"".join(above)
    return blocks, level


def batch_heights(size: int) -> int:
    """How many heights of blocks a batch tree of `size` leaves has."""
    return -(-(size - 1).bit_length() // BLOCK_HEIGHT)


def batch_width(size: int, height: int, index: int) -> int:
    """How wide the block of that height and index is in a batch tree of `size` leaves."""
    hashes = -(-size >> BLOCK_HEIGHT * height)
    return min(BLOCK_WIDTH, hashes - BLOCK_WIDTH * index)


def _widths(width: int) -> Iterator[int]:
    """How many hashes each level has, but for the node above."""
    while width > 1:
        yield width
        width = (width + 1) >> 1


_WIDTHS = {block_bytes(width): width for width in range(1, BLOCK_WIDTH + 1)}


@cache
def _steps(width: int) -> tuple[tuple[tuple[int, bool], ...], ...]:
    """For each position and level with a sibling: where that begins, and whether it is the left one."""
    table = []
    for position in range(width):
        steps = []
        start = 0
        for count in _widths(width):
            if position ^ 1 < count:
                steps.append(((start + (position ^ 1)) * HASH_SIZE, bool(position & 1)))
            start += count
            position >>= 1
        table.append(tuple(steps))
    return tuple(table)
