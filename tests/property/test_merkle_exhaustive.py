"""The tree and its proofs against a naive recursive oracle that follows RFC 6962 section 2.1 word by word."""

from functools import cache

import pytest

from ledger.errors import IntegrityError, ProofInvalid
from ledger.gm import sm3
from ledger.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    BatchTree,
    Frontier,
    batch_leaf_hash,
    batch_path,
    batch_root,
    consistency_proof,
    grow_tiles,
    inclusion_proof,
    leaf_hash,
    root_hash,
    tree_root,
    verify_batch_path,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 130
LEAVES = [leaf_hash(b"entry %d" % i) for i in range(LARGEST)]
BATCH_LEAVES = [batch_leaf_hash(b"pae %d" % i) for i in range(LARGEST)]


def _split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


@cache
def oracle_root(start: int, stop: int, domain: bytes = b"\x01") -> bytes:
    leaves = LEAVES if domain == b"\x01" else BATCH_LEAVES
    if stop == start:
        return sm3(b"")
    if stop - start == 1:
        return leaves[start]
    middle = start + _split(stop - start)
    return sm3(domain + oracle_root(start, middle, domain) + oracle_root(middle, stop, domain))


def oracle_path(index: int, start: int, stop: int, domain: bytes = b"\x01") -> list[bytes]:
    if stop - start == 1:
        return []
    middle = start + _split(stop - start)
    if index < middle:
        return [*oracle_path(index, start, middle, domain), oracle_root(middle, stop, domain)]
    return [*oracle_path(index, middle, stop, domain), oracle_root(start, middle, domain)]


def oracle_subproof(first: int, start: int, stop: int, whole: bool) -> list[bytes]:
    if first == stop:
        return [] if whole else [oracle_root(start, stop)]
    middle = start + _split(stop - start)
    if first <= middle:
        return [*oracle_subproof(first, start, middle, whole), oracle_root(middle, stop)]
    return [*oracle_subproof(first, middle, stop, False), oracle_root(start, middle)]


class Tiles:
    """Tiles in memory, grown in steps of odd sizes."""

    def __init__(self) -> None:
        self.held: dict[tuple[int, int], bytes] = {}
        self.size = 0

    def tile(self, level: int, index: int) -> bytes | None:
        return self.held.get((level, index))

    def grow(self, leaves: list[bytes]) -> None:
        self.held |= grow_tiles(self.size, leaves, self)
        self.size += len(leaves)


@pytest.fixture(scope="module")
def tiles() -> Tiles:
    tiles = Tiles()
    step = 1
    while tiles.size < LARGEST:
        tiles.grow(LEAVES[tiles.size : tiles.size + step])
        step += 2
    return tiles


def _flipped(proof: list[bytes], at: int, bit: int) -> list[bytes]:
    changed = bytearray(proof[at])
    changed[bit >> 3] ^= 0x80 >> (bit & 7)
    return [*proof[:at], bytes(changed), *proof[at + 1 :]]


def test_roots_agree_with_the_oracle_at_every_size(tiles: Tiles) -> None:
    frontier = Frontier()
    for size in range(LARGEST + 1):
        expected = oracle_root(0, size)
        assert root_hash(LEAVES[:size]) == frontier.root() == tree_root(size, tiles) == expected
        assert Frontier.read(size, tiles).hashes == frontier.hashes
        if size < LARGEST:
            frontier.append(LEAVES[size])
    assert oracle_root(0, 0) == EMPTY_ROOT


def test_every_inclusion_proof_is_the_oracles_and_nothing_near_it_passes(tiles: Tiles) -> None:
    for size in range(1, LARGEST + 1):
        root = oracle_root(0, size)
        for index in range(size):
            proof = inclusion_proof(index, size, tiles)
            assert proof == oracle_path(index, 0, size)
            leaf = LEAVES[index]
            verify_inclusion(leaf, index, size, proof, root)
            near = [
                (LEAVES[index - 1] if index else bytes(32), index, proof),
                (leaf, index + 1, proof),
                (leaf, index - 1, proof),
                (leaf, index, [*proof, bytes(32)]),
                (leaf, index, proof[:-1] if proof else [leaf]),
            ]
            near += [(leaf, index, _flipped(proof, at, (index + at) & 255)) for at in range(len(proof))]
            for wrong_leaf, wrong_index, wrong_proof in near:
                with pytest.raises(ProofInvalid):
                    verify_inclusion(wrong_leaf, wrong_index, size, wrong_proof, root)


def test_every_consistency_proof_is_the_oracles_and_nothing_near_it_passes(tiles: Tiles) -> None:
    for second in range(LARGEST + 1):
        new = oracle_root(0, second)
        for first in range(second + 1):
            old = oracle_root(0, first)
            proof = consistency_proof(first, second, tiles)
            assert proof == (oracle_subproof(first, 0, second, True) if first else [])
            verify_consistency(first, second, proof, old, new)
            near = [([*proof, bytes(32)], old, new), (proof, bytes(32), new)]
            if 0 < first < second:
                near += [(proof[:-1], old, new), (proof, old, bytes(32)), (proof, new, old)]
            near += [(_flipped(proof, at, (first + at) & 255), old, new) for at in range(len(proof))]
            for wrong_proof, wrong_old, wrong_new in near:
                with pytest.raises(ProofInvalid):
                    verify_consistency(first, second, wrong_proof, wrong_old, wrong_new)


