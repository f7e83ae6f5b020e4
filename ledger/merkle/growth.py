"""Growing the stored tree: which tiles change, and which blocks are complete for the first time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.errors import IntegrityError
from ledger.merkle.blocks import BLOCK_WIDTH, make_block, tree_place
from ledger.merkle.tree import HASH_SIZE, TILE_WIDTH, HashReader, hash_children

_BLOCK_BYTES = BLOCK_WIDTH * HASH_SIZE
_TILE_BYTES = TILE_WIDTH * HASH_SIZE
_BLOCKS = TILE_WIDTH // BLOCK_WIDTH
"""Blocks of the lower height below a tile; the upper one has as many hashes."""


@dataclass(slots=True)
class Grown:
    """`tiles`: (tile level, tile index) -> all hashes of that tile; `blocks`: place -> block, new ones."""

    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    blocks: dict[int, bytes] = field(default_factory=dict)


def grow_tree(first: int, leaf_hashes: Sequence[bytes], reader: HashReader) -> Grown:
    """What changes when a stored tree of `first` leaves grows by `leaf_hashes`; old hashes are included.

    Raises `IntegrityError` when the stored tree lacks a tile that size `first` needs.
    """
    grown = Grown()
    level, start, new = 0, first, list(leaf_hashes)
    while new:
        index, old = divmod(start, TILE_WIDTH)
        held = b""
        if old:
            held = (reader.tile(level, index) or b"")[: old * HASH_SIZE]
            if len(held) != old * HASH_SIZE:
                raise IntegrityError(f"the tree lacks a part of tile {index} at tile level {level}")
        stream = held + b"".join(new)
        above = []
        for offset in range(0, len(stream), _TILE_BYTES):
            tile = stream[offset : offset + _TILE_BYTES]
            grown.tiles[level, index] = tile
            node = _grow_blocks(grown.blocks, level, index, tile, old)
            if node is not None:
                above.append(node)
            index, old = index + 1, 0
        start //= TILE_WIDTH
        level, new = level + 1, above
    return grown


def grow_tiles(first: int, leaf_hashes: Sequence[bytes], reader: HashReader) -> dict[tuple[int, int], bytes]:
    """The tiles of `grow_tree` alone."""
    return grow_tree(first, leaf_hashes, reader).tiles


def _grow_blocks(blocks: dict[int, bytes], level: int, index: int, tile: bytes, old: int) -> bytes | None:
    """Add the blocks that this tile completes, `old` hashes having been there; the full tile's node."""
    full = len(tile) == _TILE_BYTES
    nodes = []
    for number in range(0 if full else old // BLOCK_WIDTH, len(tile) // _BLOCK_BYTES):
        at = number * _BLOCK_BYTES
        block, node = make_block(tile[at : at + _BLOCK_BYTES], hash_children)
        nodes.append(node)
        if (number + 1) * BLOCK_WIDTH > old:
            blocks[tree_place(2 * level, _BLOCKS * index + number)] = block
    if not full:
        return None
    upper, node = make_block(b"".join(nodes), hash_children)
    blocks[tree_place(2 * level + 1, index)] = upper
    return node
