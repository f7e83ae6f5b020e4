"""Serving over HTTP: granian, one process, many blocking threads.

One process, so that group commit, the verifier's key tables and the used-up nonces are in one place; the
expensive C calls let go of the interpreter lock, and the worker is a process of its own.
"""

import os
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

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

    deployment = Deployment.open(Path(os.environ[FOLDER_VARIABLE]))
    # `atexit` is not run in granian's worker process, which is one of multiprocessing's.
    Finalize(None, deployment.close, exitpriority=1)
    app = create_app(deployment)
    deployment.warm()
    return app


def serve(deployment: "Deployment", host: str, port: int, threads: int) -> None:
    """Serve until SIGTERM or SIGINT; blocks. Raises `OSError` when the address is taken."""
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server import Server

    os.environ[FOLDER_VARIABLE] = str(deployment.folder)
    Server(
        "api.server:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=threads,
        backlog=BACKLOG,
        backpressure=deployment.config.limits.in_flight,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_READ_TIMEOUT_MS, max_buffer_size=HEADER_BUFFER_BYTES
        ),
        websockets=False,
        log_access=False,
        factory=True,
        workers_kill_timeout=10,
    ).serve()