def _check_every_bit(tiles: Tiles, sizes: list[int]) -> None:
    for size in sizes:
        root = oracle_root(0, size)
        for index in range(size):
            proof = inclusion_proof(index, size, tiles)
            for at in range(len(proof)):
                for bit in range(8 * HASH_SIZE):
                    with pytest.raises(ProofInvalid):
                        verify_inclusion(LEAVES[index], index, size, _flipped(proof, at, bit), root)
        for first in range(1, size):
            proof = consistency_proof(first, size, tiles)
            for at in range(len(proof)):
                for bit in range(8 * HASH_SIZE):
                    with pytest.raises(ProofInvalid):
                        verify_consistency(first, size, _flipped(proof, at, bit), oracle_root(0, first), root)


def test_every_single_bit_corruption_is_rejected(tiles: Tiles) -> None:
    _check_every_bit(tiles, [1, 2, 3, 4, 5, 7, 8, 11])


@pytest.mark.long
@pytest.mark.parametrize("start", range(1, LARGEST + 1, 5))
def test_every_single_bit_corruption_is_rejected_at_every_size(tiles: Tiles, start: int) -> None:
    _check_every_bit(tiles, list(range(start, start + 5)))


def test_every_batch_path_is_the_oracles_and_nothing_near_it_passes() -> None:
    for size in range(1, LARGEST + 1):
        leaves = BATCH_LEAVES[:size]
        tree = BatchTree(leaves)
        root = oracle_root(0, size, b"\x07")
        assert tree.root == batch_root(leaves) == root
        for index in range(size):
            path = tree.path(index)
            assert path == oracle_path(index, 0, size, b"\x07")
            leaf = leaves[index]
            verify_batch_path(leaf, index, size, path, root)
            near = [
                (index + 1, path),
                (index - 1, path),
                (index, [*path, bytes(32)]),
                (index, path[:-1] if path else [leaf]),
            ]
            near += [(index, _flipped(path, at, (index + at) & 255)) for at in range(len(path))]
            for wrong_index, wrong_path in near:
                with pytest.raises(ProofInvalid):
                    verify_batch_path(leaf, wrong_index, size, wrong_path, root)
    assert batch_path(BATCH_LEAVES, 77) == BatchTree(BATCH_LEAVES).path(77)


@pytest.mark.parametrize("size", [0, 65_536])
def test_a_batch_has_1_to_65535_leaves(size: int) -> None:
    with pytest.raises(ProofInvalid):
        batch_root([bytes(32)] * size)


def test_trees_of_several_tile_levels_grow_as_one() -> None:
    size = 66_050  # 258 full tiles, so that tile level 1 has more than one tile
    leaves = [leaf_hash(i.to_bytes(4, "big")) for i in range(size)]
    tiles = Tiles()
    for stop in (1, 255, 256, 257, 4_000, 65_535, 65_536, 65_537, size):
        tiles.grow(leaves[tiles.size : stop])
        assert tree_root(stop, tiles) == root_hash(leaves[:stop])
    for at in (255, 256, 257, 511, 512, 65_535, 65_536, 65_537, size):
        assert Frontier.read(at, tiles).root() == root_hash(leaves[:at])
        for index in {0, at // 2, at - 1}:
            proof = inclusion_proof(index, at, tiles)
            verify_inclusion(leaves[index], index, at, proof, tree_root(at, tiles))
        proof = consistency_proof(at, size, tiles)
        verify_consistency(at, size, proof, tree_root(at, tiles), tree_root(size, tiles))


def test_a_missing_or_short_tile_is_an_integrity_error(tiles: Tiles) -> None:
    short = Tiles()
    short.held = {(0, 0): tiles.held[0, 0][: 100 * HASH_SIZE]}
    with pytest.raises(IntegrityError):
        tree_root(101, short)
    with pytest.raises(IntegrityError):
        inclusion_proof(5, 130, short)
    with pytest.raises(IntegrityError):
        grow_tiles(101, [bytes(32)], short)
    with pytest.raises(IntegrityError):
        Frontier(3, [bytes(32)])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_there_is_no_proof_outside_the_tree(tiles: Tiles, index: int, size: int) -> None:
    with pytest.raises(ProofInvalid):
        inclusion_proof(index, size, tiles)
    with pytest.raises(ProofInvalid):
        consistency_proof(size + 1, size, tiles)


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33)])
def test_a_hash_of_another_length_is_refused(tiles: Tiles, wrong: bytes) -> None:
    proof = [*inclusion_proof(0, 8, tiles)[:-1], wrong]
    with pytest.raises(ProofInvalid):
        verify_inclusion(LEAVES[0], 0, 8, proof, oracle_root(0, 8))
    with pytest.raises(ProofInvalid):
        verify_consistency(3, 8, proof, oracle_root(0, 3), oracle_root(0, 8))
    with pytest.raises(ProofInvalid):
        verify_batch_path(LEAVES[0], 0, 8, proof, oracle_root(0, 8))
