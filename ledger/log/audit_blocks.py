"""The audit of stored blocks: those of the log's tree against the leaf hashes, those of batches against the
roots that were signed for them.

That leaf hashes are those of the entries' bytes is for the rest of the audit to say. A block that is not
there is only counted: paths are computed then, as they were before blocks were stored.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from ledger.errors import FormatError
from ledger.formats.envelope import BATCH_TYPE, parse_envelope
from ledger.formats.statement import Manifest, parse_manifest
from ledger.log.audit_report import AuditReport
from ledger.merkle import HASH_SIZE, hash_batch_children
from ledger.merkle.blocks import (
    BATCH_PLACES,
    BLOCK_WIDTH,
    batch_blocks,
    batch_heights,
    batch_place,
    batch_width,
    make_block,
    tree_place,
)
from ledger.merkle.tree import hash_children
from ledger.store.raw import DerivedSnapshot, RawLog

_GROUPS = 4_096
"""Blocks that are compared at a time."""


def audit_blocks(log: RawLog, derived: DerivedSnapshot, size: int, report: AuditReport) -> None:
    """Compare all blocks that the first `size` entries complete, and name what else there is."""
    leaves = (leaf for _, leaf, _ in log.index_rows(0, size))
    level = _audit_height(derived, 0, _joined(leaves), report)
    height = 1
    while len(level) >= BLOCK_WIDTH * HASH_SIZE:
        level = _audit_height(derived, height, iter([level]), report)
        height += 1
    if derived.block_count(tree_place(height, 0), BATCH_PLACES):
        report.add("block_differs", None, f"there are blocks above those of {size} entries")
    _audit_batches(log, derived, size, report)


def _joined(leaves: Iterator[bytes]) -> Iterator[bytes]:
    while piece := b"".join(islice(leaves, _GROUPS * BLOCK_WIDTH)):
        yield piece


def _audit_height(
    derived: DerivedSnapshot, height: int, pieces: Iterator[bytes], report: AuditReport
) -> bytes:
    """Compare the complete blocks over these hashes, in pieces of whole blocks; the nodes above them."""
    above = []
    index = 0
    for piece in pieces:
        whole = len(piece) // (BLOCK_WIDTH * HASH_SIZE)
        stored = derived.blocks(tree_place(height, index), tree_place(height, index + whole))
        for number in range(index, index + whole):
            at = (number - index) * BLOCK_WIDTH * HASH_SIZE
            block, node = make_block(piece[at : at + BLOCK_WIDTH * HASH_SIZE], hash_children)
            above.append(node)
            _compare(stored.get(tree_place(height, number)), block, height, number, report)
        index += whole
    if derived.block_count(tree_place(height, index), tree_place(height + 1, 0)):
        report.add("block_differs", None, f"there are more than {index} blocks of height {height}")
    return b"".join(above)


def _compare(stored: bytes | None, block: bytes, height: int, number: int, report: AuditReport) -> None:
    report.count("blocks")
    if stored is None:
        report.count("blocks_missing")
    elif stored != block:
        first = number * BLOCK_WIDTH ** (height + 1)
        report.add("block_differs", None, f"a block of height {height}, entries from {first} on")


def _audit_batches(log: RawLog, derived: DerivedSnapshot, size: int, report: AuditReport) -> None:
    seen = 0
    for index, entry in log.keyless(size):
        manifest = _manifest(entry)
        if manifest is None or index + 1 + manifest.size > size:
            continue
        places = [
            batch_place(index + 1, height, number)
            for height in range(batch_heights(manifest.size))
            for number in range(-(-manifest.size // BLOCK_WIDTH ** (height + 1)))
        ]
        stored = [derived.block(place) for place in places]
        held = [block for block in stored if block is not None]
        report.count("blocks", len(places))
        seen += len(held)
        if len(held) < len(places):
            report.count("blocks_missing", len(places) - len(held))
        elif held and not _is_whole(held, manifest):
            report.add("block_differs", index + 1, "the blocks of a batch do not lead to its root")
    if derived.block_count(BATCH_PLACES, None) != seen:
        report.add("block_differs", None, "there are blocks of batches that do not exist")


def _is_whole(blocks: list[bytes], manifest: Manifest) -> bool:
    """Whether these are the blocks of a batch with that root, the lowest height first."""
    lowest = [
        block[: HASH_SIZE * batch_width(manifest.size, 0, number)]
        for number, block in enumerate(blocks[: -(-manifest.size // BLOCK_WIDTH)])
    ]
    made, root = batch_blocks(b"".join(lowest), hash_batch_children)
    return root == manifest.root and [block for _, _, block in made] == blocks


def _manifest(entry: bytes) -> Manifest | None:
    with suppress(FormatError):
        envelope = parse_envelope(entry)
        if envelope.payload_type == BATCH_TYPE:
            return parse_manifest(envelope.payload)
    return None
