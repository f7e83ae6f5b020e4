"""The bytes of one page of the stored index, and the hashes inside it.

The compact sparse Merkle tree of DESIGN.md section 4.5 is cut every four levels into pages. A page's *path*
is the nibbles that lead to it, one per byte, so the root page's path is empty and the page under key bits
`0101 1111` has the path `05 0f`. What stands at a path is one of two forms.

A *leaf page* holds 1 to 16 keys with all they need, in ascending order:

    00 | n | n x popcount(count) | n records, each: key 32 | index leaf 32 | head 32 | count u64 | stack

`index leaf` is `SM3(02 || key || value)`. `stack` is the log indexes of the chain positions that remain when
the lowest set bits of `count` are cleared one after the other: for count 13 = 1101b those of positions 8, 12
and 13, in this order; the last one is the key's newest entry. It has popcount(count) members of 8 bytes.

A *branch page* holds the 30 nodes of four levels below its own node, as a heap: node s has the children 2s
and 2s+1, its own node being 1 and its sixteen child pages standing at nodes 16..31.

    01 | singles u32 | nodes 2..31, 32 bytes each

An empty subtree is 32 zero bytes. Bit s of `singles` says that the subtree at node s has exactly one key, so
that its hash is that key's index leaf and floats up; under the page's own node there are always several.

All functions are pure; bytes of an unknown form raise `IntegrityError`, pages being our own.
"""

import struct
from collections.abc import Iterator, Sequence

from ledger.errors import IntegrityError
from ledger.gm import sm3_prefixed
from ledger.merkle.index import EMPTY, KEY_BITS

_LEAF, _BRANCH = 0, 1
_FIXED = 104  # of a record: all but its stack
_NODES_AT = 5
_BRANCH_LENGTH = _NODES_AT + 30 * 32

# `index.index_node`, for two hashes that are already in one piece: this is the worker's hottest path.
hash_node = sm3_prefixed(b"\x03")

_u64 = struct.Struct(">Q")


def is_branch(page: bytes) -> bool:
    """Whether this is a branch page; raises `IntegrityError` if it is no page at all."""
    if page[:1] == b"\x01" and len(page) == _BRANCH_LENGTH:
        return True
    if page[:1] == b"\x00" and len(page) > 2 + _FIXED:
        return False
    raise IntegrityError("a stored index page is of no known form")


def nibble_at(key: bytes, level: int) -> int:
    """The key's nibble at page level `level`, 0 being the most significant of 64."""
    byte = key[level >> 1]
    return byte & 15 if level & 1 else byte >> 4


# Records and leaf pages


def format_record(key: bytes, leaf: bytes, head: bytes, count: int, stack: bytes) -> bytes:
    return b"".join((key, leaf, head, _u64.pack(count), stack))


def record_count(record: bytes) -> int:
    return int.from_bytes(record[96:104], "big")


def record_head(record: bytes) -> bytes:
    return record[64:96]


def record_leaf(record: bytes) -> bytes:
    return record[32:64]


def record_stack(record: bytes) -> list[int]:
    """Log indexes, the newest entry's last."""
    return list(struct.unpack_from(f">{(len(record) - _FIXED) >> 3}Q", record, _FIXED))


def format_leaf_page(records: Sequence[bytes]) -> bytes:
    """The page of these records, which ascend by key."""
    lengths = bytes([(len(record) - _FIXED) >> 3 for record in records])
    return b"".join((bytes((_LEAF, len(records))), lengths, *records))


def parse_leaf_page(page: bytes) -> dict[bytes, bytes]:
    """Key -> record, in ascending order."""
    records = {}
    count = page[1]
    at = 2 + count
    for length in page[2:at]:
        end = at + _FIXED + 8 * length
        records[page[at : at + 32]] = page[at:end]
        at = end
    if at != len(page) or len(records) != count:
        raise IntegrityError("a stored index page has a wrong length")
    return records


def subtree_hash(keys: Sequence[bytes], leaves: Sequence[bytes], depth: int) -> bytes:
    """The hash at `depth` of the subtree with exactly these keys (ascending) and their index leaves."""
    if len(keys) < 2:
        return leaves[0] if leaves else EMPTY
    if len(keys) == 2:
        return _pair_hash(keys, leaves, depth)
    numbers = [int.from_bytes(key, "big") for key in keys]
    # Neighbours part at the depth of their common prefix. Going left to right, a finished subtree waits on
    # `waiting` as (hash, depth of its node, one of its keys) until the parting to its right is less deep.
    waiting = [(leaves[0], KEY_BITS, numbers[0])]
    partings: list[int] = []
    for position in range(1, len(keys)):
        parting = KEY_BITS - (numbers[position - 1] ^ numbers[position]).bit_length()
        while partings and partings[-1] > parting:
            _join(waiting, partings.pop())
        partings.append(parting)
        waiting.append((leaves[position], KEY_BITS, numbers[position]))
    while partings:
        _join(waiting, partings.pop())
    return _lift(waiting[0], depth)


