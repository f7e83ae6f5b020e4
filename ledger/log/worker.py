"""The worker: one process that integrates, publishes, anchors and confirms, for all logs of a deployment.

    worker = Worker(logs, chain, system_clock, lock=path, status=path)
    sys.exit(run_until_stopped(worker))

Several threads, so that a chain that hangs delays nothing: this one integrates and publishes,
`anchoring.py`'s talks to the chain, and each chore (`chores.py`) has its own. A lock file keeps a second
worker out. What goes wrong for a while (database busy, chain away) is written into the status file and tried
again; a broken invariant stops the process with its own exit status, because going on could sign what is not
true.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger.chain.port import AnchorPort
from ledger.errors import IntegrityError, LedgerError, Unavailable, WorkerRunning
from ledger.gm import Signer
from ledger.log.anchor import AnchorSettings
from ledger.log.anchoring import Anchoring
from ledger.log.chores import Chore, Chores
from ledger.log.clock import Clock
from ledger.log.integrate import integrate
from ledger.log.lockfile import LockFile
from ledger.log.publish import publish
from ledger.log.status import LogStatus, WorkerStatus, write_status
from ledger.signals import on_end
from ledger.store.port import LogStore

logger = logging.getLogger("xinzheng.worker")

EXIT_STOPPED = 0
EXIT_INTEGRITY = 70
"""A broken invariant: look at the log file and run an audit before anything else."""
EXIT_LOCKED = 75
"""Another worker is running."""

_BACKLOG = 4_096
"""Entries that are integrated at once, without waiting for the interval."""


@dataclass(frozen=True, slots=True)
class WorkerLog:
    """A log as the worker needs it."""

    origin: str
    store: LogStore
    signer: Signer


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Times in milliseconds.

    `refresh`: age at which an unchanged checkpoint is signed again with a newer time. `guard`: how long the
    first publication waits to hear from the chain whether it contradicts this database.
    """

    integrate_interval: int = 500
    publish_interval: int = 1_000
    refresh: int = 6 * 3600 * 1000
    heartbeat: int = 1_000
    guard: int = 5_000
    chain_poll: int = 1_000
    directory_sync: int = 60_000
    anchor: AnchorSettings = field(default_factory=AnchorSettings)


