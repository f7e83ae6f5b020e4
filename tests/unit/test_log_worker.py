"""The worker's loop, its files and its refusals; and the members' snapshot that it keeps."""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from log_world import ORIGIN, World

from ledger.chain.port import AnchoredCheckpoint
from ledger.errors import (
    ChainContradicts,
    ChainUnavailable,
    ConfigurationError,
    FormatError,
    KeyUnknown,
    StoreBusy,
    WorkerRunning,
)
from ledger.formats.trust import format_trust
from ledger.gm import Verifier
from ledger.log.chores import Chore
from ledger.log.directory import Directory, write_snapshot
from ledger.log.lockfile import LockFile
from ledger.log.status import ChoreStatus, LogStatus, WorkerStatus, read_status, write_status
from ledger.log.worker import Worker, WorkerLog, WorkerSettings
from ledger.store import SqliteStore

HOUR = 3600 * 1000


class Away:
    """A chain that says nothing, or one thing only."""

    def __init__(self, held: AnchoredCheckpoint | None = None) -> None:
        self.held = held
        self.asked = threading.Event()

    def latest(self, log_id: bytes) -> AnchoredCheckpoint | None:
        self.asked.set()
        if self.held is None:
            raise ChainUnavailable("away")
        return self.held


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


def make(
    world: World, folder: Path, chain: object = None, chores: Sequence[Chore] = (), **settings: int
) -> Worker:
    log = WorkerLog(ORIGIN, SqliteStore(folder / "log"), world.log)
    defaults = {"integrate_interval": 5, "publish_interval": 10, "heartbeat": 10, "chain_poll": 10}
    return Worker(
        [log],
        chain,  # type: ignore[arg-type]
        world.clock,
        lock=folder / "lock",
        status=folder / "status.json",
        settings=WorkerSettings(**{**defaults, **settings}),  # type: ignore[arg-type]
        chores=chores,
    )


@contextmanager
def running(worker: Worker) -> Iterator[None]:
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(20)
    assert not thread.is_alive()


def until(condition: object) -> None:
    deadline = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_what_is_accepted_gets_published_and_the_status_file_says_so(world: World, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "log")
    with running(make(world, tmp_path)):
        until(lambda: store.latest_checkpoint() is not None)
        world.appender(store).submit(world.envelope())
        until(
            lambda: (status := read_status(tmp_path / "status.json")) and status.logs[ORIGIN].published == 1
        )
        status = read_status(tmp_path / "status.json")
    assert status is not None
    assert status.alive(world.clock())
    assert not status.alive(world.clock() + 60_000)
    assert status.logs[ORIGIN].lag == 1, "nothing is anchored without a chain"


def test_an_unchanged_checkpoint_is_signed_again_when_it_gets_old(world: World, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "log")
    late = World(world.member, world.stranger, world.log, world.sealer)
    ahead = [0]
    late.clock = lambda: world.clock() + ahead[0]
    with running(make(late, tmp_path)):
        until(store.latest_checkpoint)
        first = store.latest_checkpoint()
        time.sleep(0.1)
        assert store.latest_checkpoint() == first
        ahead[0] = 7 * HOUR
        until(lambda: store.latest_checkpoint() != first)
    second = store.latest_checkpoint()
    assert first is not None
    assert second is not None
    assert (second.size, second.root) == (first.size, first.root)
    assert second.time >= first.time + 7 * 3600 - 1


def test_publishing_goes_on_while_the_chain_is_away(world: World, tmp_path: Path) -> None:
    store, chain = SqliteStore(tmp_path / "log"), Away()
    with running(make(world, tmp_path, chain, guard=50)):
        until(store.latest_checkpoint)
        until(
            lambda: (status := read_status(tmp_path / "status.json")) and status.chain == "chain_unavailable"
        )


def test_a_database_older_than_the_chain_signs_nothing_and_stops(world: World, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "log")
    world.appender(store).submit(world.envelope())
    chain = Away(AnchoredCheckpoint(7, bytes(32), bytes(32), bytes(32), 1))
    with pytest.raises(ChainContradicts):
        make(world, tmp_path, chain, guard=60_000).run()
    assert store.latest_checkpoint() is None