def _pair_hash(keys: Sequence[bytes], leaves: Sequence[bytes], depth: int) -> bytes:
    """`subtree_hash` for two keys, which most leaf pages of a large index hold at most."""
    number = int.from_bytes(keys[0], "big")
    parting = KEY_BITS - (number ^ int.from_bytes(keys[1], "big")).bit_length()
    node = hash_node(leaves[0] + leaves[1])
    return node if parting == depth else _lift((node, parting, number), depth)


def _join(waiting: list[tuple[bytes, int, int]], parting: int) -> None:
    """Replace the last two waiting subtrees by the one whose node is at depth `parting`."""
    right = waiting.pop()
    left = waiting.pop()
    node = hash_node(_lift(left, parting + 1) + _lift(right, parting + 1))
    waiting.append((node, parting, left[2]))


def _lift(subtree: tuple[bytes, int, int], depth: int) -> bytes:
    """The subtree's hash seen at `depth`: a single leaf floats, a node gets an empty sibling per level."""
    node, at, number = subtree
    if at == KEY_BITS:
        return node
    while at > depth:
        at -= 1
        node = hash_node(EMPTY + node) if number >> (KEY_BITS - 1 - at) & 1 else hash_node(node + EMPTY)
    return node


def prove_among(
    keys: Sequence[bytes], leaves: Sequence[bytes], depth: int, key: bytes
) -> tuple[list[bytes], int | None]:
    """Siblings from `depth` down to where `key` ends, and the position of the key standing there, if any."""
    low, high = 0, len(keys)
    number = int.from_bytes(key, "big")
    siblings = []
    while high - low > 1:
        shift = KEY_BITS - 1 - depth
        middle = low
        while middle < high and not int.from_bytes(keys[middle], "big") >> shift & 1:
            middle += 1
        depth += 1
        if number >> shift & 1:
            siblings.append(subtree_hash(keys[low:middle], leaves[low:middle], depth))
            low = middle
        else:
            siblings.append(subtree_hash(keys[middle:high], leaves[middle:high], depth))
            high = middle
    return siblings, low if high > low else None


# Branch pages


def new_branch_page() -> bytes:
    """A branch page without children, to be given some by `refresh`."""
    return bytes((_BRANCH,)) + bytes(_BRANCH_LENGTH - 1)


def child_is_empty(page: bytes, nibble: int) -> bool:
    at = _NODES_AT + 32 * (14 + nibble)
    return page[at : at + 32] == EMPTY


def refresh(page: bytes, children: Sequence[tuple[int, bytes, bool]]) -> tuple[bytes, bytes]:
    """Put children (nibble, hash, whether it has one key; ascending) in; returns page and node hash.

    Only nodes above these children are hashed anew.
    """
    nodes = bytearray(page)
    singles = int.from_bytes(page[1:5], "big")
    slots = []
    for nibble, child, single in children:
        at = _NODES_AT + 32 * (14 + nibble)
        nodes[at : at + 32] = child
        bit = 1 << (16 + nibble)
        singles = singles | bit if single else singles & ~bit
        slots.append(8 + (nibble >> 1))
    while True:
        for slot in dict.fromkeys(slots):
            at = _NODES_AT + 64 * (slot - 1)
            pair = bytes(nodes[at : at + 64])
            single_sides = singles >> (2 * slot) & 3
            if single_sides == 1 and pair[32:] == EMPTY:
                node, single = pair[:32], True
            elif single_sides == 2 and pair[:32] == EMPTY:
                node, single = pair[32:], True
            else:
                node, single = hash_node(pair), False
            if slot == 1:
                nodes[1:5] = singles.to_bytes(4, "big")
                return bytes(nodes), node
            at = _NODES_AT + 32 * (slot - 2)
            nodes[at : at + 32] = node
            singles = singles | 1 << slot if single else singles & ~(1 << slot)
        slots = [slot >> 1 for slot in slots]


def branch_hash(page: bytes) -> bytes:
    """The hash of the page's own node."""
    return hash_node(page[_NODES_AT : _NODES_AT + 64])


def descend(page: bytes, nibble: int) -> tuple[list[bytes], int | None]:
    """Siblings on the way to the child `nibble`, as far as there are several keys, and whose page is next.

    The next page is the child `nibble` itself where several keys go on to it; another child where a single
    key stands on the way; none where nothing does.
    """
    singles = int.from_bytes(page[1:5], "big")
    siblings = []
    slot = 1
    for shift in (3, 2, 1, 0):
        slot = 2 * slot + (nibble >> shift & 1)
        at = _NODES_AT + 32 * ((slot ^ 1) - 2)
        siblings.append(page[at : at + 32])
        at = _NODES_AT + 32 * (slot - 2)
        if page[at : at + 32] == EMPTY:
            return siblings, None
        if singles >> slot & 1:
            return siblings, next(_children_under(page, slot))
    return siblings, nibble


def _children_under(page: bytes, slot: int) -> Iterator[int]:
    """Nibbles of the children that are not empty under node `slot`."""
    first, last = slot, slot
    while first < 16:
        first, last = 2 * first, 2 * last + 1
    return (child - 16 for child in range(first, last + 1) if not child_is_empty(page, child - 16))
