"""The index half of an audit: chains recomputed from the entries, and every stored page held against them.

The keys are taken in passes, by the first nibble of the key, so that memory stays bounded in a log of any
size: a pass keeps the chains of its own keys only. Pages are walked from the root down, each page read once;
a leaf page must hold exactly the recomputed records, a branch page exactly the hashes of what is below it.
"""

import struct
from collections.abc import Callable, Iterable, Sequence

from ledger.errors import IntegrityError
from ledger.log.audit_report import AuditReport
from ledger.merkle import EMPTY, chain_step, index_leaf, index_value, page_form
from ledger.merkle.pages import NONE

KEYS_PER_PASS = 2_000_000
"""About as many keys as one pass keeps, some 300 bytes each."""

IndexRow = tuple[int, bytes, Sequence[bytes], bytes]
"""log index, leaf hash, index keys, stored links (empty where there are none)"""

PageReader = Callable[[Sequence[bytes]], Sequence[bytes | None]]
_LINK_SIZE = 56
_link = struct.Struct(">QQQ")
_u64 = struct.Struct(">Q")


class _Chain:
    """One key's chain so far; `stack` as in a page's record."""

    __slots__ = ("count", "head", "stack")

    def __init__(self) -> None:
        self.count = 0
        self.head = EMPTY
        self.stack: list[int] = []

    def add(self, index: int, leaf: bytes) -> bytes:
        """Append an entry; returns this key's part of the entry's links, without the key."""
        self.head = chain_step(self.head, index, leaf)
        self.count += 1
        prev = self.stack[-1] if self.stack else NONE
        del self.stack[self.count.bit_count() - 1 :]
        jump = self.stack[-1] if self.stack else NONE
        self.stack.append(index)
        return _link.pack(self.count, prev, jump)

    def record(self, key: bytes) -> bytes:
        """The key's record as a leaf page must hold it."""
        leaf = index_leaf(key, index_value(self.count, self.head))
        stack = b"".join(_u64.pack(index) for index in self.stack)
        return page_form.format_record(key, leaf, self.head, self.count, stack)


def audit_index(
    rows: Callable[[], Iterable[IndexRow]],
    read_pages: PageReader,
    index_root: bytes,
    key_count_bound: int,
    report: AuditReport,
) -> None:
    """Recompute chains, links and pages of the first n entries, and compare.

    `rows` starts over at each call and yields the n entries; `read_pages` reads the pages as they stood at
    size n; `index_root` is what a signed checkpoint of size n says.
    """
    nibbles_per_pass = max(1, 16 * KEYS_PER_PASS // max(1, key_count_bound))
    walker = _Walker(read_pages, report)
    for first in range(0, 16, nibbles_per_pass):
        wanted = range(first, min(16, first + nibbles_per_pass))
        chains = _recompute(rows(), wanted, report)
        report.count("index_keys", len(chains))
        walker.check(chains, wanted)
    root = walker.finish()
    if root != index_root:
        report.add("index_root_differs", None, "recomputed from the entries alone")


def _recompute(rows: Iterable[IndexRow], wanted: range, report: AuditReport) -> dict[bytes, _Chain]:
    chains: dict[bytes, _Chain] = {}
    for index, leaf, keys, links in rows:
        # Whatever the order of its parts, an entry's links have one part for each of its keys.
        stored = {links[at : at + _LINK_SIZE] for at in range(0, len(links), _LINK_SIZE)}
        differs = len(links) != _LINK_SIZE * len(keys)
        for key in keys:
            if key[0] >> 4 not in wanted:
                continue
            chain = chains.get(key)
            if chain is None:
                chain = chains[key] = _Chain()
            differs |= key + chain.add(index, leaf) not in stored
        if differs:
            report.add("index_link_differs", index)
    return chains


class _Walker:
    """Walks the stored pages in key order, pass by pass, and computes the true hashes on the way."""

    def __init__(self, read: PageReader, report: AuditReport) -> None:
        self._read = read
        self._report = report
        self._root_page = read([b""])[0]
        self._small: dict[bytes, bytes] = {}
        self._children: list[tuple[bytes, bool]] = [(EMPTY, False)] * 16
        self._branch = self._root_page is not None and _form(self._root_page) == "branch"

    def check(self, chains: dict[bytes, _Chain], nibbles: range) -> None:
        """Compare what is stored under these first nibbles with their chains."""
        keys = sorted(chains)
        if not self._branch:
            self._small |= {key: chains[key].record(key) for key in keys}
            return
        by_nibble: dict[int, list[bytes]] = {nibble: [] for nibble in nibbles}
        for key in keys:
            by_nibble[key[0] >> 4].append(key)
        for nibble, its_keys in by_nibble.items():
            self._children[nibble] = self._subtree(bytes((nibble,)), its_keys, chains)

    def finish(self) -> bytes:
        """The index root as it should be; compares the root page."""
        if self._branch:
            assert self._root_page is not None
            return self._compare_branch(b"", self._root_page, self._children)[0]
        page = page_form.format_leaf_page(list(self._small.values())) if self._small else None
        if page != self._root_page:
            self._report.add("index_page_differs", None, "the root page")
        leaves = [page_form.record_leaf(record) for record in self._small.values()]
        return page_form.subtree_hash(list(self._small), leaves, 0)

    def _subtree(self, path: bytes, keys: list[bytes], chains: dict[bytes, _Chain]) -> tuple[bytes, bool]:
        """The true hash under `path` and whether it has one key; compares the pages there."""
        self._report.count("index_pages")
        page = self._read([path])[0]
        form = _form(page)
        if form == "branch" and len(keys) > 1:
            assert page is not None
            depth = len(path)
            children: list[tuple[bytes, bool]] = []
            start = 0
            for nibble in range(16):
                stop = start
                while stop < len(keys) and page_form.nibble_at(keys[stop], depth) == nibble:
                    stop += 1
                mine = keys[start:stop]
                start = stop
                empty = not mine and page_form.child_is_empty(page, nibble)
                children.append(
                    (EMPTY, False) if empty else self._subtree(path + bytes((nibble,)), mine, chains)
                )
            return self._compare_branch(path, page, children)
        records = [chains[key].record(key) for key in keys]
        expected = page_form.format_leaf_page(records) if records else None
        if page != expected:
            self._report.add("index_page_differs", None, _named(path, keys, chains))
        leaves = [page_form.record_leaf(record) for record in records]
        return page_form.subtree_hash(keys, leaves, 4 * len(path)), len(keys) == 1

    def _compare_branch(
        self, path: bytes, page: bytes, children: list[tuple[bytes, bool]]
    ) -> tuple[bytes, bool]:
        filled = [(nibble, *child) for nibble, child in enumerate(children) if child[0] != EMPTY]
        if not filled:
            self._report.add("index_page_differs", None, f"page {path.hex()} has no keys below it")
            return EMPTY, False
        expected, node = page_form.refresh(page_form.new_branch_page(), filled)
        if expected != page:
            self._report.add("index_page_differs", None, f"branch page {path.hex() or 'root'}")
        return node, len(filled) == 1 and filled[0][2]


def _form(page: bytes | None) -> str:
    if page is None:
        return "missing"
    try:
        return "branch" if page_form.is_branch(page) else "leaf"
    except IntegrityError:
        return "damaged"


def _named(path: bytes, keys: Sequence[bytes], chains: dict[bytes, _Chain]) -> str:
    """A page by its path and the newest entries that it is about."""
    entries = sorted(chains[key].stack[-1] for key in keys)[-8:]
    about = f", about entries {', '.join(map(str, entries))}" if entries else ""
    return f"page {path.hex()}{about}"