def test_a_second_holder_of_the_lock_is_refused_until_the_first_leaves(tmp_path: Path) -> None:
    with LockFile(tmp_path / "lock"), pytest.raises(WorkerRunning), LockFile(tmp_path / "lock"):
        pytest.fail("two hold the lock")
    with LockFile(tmp_path / "lock"):
        pass


def test_a_lock_that_cannot_be_written_is_said_and_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with (
            pytest.raises(StoreBusy, match="lock cannot be used: No space left"),
            LockFile(tmp_path / "lock"),
        ):
            pytest.fail("it is held")
    with LockFile(tmp_path / "lock"):
        pass
    with pytest.raises(StoreBusy), LockFile(tmp_path / "missing" / "lock"):
        pytest.fail("it is held")


def test_a_chore_that_fails_is_told_and_tried_again_and_stops_nothing(world: World, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "log")
    outcomes: list[Exception] = [StoreBusy("locked"), ZeroDivisionError()]
    turns = threading.Semaphore(0)

    def run(stopping: Callable[[], bool]) -> Sequence[str]:
        while not turns.acquire(timeout=0.01):
            if stopping():
                return []
        if outcomes:
            raise outcomes.pop(0)
        return ["operator_role_missing"]

    def told() -> tuple[str | None, list[str]] | None:
        status = read_status(tmp_path / "status.json")
        chore = status.chores.get("expiry") if status else None
        return (chore.error, chore.alarms) if chore else None

    with running(make(world, tmp_path, chores=[Chore("expiry", run, interval=5)])):
        turns.release()
        until(lambda: told() == ("store_busy: locked", []))
        turns.release()
        until(lambda: told() == ("internal: ZeroDivisionError", []))
        turns.release()
        until(lambda: told() == (None, ["operator_role_missing"]))
        until(store.latest_checkpoint)


def test_a_chore_hears_that_the_worker_stops(world: World, tmp_path: Path) -> None:
    began, ended = threading.Event(), threading.Event()

    def run(stopping: Callable[[], bool]) -> Sequence[str]:
        began.set()
        while not stopping():
            time.sleep(0.002)
        ended.set()
        return []

    with running(make(world, tmp_path, chores=[Chore("long", run)])):
        assert began.wait(20)
    assert ended.is_set()


def test_the_status_file_is_read_back_and_damage_is_no_status(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    assert read_status(path) is None
    chores = {"expiry": ChoreStatus(4, "store_busy: locked", ["operator_role_missing"])}
    status = WorkerStatus(5, 6, {ORIGIN: LogStatus(3, 2, 1, alarms=["anchor_lost"])}, "ok", chores)
    assert status.alarms == ["anchor_lost", "operator_role_missing"]
    write_status(path, status)
    assert read_status(path) == status
    path.write_text("{")
    assert read_status(path) is None


def test_a_replaced_snapshot_is_in_force_within_a_second_and_a_bad_one_never(
    world: World, tmp_path: Path
) -> None:
    path, now = tmp_path / "trust.json", [world.clock()]
    with pytest.raises(ConfigurationError):
        Directory.from_file(path, lambda: now[0])
    assert write_snapshot(path, format_trust(world.trust()))
    assert not write_snapshot(path, format_trust(world.trust()))
    directory = Directory.from_file(path, lambda: now[0])
    keyid = world.member.public.keyid
    assert directory.key(keyid).member.roles == ("publisher:access",)
    write_snapshot(path, format_trust(world.trust(roles=("auditor",))))
    assert directory.key(keyid).member.roles == ("publisher:access",), "looked at a moment ago"
    now[0] += 1_000
    assert directory.key(keyid).member.roles == ("auditor",)
    with pytest.raises(FormatError):
        write_snapshot(path, b"{}")
    path.write_bytes(b"{}")
    now[0] += 1_000
    assert directory.key(keyid).member.roles == ("auditor",)
    for unknown in (world.stranger, world.log):
        with pytest.raises(KeyUnknown):
            directory.key(unknown.public.keyid)


def test_warming_builds_tables_for_so_many_keys_at_most(world: World) -> None:
    verifier = Verifier()
    assert Directory(world.trust()).warm(verifier, most=0) == 0
    assert Directory(world.trust()).warm(verifier) == 1
