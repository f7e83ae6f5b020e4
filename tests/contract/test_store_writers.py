"""Writers of several processes queue for a file, wake one another, and never wait for the dead."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ledger.errors import StoreBusy
from ledger.store import SqliteStore
from ledger.store.port import Accepted, NewEntry
from ledger.store.queue import WriteQueue

HOLD = """
import sys, time
from pathlib import Path
from ledger.store.queue import WriteQueue
queue = WriteQueue(Path(sys.argv[1]))
assert queue.take(5)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
queue.give()
"""
APPEND = """
import sys, time
from pathlib import Path
from ledger.store import SqliteStore
from ledger.store.port import NewEntry
store, issuer, ahead = SqliteStore(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
stop, count, longest = time.monotonic() + 1.5, 0, 0.0
while time.monotonic() < stop:
    began = time.monotonic()
    entry = NewEntry(issuer, f"019b0000-0000-7000-8000-{count:012x}", b"x", bytes(32), ())
    store.append([[entry]], time.time_ns() // 1_000_000 + ahead)
    longest = max(longest, time.monotonic() - began)
    count += 1
print(count, longest, flush=True)
"""


def run(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def entry(number: int) -> NewEntry:
    id = f"019b0000-0000-7000-8000-{number:012x}"
    return NewEntry("11990100MB0000019L", id, b"x", bytes(32), ())


def test_a_waiter_is_woken_when_the_one_before_lets_go(tmp_path: Path) -> None:
    first, second = WriteQueue(tmp_path / "queue"), WriteQueue(tmp_path / "queue")
    taken: list[float] = []

    def wait() -> None:
        assert second.take(20)
        taken.append(time.monotonic())

    assert first.take(0)
    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.2)
    assert not taken
    given = time.monotonic()
    first.give()
    waiter.join()
    # SQLite would sleep a tenth of a second by now, and only then look.
    assert taken[0] - given < 0.09
    second.give()


def test_who_gave_up_waiting_holds_nothing_and_may_wait_again(tmp_path: Path) -> None:
    first, second, third = (WriteQueue(tmp_path / "queue") for _ in range(3))
    assert first.take(0)
    for _ in range(3):
        assert not second.take(0.02)
    first.give()
    # What the second gave up waiting for comes to it, and goes on.
    assert third.take(5)
    assert not second.take(0.02)
    third.give()
    assert second.take(5)
    second.give()
    assert first.take(5)


def test_a_queue_that_is_closed_while_waiting_holds_nobody_up(tmp_path: Path) -> None:
    first, second = WriteQueue(tmp_path / "queue"), WriteQueue(tmp_path / "queue")
    assert first.take(0)
    assert not second.take(0.02)
    second.close()
    first.give()
    assert first.take(5)


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    holder = run(HOLD, tmp_path / "log.db-queue", 60)
    assert line_of(holder) == "held"
    store = SqliteStore.__new__(SqliteStore)
    opened = threading.Event()

    def open_and_append() -> None:
        # Opening migrates, which waits as long as that may take.
        store.__init__(tmp_path)  # type: ignore[misc]
        assert store.append([[entry(0)]], 7) == [Accepted(0, 7, False)]
        opened.set()

    waiter = threading.Thread(target=open_and_append)
    waiter.start()
    assert not opened.wait(0.3)
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    waiter.join(10)
    assert opened.is_set()
    store.close()


def test_a_holder_that_takes_too_long_is_not_waited_for(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, busy_timeout=0.2)
    holder = run(HOLD, tmp_path / "log.db-queue", 1.0)
    assert line_of(holder) == "held"
    with pytest.raises(StoreBusy, match="another process"):
        store.append([[entry(0)]], 1)
    assert holder.wait(10) == 0
    assert store.append([[entry(0)]], 1) == [Accepted(0, 1, False)]
    store.close()


def test_a_program_that_does_not_queue_is_kept_apart_all_the_same(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, busy_timeout=0.05)
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        store.append([[entry(0)]], 1)
    other.close()
    # The queue was left, so that the next one gets its turn.
    assert store.append([[entry(0)]], 1) == [Accepted(0, 1, False)]
    store.close()


def test_two_processes_share_the_file_and_its_times_never_go_back(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    # One clock is ahead, as the clock is of whoever looked later and committed earlier.
    issuers = ("11990100MB0000019L", "11990100MB0000027F")
    writers = [run(APPEND, tmp_path, issuer, ahead) for issuer, ahead in zip(issuers, (0, 40), strict=True)]
    for writer in writers:
        assert line_of(writer) == "ready"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    told = [line_of(writer).split() for writer in writers]
    counts = [int(count) for count, _ in told]
    assert all(writer.wait(10) == 0 for writer in writers)
    store = SqliteStore(tmp_path)
    times = [each.accepted_at for each in store.entries(0, store.size())]
    store.close()
    assert len(times) == sum(counts)
    assert times == sorted(times)
    # Neither is kept out by the other, which asks again at once.
    assert min(counts) * 8 >= max(counts), told
