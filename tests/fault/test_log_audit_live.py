"""An audit beside a worker at work and entries arriving: clean, and of everything."""

import signal
import time
from itertools import pairwise
from pathlib import Path

from log_processes import kill, more_than, start, until
from log_world import World

from ledger.log.audit import audit
from ledger.log.worker import EXIT_STOPPED
from ledger.store import SqliteStore

SECONDS = 4.0


def test_audits_under_load_are_clean_and_leave_nothing_out(tmp_path: Path) -> None:
    world, store = World.make(tmp_path), SqliteStore(tmp_path / "log")
    processes = [start("append", tmp_path), start("worker", tmp_path)]
    try:
        until(more_than(20, tmp_path), processes[0])
        until(lambda: store.latest_checkpoint() is not None, processes[1])
        sizes, ending = [], time.monotonic() + SECONDS
        while time.monotonic() < ending or len(sizes) < 3:
            report = audit(store, tmp_path / "log", world.rules(), processes=1)
            assert report.findings == []
            assert report.figures["index_keys"] > 0
            sizes.append((report.entries, store.latest_checkpoint()))
        assert all(one[0] < next_[0] for one, next_ in pairwise(sizes))
        assert len({checkpoint for _, checkpoint in sizes}) > 1
        assert all(process.poll() is None for process in processes)
    finally:
        kill(processes[0])
        processes[1].send_signal(signal.SIGTERM)
    assert processes[1].wait(20) == EXIT_STOPPED
    store.close()
