"""What one log asks of its database.

Two kinds of data, kept apart so that neither waits for the other's writer:

- the *primary* data cannot be rebuilt: entries, sealed content and its keys, receipt signatures,
  checkpoints, anchors;
- the *derived* data can be rebuilt from the entries alone: tree tiles, index pages, links, leaf look-up.

Contract of every implementation
- Durability: when a method that writes returns, its effect survives a power cut (full sync), except for
  derived data, which may fall back to an earlier integrated size as a whole, never in part.
- Atomicity: every writing method is one transaction; after an error or a kill it happened or it did not.
- Concurrency: any number of threads and processes may read while one writes; readers never block the
  writer and see one snapshot per call. Of several writers one proceeds, the others wait, at most
  `busy_timeout` seconds, then raise `StoreBusy`.
- Append-only: no method changes or removes an entry, a checkpoint or a confirmed anchor, and the database
  itself refuses an UPDATE or DELETE of entries and checkpoints.
- Errors: `StoreBusy` when the database is locked, full or not writable; `IntegrityError` when what it holds
  contradicts itself; nothing of the database library's own escapes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ledger.formats.statement import Reference


@dataclass(frozen=True, slots=True, weakref_slot=True)
class DataKey:
    """The key under which one subject's sealed content is encrypted, as it is stored.

    `subject` is the subject's tag; `wrapped` the key under the master key named `master`, None once it was
    destroyed. A subject has at most one that stands, and any number of destroyed ones.
    """

    id: str
    subject: str
    wrapped: bytes | None = field(repr=False)
    master: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """The personal part of a submission, already encrypted: stored beside its entry, erasable.

    `key_id` is that of `data_key`; content of the first version carries its own key, and `key_id` then names
    the master key that wraps it.
    """

    ciphertext: bytes
    key_id: str
    data_key: DataKey | None = None


@dataclass(frozen=True, slots=True)
class SealedRow:
    """Sealed content and the statement that it belongs to."""

    index: int
    issuer: str
    id: str
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure destroyed: data keys, and the contents that cannot be read any more."""

    keys: int
    contents: int


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """How many data keys stand under each master key, how many contents of the first version carry a key
    under each, and how many data keys were destroyed."""

    keys: dict[str, int]
    older: dict[str, int]
    erased: int


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An admitted entry on its way in. `index_keys` are the 32-byte index keys, distinct, ascending.

    `refers` are the statements that it refers to; `due` says what is to be done about it by when, each as
    (kind, day), the day as YYYY-MM-DD.
    """

    issuer: str
    id: str
    entry: bytes
    leaf_hash: bytes
    index_keys: tuple[bytes, ...]
    sealed: Sealed | None = None
    refers: tuple[Reference, ...] = ()
    due: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An accepted entry, as stored. `accepted_at` is in milliseconds since 1970."""

    index: int
    issuer: str
    id: str
    entry: bytes
    leaf_hash: bytes
    index_keys: tuple[bytes, ...]
    accepted_at: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Where a submission stands. `repeated`: it was accepted before, with these bytes."""

    first_index: int
    accepted_at: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class Reused:
    """A submission refused because (issuer, id) was used before for other bytes."""

    issuer: str
    id: str


@dataclass(frozen=True, slots=True)
class KeyLost:
    """A submission refused because the data key that it was sealed under does not stand: another process was
    first to make this subject's, or it was destroyed. It is to be sealed again and appended then."""

    subject: str


@dataclass(frozen=True, slots=True, order=True)
class StoredDue:
    """What is to be done about an entry by a day: `kind` says what, `day` is YYYY-MM-DD.

    `settled` is the day on which it was found done, empty while it is open.
    """

    kind: str
    day: str
    index: int
    settled: str = ""


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A published checkpoint. `time` in seconds since 1970; `note` is the note with its signature lines."""

    size: int
    root: bytes
    index_root: bytes
    time: int
    note: bytes


@dataclass(frozen=True, slots=True)
class StoredCosignature:
    """A witness's line over the note of this hash; `line` without its newline, `seconds` since 1970."""

    note_hash: bytes
    name: str
    key_hash: bytes
    size: int
    seconds: int
    line: str


@dataclass(frozen=True, slots=True)
class StoredAnchor:
    """A checkpoint on its way to, or on, the chain.

    `state`: `pending` (in the outbox), `sent` (a transaction was broadcast), `mined`, `final`.
    `tx_hash`, `block_hash` are lowercase hex with 0x; `block_number` counts from genesis.
    """

    size: int
    note_hash: bytes
    state: str
    tx_hash: str | None = None
    block_number: int | None = None
    block_hash: str | None = None


@dataclass(frozen=True, slots=True)
class StoredSealedBlock:
    """The block that holds a size's anchor, as its validators sealed it; `finality` is for bundles."""

    size: int
    block_hash: str
    finality: bytes


