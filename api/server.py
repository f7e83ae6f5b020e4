"""Serving over HTTP: granian, several processes behind one port, many blocking threads in each.

Each process keeps to one processor: its threads take turns at the interpreter lock, and handing that over
from one processor to another costs more than signing beside it saves (measured on two: half the time of a
request).
What the processes must share stands in files: used-up nonces (`nonces.py`), who writes a database next
(`ledger/store/queue.py`), whose turn a record is (`ledger/log/turns.py`), metrics. Each has its own threads,
limits, caches and group commit. The worker, a process of its own, runs beside them.

The kernel gives a new connection to one of those that listen. A process that is killed is started again, and
what it had accepted stands; one that ends by itself, or is killed again at once, ends all of them, and so
does SIGTERM, after the requests that are under way.
"""

import gc
import logging
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask

from ledger.deployment.process import check_address, end_with_parent
from ledger.errors import AlreadyRunning, LedgerError
from ledger.log.lockfile import LockFile

if TYPE_CHECKING:
    from ledger.deployment import Deployment

FOLDER_VARIABLE = "XINZHENG_FOLDER"
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PROCESSES_VARIABLE = "XINZHENG_PROCESSES"
MOST_BY_ITSELF = 8
"""Processes that are started where no number is configured, at most."""
COLLECTOR_THRESHOLDS = (10_000, 50, 100)
"""After so many new objects the youngest are looked at; each further generation after so many such rounds."""
SWITCH_SECONDS = 0.001
"""How long a thread that computes may keep one waiting that logs and commits for many; Python's is 0.005."""
HEADER_BUFFER_BYTES = 64 << 10
HEADER_READ_TIMEOUT_MS = 10_000
BACKLOG = 1024
CONNECTIONS = 8_192
"""Open ones of a process at most, idle ones too: strangers who only connect must not keep others waiting."""


def application() -> Flask:
    """The application of the deployment in the folder that `XINZHENG_FOLDER` names, for granian."""
    from api.app import create_app
    from ledger.deployment import Deployment

    end_with_parent()
    folder = Path(os.environ[FOLDER_VARIABLE])
    try:
        _keep_to_one_processor(_place(folder))
        deployment = Deployment.open(folder)
        # `atexit` is not run in granian's worker process, which is one of multiprocessing's.
        Finalize(None, deployment.close, exitpriority=1)
        app = create_app(deployment)
        deployment.warm()
        _spare_the_collector()
        sys.setswitchinterval(SWITCH_SECONDS)
    except LedgerError as error:
        # One line, where multiprocessing would print a traceback.
        sys.exit(complaint(error))
    return app


def _spare_the_collector() -> None:
    """Look for cycles among what requests leave, and seldom among all that is kept.

    Caches of parsed entries make a full round a pause of some fifty milliseconds, and as Python has it by
    itself there would be one every few seconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def _place(folder: Path) -> int:
    """The lowest number that no other process of this service has; it is this one's until it ends."""
    processes = int(os.environ.get(PROCESSES_VARIABLE, "1"))
    # More than there are: a process may come before the one that it replaces is gone.
    for place in range(2 * processes):
        lock = LockFile(folder / "run" / f"service-{place}.lock", "process", AlreadyRunning)
        try:
            lock.__enter__()
        except AlreadyRunning:
            continue
        _places.append(lock)
        return place
    raise AlreadyRunning("there are more processes of this service than it started")


_places: list[LockFile] = []


def _keep_to_one_processor(place: int) -> None:
    """Bind this process, and the threads that it will start, to a processor of its own; Linux only."""
    if sys.platform == "linux":
        processors = sorted(os.sched_getaffinity(0), reverse=True)
        os.sched_setaffinity(0, {processors[place % len(processors)]})


def usual_processes() -> int:
    """How many processes serve where no number is configured: one for each processor, to a limit."""
    if sys.platform == "linux":
        return min(MOST_BY_ITSELF, len(os.sched_getaffinity(0)))
    return min(MOST_BY_ITSELF, os.cpu_count() or 1)


def complaint(error: LedgerError) -> str:
    """An error as one line for the person at the terminal, Chinese first."""
    return f"错误：{error.zh} / {error.en} [{error.code}] {error.detail}"


def serve(deployment: "Deployment", host: str, port: int, threads: int, processes: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, with so many processes of so many threads; blocks.

    Raises `AlreadyRunning` and `AddressTaken`, and `ConfigurationError` for a deployment that is not ready.
    """
    processes = processes or usual_processes()
    os.environ[FOLDER_VARIABLE] = str(deployment.folder)
    os.environ[PROCESSES_VARIABLE] = str(processes)
    # Two services of a deployment would share its port, or an old one go on beside a new one unnoticed.
    with LockFile(deployment.folder / "run" / "service.lock", "service", AlreadyRunning):
        check_address(host, port)
        # Read here too, so that what is missing stops the start with its own exit status.
        assert deployment.directory
        logging.getLogger("_granian").addFilter(_is_news)
        with _metrics_folder(deployment.folder):
            _server(host, port, threads, processes).serve()


@contextmanager
def _metrics_folder(deployment: Path) -> Iterator[None]:
    """Where the processes leave what they count. In memory: they map it, and a full disk would kill them."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of ours in it, which nobody else can enter
    if not memory.is_dir():
        memory = Path(tempfile.gettempdir())
    # By the deployment's own identity, so that what a service that was killed left is found and deleted.
    status = deployment.stat()
    folder = memory / f"xinzheng-metrics-{os.getuid()}-{status.st_dev:x}-{status.st_ino:x}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # It is somebody else's.
        folder = Path(tempfile.mkdtemp(prefix="xinzheng-metrics-", dir=memory))
    os.environ[METRICS_VARIABLE] = str(folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _connections() -> int:
    """How many connections a process may have open: half of the files that it may open, whose limit is raised
    as far as it may be by itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * CONNECTIONS and soft != resource.RLIM_INFINITY:
        soft = 2 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, 2 * CONNECTIONS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft == resource.RLIM_INFINITY else min(CONNECTIONS, soft // 2)


def _is_news(record: logging.LogRecord) -> bool:
    """Not the advice about threads: most of ours wait for the disk, and `in_flight` bounds them."""
    return not record.getMessage().startswith("Configuration allows spawning")


def _server(host: str, port: int, threads: int, processes: int) -> Any:
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server import Server

    class Supervised(Server):  # type: ignore[misc, valid-type]
        @property
        def respawn_failed_workers(self) -> bool:
            """Whether what ended is started again: what was killed, not what gave up by itself."""
            return all((self.wrks[place].inner.exitcode or 0) < 0 for place in self.interrupt_children)

        @respawn_failed_workers.setter
        def respawn_failed_workers(self, value: bool) -> None:
            """The library sets what it was given."""

    return Supervised(
        "api.server:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=threads,
        backlog=BACKLOG,
        backpressure=_connections(),
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_READ_TIMEOUT_MS, max_buffer_size=HEADER_BUFFER_BYTES
        ),
        websockets=False,
        log_access=False,
        factory=True,
        workers_kill_timeout=10,
    )
