"""An audit beside a worker at work and entries arriving: clean, and of everything."""

import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from log_processes import kill, more_than, start, until
from log_world import INDEXES, ORIGIN, World, give_chain

from ledger.chain.changes import define_log
from ledger.log.audit import audit
from ledger.log.worker import EXIT_STOPPED
from ledger.store import SqliteStore

SECONDS = 4.0
OPERATOR = "113501000099000133"


@pytest.mark.chain
def test_audits_under_load_are_clean_and_leave_nothing_out(tmp_path: Path, consortium: Any) -> None:
    world, store = World.make(tmp_path), SqliteStore(tmp_path / "log")
    chain = consortium.chains[0]
    consortium.agree(define_log(ORIGIN, OPERATOR, INDEXES))
    give_chain(tmp_path, consortium.deployment, consortium.settings.urls[0], consortium.accounts[0])
    processes = [start("append", tmp_path), start("worker", tmp_path)]
    try:
        until(more_than(20, tmp_path), processes[0])
        until(lambda: store.latest_anchor() is not None, processes[1])
        sizes, ending = [], time.monotonic() + SECONDS
        while time.monotonic() < ending or len(sizes) < 3:
            report = audit(store, tmp_path / "log", world.rules(), chain=chain, processes=1)
            assert report.findings == []
            assert report.figures["anchors_on_chain"] > 0
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
