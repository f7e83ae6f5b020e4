"""Reading a log with proofs: what every answer of the services is made from.

A read is always under one published checkpoint. Nothing that it needs ever changes once that size is
integrated, so reads take no lock and need no common snapshot. Index pages are readable at the newest
published sizes and at the newest anchored one (`integrate`); under an older checkpoint `lookup` raises
`Unavailable`, and the caller takes a newer one.

What is read is checked against the checkpoint before it is handed out: an answer that would not verify
raises `IntegrityError` here.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from ledger.errors import CursorInvalid, IntegrityError, NotFound, NotYetPublished, ProofInvalid
from ledger.formats.bundle import (
    After,
    Bundle,
    BundleBatch,
    BundleEntry,
    ChainLink,
    Completeness,
    Disclosure,
    ProvenEntry,
)
from ledger.formats.envelope import parse_envelope
from ledger.formats.finality import WITNESSED, AnchorRecord, Finality, log_id
from ledger.formats.note import note_hash, parse_note, parse_signature_lines
from ledger.log.batches import BatchTrees
from ledger.merkle import (
    EMPTY_HEAD,
    HASH_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
    chain_step,
    consistency_proof,
    inclusion_proof,
    index_key,
    leaf_hash,
    pages,
    verify_index_proof,
)
from ledger.store.port import LogStore, StoredCheckpoint, StoredEntry

Level = Literal["published", "anchored", "final"]

_STATES: dict[Level, tuple[str, ...]] = {"anchored": ("mined", "final"), "final": ("final",)}


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """Where a log is anchored: chain id, and the registry's address in lowercase hex with 0x."""

    chain_id: int
    registry: str


@dataclass(frozen=True, slots=True)
class History:
    """What a log holds for one (name, tag), and the proof that this is all.

    `entries` are those after `completeness.after`, in order, at most as many as asked for; `completeness`
    covers all of them to the end of the chain. `next_after` is where the next page starts, None at the end.
    `count` is the length of the whole chain.
    """

    entries: list[StoredEntry]
    completeness: Completeness
    next_after: After | None
    count: int


