"""The fast half of an audit: every hash of the tree, recomputed from the entries' bytes.

The log is cut into ranges of whole tiles, which are hashed independently (by several processes). A range
gives back the roots of its complete 256-leaf subtrees and, for each checkpoint that ends inside one of its
tiles, what the tree's edge looks like there. Strung together these give the root at every published size.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.log.audit_report import AuditReport, Finding, finding
from ledger.merkle import EMPTY_ROOT, HASH_SIZE, TILE_WIDTH, Frontier, leaf_hash, node_hash, root_hash
from ledger.store.port import LogStore
from ledger.store.raw import HashRow, RawLog, id_text

RANGE = 64 * TILE_WIDTH
"""Entries that one process hashes at a time."""

_NO_LEAF = bytes(HASH_SIZE)


@dataclass(slots=True)
class HashedRange:
    """What hashing entries start..stop-1 gave; `edges`: checkpoint size -> subtree hashes inside its tile."""

    start: int
    stop: int
    subtrees: list[bytes] = field(default_factory=list)
    edges: dict[int, list[bytes]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    entry_bytes: int = 0


def hash_range(
    rows: Iterable[HashRow],
    start: int,
    stop: int,
    tiles: Mapping[int, bytes],
    integrated: int,
    sizes: Sequence[int],
) -> HashedRange:
    """Hash the entries start..stop-1, `start` being a multiple of 256.

    `tiles` are the stored tiles of tile level 0 by index, `integrated` the size they must cover, `sizes` the
    checkpoint sizes above `start` and not above `stop`.
    """
    result = HashedRange(start, stop)
    leaves: list[bytes] = []
    wanted: dict[int, list[int]] = {}
    for size in sizes:
        wanted.setdefault((size - 1) // TILE_WIDTH, []).append(size)
    read = iter(rows)
    row = next(read, None)
    names: list[tuple[str, bytes] | None] = []
    for index in range(start, stop):
        if row is None or row[0] != index:
            result.findings.append(finding("entry_missing", index))
            leaves.append(_NO_LEAF)
            names.append(None)
        else:
            _, entry, stored, issuer, id = row
            leaf = leaf_hash(entry)
            if leaf != stored:
                result.findings.append(finding("leaf_differs", index, "", issuer, id_text(id)))
            result.entry_bytes += len(entry)
            leaves.append(leaf)
            names.append((issuer, id))
            row = next(read, None)
        if len(leaves) == TILE_WIDTH or index == stop - 1:
            tile = index // TILE_WIDTH
            _compare_tile(result, tile, leaves, names, tiles.get(tile, b""), integrated)
            for size in wanted.get(tile, ()):
                if size % TILE_WIDTH:
                    edge = Frontier()
                    for leaf in leaves[: size % TILE_WIDTH]:
                        edge.append(leaf)
                    result.edges[size] = edge.hashes
            if len(leaves) == TILE_WIDTH:
                result.subtrees.append(root_hash(leaves))
            leaves, names = [], []
    return result


def hash_stored(task: tuple[RawLog, int, int, int, list[int]]) -> HashedRange:
    """Hash a range of a stored log: (log, start, stop, integrated size, checkpoint sizes)."""
    log, start, stop, integrated, sizes = task
    tiles = log.tiles(0, start // TILE_WIDTH, (stop - 1) // TILE_WIDTH + 1)
    return hash_range(log.hash_rows(start, stop), start, stop, tiles, integrated, sizes)


def _compare_tile(
    result: HashedRange,
    tile: int,
    leaves: list[bytes],
    names: list[tuple[str, bytes] | None],
    stored: bytes,
    integrated: int,
) -> None:
    first = tile * TILE_WIDTH
    due = max(0, min(len(leaves), integrated - first))
    if b"".join(leaves[:due]) == stored[: due * HASH_SIZE]:
        return
    for position in range(due):
        if leaves[position] != stored[position * HASH_SIZE : (position + 1) * HASH_SIZE]:
            name = names[position]
            issuer, id = (name[0], id_text(name[1])) if name else (None, None)
            result.findings.append(finding("tile_differs", first + position, "", issuer, id))


class TreeRebuilder:
    """Strings hashed ranges together in order, and gives the root at each size on the way."""

    def __init__(self, sizes: Sequence[int]) -> None:
        """`sizes`: the published sizes, ascending."""
        self._sizes = sorted(set(sizes))
        self._frontier = Frontier()
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self.subtrees: list[bytes] = []

    def add(self, hashed: HashedRange) -> None:
        """The next range, which begins where the last one ended."""
        wanted = [size for size in self._sizes if hashed.start < size <= hashed.stop]
        position = hashed.start // TILE_WIDTH
        for size in wanted:
            while position < size // TILE_WIDTH:
                self._frontier.append(hashed.subtrees[position - hashed.start // TILE_WIDTH])
                position += 1
            self.roots[size] = _root_of([*self._frontier.hashes, *hashed.edges.get(size, [])])
        for subtree in hashed.subtrees[position - hashed.start // TILE_WIDTH :]:
            self._frontier.append(subtree)
        self.subtrees += hashed.subtrees

    def compare_upper_tiles(self, report: AuditReport, store: LogStore, integrated: int) -> None:
        """Compare the stored tiles above tile level 0, as far as the integrated size goes."""
        level, hashes = 1, self.subtrees[: integrated // TILE_WIDTH]
        while hashes:
            above = []
            for number, start in enumerate(range(0, len(hashes), TILE_WIDTH)):
                tile = hashes[start : start + TILE_WIDTH]
                stored = store.tile(level, number) or b""
                if b"".join(tile) != stored[: len(tile) * HASH_SIZE]:
                    span = TILE_WIDTH**level
                    place = next(i for i, h in enumerate(tile) if stored[i * 32 : i * 32 + 32] != h)
                    first = (start + place) * span
                    report.add("tile_differs", None, f"tile level {level}, entries from {first} on")
                if len(tile) == TILE_WIDTH:
                    above.append(root_hash(tile))
            level, hashes = level + 1, above


def _root_of(hashes: Sequence[bytes]) -> bytes:
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def ranges(size: int, step: int = RANGE) -> Iterator[tuple[int, int]]:
    """(start, stop) of the ranges that make up `size` entries."""
    for start in range(0, size, step):
        yield start, min(start + step, size)
