"""The index of DESIGN.md section 4.5 as stored: pages, and the links that walk a key's chain.

The tree is kept in pages of four levels each (bytes: `page_form`); this module grows it and proves from it.
It reads pages through one function handed in, `read(paths) -> pages`, which answers for many paths at once
(None: no such page), so that a whole integration costs one look-up per level of pages.

Growing never removes a key, so a page never goes away and a branch page never becomes a leaf page again.

Links. An entry's *links* tell, for each of its index keys in ascending order, where the key's chain goes on
backwards:

    key 32 | n u64 | prev u64 | jump u64

`n` is the entry's 1-based position in the key's chain, `prev` the log index of position n-1, `jump` that of
position n & (n-1), which is n with its lowest set bit cleared; 2^64-1 stands for position 0, before the
first. Following `jump` where it does not overshoot and `prev` where it does reaches any position p < n in
O(log^2 n) steps. A worked example: from 13 = 1101b, jumps lead to 12, 8, 0; to reach 10 go 13 -> 12 (jump;
8 would overshoot) -> 11 (prev; its jump is 10) -> 10.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.errors import IntegrityError
from ledger.gm import sm3_prefixed
from ledger.merkle import page_form
from ledger.merkle.index import EMPTY, EMPTY_HEAD, Absent, End, OtherKey, Present, index_value

MAX_RECORDS = 8
"""Keys in a leaf page before it becomes a branch page.

