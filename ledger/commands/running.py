"""`up`, `serve`, `worker`: running a deployment.

`up` supervises the others in the foreground: the service and the worker as children of its own, the
embedded chain beside them. When one child ends by itself, or at Ctrl-C or SIGTERM, the rest is stopped in
order: first the service (no more requests), then the worker (anchors what it has), last the chain (saved).

The embedded chain's state is saved by the worker, so that it survives a kill however the parts are started.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click

from ledger.commands.common import folder_option, note, open_deployment
from ledger.deployment import Deployment
from ledger.deployment.process import check_address, end_with_parent
from ledger.errors import AlreadyRunning, LedgerError, Unavailable
from ledger.log.lockfile import LockFile
from ledger.signals import on_end

LOOK_SECONDS = 5.0
STOP_SECONDS = 30.0
READY_SECONDS = 60.0
EXIT_UNAVAILABLE, EXIT_BROKEN = 3, 4


@click.command()
@folder_option
@click.option("--host", help="Instead of the configured address.")
@click.option("--port", type=click.IntRange(1, 65535), help="Instead of the configured port.")
@click.option("--threads", type=click.IntRange(1, 512), help="Instead of the configured number.")
@click.option("--processes", type=click.IntRange(1, 64), help="Instead of the configured number.")
def serve(
    folder: Path, host: str | None, port: int | None, threads: int | None, processes: int | None
) -> None:
    """Run the HTTP service in the foreground until SIGTERM or Ctrl-C."""
    deployment = open_deployment(folder)
    command = _serve_command(deployment, host=host, port=port, threads=threads, processes=processes)
    # In this process's place, so that signals reach the server itself.
    os.execv(command[0], command)  # noqa: S606 - this Python, a module of ours


@click.command()
@folder_option
def worker(folder: Path) -> int:
    """Run the worker in the foreground: integrate, publish, anchor, confirm; one per deployment."""
    from ledger.deployment.process import give_way
    from ledger.deployment.work import make_worker
    from ledger.log.worker import EXIT_INTEGRITY, EXIT_LOCKED, run_until_stopped

    _log_to_standard_error()
    # Nobody waits for the worker as somebody does for an answer.
    give_way()
    deployment = open_deployment(folder)
    try:
        with _saved_chain(deployment):
            status = run_until_stopped(make_worker(deployment))
    finally:
        deployment.close()
    return {EXIT_LOCKED: EXIT_UNAVAILABLE, EXIT_INTEGRITY: EXIT_BROKEN}.get(status, status)


@contextlib.contextmanager
def _saved_chain(deployment: Deployment) -> Iterator[None]:
    """Save the embedded chain while the worker runs; what it mined last is saved at the end."""
    if deployment.config.chain.mode != "embedded":
        yield
        return
    from ledger.chain.embedded import Saver

    saver = Saver(deployment.embedded)
    saver.start()
    try:
        yield
    finally:
        saver.stop()
        with contextlib.suppress(Unavailable):
            deployment.embedded.save()


@click.command()
@folder_option
@click.option(
    "--name", default="运营方", show_default=True, help="The operator's name, if it must be registered."
)
def up(folder: Path, name: str) -> int:
    """Run the chain, the worker and the service in the foreground until stopped.

    A new deployment with an embedded chain is founded first: contracts, logs, trust file.
    """
    deployment = open_deployment(folder)
    stopping = threading.Event()
    on_end(stopping.set)
    with LockFile(deployment.folder / "run" / "up.lock", "up", AlreadyRunning):
        return _run(deployment, name, stopping)


def _run(deployment: Deployment, name: str, stopping: threading.Event) -> int:
    embedded = deployment.config.chain.mode == "embedded"
    check_address(deployment.config.api.host, deployment.config.api.port)
    # A chain that was started by hand goes on when this ends.
    ours = embedded and deployment.embedded.pid is None
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        if embedded:
            note("启动内嵌链 · starting the embedded chain")
            deployment.embedded.start()
        if deployment.trust_document() is None:
            from ledger.commands.chain import found
            from ledger.deployment.consortium import OPERATOR_ROLES

            note("部署合约 · deploying the contracts")
            found(deployment, name, OPERATOR_ROLES)
        children["worker"] = _spawn(
            [sys.executable, "-m", "ledger.cli", "worker", "--dir", str(deployment.folder)]
        )
        children["service"] = _spawn(_serve_command(deployment))
        _await_ready(deployment, children, stopping)
        return _supervise(deployment, children, stopping, embedded)
    finally:
        for child in ("service", "worker"):
            if child in children:
                _stop(children[child])
        if ours:
            deployment.embedded.stop()
        note("已全部停止。 Everything is stopped.")


def _supervise(
    deployment: Deployment,
    children: dict[str, subprocess.Popen[bytes]],
    stopping: threading.Event,
    embedded: bool,
) -> int:
    looked = time.monotonic()
    while not stopping.wait(0.5):
        for name, child in children.items():
            if child.poll() is not None:
                note(
                    f"{name} 意外退出（{child.returncode}） · ended by itself with status {child.returncode}"
                )
                return EXIT_UNAVAILABLE
        if embedded and time.monotonic() - looked >= LOOK_SECONDS:
            looked = time.monotonic()
            if deployment.embedded.pid is None:
                # Anchoring waits; submissions and queries go on without the chain.
                note("内嵌链已停止，重新启动 · the embedded chain is away; starting it again")
                _restart_chain(deployment)
    return 0


def _restart_chain(deployment: Deployment) -> None:
    try:
        deployment.embedded.start()
    except LedgerError as error:
        note(f"内嵌链未能重启 · it did not restart: {error.detail}")


def _await_ready(
    deployment: Deployment, children: dict[str, subprocess.Popen[bytes]], stopping: threading.Event
) -> None:
    address = f"http://{deployment.config.api.host}:{deployment.config.api.port}"
    deadline = time.monotonic() + READY_SECONDS
    # Loopback is never reached through a proxy, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while not stopping.wait(0.2):
        try:
            with opener.open(f"{address}/readyz", timeout=5):
                note(f"服务已就绪 · ready: {address}  (文档 docs: {address}/docs)")
                return
        except (urllib.error.URLError, OSError):
            pass
        if any(child.poll() is not None for child in children.values()):
            return
        if time.monotonic() > deadline:
            raise Unavailable(f"the service did not get ready within {READY_SECONDS:g} seconds")


def _serve_command(deployment: Deployment, **options: str | int | None) -> list[str]:
    command = [sys.executable, "-m", "api", "--dir", str(deployment.folder)]
    for option, value in options.items():
        if value is not None:
            command += [f"--{option}", str(value)]
    return command


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C at the terminal reaches only the supervisor, which stops them in order.
    return subprocess.Popen(  # noqa: S603 - this Python, modules of ours
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_parent
    )


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _log_to_standard_error() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
