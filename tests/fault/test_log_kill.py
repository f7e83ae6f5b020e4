"""SIGKILL at every commit point, and at random times under load: what was acknowledged is there.

`XINZHENG_KILL_ROUNDS` sets how many random kills there are (a few unless told).
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from log_processes import check_everything, kill, more_than, start, until
from log_world import World, acknowledged

from ledger.log.worker import EXIT_LOCKED, EXIT_STOPPED

APPEND_POINTS = ("append.taken:3", "append.committed:3", "receipt.signed:5", "receipts.kept")
WORKER_POINTS = (
    "integrate.computed:2",
    "integrate.written:2",
    "publish.checked:2",
    "publish.signed:2",
    "publish.published:2",
)
RANDOM_ROUNDS = int(os.environ.get("XINZHENG_KILL_ROUNDS", "3"))


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