Smaller than a nibble's fan-out on purpose: rewriting a page costs its whole length, and with 8 records both
forms fit into a quarter of a 4 KiB database page, beyond which a database spills a row into further pages.
"""

NONE = 2**64 - 1

PageReader = Callable[[Sequence[bytes]], Sequence[bytes | None]]

# The hashes of `index`, for input that is already in one piece: this is the worker's hottest path.
_hash_leaf = sm3_prefixed(b"\x02")
_hash_step = sm3_prefixed(b"\x04")
_hash_value = sm3_prefixed(b"\x05")
_u64 = struct.Struct(">Q")
_link = struct.Struct(">QQQ")
_FIRST_LINK = _link.pack(1, NONE, NONE)
_ONE = _u64.pack(1)
_NIBBLES = [bytes((nibble,)) for nibble in range(16)]


@dataclass(frozen=True, slots=True)
class Growth:
    """What an update leads to: the index root, the pages to write, and links by log index."""

    index_root: bytes
    pages: dict[bytes, bytes]
    links: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Link:
    """One key's part of an entry's links; `prev` and `jump` are None before the first position."""

    position: int
    prev: int | None
    jump: int | None


@dataclass(frozen=True, slots=True)
class IndexProof:
    """A key's siblings, root down, what stands at their end, and the key's chain so far.

    `count` is 0, `head` zero and `last` (the log index of the newest entry) None when the key is absent.
    `stack` is the record's: the log indexes of the positions that clearing the lowest bits of `count` leaves.
    """

    siblings: list[bytes]
    end: End
    count: int
    head: bytes
    last: int | None
    stack: Sequence[int] = ()


@dataclass(slots=True)
class _Work:
    """One update under way; `results` holds (hash, has one key) of every page finished so far."""

    changes: Mapping[bytes, Sequence[tuple[int, bytes]]]
    max_records: int
    pages: dict[bytes, bytes] = field(default_factory=dict)
    links: dict[int, list[bytes]] = field(default_factory=dict)
    results: dict[bytes, tuple[bytes, bool]] = field(default_factory=dict)


def update(
    read: PageReader,
    changes: Mapping[bytes, Sequence[tuple[int, bytes]]],
    *,
    max_records: int = MAX_RECORDS,
) -> Growth:
    """Append (log index, leaf hash) pairs, in log order, to the chains of their 32-byte keys.

    Each touched page is read, hashed and formatted once. Raises `IntegrityError` for pages that contradict
    themselves.
    """
    work = _Work(changes, max_records)
    keys = sorted(changes)
    if not keys:
        return Growth(index_root(read), {}, {})
    rising = []
    level = 0
    wanted = [(b"", 0, len(keys))]
    while wanted:
        branches = []
        below: list[tuple[bytes, int, int]] = []
        for (path, low, high), page in zip(wanted, read([path for path, _, _ in wanted]), strict=True):
            if page is None and path:
                raise IntegrityError("a page of the index is missing")
            if page is None or not page_form.is_branch(page):
                _grow_leaf_page(work, path, page_form.parse_leaf_page(page) if page else {}, keys[low:high])
                continue
            nibbles = []
            for nibble, start, stop in _split(keys, low, high, level):
                nibbles.append(nibble)
                child = path + _NIBBLES[nibble]
                if page_form.child_is_empty(page, nibble):
                    _grow_leaf_page(work, child, {}, keys[start:stop])
                else:
                    below.append((child, start, stop))
            branches.append((path, page, nibbles))
        rising.append(branches)
        wanted = below
        level += 1
    for branches in reversed(rising):
        for path, page, nibbles in branches:
            _finish_branch_page(work, path, page, nibbles)
    # Keys come by page, those of pages near the root first; an entry's links are in ascending order.
    links = {index: b"".join(sorted(parts)) for index, parts in work.links.items()}
    return Growth(work.results[b""][0], work.pages, links)


def _split(keys: Sequence[bytes], low: int, high: int, level: int) -> list[tuple[int, int, int]]:
    """keys[low:high] by their nibble at `level`: (nibble, start, stop), ascending."""
    byte = level >> 1
    shift = 0 if level & 1 else 4
    if high - low == 1:
        return [(keys[low][byte] >> shift & 15, low, high)]
    parts = []
    start = low
    nibble = keys[low][byte] >> shift & 15
    for at in range(low + 1, high):
        another = keys[at][byte] >> shift & 15
        if another != nibble:
            parts.append((nibble, start, at))
            start, nibble = at, another
    parts.append((nibble, start, high))
    return parts


def _grow_leaf_page(work: _Work, path: bytes, records: dict[bytes, bytes], keys: Sequence[bytes]) -> None:
    present = len(records)
    for key in keys:
        record = records.get(key)
        additions = work.changes[key]
        if record is None and len(additions) == 1:
            records[key] = _begin(key, additions[0], work.links)
        else:
            records[key] = _extend(key, record, additions, work.links)
    if len(records) > present > 0:
        records = dict(sorted(records.items()))
    _place(work, path, records)


def _place(work: _Work, path: bytes, records: Mapping[bytes, bytes]) -> None:
    """Write these records at `path`: as a leaf page, or as a branch page and what is below it."""
    if len(records) <= work.max_records:
        values = list(records.values())
        work.pages[path] = page_form.format_leaf_page(values)
        if len(values) == 1:
            work.results[path] = values[0][32:64], True
        else:
            leaves = [record[32:64] for record in values]
            work.results[path] = page_form.subtree_hash(list(records), leaves, 4 * len(path)), False
        return
    keys = list(records)
    nibbles = []
    for nibble, start, stop in _split(keys, 0, len(keys), len(path)):
        nibbles.append(nibble)
        _place(work, path + _NIBBLES[nibble], {key: records[key] for key in keys[start:stop]})
    _finish_branch_page(work, path, page_form.new_branch_page(), nibbles)


def _finish_branch_page(work: _Work, path: bytes, page: bytes, nibbles: Sequence[int]) -> None:
    children = [(nibble, *work.results[path + _NIBBLES[nibble]]) for nibble in nibbles]
    work.pages[path], node = page_form.refresh(page, children)
    work.results[path] = node, False


def _begin(key: bytes, addition: tuple[int, bytes], links: dict[int, list[bytes]]) -> bytes:
    """`_extend` for a new key with one entry, which most keys of a log are."""
    log_index, leaf = addition
    packed = _u64.pack(log_index)
    head = _hash_step(b"".join((EMPTY_HEAD, packed, leaf)))
    links.setdefault(log_index, []).append(key + _FIRST_LINK)
    return b"".join((key, _hash_leaf(key + _hash_value(_ONE + head)), head, _ONE, packed))


def _extend(
    key: bytes, record: bytes | None, additions: Sequence[tuple[int, bytes]], links: dict[int, list[bytes]]
) -> bytes:
    """The key's record after these additions; adds each one's link to `links`."""
    if record is None:
        count, head, stack = 0, EMPTY_HEAD, []
    else:
        count, head = page_form.record_count(record), page_form.record_head(record)
        stack = page_form.record_stack(record)
    for log_index, leaf in additions:
        head = _hash_step(head + _u64.pack(log_index) + leaf)
        count += 1
        prev = stack[-1] if stack else NONE
        if prev != NONE and prev >= log_index:
            raise IntegrityError(f"log index {log_index} is already in the chain of a key")
        # The prefixes of `count` among the positions of `count - 1` are all but its trailing ones.
        del stack[count.bit_count() - 1 :]
        jump = stack[-1] if stack else NONE
        stack.append(log_index)
        links.setdefault(log_index, []).append(key + _link.pack(count, prev, jump))
    counted = _u64.pack(count)
    leaf = _hash_leaf(key + _hash_value(counted + head))
    return b"".join((key, leaf, head, counted, struct.pack(f">{len(stack)}Q", *stack)))


def index_root(read: PageReader) -> bytes:
    """The root of the index as these pages have it."""
    (page,) = read([b""])
    if page is None:
        return EMPTY
    if page_form.is_branch(page):
        return page_form.branch_hash(page)
    records = page_form.parse_leaf_page(page)
    leaves = [page_form.record_leaf(record) for record in records.values()]
    return page_form.subtree_hash(list(records), leaves, 0)


def prove(read: PageReader, key: bytes, path: bytes = b"", above: Sequence[bytes] = ()) -> IndexProof:
    """Prove what the index holds for a key, "nothing" included.

    `path` is that of a page on the key's way where the proof may begin, `above` the siblings down to it.
    """
    siblings = list(above)
    while True:
        (page,) = read([path])
        if page is None:
            if path:
                raise IntegrityError("a page of the index is missing")
            return IndexProof([], Absent(), 0, EMPTY_HEAD, None)
        if not page_form.is_branch(page):
            records = page_form.parse_leaf_page(page)
            return _prove_in_leaf_page(siblings, list(records), list(records.values()), 4 * len(path), key)
        more, child = page_form.descend(page, page_form.nibble_at(key, len(path)))
        siblings += more
        if child is None:
            return IndexProof(siblings, Absent(), 0, EMPTY_HEAD, None)
        path += bytes((child,))
        if child != page_form.nibble_at(key, len(path) - 1) or len(more) < 4:
            # A single key stands above its page: the proof ends at it, wherever its page is.
            (page,) = read([path])
            if page is None:
                raise IntegrityError("a page of the index is missing")
            return _end(siblings, next(iter(page_form.parse_leaf_page(page).values())), key)


def _prove_in_leaf_page(
    siblings: list[bytes], keys: list[bytes], records: list[bytes], depth: int, key: bytes
) -> IndexProof:
    leaves = [page_form.record_leaf(record) for record in records]
    more, position = page_form.prove_among(keys, leaves, depth, key)
    siblings += more
    if position is None:
        return IndexProof(siblings, Absent(), 0, EMPTY_HEAD, None)
    return _end(siblings, records[position], key)


def _end(siblings: list[bytes], record: bytes, key: bytes) -> IndexProof:
    count, head = page_form.record_count(record), page_form.record_head(record)
    value = index_value(count, head)
    if record[:32] == key:
        stack = page_form.record_stack(record)
        return IndexProof(siblings, Present(value), count, head, stack[-1], stack)
    return IndexProof(siblings, OtherKey(record[:32], value), 0, EMPTY_HEAD, None)


def find_link(links: bytes, key: bytes) -> Link | None:
    """The part of an entry's links that is about `key`."""
    for at in range(0, len(links), 56):
        if links[at : at + 32] == key:
            position, prev, jump = _link.unpack_from(links, at + 32)
            return Link(position, None if prev == NONE else prev, None if jump == NONE else jump)
    return None
