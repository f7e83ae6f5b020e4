"""The derived half of an audit: index, links and leaf look-up at one moment, held against the entries.

All of it is read from one snapshot, so that a worker may integrate beside the audit. What is compared is the
index under the newest checkpoint that the snapshot reaches (`index_size`); that the entries' own columns,
from which it is recomputed, are true to their bytes is for the rest of the audit to say. Pages kept for
answers under older checkpoints are not compared: such answers are held against the signed root one by one.
"""

from array import array
from collections.abc import Iterator
from itertools import islice

from ledger.errors import IntegrityError
from ledger.log.audit_blocks import audit_blocks
from ledger.log.audit_checkpoints import SignedCheckpoints
from ledger.log.audit_index import IndexRow, audit_index
from ledger.log.audit_report import AuditReport, Progress
from ledger.merkle import EMPTY, EMPTY_ROOT, pages
from ledger.store.port import Integrated
from ledger.store.raw import DerivedSnapshot, RawLog

LOOKUP_PASS = 8_000_000
"""Entries whose look-up rows are compared at a time, 9 bytes each."""

_TAGS_PER_ENTRY = 4
_NAMED = 100


def audit_derived(
    log: RawLog,
    derived: DerivedSnapshot,
    checkpoints: SignedCheckpoints,
    published: int,
    report: AuditReport,
    tell: Progress,
) -> None:
    """Compare, and report `index_not_audited` where that cannot be done.

    `published` is the size that was published before the snapshot was taken, `checkpoints` what is now.
    """
    state = derived.integrated or Integrated(0, EMPTY_ROOT, EMPTY)
    _audit_lookup(log, derived, state.size, report)
    audit_blocks(log, derived, state.size, report)
    if derived.link_count() > state.size:
        report.add("integrated_differs", None, f"there are links beyond the integrated size {state.size}")
    if _stored_root(derived, state.size, report) != state.index_root:
        report.add("integrated_differs", None, f"the index root at integrated size {state.size}")
    if state.size < published:
        report.add("index_not_audited", None, f"of {published} published entries {state.size} are integrated")
        return
    checkpoint = checkpoints.newest_within(state.size)
    size = checkpoint.size if checkpoint else state.size
    if size and size not in derived.readable:
        report.add("index_not_audited", None, f"its pages at the published size {size} are not kept")
        return
    report.count("index_size", size)
    tell("index", 0, size)
    audit_index(
        lambda: _index_rows(log, derived, size),
        lambda paths: derived.pages(paths, size) if size else [None] * len(paths),
        checkpoint.index_root if checkpoint else state.index_root,
        size * _TAGS_PER_ENTRY,
        report,
    )
    tell("index", size, size)


def _stored_root(derived: DerivedSnapshot, size: int, report: AuditReport) -> bytes | None:
    """The index root by the stored root page; None where that is damaged."""
    try:
        return pages.index_root(lambda paths: derived.pages(paths, size) if size else [None] * len(paths))
    except IntegrityError:
        report.add("index_page_differs", None, "the root page")
        return None


def _index_rows(log: RawLog, derived: DerivedSnapshot, size: int) -> Iterator[IndexRow]:
    links = derived.links(size)
    held = next(links, None)
    for index, leaf, joined in log.index_rows(0, size):
        while held is not None and held[0] < index:
            held = next(links, None)
        mine = held[1] if held is not None and held[0] == index else b""
        keys = [joined[at : at + 32] for at in range(0, len(joined), 32)]
        yield index, leaf, keys, mine


def _audit_lookup(log: RawLog, derived: DerivedSnapshot, size: int, report: AuditReport) -> None:
    """Each integrated entry stands in the leaf look-up once, by its own leaf hash, and nothing else does."""
    for start in range(0, size, LOOKUP_PASS):
        stop = min(start + LOOKUP_PASS, size)
        prefixes, times = array("q", bytes(8 * (stop - start))), bytearray(stop - start)
        for prefix, index in derived.lookup(start, stop):
            prefixes[index - start] = prefix
            times[index - start] = min(2, times[index - start] + 1)
        differing = (
            index
            for index, leaf, _ in log.index_rows(start, stop)
            if times[index - start] != 1
            or prefixes[index - start] != int.from_bytes(leaf[:8], "big", signed=True)
        )
        for index in islice(differing, _NAMED):
            report.add("lookup_differs", index)
    for index in derived.lookup_outside(size, _NAMED):
        report.add("lookup_differs", None, f"it names index {index}, which is not integrated")
