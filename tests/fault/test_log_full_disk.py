"""A database that cannot be written for a while: nothing acknowledged is lost, and work goes on afterwards.

The limits are SQLite's own (`max_page_count`, `query_only`) and the system's (`RLIMIT_FSIZE`, a disk quota
for one process); nothing is put in the place of the database.
"""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from log_processes import check_everything
from log_world import ORIGIN, World, acknowledged

from ledger.errors import StoreBusy
from ledger.log.appender import Appender
from ledger.log.audit import audit
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.log.status import LogStatus, read_status
from ledger.log.worker import Worker, WorkerLog, WorkerSettings
from ledger.store import SqliteStore
from ledger.store.connection import SqliteFile

AMPLE = 1 << 30


def fill(file: SqliteFile) -> None:
    """No page more than the file has now; what is free inside it may still be used."""
    (pages,) = file._writer.execute("PRAGMA page_count").fetchone()
    file._writer.execute(f"PRAGMA max_page_count={pages}")


def empty(file: SqliteFile) -> None:
    file._writer.execute(f"PRAGMA max_page_count={AMPLE}")


def protect(file: SqliteFile) -> None:
    file._writer.execute("PRAGMA query_only=ON")


def release(file: SqliteFile) -> None:
    file._writer.execute("PRAGMA query_only=OFF")


STATES = pytest.mark.parametrize(
    ("break_", "mend"), [(fill, empty), (protect, release)], ids=["full", "read-only"]
)
State = Callable[[SqliteFile], None]


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    yield store
    store.close()


def append_until_refused(world: World, appender: Appender) -> list[bytes]:
    """Submissions that were accepted before the first refusal, and the refused one last."""
    sent = []
    for _ in range(200):
        sent.append(world.envelope())
        try:
            appender.submit(sent[-1])
        except StoreBusy:
            return sent
    pytest.fail("a full database takes two hundred entries")


def check(world: World, store: SqliteStore, folder: Path) -> None:
    while integrate(store) is not None:
        pass
    publish(store, ORIGIN, world.log, world.clock() // 1000)
    assert audit(store, folder, world.rules(), processes=1).findings == []


@STATES
def test_an_append_is_refused_whole_and_accepted_when_there_is_room_again(
    world: World, store: SqliteStore, tmp_path: Path, break_: State, mend: State
) -> None:
    appender = world.appender(store)
    first = world.envelope()
    receipt = appender.submit(first)
    break_(store._log)
    *accepted, refused = append_until_refused(world, appender)
    size = store.size()
    assert size == 1 + len(accepted)
    batch = world.batch(60)
    with pytest.raises(StoreBusy):
        appender.submit_batch(batch)
    assert (store.size(), appender.failure) == (size, None)
    mend(store._log)
    assert appender.submit(first) == receipt
    appender.submit(refused)
    appender.submit_batch(batch)
    assert store.size() == size + 1 + 61
    for entry in accepted:
        appender.submit(entry)
    assert store.size() == size + 62, "what was accepted stands"
    appender.close()
    check(world, store, tmp_path)


@STATES
def test_of_many_that_wait_each_learns_whether_it_was_accepted(
    world: World, store: SqliteStore, tmp_path: Path, break_: State, mend: State
) -> None:
    appender, lock = world.appender(store), threading.Lock()
    kept: list[bytes] = []
    refused: list[bytes] = []

    def run() -> None:
        for _ in range(15):
            envelope = world.envelope()
            try:
                appender.submit(envelope)
            except StoreBusy:
                with lock:
                    refused.append(envelope)
            else:
                with lock:
                    kept.append(envelope)

    threads = [threading.Thread(target=run) for _ in range(6)]
    break_(store._log)
    for thread in threads:
        thread.start()
    for thread in threads[:3]:
        thread.join()
    mend(store._log)
    for thread in threads[3:]:
        thread.join()
    assert len(kept) + len(refused) == 90
    assert refused
    assert sorted(entry.entry for entry in store.entries(0, 200)) == sorted(kept)
    for envelope in refused:
        appender.submit(envelope)
    assert store.size() == 90
    appender.close()
    check(world, store, tmp_path)


@STATES
def test_an_integration_without_room_happens_not_at_all_and_later_to_the_same_bytes(
    world: World, store: SqliteStore, tmp_path: Path, break_: State, mend: State
) -> None:
    appender = world.appender(store)
    appender.submit_batch(world.batch(50))
    integrate(store)
    publish(store, ORIGIN, world.log, world.clock() // 1000)
    appender.submit_batch(world.batch(300))
    before = store.integrated()
    break_(store._derived)
    with pytest.raises(StoreBusy):
        integrate(store)
    assert store.integrated() == before
    appender.submit(world.envelope())
    mend(store._derived)
    appender.close()
    check(world, store, tmp_path)
    assert store.integrated().size == store.size() == 353


@STATES
def test_a_worker_without_room_says_so_and_goes_on_when_it_has_some(
    world: World, store: SqliteStore, tmp_path: Path, break_: State, mend: State
) -> None:
    appender = world.appender(store)
    appender.submit_batch(world.batch(300))
    worker = Worker(
        [WorkerLog(ORIGIN, store, world.log)],
        None,
        world.clock,
        lock=tmp_path / "lock",
        status=tmp_path / "status.json",
        settings=WorkerSettings(integrate_interval=5, publish_interval=5, heartbeat=5),
    )
    thread = threading.Thread(target=worker.run)

    def await_status(reached: Callable[[LogStatus], bool]) -> None:
        deadline = time.monotonic() + 20
        while not ((status := read_status(tmp_path / "status.json")) and reached(status.logs[ORIGIN])):
            assert time.monotonic() < deadline
            assert thread.is_alive()
            time.sleep(0.01)

    break_(store._derived)
    thread.start()
    try:
        await_status(lambda log: "store_busy" in (log.last_error or ""))
        appender.submit(world.envelope())
        mend(store._derived)
        await_status(lambda log: (log.last_error, log.published) == (None, 302))
    finally:
        worker.stop()
        thread.join(20)
        appender.close()
    assert audit(store, tmp_path, world.rules(), processes=1).findings == []


QUOTA = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from log_world import World
from ledger.errors import StoreBusy
from ledger.store import SqliteStore

folder = Path(sys.argv[1])
world, store = World.make(folder), SqliteStore(folder / "log")
appender, out, refused = world.appender(store), (folder / "receipts").open("wb", 0), []

def append():
    envelope = world.envelope()
    try:
        out.write(appender.submit(envelope) + b"\\n")
    except StoreBusy:
        refused.append(envelope)

for _ in range(3):
    append()
largest = max(file.stat().st_size for file in (folder / "log").iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 20_000, resource.RLIM_INFINITY))
while len(refused) < 5:
    append()
print(len(refused), store.size(), flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for envelope in refused:
    out.write(appender.submit(envelope) + b"\\n")
print(appender.failure, flush=True)
appender.close()
"""


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY, reason="has a quota"
)
def test_a_process_over_its_quota_refuses_and_goes_on_when_it_has_room(tmp_path: Path) -> None:
    world = World.make(tmp_path)
    support = Path(__file__).resolve().parent.parent / "support"
    done = subprocess.run(
        [sys.executable, "-c", QUOTA, str(tmp_path), str(support)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    refused, _, failure = done.stdout.split()
    assert (refused, failure) == ("5", "None")
    assert world.log.public == World.make(tmp_path).log.public
    receipts = check_everything(tmp_path)
    assert receipts == len({index for index, _ in acknowledged(tmp_path)}) >= 8
