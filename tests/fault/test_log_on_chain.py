"""A worker on a real chain: killed while it anchors, and with a chain that is away or has gone back."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from log_processes import start, until
from log_world import INDEXES, ORIGIN, World, give_chain

from ledger.chain import artifact
from ledger.chain.changes import define_log
from ledger.chain.embedded import EmbeddedChain
from ledger.gm import sm3
from ledger.log.audit import audit
from ledger.log.status import LogStatus, WorkerStatus, read_status
from ledger.log.worker import EXIT_STOPPED
from ledger.store import SqliteStore

pytestmark = pytest.mark.chain
LOG_ID = sm3(ORIGIN.encode())
POINTS = ("anchor.pending", "anchor.broadcast", "anchor.sent", "anchor.mined", "anchor.final")
OPERATOR = "113501000099000133"


class Site:
    """One log in a folder: its chain, its store, and a worker that is started and ended."""

    def __init__(self, folder: Path, consortium: Any) -> None:
        self.folder, self.chain = folder, consortium.chains[0]
        consortium.agree(define_log(ORIGIN, OPERATOR, INDEXES))
        give_chain(folder, consortium.deployment, consortium.settings.urls[0], consortium.accounts[0])
        self.world, self.store = World.make(folder), SqliteStore(folder / "log")
        self.appender = self.world.appender(self.store)
        self.worker: subprocess.Popen[bytes] | None = None

    def append(self) -> int:
        """One entry more; returns how many there are."""
        self.appender.submit(self.world.envelope())
        return self.store.size()

    def run(self, fault: str = "") -> subprocess.Popen[bytes]:
        self.worker = start("worker", self.folder, fault)
        return self.worker

    def status(self) -> WorkerStatus | None:
        """What the worker that runs now says."""
        status = read_status(self.folder / "status.json")
        return status if status and self.worker and status.pid == self.worker.pid else None

    def await_status(self, reached: Callable[[LogStatus, WorkerStatus], bool]) -> None:
        assert self.worker is not None

        def holds() -> bool:
            status = self.status()
            return status is not None and reached(status.logs[ORIGIN], status)

        until(holds, self.worker)

    def stop(self) -> None:
        assert self.worker is not None
        self.worker.send_signal(signal.SIGTERM)
        assert self.worker.wait(20) == EXIT_STOPPED

    def check(self) -> list[int]:
        """Everything recorded is final, and on the chain once, and the audit is clean; returns the sizes."""
        anchors = self.store.anchors(0, 1_000)
        assert {anchor.state for anchor in anchors} == {"final"}
        events = self.chain._nodes.ask(self._published)
        held = [(log["args"]["size"], bytes(log["args"]["noteHash"])) for log in events]
        assert held == [(anchor.size, anchor.note_hash) for anchor in anchors]
        report = audit(self.store, self.folder / "log", self.world.rules(), chain=self.chain, processes=1)
        assert report.findings == []
        assert report.figures["anchors_on_chain"] == len(anchors)
        return [anchor.size for anchor in anchors]

    def _published(self, node: Any) -> Any:
        events = node.contract(artifact.CHECKPOINTS, self.chain.registry).events
        return events.CheckpointPublished.get_logs(from_block=0)

    def close(self) -> None:
        if self.worker is not None and self.worker.poll() is None:
            self.worker.kill()
            self.worker.wait(20)
        self.appender.close()
        self.store.close()


@pytest.fixture
def own_chain(tmp_path: Path) -> Iterator[EmbeddedChain]:
    """A chain to kill."""
    embedded = EmbeddedChain(tmp_path / "chain")
    embedded.start()
    yield embedded
    embedded.stop(save=False)


def kill(embedded: EmbeddedChain) -> None:
    pid = embedded.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while embedded.pid is not None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_anchoring_anchors_each_size_once(
    tmp_path: Path, consortium: Any, point: str
) -> None:
    site = Site(tmp_path, consortium)
    try:
        site.append()
        assert site.run(point).wait(30) == -signal.SIGKILL
        size = site.append()
        site.run()
        site.await_status(lambda log, _: log.final == size)
        site.stop()
        assert site.check()[-1] == size
    finally:
        site.close()


def test_a_chain_that_comes_back_older_raises_the_alarm_and_gets_its_anchors_back(
    tmp_path: Path, own_chain: EmbeddedChain, found: Callable[..., Any]
) -> None:
    site = Site(tmp_path, found(own_chain.url, members=1, threshold=1))
    try:
        kept = site.append()
        site.run()
        site.await_status(lambda log, _: log.final == kept)
        own_chain.save()
        for _ in range(2):
            size = site.append()
            site.await_status(lambda log, _, size=size: log.final == size)
        before = {anchor.size: anchor.note_hash for anchor in site.store.anchors(0, 100)}
        kill(own_chain)
        own_chain.start()
        assert site.chain.latest(LOG_ID).size == kept
        site.await_status(lambda log, status: "anchor_lost" in log.alarms and "anchor_lost" in status.alarms)
        site.await_status(lambda log, _: log.final == size)
        assert {anchor.size: anchor.note_hash for anchor in site.store.anchors(0, 100)} == before
        site.stop()
        assert site.check() == sorted(before)
        assert len(before) >= 3
    finally:
        site.close()


def test_a_worker_killed_among_lost_anchors_gets_all_of_them_back(
    tmp_path: Path, own_chain: EmbeddedChain, found: Callable[..., Any]
) -> None:
    site = Site(tmp_path, found(own_chain.url, members=1, threshold=1))
    try:
        site.run()
        for count in range(3):
            size = site.append()
            site.await_status(lambda log, _, size=size: log.final == size)
            if count == 0:
                own_chain.save()
        site.stop()
        before = {anchor.size: anchor.note_hash for anchor in site.store.anchors(0, 100)}
        kill(own_chain)
        own_chain.start()
        assert site.run("anchor.lost").wait(30) == -signal.SIGKILL
        site.run()
        site.await_status(lambda log, _: log.final == size and "anchor_lost" in log.alarms)
        site.stop()
        assert site.check() == sorted(before)
        assert {anchor.size: anchor.note_hash for anchor in site.store.anchors(0, 100)} == before
    finally:
        site.close()


def test_while_the_chain_is_away_everything_but_anchoring_goes_on(
    tmp_path: Path, own_chain: EmbeddedChain, found: Callable[..., Any]
) -> None:
    site = Site(tmp_path, found(own_chain.url, members=1, threshold=1))
    try:
        first = site.append()
        site.run()
        site.await_status(lambda log, _: log.final == first)
        own_chain.save()
        kill(own_chain)
        site.await_status(lambda _, status: status.chain == "chain_unavailable")
        for _ in range(3):
            size = site.append()
            site.await_status(lambda log, _, size=size: log.integrated == log.published == size)
        status = site.status()
        assert status is not None
        assert status.logs[ORIGIN].anchored == first
        own_chain.start()
        site.await_status(lambda log, status: log.final == size and status.chain == "ok")
        site.stop()
        assert site.check() == [first, size], "what was published meanwhile is under the newest anchor"
    finally:
        site.close()


def test_a_worker_that_starts_without_its_chain_publishes_and_anchors_later(
    tmp_path: Path, own_chain: EmbeddedChain, found: Callable[..., Any]
) -> None:
    site = Site(tmp_path, found(own_chain.url, members=1, threshold=1))
    try:
        own_chain.stop()
        size = site.append()
        site.run()
        site.await_status(lambda log, _: log.published == size)
        own_chain.start()
        site.await_status(lambda log, _: log.final == size)
        site.stop()
        assert site.check() == [size]
    finally:
        site.close()
