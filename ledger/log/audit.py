"""The full audit of a log: everything recomputed from the entries alone, and what differs named.

    report = audit(store, folder, Rules(origin, trust, log_keys))
    report.clean

Levels: `hashes` recomputes every leaf hash, the tree and the root under every signed checkpoint; `full`
besides reads every statement: signatures, issuers, batches, tags, stored columns, sealed contents, receipts,
index pages and links, repeated ids, anchors, and the projections of the services. Both stream, and use
several processes over ranges of the log; an entry accepted or a checkpoint published meanwhile is left out. A
worker may run beside it.

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
from ledger.log.audit_derived import audit_derived
from ledger.log.audit_entries import AuditedRange, EntryAuditor, Rules, batch_boundary
from ledger.log.audit_hashes import TreeRebuilder, hash_stored, ranges
from ledger.log.audit_report import AuditReport, Progress, finding
from ledger.log.audit_tables import audit_strays, tables_of
from ledger.store.port import Integrated, LogStore
from ledger.store.raw import RawLog, id_text

Level = Literal["hashes", "full"]
Projection = Callable[[LogStore, AuditReport], None]
"""A service's own check: rebuilds its view from the entries and reports `projection_differs`."""

ENTRY_RANGE = 4_096
_TRIES = 3
_NAMED = 100
"""Entries missing at the end that are named one by one; how many they are is said besides."""
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
    report, derived = AuditReport(rules.origin, level), AuditReport(rules.origin, level)
    tell = progress or (lambda step, done, total: None)
    # In this order, so that nothing which is added meanwhile seems to be missing: what is published was
    # integrated before, and what is integrated was accepted before.
    checkpoints = _audit_signed_and_derived(log, rules, level, report, derived, tell)
    integrated = store.integrated()
    size = log.size()
    report.entries = size
    with _executor(processes, size, _WORTH_PROCESSES[level]) as executor:
        _audit_tree(store, log, size, integrated, checkpoints, report, executor, tell)
        if level == "full":
            _audit_entries(log, size, rules, report, executor, tell)
    # Last, because what is wrong with an entry is named there, and here are its consequences.
    report.absorb(derived)
    if level == "full":
        audit_anchors(store, log, rules, checkpoints, chain, report)
        _audit_projections(store, projections, report, tell)
    return report


def _audit_signed_and_derived(
    log: RawLog, rules: Rules, level: Level, report: AuditReport, derived: AuditReport, tell: Progress
) -> SignedCheckpoints:
    """Read the checkpoints and, at level `full`, hold index and look-up tables against the entries."""
    if level != "full":
        return read_checkpoints(log, rules, report)
    published = log.published_size()
    with log.derived() as snapshot:
        # Read within it: whatever was published when it was taken is among these.
        checkpoints = read_checkpoints(log, rules, report)
        audit_derived(log, snapshot, checkpoints, published, derived, tell)
    return checkpoints


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
    _name_removed(size, max(integrated.size, checkpoints.size), report)
    if integrated.size > size or rebuilder.roots.get(integrated.size) != integrated.root:
        report.add("integrated_differs", None, f"at integrated size {integrated.size}")


def _name_removed(size: int, covered: int, report: AuditReport) -> None:
    """Name the entries that are missing at the end; a gap between others is named where it is."""
    report.extend(finding("entry_missing", index) for index in range(size, min(covered, size + _NAMED)))


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
    audit_strays(log, size, int(report.figures.get("references", 0)), report)
    for index, issuer, id in log.repeated_ids():
        report.add("entry_repeated", index, "", issuer, id_text(id))
    for index in log.strays():
        report.add("stray_row", None, f"index {index}")


def _judge(task: tuple[RawLog, int, int, Rules]) -> AuditedRange:
    log, start, stop, rules = task
    with tables_of(log, start, stop, rules.dues) as tables:
        return EntryAuditor(rules, tables).run(log.entries(start, stop))


# The projections


def _audit_projections(
    store: LogStore, projections: Sequence[Projection], report: AuditReport, tell: Progress
) -> None:
    for position, projection in enumerate(projections):
        tell("projections", position, len(projections))
        for left in reversed(range(_TRIES)):
            found = AuditReport(report.origin, report.level)
            try:
                projection(store, found)
            except Unavailable as error:
                # It answered under a checkpoint that a busy log had left behind before it was done.
                if not left:
                    report.add("projection_not_audited", None, error.code)
                continue
            report.absorb(found)
            break


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