class Worker:
    """See the module. `run` once; `stop` from any thread."""

    def __init__(
        self,
        logs: Sequence[WorkerLog],
        chain: AnchorPort | None,
        clock: Clock,
        *,
        lock: Path,
        status: Path,
        settings: WorkerSettings | None = None,
        sync_directory: Callable[[], None] | None = None,
        chores: Sequence[Chore] = (),
    ) -> None:
        """`sync_directory` fetches the members' snapshot from the chain; it may raise `LedgerError`."""
        self._logs = logs
        self._clock = clock
        self._settings = settings or WorkerSettings()
        self._lock = LockFile(lock)
        self._status_path = status
        self._stopping = threading.Event()
        self._errors: dict[str, str] = {}
        self._rounds = {log.origin: _Round() for log in logs}
        self._chores = Chores(chores, clock)
        self._anchoring = (
            Anchoring(
                [(log.origin, log.store) for log in logs],
                chain,
                clock,
                self._settings.anchor,
                poll=self._settings.chain_poll,
                sync=sync_directory,
                sync_interval=self._settings.directory_sync,
            )
            if chain is not None
            else None
        )

    def stop(self) -> None:
        """Ask the worker to finish its round and return."""
        self._stopping.set()

    def run(self) -> None:
        """Work until stopped. Raises `WorkerRunning`, and `IntegrityError` when an invariant broke."""
        with self._lock:
            if self._anchoring is not None:
                self._anchoring.start()
            self._chores.start()
            started = self._clock()
            beat = 0
            try:
                while not self._stopping.is_set():
                    busy = False
                    for log in self._logs:
                        busy |= self._work_on(log, self._clock() - started)
                    self._check_anchoring()
                    if not 0 <= self._clock() - beat < self._settings.heartbeat:
                        beat = self._clock()
                        self.write_status()
                    if not busy:
                        self._stopping.wait(self._settings.integrate_interval / 1000)
            finally:
                self._chores.stop()
                if self._anchoring is not None:
                    self._anchoring.stop()
                self.write_status()

    def _work_on(self, log: WorkerLog, running_for: int) -> bool:
        """One round for one log; returns whether more is waiting."""
        try:
            integrated = integrate(log.store)
            self._publish(log, running_for)
            self._errors.pop(log.origin, None)
        except IntegrityError as error:
            self._errors[log.origin] = f"{error.code}: {error.detail}"
            logger.critical("%s: %s: %s", log.origin, error.code, error.detail)
            raise
        except Unavailable as error:
            # Nothing happened; the next round does it.
            self._errors[log.origin] = f"{error.code}: {error.detail}"
            logger.warning("%s: %s", log.origin, error.detail)
            return False
        # A few entries wait for company: an integration costs the least for many entries at once.
        return integrated is not None and log.store.size() - integrated.size >= _BACKLOG

    def _publish(self, log: WorkerLog, running_for: int) -> None:
        settings, round_ = self._settings, self._rounds[log.origin]
        now = self._clock()
        unheard = self._anchoring is not None and not self._anchoring.heard_of(log.origin)
        if unheard and running_for < settings.guard:
            # A database restored from a backup must not sign a second history before the chain is asked.
            return
        if round_.published_at is not None and 0 <= now - round_.published_at < settings.publish_interval:
            return
        latest = log.store.latest_checkpoint()
        size = log.store.integrated().size
        fresh = latest is not None and 0 <= now - latest.time * 1000 < settings.refresh
        if latest is not None and size <= latest.size and (size < latest.size or fresh):
            return
        if publish(log.store, log.origin, log.signer, now // 1000) is not None:
            round_.published_at = now

    def _check_anchoring(self) -> None:
        failure = self._anchoring.failure if self._anchoring is not None else None
        if failure is not None:
            raise failure

    def write_status(self) -> None:
        """Write the status file; that it cannot be written stops nothing."""
        try:
            logs = {log.origin: self._status_of(log) for log in self._logs}
            chain = self._anchoring.health if self._anchoring is not None else "none"
            chores = self._chores.status()
            write_status(self._status_path, WorkerStatus(self._clock(), os.getpid(), logs, chain, chores))
        except (OSError, LedgerError) as error:
            logger.warning("the status file cannot be written: %s", type(error).__name__)

    def _status_of(self, log: WorkerLog) -> LogStatus:
        latest = log.store.latest_checkpoint()
        anchored, final = log.store.latest_anchor(), log.store.latest_anchor(("final",))
        status = LogStatus(
            accepted=log.store.size(),
            integrated=log.store.integrated().size,
            published=latest.size if latest else 0,
            anchored=anchored.size if anchored else 0,
            final=final.size if final else 0,
            published_at=latest.time if latest else None,
            last_error=self._errors.get(log.origin),
        )
        if self._anchoring is not None:
            state = self._anchoring.state(log.origin)
            status.anchored_at = state.anchored_at
            status.alarms = sorted(state.alarms)
            status.last_error = status.last_error or self._anchoring.error(log.origin)
        return status


@dataclass(slots=True)
class _Round:
    published_at: int | None = None


def run_until_stopped(worker: Worker) -> int:
    """Run a worker in this process's main thread until SIGTERM or SIGINT; returns the exit status."""
    on_end(worker.stop)
    try:
        worker.run()
    except WorkerRunning as error:
        logger.error("%s", error.detail)
        return EXIT_LOCKED
    except IntegrityError as error:
        logger.critical("stopped: %s: %s", error.code, error.detail)
        return EXIT_INTEGRITY
    return EXIT_STOPPED
