"""Serving over HTTP: granian, several processes behind one port, many blocking threads in each.

Each process keeps to one processor: its threads take turns at the interpreter lock, and handing that over from
one processor to another costs more than signing beside it saves (measured on two: half the time of a request).
What the processes must share stands in files that the kernel locks: used-up nonces, who writes next, metrics.
The worker, a process of its own, runs beside them.
"""

import logging
import os
import sys
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
HEADER_BUFFER_BYTES = 64 << 10
HEADER_READ_TIMEOUT_MS = 10_000
BACKLOG = 1024


def application() -> Flask:
    """The application of the deployment in the folder that `XINZHENG_FOLDER` names, for granian."""
    from api.app import create_app
    from ledger.deployment import Deployment

    end_with_parent()
    _keep_to_one_processor()
    try:
        deployment = Deployment.open(Path(os.environ[FOLDER_VARIABLE]))
        # `atexit` is not run in granian's worker process, which is one of multiprocessing's.
        Finalize(None, deployment.close, exitpriority=1)
        app = create_app(deployment)
        deployment.warm()
    except LedgerError as error:
        # One line, where multiprocessing would print a traceback.
        sys.exit(complaint(error))
    return app


def _keep_to_one_processor() -> None:
    """Bind this process, and the threads that it will start, to one of its processors; Linux only."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def complaint(error: LedgerError) -> str:
    """An error as one line for the person at the terminal, Chinese first."""
    return f"错误：{error.zh} / {error.en} [{error.code}] {error.detail}"


def serve(deployment: "Deployment", host: str, port: int, threads: int) -> None:
    """Serve until SIGTERM or SIGINT; blocks.

    Raises `AlreadyRunning` and `AddressTaken`, and `ConfigurationError` for a deployment that is not ready.
    """
    os.environ[FOLDER_VARIABLE] = str(deployment.folder)
    # Used-up nonces are in one process's memory: two services of a deployment would let a request pass twice.
    with LockFile(deployment.folder / "run" / "service.lock", "service", AlreadyRunning):
        check_address(host, port)
        # Read here too, so that what is missing stops the start with its own exit status.
        assert deployment.directory
        logging.getLogger("_granian").addFilter(_is_news)
        _server(host, port, threads, deployment.config.limits.in_flight).serve()


def _is_news(record: logging.LogRecord) -> bool:
    """Not the advice about threads: most of ours wait for the disk, and `in_flight` bounds them."""
    return not record.getMessage().startswith("Configuration allows spawning")


def _server(host: str, port: int, threads: int, in_flight: int) -> Any:
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server import Server

    return Server(
        "api.server:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=threads,
        backlog=BACKLOG,
        backpressure=in_flight,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_READ_TIMEOUT_MS, max_buffer_size=HEADER_BUFFER_BYTES
        ),
        websockets=False,
        log_access=False,
        factory=True,
        workers_kill_timeout=10,
    )