class LogReader:
    """One log, read with proofs; safe for many threads."""

    def __init__(self, store: LogStore, origin: str, chain: ChainPlace | None = None) -> None:
        self.origin = origin
        self._store = store
        self._chain = chain
        self._tiles = _Tiles(store)
        self._batches = BatchTrees(store)

    def checkpoint(self, level: Level = "published") -> StoredCheckpoint:
        """The newest checkpoint that got this far. Raises `NotYetPublished` if there is none."""
        found: StoredCheckpoint | None
        if level == "published":
            found = self._store.latest_checkpoint()
        else:
            anchor = self._store.latest_anchor(_STATES[level])
            found = self._store.checkpoint(anchor.size, anchor.note_hash) if anchor else None
        if found is None:
            raise NotYetPublished(f"no checkpoint is {level} yet")
        return found

    def entry(self, index: int) -> StoredEntry | None:
        return self._store.entry(index)

    def find(self, issuer: str, id: str) -> StoredEntry | None:
        return self._store.find(issuer, id)

    def find_leaf(self, leaf: bytes) -> int | None:
        return self._store.find_leaf(leaf)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The inclusion proof of entry `index` at tree size `size`, leaf to root.

        Raises `ProofInvalid` unless index < size, `IntegrityError` when a tile is missing.
        """
        return inclusion_proof(index, size, self._tiles.at(size))

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The consistency proof between two tree sizes. Raises as `inclusion` does."""
        return consistency_proof(first, second, self._tiles.at(second))

    # The index

    def lookup(
        self,
        checkpoint: StoredCheckpoint,
        name: str,
        tag: str,
        after: After | None = None,
        limit: int | None = None,
    ) -> History:
        """All entries of one index name and tag (64 hex digits), or those after `after`, with the proof.

        Raises `CursorInvalid` when `after` is no place in this chain, `Unavailable` when the checkpoint is
        too old, `IntegrityError` when what is stored does not agree with the checkpoint.
        """
        key = index_key(name, bytes.fromhex(tag))
        proof = self._prove(checkpoint, key)
        start, head, last = (after.count, after.head, after.last) if after else (0, EMPTY_HEAD, -1)
        if start > proof.count:
            raise CursorInvalid("the chain is not that long")
        indexes = self._walk(key, proof, start + 1, proof.count)
        if after is not None and self._walk(key, proof, start, start) != [last]:
            raise CursorInvalid("the chain has another entry at that place")
        shown = len(indexes) if limit is None else min(limit, len(indexes))
        entries: list[StoredEntry] = []
        chain: list[ChainLink] = []
        next_after = None
        for position, index in enumerate(indexes):
            if position < shown:
                entry = self._checked_entry(index)
                entries.append(entry)
                leaf = entry.leaf_hash
            else:
                leaf = self._store.leaves(index, index + 1)[0][0]
            chain.append(ChainLink(index, leaf))
            head = chain_step(head, index, leaf)
            if position + 1 == shown < len(indexes):
                next_after = After(start + shown, head, index)
        if head != proof.head:
            if after is not None:
                raise CursorInvalid("the chain does not continue from that head")
            raise IntegrityError("the entries of an index key do not lead to its head")
        completeness = Completeness(name, tag, tuple(chain), tuple(proof.siblings), proof.end, after)
        return History(entries, completeness, next_after, proof.count)

    def lookup_many(self, checkpoint: StoredCheckpoint, name: str, tags: Sequence[str]) -> list[History]:
        """`lookup` for each of many tags of one index name, in their order; a tag may stand twice.

        Raises `Unavailable` and `IntegrityError` as `lookup` does.
        """
        found: dict[str, History] = {}
        for tag in tags:
            if tag not in found:
                found[tag] = self.lookup(checkpoint, name, tag)
        return [found[tag] for tag in tags]

    def page(
        self, checkpoint: StoredCheckpoint, name: str, tag: str, start: int, limit: int
    ) -> tuple[list[StoredEntry], int]:
        """Entries at chain positions start+1 .. start+limit, without a proof, and the chain's length."""
        key = index_key(name, bytes.fromhex(tag))
        proof = self._prove(checkpoint, key)
        indexes = self._walk(key, proof, start + 1, min(start + limit, proof.count))
        return [self._checked_entry(index) for index in indexes], proof.count

    def _prove(self, checkpoint: StoredCheckpoint, key: bytes) -> pages.IndexProof:
        size = checkpoint.size
        proof = pages.prove(lambda paths: self._store.pages(paths, size), key)
        try:
            verify_index_proof(checkpoint.index_root, key, proof.siblings, proof.end)
        except ProofInvalid as error:
            raise IntegrityError(f"the stored index differs from the checkpoint of size {size}") from error
        return proof

    def _walk(self, key: bytes, proof: pages.IndexProof, low: int, high: int) -> list[int]:
        """The log indexes at the chain's positions low..high (1-based), ascending."""
        if low > high or proof.last is None:
            return []
        position, index = proof.count, proof.last
        found = []
        while True:
            if position <= high:
                found.append(index)
                if position == low:
                    return found[::-1]
            link = self._link(index, key, position)
            below = position & (position - 1)
            if below >= high:
                position, index = below, _present(link.jump)
            else:
                position, index = position - 1, _present(link.prev)

    def _link(self, index: int, key: bytes, position: int) -> pages.Link:
        links = self._store.links([index])[0]
        link = pages.find_link(links, key) if links is not None else None
        if link is None or link.position != position:
            raise IntegrityError(f"the links of entry {index} do not hold one of its index keys")
        return link

    def _checked_entry(self, index: int) -> StoredEntry:
        entry = self._store.entry(index)
        if entry is None:
            raise IntegrityError(f"entry {index} is missing")
        if leaf_hash(entry.entry) != entry.leaf_hash:
            raise IntegrityError(f"the bytes of entry {index} do not have its leaf hash")
        return entry

    # Bundles

    def bundle(
        self,
        checkpoint: StoredCheckpoint,
        indexes: Sequence[int] = (),
        completeness: Sequence[Completeness] | None = None,
        disclosures: Mapping[int, Disclosure] | None = None,
    ) -> Bundle:
        """Everything needed to verify these entries and completeness sections offline.

        `indexes` in any order, repetitions allowed. The anchor is in it when this very checkpoint is on the
        chain. Raises `NotFound` for an index that does not exist, `NotYetPublished` for one that the
        checkpoint does not cover.
        """
        disclosures = disclosures or {}
        entries = tuple(
            self._bundle_entry(checkpoint, index, disclosures.get(index)) for index in sorted(set(indexes))
        )
        sections = tuple(completeness) if completeness is not None else None
        note = parse_note(checkpoint.note)
        return Bundle(self.origin, note, entries, sections, self._anchor_record(checkpoint, note.text))

    def _bundle_entry(
        self, checkpoint: StoredCheckpoint, index: int, disclosure: Disclosure | None
    ) -> BundleEntry:
        proven = self._proven(checkpoint, index)
        envelope = parse_envelope(proven.entry)
        if envelope.batch is None:
            return BundleEntry(proven, None, disclosure)
        manifest = self._proven(checkpoint, index - 1 - envelope.batch.index)
        path = self._batches.path(index, envelope.batch)
        return BundleEntry(proven, BundleBatch(manifest, tuple(path)), disclosure)

    def _proven(self, checkpoint: StoredCheckpoint, index: int) -> ProvenEntry:
        if index >= checkpoint.size:
            if self._store.entry(index) is None:
                raise NotFound("the log has no entry at that index")
            raise NotYetPublished
        entry = self._checked_entry(index)
        return ProvenEntry(index, entry.entry, tuple(self.inclusion(index, checkpoint.size)))

    def _anchor_record(self, checkpoint: StoredCheckpoint, text: bytes) -> AnchorRecord | None:
        anchor = self._store.anchor(checkpoint.size)
        if self._chain is None or anchor is None or anchor.state not in _STATES["anchored"]:
            return None
        if anchor.tx_hash is None or anchor.block_number is None or anchor.block_hash is None:
            return None
        if anchor.note_hash != note_hash(text):
            return None
        return AnchorRecord(
            chain_id=self._chain.chain_id,
            registry=self._chain.registry,
            log_id=log_id(self.origin),
            size=checkpoint.size,
            root=checkpoint.root,
            index_root=checkpoint.index_root,
            note_hash=anchor.note_hash,
            tx_hash=anchor.tx_hash,
            block_number=anchor.block_number,
            block_hash=anchor.block_hash,
            finality=self._finality(checkpoint.size),
        )

    def _finality(self, size: int) -> Finality | None:
        """The witnesses' finality lines, where some were collected for this size."""
        lines = self._store.fact(finality_fact(size))
        return Finality(WITNESSED, parse_signature_lines(lines.decode())) if lines else None


