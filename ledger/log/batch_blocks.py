"""The blocks of batch trees, made when the last entry of a batch is integrated.

What integration needs to know of a batch stands in the entries: a manifest, the one entry without index keys,
says how many follow it, and an entry of a batch where it stands in it. A batch that began before the stretch
and ends in it is made whole here; one that ends after it waits for the stretch that has its end.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from ledger.errors import FormatError
from ledger.formats.envelope import BATCH_TYPE, STATEMENT_TYPE, pae, parse_envelope, place_in, statement_in
from ledger.formats.statement import Manifest, parse_manifest
from ledger.merkle import batch_leaf_hash, hash_batch_children
from ledger.merkle.blocks import batch_blocks, batch_place
from ledger.store.port import LogStore


def make_batch_blocks(
    store: LogStore, first: int, leaves: Sequence[tuple[bytes, tuple[bytes, ...]]]
) -> dict[int, bytes]:
    """Place -> block of the batches that end among the entries from `first` on.

    `leaves` are their leaf hashes and index keys. A batch that is damaged gets none: whoever asks for a path
    in it learns that, and so does an audit.
    """
    blocks: dict[int, bytes] = {}
    for start, size, root in _batches(store, first, leaves):
        entries = store.entry_bytes(start, start + size)
        with suppress(FormatError):
            hashes = [batch_leaf_hash(pae(STATEMENT_TYPE, statement_in(entry))) for entry in entries]
            made, found = batch_blocks(b"".join(hashes), hash_batch_children)
            if len(hashes) == size and found == root:
                blocks.update((batch_place(start, height, index), block) for height, index, block in made)
    return blocks


def _batches(
    store: LogStore, first: int, leaves: Sequence[tuple[bytes, tuple[bytes, ...]]]
) -> Iterator[tuple[int, int, bytes]]:
    """(log index of the first entry, size, root) of the batches that end among these entries."""
    stop = first + len(leaves)
    index = first
    opening = place_in(_entry(store, first))
    if opening is not None:
        index = first - opening.index + opening.size
        if index <= stop:
            yield first - opening.index, opening.size, opening.root
    while index < stop:
        manifest = None if leaves[index - first][1] else _manifest(_entry(store, index))
        index += 1
        if manifest is not None:
            start, index = index, index + manifest.size
            if index <= stop:
                yield start, manifest.size, manifest.root


def _entry(store: LogStore, index: int) -> bytes:
    return next(store.entry_bytes(index, index + 1), b"")


def _manifest(entry: bytes) -> Manifest | None:
    with suppress(FormatError):
        envelope = parse_envelope(entry)
        if envelope.payload_type == BATCH_TYPE:
            return parse_manifest(envelope.payload)
    return None
