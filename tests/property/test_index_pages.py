"""Pages against a naive recursive index, for any keys and any order of growth."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import IntegrityError
from ledger.gm import sm3
from ledger.merkle import (
    EMPTY,
    EMPTY_HEAD,
    Absent,
    End,
    OtherKey,
    Present,
    chain_step,
    index_leaf,
    index_node,
    index_value,
    key_bit,
    page_form,
    pages,
    verify_index_proof,
)


class NaiveIndex:
    """Section 4.5 word for word, without any storage."""

    def __init__(self) -> None:
        self.chains: dict[bytes, list[tuple[int, bytes]]] = {}

    def value(self, key: bytes) -> bytes:
        return index_value(len(self.chains[key]), self.head(key))

    def head(self, key: bytes) -> bytes:
        head = EMPTY_HEAD
        for log_index, leaf in self.chains.get(key, []):
            head = chain_step(head, log_index, leaf)
        return head

    def node(self, keys: Sequence[bytes], depth: int) -> bytes:
        if len(keys) < 2:
            return index_leaf(keys[0], self.value(keys[0])) if keys else EMPTY
        sides = [[key for key in keys if key_bit(key, depth) == bit] for bit in (0, 1)]
        return index_node(self.node(sides[0], depth + 1), self.node(sides[1], depth + 1))

    def root(self) -> bytes:
        return self.node(list(self.chains), 0)

    def prove(self, key: bytes) -> tuple[list[bytes], End]:
        keys, siblings, depth = list(self.chains), [], 0
        while len(keys) > 1:
            bit = key_bit(key, depth)
            other = [each for each in keys if key_bit(each, depth) != bit]
            siblings.append(self.node(other, depth + 1))
            keys = [each for each in keys if key_bit(each, depth) == bit]
            depth += 1
        if not keys:
            return siblings, Absent()
        if keys[0] == key:
            return siblings, Present(self.value(key))
        return siblings, OtherKey(keys[0], self.value(keys[0]))


class Stored:
    """Pages in memory; notes every read and write."""

    def __init__(self) -> None:
        self.pages: dict[bytes, bytes] = {}
        self.links: dict[int, bytes] = {}
        self.calls: list[list[bytes]] = []

    def read(self, paths: Sequence[bytes]) -> list[bytes | None]:
        self.calls.append(list(paths))
        return [self.pages.get(path) for path in paths]

    def grow(self, changes: dict[bytes, list[tuple[int, bytes]]], max_records: int) -> bytes:
        growth = pages.update(self.read, changes, max_records=max_records)
        self.pages.update(growth.pages)
        self.links.update(growth.links)
        return growth.index_root


def key_from(bits: tuple[int, int, int]) -> bytes:
    """A key of three numbers: two leading nibbles, a flip somewhere in the middle, the last byte."""
    lead, flip, last = bits
    number = (lead << 248) | (1 << flip) | last
    return number.to_bytes(32, "big")


# Few leading nibbles and single flipped bits make neighbours of every common depth, to the very last bit.
near_keys = st.builds(
    key_from, st.tuples(st.sampled_from([0, 1, 16, 255]), st.integers(0, 247), st.integers(0, 3))
)
far_keys = st.integers(0, 400).map(lambda number: sm3(b"%d" % number))
entries = st.lists(st.sets(near_keys | far_keys, min_size=0, max_size=4), min_size=1, max_size=12)


def stretch_changes(first: int, stretch: list[set[bytes]]) -> dict[bytes, list[tuple[int, bytes]]]:
    changes: dict[bytes, list[tuple[int, bytes]]] = {}
    for index, keys in enumerate(stretch, first):
        for key in keys:
            changes.setdefault(key, []).append((index, sm3(b"leaf %d" % index)))
    return changes


@settings(max_examples=40, deadline=None)
@given(
    stretches=st.lists(entries, min_size=1, max_size=4),
    max_records=st.sampled_from([1, 2, 3, 8]),
    data=st.data(),
)
def test_pages_have_the_roots_proofs_and_chains_of_the_naive_index(
    stretches: list[list[set[bytes]]], max_records: int, data: st.DataObject
) -> None:
    naive, stored, first = NaiveIndex(), Stored(), 0
    for stretch in stretches:
        changes = stretch_changes(first, stretch)
        for key, added in changes.items():
            naive.chains.setdefault(key, []).extend(added)
        assert stored.grow(changes, max_records) == naive.root()
        first += len(stretch)
    assert pages.index_root(stored.read) == naive.root()
    known = sorted(naive.chains)
    for key in [*known[:3], *data.draw(st.lists(near_keys | far_keys, max_size=4))]:
        proof = pages.prove(stored.read, key)
        assert (proof.siblings, proof.end) == naive.prove(key)
        verify_index_proof(naive.root(), key, proof.siblings, proof.end)
        chain = naive.chains.get(key, [])
        assert (proof.count, proof.head) == (len(chain), naive.head(key))
        assert proof.last == (chain[-1][0] if chain else None)
    check_links(naive, stored)


def check_links(naive: NaiveIndex, stored: Stored) -> None:
    for key, chain in naive.chains.items():
        places = [None, *(index for index, _ in chain)]
        for position, (index, _) in enumerate(chain, 1):
            link = pages.find_link(stored.links[index], key)
            assert link == pages.Link(position, places[position - 1], places[position & (position - 1)])
    for index, links in stored.links.items():
        keys = [links[at : at + 32] for at in range(0, len(links), 56)]
        assert keys == sorted(key for key, chain in naive.chains.items() if index in [i for i, _ in chain])


def test_a_long_chain_keeps_the_positions_its_jumps_need() -> None:
    stored, key = Stored(), sm3(b"busy")
    for first in range(0, 700, 35):
        stored.grow({key: [(index * 3, sm3(b"%d" % index)) for index in range(first, first + 35)]}, 8)
    (page,) = stored.pages.values()
    (record,) = page_form.parse_leaf_page(page).values()
    # 700 = 1010111100b: positions 512, 640, 672, 688, 696, 700.
    assert page_form.record_stack(record) == [3 * (n - 1) for n in (512, 640, 672, 688, 696, 700)]
    link = pages.find_link(stored.links[3 * 639], key)
    assert link == pages.Link(640, 3 * 638, 3 * 511)


def test_a_stretch_reads_each_page_once_level_by_level_and_writes_only_what_it_touched() -> None:
    stored = Stored()
    stored.grow({sm3(b"%d" % n): [(n, sm3(b"leaf"))] for n in range(3000)}, 8)
    stored.calls.clear()
    before = dict(stored.pages)
    growth = pages.update(
        stored.read, {sm3(b"%d" % n): [(5000 + n, sm3(b"leaf"))] for n in range(0, 3000, 100)}
    )
    asked = [path for call in stored.calls for path in call]
    assert len(asked) == len(set(asked))
    assert [{len(path) for path in call} for call in stored.calls] == [{n} for n in range(len(stored.calls))]
    assert set(growth.pages) == set(asked) & set(before)


def test_nothing_to_add_gives_the_same_root_and_no_pages() -> None:
    stored = Stored()
    assert stored.grow({}, 8) == EMPTY
    root = stored.grow({sm3(b"%d" % n): [(n, sm3(b"leaf"))] for n in range(40)}, 8)
    assert pages.update(stored.read, {}) == pages.Growth(root, {}, {})


def test_an_entry_that_does_not_come_after_the_chains_last_one_is_refused() -> None:
    stored, key = Stored(), sm3(b"key")
    stored.grow({key: [(4, sm3(b"leaf"))]}, 8)
    for index in (3, 4):
        with pytest.raises(IntegrityError):
            pages.update(stored.read, {key: [(index, sm3(b"leaf"))]})


@pytest.mark.parametrize("cut", [0, 1, 7, -1])
def test_a_page_that_is_cut_short_is_refused(cut: int) -> None:
    stored = Stored()
    stored.grow({sm3(b"%d" % n): [(n, sm3(b"leaf"))] for n in range(3)}, 8)
    stored.pages[b""] = stored.pages[b""][:cut]
    with pytest.raises(IntegrityError):
        pages.prove(stored.read, sm3(b"0"))


def test_a_missing_page_is_refused() -> None:
    stored = Stored()
    stored.grow({sm3(b"%d" % n): [(n, sm3(b"leaf"))] for n in range(300)}, 8)
    child = next(path for path in stored.pages if len(path) == 1)
    del stored.pages[child]
    key = next(key for key in (sm3(b"%d" % n) for n in range(300)) if page_form.nibble_at(key, 0) == child[0])
    with pytest.raises(IntegrityError):
        pages.prove(stored.read, key)
    with pytest.raises(IntegrityError):
        pages.update(stored.read, {key: [(900, sm3(b"leaf"))]})