def finality_fact(size: int) -> str:
    """The name of the store's fact that holds the finality signature lines of a size's anchor."""
    return f"finality/{size}"


def _present(index: int | None) -> int:
    if index is None:
        raise IntegrityError("a chain of the index ends too early")
    return index


class _Tiles:
    """The store's tiles: full ones are kept, since they never change and hold the upper levels of every
    proof; so are the few at the right edge of the sizes that are read most recently."""

    _KEPT = 1024
    _SIZES = 4

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._full: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._edges: OrderedDict[int, _TilesAt] = OrderedDict()
        self._lock = Lock()

    def at(self, size: int) -> "_TilesAt":
        """The tiles as proofs for that tree size need them."""
        with self._lock:
            tiles = self._edges.get(size)
            if tiles is None:
                tiles = self._edges[size] = _TilesAt(self, size)
                if len(self._edges) > self._SIZES:
                    self._edges.popitem(last=False)
            return tiles

    def tile(self, level: int, index: int) -> bytes | None:
        with self._lock:
            tile = self._full.get((level, index))
            if tile is not None:
                self._full.move_to_end((level, index))
                return tile
        tile = self._store.tile(level, index)
        if tile is not None and len(tile) == TILE_WIDTH * HASH_SIZE:
            with self._lock:
                self._full[level, index] = tile
                if len(self._full) > self._KEPT:
                    self._full.popitem(last=False)
        return tile


class _TilesAt:
    """The tiles at one integrated size: its right edge, at most one tile a level, is kept here."""

    def __init__(self, tiles: _Tiles, size: int) -> None:
        self._tiles = tiles
        self._size = size
        self._edge: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, index: int) -> bytes | None:
        tile = self._edge.get((level, index))
        if tile is None:
            tile = self._tiles.tile(level, index)
            # What a tile holds for this size is there for good; what comes after it is not asked for.
            # While derived data is rebuilt it may hold less, and is not kept.
            last, hashes = divmod(self._size >> (TILE_HEIGHT * level), TILE_WIDTH)
            if tile is not None and index == last and len(tile) >= hashes * HASH_SIZE:
                self._edge[level, index] = tile
        return tile