@dataclass(frozen=True, slots=True)
class Integration:
    """All derived data that grows a log from `first` to `size` entries, written at once.

    `tiles`: (level, tile index) -> concatenated 32-byte hashes, a tile being at most 256 hashes.
    `pages`: index page path -> page bytes, valid from `size` on.
    `links`: one blob per entry `first..size-1`, in order.
    `leaf_hashes`: the same entries' leaf hashes, in order.
    `blocks`: place -> block (`ledger.merkle.blocks`), those that these entries complete.
    """

    first: int
    size: int
    root: bytes
    index_root: bytes
    tiles: dict[tuple[int, int], bytes]
    pages: dict[bytes, bytes]
    links: Sequence[bytes]
    leaf_hashes: Sequence[bytes]
    blocks: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Integrated:
    """How far the derived data goes."""

    size: int
    root: bytes
    index_root: bytes


class LogStore(Protocol):
    """One log's database; see the module for the contract."""

    # primary: entries

    def append(
        self, submissions: Sequence[Sequence[NewEntry]], accepted_at: int
    ) -> list[Accepted | Reused | KeyLost]:
        """Append each submission's entries at consecutive indexes, all in one durable transaction.

        The data keys that come with sealed content are added in that transaction, unless their subjects have
        one already; content is stored under a key that stands then, or its submission is `KeyLost`.

        A submission whose every (issuer, id) stands already with the same bytes at consecutive indexes is
        answered with those (`repeated`); one of which any (issuer, id) stands otherwise is `Reused` and
        leaves nothing behind. Later submissions of the same call see the earlier ones.

        Accepted at `accepted_at`, or at the last entry's time where that is later: another process may have
        committed meanwhile, and times of acceptance never go back in a log.
        """

    def size(self) -> int:
        """The number of accepted entries."""

    def entry(self, index: int) -> StoredEntry | None: ...

    def entries(self, start: int, stop: int) -> Iterator[StoredEntry]:
        """Entries start..stop-1 in order, streamed in bounded memory."""

    def entry_bytes(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes alone of entries start..stop-1 in order, streamed in bounded memory."""

    def several(self, indexes: Sequence[int]) -> list[StoredEntry | None]:
        """The entries at these indexes, in the order asked."""

    def several_leaves(self, indexes: Sequence[int]) -> list[bytes | None]:
        """The leaf hashes at these indexes, in the order asked, without reading the entries."""

    def leaves(self, start: int, stop: int) -> list[tuple[bytes, tuple[bytes, ...]]]:
        """(leaf hash, index keys) of entries start..stop-1 in order, without reading their bytes."""

    def find(self, issuer: str, id: str) -> StoredEntry | None: ...

    def sealed(self, index: int) -> Sealed | None:
        """An entry's sealed content with its data key; erased content is there, without what it was."""

    def erase_sealed(self, index: int) -> None:
        """Destroy an entry's sealed content; the entry stays, and that it was erased."""

    # primary: the keys of sealed content

    def data_key(self, subject: str) -> DataKey | None:
        """The data key of a subject that stands; None if there is none."""

    def erase_subjects(self, subjects: Sequence[str], index_keys: Sequence[bytes], now: int) -> Erased:
        """Destroy the data keys of these subjects (tags), and the contents of the first version of entries
        with these index keys. Repeated, it destroys what has come since; `now` in milliseconds."""

    def erased(self) -> tuple[list[str], list[int]]:
        """The subjects of all destroyed data keys; the indexes of erased contents of the first version."""

    def scrub(self) -> None:
        """Make sure that what was destroyed stands in no file of the database any more.

        Raises `StoreBusy` when others keep reading what was there before; then it is to be done again.
        """

    def keys_under_other_masters(self, master: str, after: str, limit: int) -> list[DataKey]:
        """Standing data keys that another master key wraps, by id, after one of them, at most `limit`."""

    def rewrap(self, keys: Sequence[tuple[DataKey, bytes]], master: str) -> int:
        """Put each key, as it was read, under another master key: its new `wrapped`. Returns how many were
        still as they were read; a key that was destroyed meanwhile stays so."""

    def older_under_other_masters(self, master: str, after: int, limit: int) -> list[SealedRow]:
        """Contents of the first version above index `after` whose own key another master key wraps."""

    def rewrap_older(self, rows: Sequence[tuple[SealedRow, Sealed]]) -> int:
        """The same as `rewrap` for contents of the first version."""

    def key_figures(self) -> KeyFigures: ...

    def receipt_signature(self, first_index: int) -> bytes | None: ...

    def keep_receipt_signatures(self, signatures: Sequence[tuple[int, bytes]]) -> None:
        """Keep (first index, raw signature); one that is there already stays as it is."""

    # primary: references and what is due

    def referrers(self, issuer: str, id: str) -> list[int]:
        """The indexes of all accepted entries that refer to (issuer, id), ascending.

        An entry stands here from its own append on; whether (issuer, id) itself is accepted does not matter.
        """

    def due(self, kind: str, until: str, limit: int, after: StoredDue | None = None) -> list[StoredDue]:
        """What is open of a kind with a day up to `until`, by day and index, at most `limit`.

        `after` is the last one of the page before; it may have been settled since.
        """

    def settled_due(self, kind: str, since: str) -> Iterator[StoredDue]:
        """What was settled on or after the day `since`, by the day of settling, day and index; streamed."""

    def settle(self, dues: Sequence[StoredDue], day: str) -> None:
        """Note that these were found done on `day`; one that is settled already stays as it is."""

    def due_backlog(self) -> tuple[int, int] | None:
        """(next, stop): entries next..stop-1 were accepted by a version that kept nothing due.

        None when there are none, or when they are worked off.
        """

    def work_off(self, start: int, stop: int, dues: Sequence[StoredDue]) -> None:
        """Add what is due of the backlog's entries start..stop-1, which then are no longer in it.

        Raises `IntegrityError` when the backlog does not begin at `start`.
        """

    # primary: checkpoints and anchors

    def publish(self, checkpoint: StoredCheckpoint, previous_size: int) -> None:
        """Compare-and-swap the published size from `previous_size` (0 if none).

        Raises `CheckpointRefused` when the latest size is another, when the new size is smaller, when it is
        the same with another root or index root, or when the time is earlier.
        """

    def latest_checkpoint(self) -> StoredCheckpoint | None: ...

    def checkpoint(self, size: int, note_hash: bytes | None = None) -> StoredCheckpoint | None:
        """The newest checkpoint of exactly that size, or the one of that size with this note hash."""

    def checkpoints(self, after_size: int, limit: int) -> list[StoredCheckpoint]:
        """The newest checkpoint of each published size above `after_size`, ascending, at most `limit`."""

    def recent_sizes(self, limit: int) -> list[int]:
        """The newest published sizes, descending."""

    def put_anchor(self, anchor: StoredAnchor) -> None:
        """Insert the anchor of a size, or replace what is known of it.

        It may go back as well: an anchor that the chain no longer holds is `pending` again.
        """

    def anchor(self, size: int) -> StoredAnchor | None: ...

    def anchors(self, after_size: int, limit: int, state: str | None = None) -> list[StoredAnchor]: ...

    def latest_anchor(self, states: Sequence[str] = ("mined", "final")) -> StoredAnchor | None: ...

    # primary: what witnesses said of checkpoints

    def keep_cosignature(self, cosignature: StoredCosignature) -> bool:
        """Keep a line that was verified; False when this witness's key has one over this note already."""

    def cosignatures(self, note_hash: bytes) -> list[StoredCosignature]:
        """The lines over a note, by name and key hash."""

    # primary: the blocks that hold final anchors, as their validators sealed them

    def put_sealed_block(self, block: StoredSealedBlock) -> bool:
        """Keep the block of a final anchor; does nothing and returns False where the anchor is not final in
        this block (any more). An anchor that moves to another block loses its old one."""

    def sealed_block(self, size: int) -> StoredSealedBlock | None: ...

    def unproven(self, now: int, limit: int) -> list[int]:
        """Sizes of final anchors without their block, newest first, but those postponed beyond `now` (ms)."""

    def count_unproven(self) -> int: ...

    def postpone_unproven(self, size: int, after: int) -> None:
        """Do not give this size out again before `after`, in milliseconds."""

    def latest_proven(self) -> int:
        """The largest size whose block was kept; 0 if none was."""

    # primary: small facts of the log, such as the trust file in force

    def fact(self, name: str) -> bytes | None: ...

    def put_fact(self, name: str, value: bytes) -> None: ...

    # derived

    def integrated(self) -> Integrated: ...

    def integrate(self, integration: Integration, keep_sizes: Sequence[int]) -> None:
        """Write the derived data for `first..size-1`; compare-and-swap the integrated size from `first`.

        Afterwards index pages can be read at `size` and at those of `keep_sizes` at which they could be
        read until now (the published and the anchored checkpoint's, say), and at no other size.
        Raises `IntegrityError` when the integrated size is not `first`.
        """

    def tile(self, level: int, index: int) -> bytes | None: ...

    def pages(self, paths: Sequence[bytes], size: int) -> list[bytes | None]:
        """The index pages as they stood at integrated size `size`, in the order of `paths`.

        Raises `Unavailable` when the pages cannot be read at that size; see `integrate`.
        """

    def links(self, indexes: Sequence[int]) -> list[bytes | None]: ...

    def blocks(self, places: Sequence[int]) -> list[bytes | None]:
        """The blocks at these places, None where there is none: it can be computed from the entries."""

    def block_range(self, start: int, stop: int, most: int) -> list[tuple[int, bytes]]:
        """The blocks at places start..stop-1 with their places, in order; the first `most` of them."""

    def find_leaf(self, leaf_hash: bytes) -> int | None:
        """The lowest index of an integrated entry with this leaf hash."""

    def clear_derived(self) -> None:
        """Forget all derived data, so that it can be rebuilt from the entries."""

    def tidy(self) -> None:
        """Do housekeeping that appends would otherwise pay for; called after each integration."""

    def close(self) -> None:
        """Let go of the database; any later call raises `StoreBusy`."""
