"""SIGKILL at every commit point, and at random times under load: what was acknowledged is there.

`XINZHENG_KILL_ROUNDS` sets how many random kills there are (a few unless told).
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from log_world import World, acknowledged

from ledger.log.audit import audit
from ledger.log.status import read_status
from ledger.log.worker import EXIT_LOCKED, EXIT_STOPPED
from ledger.store import SqliteStore

PROGRAM = Path(__file__).resolve().parent.parent / "support" / "log_world.py"
APPEND_POINTS = ("append.taken:3", "append.committed:3", "receipt.signed:5", "receipts.kept")
WORKER_POINTS = (
    "integrate.computed:2",
    "integrate.written:2",
    "publish.checked:2",
    "publish.signed:2",
    "publish.published:2",
)
RANDOM_ROUNDS = int(os.environ.get("XINZHENG_KILL_ROUNDS", "3"))


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


@pytest.mark.parametrize("point", APPEND_POINTS)
def test_an_appender_killed_at_a_commit_point_loses_nothing_acknowledged(tmp_path: Path, point: str) -> None:
    World.make(tmp_path)
    appender = start("append", tmp_path, point)
    assert appender.wait(30) == -signal.SIGKILL
    second = start("append", tmp_path)
    before = len(acknowledged(tmp_path))
    until(more_than(before + 9, tmp_path), second)
    kill(second)
    assert check_everything(tmp_path) >= before + 10


@pytest.mark.parametrize("point", WORKER_POINTS)
def test_a_worker_killed_at_a_commit_point_goes_on_where_it_was(tmp_path: Path, point: str) -> None:
    World.make(tmp_path)
    appender = start("append", tmp_path)
    try:
        until(more_than(4, tmp_path), appender)
        worker = start("worker", tmp_path, point)
        assert worker.wait(30) == -signal.SIGKILL
    finally:
        kill(appender)
    assert check_everything(tmp_path) >= 5


def test_processes_killed_at_random_times_under_load_lose_nothing(tmp_path: Path) -> None:
    World.make(tmp_path)
    chance = random.Random(int(os.environ.get("XINZHENG_KILL_SEED", "1")))
    for _ in range(RANDOM_ROUNDS):
        before = len(acknowledged(tmp_path))
        processes = [start("append", tmp_path), start("worker", tmp_path)]
        until(more_than(before, tmp_path), processes[0])
        time.sleep(chance.uniform(0, 0.6))
        chance.shuffle(processes)
        for process in processes:
            kill(process)
            time.sleep(chance.uniform(0, 0.1))
        assert check_everything(tmp_path) > before


def test_of_two_workers_one_works_and_the_other_says_so(tmp_path: Path) -> None:
    World.make(tmp_path)
    first = start("worker", tmp_path)
    try:
        until((tmp_path / "status.json").exists, first)
        second = start("worker", tmp_path)
        assert second.wait(20) == EXIT_LOCKED
        assert "another worker" in (tmp_path / "worker.log").read_text()
        assert first.poll() is None
    finally:
        first.send_signal(signal.SIGTERM)
    assert first.wait(20) == EXIT_STOPPED
