"""Real processes of a log for fault tests: started, awaited, killed, and everything checked afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from log_world import World, acknowledged

from ledger.log.audit import audit
from ledger.log.status import read_status
from ledger.log.worker import EXIT_STOPPED
from ledger.store import SqliteStore

PROGRAM = Path(__file__).resolve().parent / "log_world.py"


def start(role: str, folder: Path, fault: str = "") -> subprocess.Popen[bytes]:
    environment = {**os.environ, "XINZHENG_FAULT": fault}
    log = (folder / f"{role}.log").open("ab")
    return subprocess.Popen([sys.executable, str(PROGRAM), role, str(folder)], env=environment, stderr=log)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(20)


def until(condition: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "took too long"
        assert process.poll() is None, "ended by itself"
        time.sleep(0.02)


def more_than(receipts: int, folder: Path) -> Callable[[], bool]:
    file = folder / "receipts"
    return lambda: file.exists() and file.read_bytes().count(b"\n") > receipts


def check_everything(folder: Path) -> int:
    """Restart the worker, let it catch up, audit, and look every receipt up. Returns the receipts' number."""
    store = SqliteStore(folder / "log")
    worker = start("worker", folder)

    def caught_up() -> bool:
        latest, status = store.latest_checkpoint(), read_status(folder / "status.json")
        own = status is not None and status.pid == worker.pid
        return own and latest is not None and latest.size == store.size()

    try:
        until(caught_up, worker)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == EXIT_STOPPED
    report = audit(store, folder / "log", World.make(folder).rules(), processes=1)
    assert report.findings == []
    receipts = acknowledged(folder)
    for index, leaf in receipts:
        entry = store.entry(index)
        assert entry is not None
        assert entry.leaf_hash == leaf
    store.close()
    return len(receipts)
