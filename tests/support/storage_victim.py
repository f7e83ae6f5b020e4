"""One process that writes to a log, for system calls to be failed or cut off under it.

`python storage_victim.py append|record|worker FOLDER` does a fixed amount of work and ends: 0 done, 5 stopped
because the store's integrity is in doubt. What was acknowledged stands in `acknowledged`, a line each,
written only after the acknowledgement. A refusal (`StoreBusy`) is tried again a few times, as a client would.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from log_world import ISSUER, ORIGIN, World

from ledger.domain import AccessEvent
from ledger.errors import IntegrityError, StoreBusy, Unavailable
from ledger.formats.receipt import verify_receipt
from ledger.formats.times import format_time
from ledger.log.status import read_status
from ledger.log.worker import Worker, WorkerLog, WorkerSettings
from ledger.services.recorder import AccessRecorder
from ledger.store import SqliteStore

T = TypeVar("T")
EXIT_DONE, EXIT_INTEGRITY = 0, 5
TRIES = 4
LONGEST_SECONDS = 8.0


def insist(do: Callable[[], T]) -> T | None:
    """Do it, a few times if the store refuses; None if it went on refusing."""
    for _ in range(TRIES):
        try:
            return do()
        except (StoreBusy, Unavailable):
            time.sleep(0.02)
    return None


def append(folder: Path) -> None:
    world, out = World.make(folder), (folder / "acknowledged").open("ab", buffering=0)
    store = insist(lambda: SqliteStore(folder / "log", busy_timeout=2.0))
    if store is None:
        return
    appender = world.appender(store)
    envelopes = [world.envelope() for _ in range(3)]
    for envelope in envelopes:
        receipt = insist(lambda envelope=envelope: appender.submit(envelope))  # type: ignore[misc]
        if receipt is not None:
            known = verify_receipt(receipt, world.log.public)
            out.write(f"{known.leaf_index} {known.leaf_hash.hex()}\n".encode())
    lines = world.batch(4)
    receipt = insist(lambda: appender.submit_batch(lines))
    if receipt is not None:
        known = verify_receipt(receipt, world.log.public)
        out.write(f"{known.leaf_index} {known.leaf_hash.hex()}\n".encode())
    appender.close()
    store.close()


def record(folder: Path) -> None:
    world, out = World.make(folder), (folder / "acknowledged").open("ab", buffering=0)
    store = insist(lambda: SqliteStore(folder / "log", busy_timeout=2.0))
    if store is None:
        return
    appender = world.appender(store)
    recorder = AccessRecorder(appender, ORIGIN, ISSUER, world.member, world.clock, os.urandom)
    for number in range(4):
        event = AccessEvent.model_validate(
            {
                "action": "query",
                "resource": "yunling/hukou",
                "actor": {"member": ISSUER, "operator": "desk-1"},
                "exchange": f"x-{os.getpid()}-{number}",
                "purpose": "行政许可审批",
                "basis": "政务数据共享条例",
                "outcome": "done",
                "happened_at": format_time(world.clock()),
            }
        )
        looked = insist(lambda event=event: recorder.record(event))  # type: ignore[misc]
        if looked is not None:
            out.write(f"{looked.index} {looked.leaf_hash}\n".encode())
    recorder.close()
    appender.close()
    store.close()


def work(folder: Path) -> None:
    """Integrate and publish what waits, as the worker does, until nothing does."""
    world = World.make(folder)
    store = insist(lambda: SqliteStore(folder / "log", busy_timeout=2.0))
    if store is None:
        return
    status = folder / "status.json"
    worker = Worker(
        [WorkerLog(ORIGIN, store, world.log)],
        None,
        world.clock,
        lock=folder / "worker.lock",
        status=status,
        settings=WorkerSettings(integrate_interval=5, publish_interval=5, heartbeat=20),
    )

    def stop_when_done() -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < deadline:
            # The fault may strike this thread, too.
            with contextlib.suppress(StoreBusy, Unavailable):
                told = read_status(status)
                if told and told.pid == os.getpid() and told.logs[ORIGIN].published == store.size():
                    break
            time.sleep(0.02)
        worker.stop()

    threading.Thread(target=stop_when_done, daemon=True).start()
    # A worker that cannot have its lock ends in order, and is started again.
    insist(worker.run)
    store.close()


ROLES = {"append": append, "record": record, "worker": work}

if __name__ == "__main__":
    try:
        ROLES[sys.argv[1]](Path(sys.argv[2]))
    except IntegrityError as error:
        print(f"stopped: {error.detail}", file=sys.stderr)
        sys.exit(EXIT_INTEGRITY)
    sys.exit(EXIT_DONE)
