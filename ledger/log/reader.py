"""Reading a log with proofs: what every answer of the services is made from.

A read is always under one published checkpoint. Nothing that it needs ever changes once that size is
integrated, so reads take no lock and need no common snapshot. Index pages are readable at the newest
published sizes, at the newest anchored one (`integrate`) and at the newest that has a quorum of witnesses;
under an older checkpoint `lookup` raises `Unavailable`, and the caller takes a newer one.

What is read is checked against the checkpoint before it is handed out: an answer that would not verify
raises `IntegrityError` here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from ledger.errors import CursorInvalid, IntegrityError, NotFound, NotYetPublished
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
from ledger.formats.envelope import place_in
from ledger.formats.finality import UNSEALED, WITNESSED, AnchorRecord, Finality, log_id
from ledger.formats.note import SignedNote, note_hash, parse_note, parse_signature_lines
from ledger.log.index_reading import IndexReading
from ledger.log.keeping import Kept
from ledger.log.paths import Paths
from ledger.log.proving import changes_before, unpack_finality
from ledger.log.tiles import Tiles
from ledger.log.witnessing import Witnessing
from ledger.merkle import EMPTY_HEAD, chain_step, consistency_proof, inclusion_proof, index_key, leaf_hash
from ledger.store.port import LogStore, StoredAnchor, StoredCheckpoint, StoredEntry

Level = Literal["published", "anchored", "final"]

_KEPT_MANIFESTS = 8_192
"""Manifests, a kilobyte each."""
_KEPT_COMMON = 16
"""Entries that many bundles show, such as an edition of the catalogue, with their proofs, 50 kB at most."""
_KEPT_FINALITY = 16
"""Sealed blocks of anchors, some 5 kB each: many bundles are under one checkpoint."""
_STATES: dict[Level, tuple[str, ...]] = {"anchored": ("mined", "final"), "final": ("final",)}


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """Where a log is anchored: chain id, and the registry's address in lowercase hex with 0x.

    `sealed`: whether its blocks may bear validators' seals; the embedded chain's bear none.
    """

    chain_id: int
    registry: str
    sealed: bool = True


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

    def __init__(
        self,
        store: LogStore,
        origin: str,
        chain: ChainPlace | None = None,
        witnessing: Witnessing | None = None,
    ) -> None:
        self.origin = origin
        self._witnessing = witnessing
        self._store = store
        self._chain = chain
        self._tiles = Tiles(store)
        self._paths = Paths(store, self._tiles)
        self._index = IndexReading(store)
        self._kept_manifests: Kept[int, StoredEntry] = Kept(_KEPT_MANIFESTS)
        self._kept_common: Kept[tuple[bytes, int], tuple[BundleEntry, ...]] = Kept(_KEPT_COMMON)
        self._kept_finality: Kept[tuple[int, str], Finality] = Kept(_KEPT_FINALITY)

    def warm(self) -> None:
        """Bring into memory what most proofs need, before the first: a second for some million entries."""
        self._paths.warm()

    def answering(self, level: Level = "published", holding: int = -1) -> StoredCheckpoint:
        """The checkpoint to answer under: where the log has witnesses, the newest that they vouch for is
        preferred to one that is merely published, as `witnessing` says, if it covers the index `holding`.

        Raises as `checkpoint` does.
        """
        if level == "published" and self._witnessing is not None:
            preferred = self._witnessing.preferred()
            if preferred is not None and preferred.size > holding:
                return preferred
        return self.checkpoint(level)

    def checkpoint(self, level: Level = "published") -> StoredCheckpoint:
        """The newest checkpoint that got this far, with the cosignatures over it.

        Raises `NotYetPublished` if there is none.
        """
        found: StoredCheckpoint | None
        if level == "published":
            found = self._store.latest_checkpoint()
        else:
            anchor = self._store.latest_anchor(_STATES[level])
            found = self._store.checkpoint(anchor.size, anchor.note_hash) if anchor else None
        if found is None:
            raise NotYetPublished(f"no checkpoint is {level} yet")
        return found if self._witnessing is None else self._witnessing.cosigned(found)

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
        if after is None and limit is None:
            return self.lookup_many(checkpoint, name, [tag])[0]
        key = index_key(name, bytes.fromhex(tag))
        (proof,) = self._index.proofs(checkpoint, [key])
        start, head, last = (after.count, after.head, after.last) if after else (0, EMPTY_HEAD, -1)
        if start > proof.count:
            raise CursorInvalid("the chain is not that long")
        indexes = self._index.chain(key, proof, start + 1, proof.count)
        if after is not None and self._index.chain(key, proof, start, start) != [last]:
            raise CursorInvalid("the chain has another entry at that place")
        shown = len(indexes) if limit is None else min(limit, len(indexes))
        entries = self._checked_entries(indexes[:shown])
        chain = [ChainLink(entry.index, entry.leaf_hash) for entry in entries]
        for index, leaf in zip(indexes[shown:], self._store.several_leaves(indexes[shown:]), strict=True):
            chain.append(ChainLink(index, leaf or b""))
        next_after = None
        for position, link in enumerate(chain, 1):
            head = chain_step(head, link.index, link.leaf)
            if position == shown < len(chain):
                next_after = After(start + shown, head, link.index)
        if head != proof.head:
            if after is not None:
                raise CursorInvalid("the chain does not continue from that head")
            raise IntegrityError("the entries of an index key do not lead to its head")
        completeness = Completeness(name, tag, tuple(chain), tuple(proof.siblings), proof.end, after)
        return History(entries, completeness, next_after, proof.count)

    def lookup_many(self, checkpoint: StoredCheckpoint, name: str, tags: Sequence[str]) -> list[History]:
        """`lookup` of the whole chain for each of many tags of one index name, in their order.

        What they need is read side by side. A tag may stand twice. Raises as `lookup` does.
        """
        keys = {tag: index_key(name, bytes.fromhex(tag)) for tag in tags}
        proofs = self._index.proofs(checkpoint, list(keys.values()))
        chains = self._index.chains(list(keys.values()), proofs)
        indexes = sorted({index for chain in chains for index in chain})
        entries = {entry.index: entry for entry in self._checked_entries(indexes)}
        found = {}
        for tag, proof, chain in zip(keys, proofs, chains, strict=True):
            head = EMPTY_HEAD
            for index in chain:
                head = chain_step(head, index, entries[index].leaf_hash)
            if head != proof.head:
                raise IntegrityError("the entries of an index key do not lead to its head")
            links = tuple([ChainLink(index, entries[index].leaf_hash) for index in chain])
            section = Completeness(name, tag, links, tuple(proof.siblings), proof.end)
            found[tag] = History([entries[index] for index in chain], section, None, proof.count)
        return [found[tag] for tag in tags]

    def page(
        self, checkpoint: StoredCheckpoint, name: str, tag: str, start: int, limit: int
    ) -> tuple[list[StoredEntry], int]:
        """Entries at chain positions start+1 .. start+limit, without a proof, and the chain's length."""
        key = index_key(name, bytes.fromhex(tag))
        (proof,) = self._index.proofs(checkpoint, [key])
        indexes = self._index.chain(key, proof, start + 1, min(start + limit, proof.count))
        return self._checked_entries(indexes), proof.count

    def _checked_entries(self, indexes: Sequence[int]) -> list[StoredEntry]:
        """The entries at these indexes, whose bytes have their leaf hashes."""
        entries = []
        for index, entry in zip(indexes, self._store.several(indexes), strict=True):
            if entry is None:
                raise IntegrityError(f"entry {index} is missing")
            if leaf_hash(entry.entry) != entry.leaf_hash:
                raise IntegrityError(f"the bytes of entry {index} do not have its leaf hash")
            entries.append(entry)
        return entries

    # Bundles

    def bundle(
        self,
        checkpoint: StoredCheckpoint,
        indexes: Sequence[int] = (),
        completeness: Sequence[Completeness] | None = None,
        disclosures: Mapping[int, Disclosure] | None = None,
        held: Iterable[StoredEntry] = (),
        common: int | None = None,
    ) -> Bundle:
        """Everything needed to verify these entries and completeness sections offline.

        `indexes` in any order, repetitions allowed; `held` are entries that this reader gave before, which
        need not be read again; `common` is one more index, of an entry that many bundles show, undisclosed.
        The anchor is in it when this very checkpoint is on the chain. Raises `NotFound` for an index that
        does not exist, `NotYetPublished` for one that the checkpoint does not cover.
        """
        disclosures = disclosures or {}
        shared = () if common is None else self._common_entry(checkpoint, common)
        wanted = sorted({*indexes} - {each.proven.index for each in shared})
        if wanted and wanted[-1] >= checkpoint.size:
            if self._store.entry(wanted[-1]) is None:
                raise NotFound("the log has no entry at that index")
            raise NotYetPublished
        known = {entry.index: entry for entry in held}
        missing = [index for index in wanted if index not in known]
        known |= {entry.index: entry for entry in self._checked_entries(missing)}
        entries = self._bundle_entries(checkpoint, [known[index] for index in wanted], disclosures)
        entries = tuple(sorted(shared + entries, key=lambda each: each.proven.index))
        sections = tuple(completeness) if completeness is not None else None
        note = _note(checkpoint.note)
        return Bundle(self.origin, note, entries, sections, self._anchor_record(checkpoint, note.text))

    def _common_entry(self, checkpoint: StoredCheckpoint, index: int) -> tuple[BundleEntry, ...]:
        """One entry with its proofs, kept for the next bundle under the same checkpoint."""
        key = checkpoint.root, index
        kept = self._kept_common.get(key)
        if kept is None:
            kept = self.bundle(checkpoint, [index]).entries
            self._kept_common.keep(key, kept)
        return kept

    def _bundle_entries(
        self,
        checkpoint: StoredCheckpoint,
        entries: Sequence[StoredEntry],
        disclosures: Mapping[int, Disclosure],
    ) -> tuple[BundleEntry, ...]:
        placed = [(entry, place_in(entry.entry)) for entry in entries]
        manifest_of = {entry.index: entry.index - 1 - place.index for entry, place in placed if place}
        manifests = self._manifests(set(manifest_of.values()))
        asked = [*placed, *((manifest, None) for manifest in manifests)]
        often = {manifest.index for manifest in manifests}
        proofs = self._paths.prove(asked, checkpoint.size, checkpoint.root, often)
        proven = {
            entry.index: ProvenEntry(entry.index, entry.entry, inclusion)
            for (entry, _), (inclusion, _) in zip(asked, proofs, strict=True)
        }
        return tuple(
            BundleEntry(
                proven[entry.index],
                None if path is None else BundleBatch(proven[manifest_of[entry.index]], path),
                disclosures.get(entry.index),
            )
            for entry, (_, path) in zip(entries, proofs, strict=False)
        )

    def _manifests(self, indexes: set[int]) -> list[StoredEntry]:
        """The manifests of batches, each of which thousands of entries need."""
        found = {index: self._kept_manifests.get(index) for index in indexes}
        for entry in self._checked_entries([index for index, kept in found.items() if kept is None]):
            found[entry.index] = entry
            self._kept_manifests.keep(entry.index, entry)
        return [entry for entry in found.values() if entry is not None]

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
            finality=self._finality(anchor, self._chain.sealed),
        )

    def _finality(self, anchor: StoredAnchor, sealed: bool) -> Finality | None:
        """What shows to somebody without a node that an anchor is final: its sealed block, or the witnesses'
        lines where some were collected, or that the chain has no seals."""
        found = self._sealed(anchor) if sealed else Finality(UNSEALED)
        if found is not None and found.block is not None:
            return found
        lines = self._store.fact(finality_fact(anchor.size))
        if lines:
            return Finality(WITNESSED, parse_signature_lines(lines.decode()))
        return found

    def _sealed(self, anchor: StoredAnchor) -> Finality | None:
        assert anchor.block_hash is not None
        assert anchor.block_number is not None
        known = self._kept_finality.get((anchor.size, anchor.block_hash))
        if known is not None:
            return known
        kept = self._store.sealed_block(anchor.size)
        if kept is None or kept.block_hash != anchor.block_hash:
            return None
        known = unpack_finality(kept.finality)
        if known.block is not None:
            changes = changes_before(self._store, anchor.block_number)
            known = replace(known, block=replace(known.block, changes=changes))
        self._kept_finality.keep((anchor.size, anchor.block_hash), known)
        return known


def finality_fact(size: int) -> str:
    """The name of the store's fact that holds the finality signature lines of a size's anchor."""
    return f"finality/{size}"


@lru_cache(maxsize=16)
def _note(note: bytes) -> SignedNote:
    return parse_note(note)
