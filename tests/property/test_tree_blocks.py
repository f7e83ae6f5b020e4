"""Blocks: what is stored of a tree gives the paths that computing gives, however the tree grew."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.gm import sm3
from ledger.merkle import BatchTree, Frontier, grow_tree, hash_batch_children, inclusion_proof, leaf_hash
from ledger.merkle.blocks import (
    BLOCK_WIDTH,
    batch_blocks,
    batch_heights,
    batch_place,
    batch_width,
    climb,
    lowest_of,
    make_block,
    siblings,
    tree_place,
)
from ledger.merkle.tree import hash_children

LEAVES = [leaf_hash(b"%d" % number) for number in range(5_000)]


class Grown:
    """A tree grown in steps, its tiles and blocks in memory."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.blocks: dict[int, bytes] = {}
        self.size = 0

    def tile(self, level: int, index: int) -> bytes | None:
        return self.tiles.get((level, index))

    def grow(self, count: int) -> None:
        grown = grow_tree(self.size, LEAVES[self.size : self.size + count], self)
        assert not self.blocks.keys() & grown.blocks.keys()
        self.tiles |= grown.tiles
        self.blocks |= grown.blocks
        self.size += count


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(1, 40), st.integers(200, 900)), min_size=1, max_size=6))
def test_however_a_tree_grows_it_has_the_same_blocks(steps: list[int]) -> None:
    tree, at_once = Grown(), Grown()
    for step in steps:
        tree.grow(step)
    at_once.grow(tree.size)
    assert tree.blocks == at_once.blocks
    assert tree.tiles == at_once.tiles
    level, height = b"".join(LEAVES[: tree.size]), 0
    expected = set()
    while whole := len(level) // (32 * BLOCK_WIDTH):
        expected |= {tree_place(height, index) for index in range(whole)}
        nodes = [make_block(level[at * 512 : at * 512 + 512], hash_children)[1] for at in range(whole)]
        level, height = b"".join(nodes), height + 1
    assert tree.blocks.keys() == expected


def test_siblings_in_the_blocks_of_a_tree_are_those_of_its_inclusion_proofs() -> None:
    tree = Grown()
    tree.grow(4_096 + 300)
    for index in (0, 1, 15, 16, 255, 256, 4_095):
        proof = inclusion_proof(index, tree.size, tree)
        for height in range(3):
            block = tree.blocks[tree_place(height, index >> 4 * (height + 1))]
            position = index >> 4 * height & 15
            assert list(siblings(block, 16, position)) == proof[4 * height : 4 * height + 4]
    frontier = Frontier()
    for leaf in LEAVES[:16]:
        frontier.append(leaf)
    assert climb(tree.blocks[0], 16, 9, LEAVES[9], hash_children) == frontier.root()


@pytest.mark.parametrize("size", [*range(1, 70), 255, 256, 257, 271, 4_095, 4_096, 4_097, 4_113])
def test_paths_through_the_blocks_of_a_batch_are_those_of_its_tree(size: int) -> None:
    leaves = LEAVES[:size]
    tree = BatchTree(leaves)
    made, root = batch_blocks(b"".join(leaves), hash_batch_children)
    assert root == tree.root
    blocks = {(height, index): block for height, index, block in made}
    assert max((height for height, _ in blocks), default=-1) + 1 == batch_heights(size)
    positions = range(size) if size < 300 else (0, 1, 15, 16, 255, size // 2, size - 2, size - 1)
    for position in positions:
        path: list[bytes] = []
        node = leaves[position]
        for height in range(batch_heights(size)):
            number, place = divmod(position >> 4 * height, BLOCK_WIDTH)
            block, width = blocks[height, number], batch_width(size, height, number)
            assert lowest_of(block, place) == node
            path += siblings(block, width, place)
            node = climb(block, width, place, node, hash_batch_children)
        assert (node, path) == (root, tree.path(position))


def test_no_two_blocks_have_one_place() -> None:
    places = [tree_place(height, index) for height in range(12) for index in (0, 1, 2**40)]
    places += [
        batch_place(first, height, index)
        for first in (0, 1, 2, 2**40)
        for height in range(4)
        for index in (0, 1, 4_095)
    ]
    assert len(set(places)) == len(places)
    assert all(0 <= place < 2**63 for place in places)


def test_a_changed_leaf_leads_to_another_node() -> None:
    for width in range(1, 17):
        block, node = make_block(b"".join(LEAVES[:width]), hash_children)
        for position, other in itertools.product(range(width), (sm3(b"x"), LEAVES[20])):
            assert climb(block, width, position, LEAVES[position], hash_children) == node
            assert climb(block, width, position, other, hash_children) != node
