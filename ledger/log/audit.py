"""The full audit of a log: everything recomputed from the entries alone, and what differs named.

    report = audit(store, folder, Rules(origin, trust, log_keys))
    report.clean

Levels: `hashes` recomputes every leaf hash, the tree and the root under every signed checkpoint; `full`
besides reads every statement: signatures, issuers, batches, tags, stored columns, sealed contents, receipts,
index pages and links, repeated ids, anchors, and the projections of the services. Both stream, and use
several processes over ranges of the log; an entry accepted or a checkpoint published meanwhile is left out.

What an audit cannot see: a whole log, its keys included, made anew by its operator. That shows only in
checkpoints kept elsewhere: by witnesses, in bundles, on the chain (`chain`).
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

from ledger.chain.port import AnchorPort
from ledger.errors import Unavailable
from ledger.log.audit_checkpoints import SignedCheckpoints, audit_anchors, read_checkpoints
from ledger.log.audit_entries import AuditedRange, EntryAuditor, Rules, batch_boundary
from ledger.log.audit_hashes import TreeRebuilder, hash_stored, ranges
from ledger.log.audit_index import IndexRow, audit_index
from ledger.log.audit_report import AuditReport, Progress
from ledger.store.port import Integrated, LogStore, StoredCheckpoint
from ledger.store.raw import RawLog, id_text

Level = Literal["hashes", "full"]
Projection = Callable[[LogStore, AuditReport], None]
"""A service's own check: rebuilds its view from the entries and reports `projection_differs`."""

ENTRY_RANGE = 4_096
_TAGS_PER_ENTRY = 4
_WORTH_PROCESSES = {"hashes": 100_000, "full": 20_000}
"""Entries from which on further processes, about a second to start, pay."""
_Result = TypeVar("_Result")


def audit(
    store: LogStore,
    folder: Path,
    rules: Rules,
    *,
    level: Level = "full",
    chain: AnchorPort | None = None,
    projections: Sequence[Projection] = (),
    processes: int = 2,
    progress: Progress | None = None,
) -> AuditReport:
    """Audit the log whose files are in `folder` and which `store` reads.

    Raises `StoreBusy`, and `IntegrityError` where the files are so broken that they cannot be read;
    everything else that is wrong is a finding. `chain` compares the anchors (`ChainUnavailable`).
    """
    log = RawLog(folder)
    report = AuditReport(rules.origin, level)
    tell = progress or (lambda step, done, total: None)
    # In this order, so that nothing which is added meanwhile seems to be missing.
    checkpoints = read_checkpoints(log, rules, report)
    integrated = store.integrated()
    size = log.size()
    report.entries = size
    with _executor(processes, size, _WORTH_PROCESSES[level]) as executor:
        _audit_tree(store, log, size, integrated, checkpoints, report, executor, tell)
        if level == "full":
            _audit_entries(log, size, rules, report, executor, tell)
    if level == "full":
        if checkpoints.latest is not None:
            _audit_index(store, log, checkpoints.latest, report, tell)
        audit_anchors(store, rules.origin, checkpoints, chain, report)
        for position, projection in enumerate(projections):
            tell("projections", position, len(projections))
            projection(store, report)
    return report


# The tree


def _audit_tree(
    store: LogStore,
    log: RawLog,
    size: int,
    integrated: Integrated,
    checkpoints: SignedCheckpoints,
    report: AuditReport,
    executor: Executor | None,
    tell: Progress,
) -> None:
    sizes = sorted({*checkpoints.sizes, integrated.size})
    tasks = [
        (log, start, stop, integrated.size, [s for s in sizes if start < s <= stop])
        for start, stop in ranges(size)
    ]
    rebuilder = TreeRebuilder(sizes)
    for hashed in _run(executor, hash_stored, tasks):
        rebuilder.add(hashed)
        report.extend(hashed.findings)
        report.count("entry_bytes", hashed.entry_bytes)
        tell("hashes", hashed.stop, size)
    rebuilder.compare_upper_tiles(report, store, min(integrated.size, size))
    checkpoints.compare_roots(rebuilder.roots, size, report)
    if integrated.size > size or rebuilder.roots.get(integrated.size) != integrated.root:
        report.add("integrated_differs", None, f"at integrated size {integrated.size}")


# What the entries say


def _audit_entries(
    log: RawLog, size: int, rules: Rules, report: AuditReport, executor: Executor | None, tell: Progress
) -> None:
    cuts = sorted({0, size, *(batch_boundary(log, cut) for cut in range(ENTRY_RANGE, size, ENTRY_RANGE))})
    tasks = [(log, start, stop, rules) for start, stop in pairwise(cut for cut in cuts if cut <= size)]
    done, last = 0, 0
    for result in _run(executor, _judge, tasks):
        if result.first_accepted is not None and result.first_accepted < last:
            report.add("entry_time", done, "accepted before the entry before it")
        last = max(last, result.last_accepted)
        done += result.entries
        report.extend(result.findings)
        for figure, count in result.figures.items():
            report.count(figure, count)
        tell("entries", done, size)
    for index, issuer, id in log.repeated_ids():
        report.add("entry_repeated", index, "", issuer, id_text(id))
    for index in log.strays():
        report.add("stray_row", None, f"index {index}")


def _judge(task: tuple[RawLog, int, int, Rules]) -> AuditedRange:
    log, start, stop, rules = task
    return EntryAuditor(rules).run(log.entries(start, stop))


# The index


def _audit_index(
    store: LogStore, log: RawLog, latest: StoredCheckpoint, report: AuditReport, tell: Progress
) -> None:
    size = latest.size
    tell("index", 0, size)
    found = AuditReport(report.origin, report.level)
    try:
        audit_index(
            lambda: _index_rows(log, size),
            lambda paths: store.pages(paths, size),
            latest.index_root,
            size * _TAGS_PER_ENTRY,
            found,
        )
    except Unavailable:
        # A log in full use no longer reads its pages at that size, or a rebuild has not come so far.
        report.figures["index_not_audited"] = 1
        return
    report.extend(found.findings)
    report.unlisted += found.unlisted
    report.figures |= found.figures
    tell("index", size, size)


def _index_rows(log: RawLog, size: int) -> Iterator[IndexRow]:
    links = log.links(size)
    held = next(links, None)
    for index, leaf, joined in log.index_rows(size):
        while held is not None and held[0] < index:
            held = next(links, None)
        mine = held[1] if held is not None and held[0] == index else b""
        keys = [joined[at : at + 32] for at in range(0, len(joined), 32)]
        yield index, leaf, keys, mine


# Processes


@contextmanager
def _executor(processes: int, size: int, worth: int) -> Iterator[Executor | None]:
    """A pool, where there is work enough to be worth starting one."""
    if processes < 2 or size < worth:
        yield None
        return
    # Not forked: this process may have threads and open databases.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield pool


def _run(
    executor: Executor | None, function: Callable[[Any], _Result], tasks: Iterable[Any]
) -> Iterator[_Result]:
    """Results in the order of the tasks."""
    return map(function, tasks) if executor is None else executor.map(function, tasks)
