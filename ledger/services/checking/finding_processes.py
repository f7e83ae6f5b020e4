"""Processes that find the answers to large batches, beside the one that serves.

Ten thousand subjects take seconds of computing. Done in the service's own threads these would hold up whoever
asks about one subject meanwhile, and use one processor. The helpers are started for the first large batch,
run at a lower priority, and end with the service: when its end of the pipe is closed. They only read.

    helpers = FindingProcesses(["python", "-m", "ledger.deployment.finding", folder], 2)
    told = helpers.tell(part)

What is sent are pickles over a pipe of our own, which nobody else can write to.
"""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait

from ledger.errors import LedgerError, Unavailable
from ledger.services.checking.batch import Told
from ledger.services.checking.finder import Finder, Part

WORTH = 500
"""Questions from which on helpers are worth asking."""
PIECE = 250
"""Questions that a helper is sent at a time."""
LONGEST_WAIT_SECONDS = 60.0
LOWER_PRIORITY = 5

_READY = "ready"


class HelpersGone(Exception):
    """The helpers cannot be had now: whoever asks finds the answers himself."""


class FindingProcesses:
    """Some helpers, started when they are first needed; for one batch at a time, others wait."""

    def __init__(self, command: Sequence[str], count: int) -> None:
        """`command` starts a helper; the number of its end of the pipe is appended."""
        self._command = list(command)
        self._count = count
        self._helpers: list[_Helper] = []
        self._lock = threading.Lock()
        self._closed = False

    def tell(self, part: Part) -> list[Told]:
        """What is told about each subject, as `Finder.tell`, but for the findings themselves.

        Raises `HelpersGone` when there are none or one of them ends meanwhile, and what `Finder.tell` raises.
        """
        if not self._lock.acquire(timeout=LONGEST_WAIT_SECONDS):
            raise HelpersGone
        try:
            self._start()
            return self._share(part)
        except (OSError, EOFError, HelpersGone) as error:
            self._stop()
            raise HelpersGone from error
        except BaseException:
            # What the others were still to answer must not be taken for the answer to the next batch.
            self._stop()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the helpers; there will be no more."""
        self._closed = True
        if self._lock.acquire(timeout=LONGEST_WAIT_SECONDS):
            try:
                self._stop()
            finally:
                self._lock.release()

    def _start(self) -> None:
        if self._closed:
            raise HelpersGone
        if not self._helpers:
            self._helpers = [_Helper(self._command) for _ in range(self._count)]
            for helper in self._helpers:
                if helper.receive(time.monotonic() + LONGEST_WAIT_SECONDS) != _READY:
                    raise HelpersGone

    def _stop(self) -> None:
        for helper in self._helpers:
            helper.stop()
        self._helpers = []

    def _share(self, part: Part) -> list[Told]:
        """Give each helper a piece, and the next one when it has answered."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        starts = iter(range(0, len(part.questions), PIECE))
        busy: dict[Connection, tuple[_Helper, int]] = {}
        found: dict[int, list[Told]] = {}

        def give(helper: _Helper) -> None:
            start = next(starts, None)
            if start is not None:
                helper.send(replace(part, questions=part.questions[start : start + PIECE]))
                busy[helper.connection] = helper, start

        for helper in self._helpers:
            give(helper)
        while busy:
            ready = wait(list(busy), timeout=max(0.0, deadline - time.monotonic()))
            if not ready:
                raise HelpersGone
            for connection in ready:
                helper, start = busy.pop(connection)  # type: ignore[call-overload]
                answer = helper.receive(deadline)
                if isinstance(answer, LedgerError):
                    raise answer
                found[start] = answer
                give(helper)
        return [told for start in sorted(found) for told in found[start]]


class _Helper:
    """One process and our end of its pipe."""

    def __init__(self, command: Sequence[str]) -> None:
        ours, its = socket.socketpair()
        with its:
            # Its life hangs on the pipe alone: a thread of ours that ends must not take it along.
            self._process = subprocess.Popen(  # noqa: S603 - a module of ours
                [*command, str(its.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(its.fileno(),),
                close_fds=True,
            )
        self.connection = Connection(ours.detach())

    def send(self, part: Part) -> None:
        self.connection.send(part)

    def receive(self, deadline: float) -> object:
        if not self.connection.poll(max(0.0, deadline - time.monotonic())):
            raise HelpersGone
        return self.connection.recv()

    def stop(self) -> None:
        with suppress(OSError):
            self.connection.close()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)


def help_finding(finder: Finder, descriptor: int) -> None:
    """Be a helper: answer parts from the pipe until it is closed."""
    with suppress(OSError):
        os.nice(LOWER_PRIORITY)
    connection = Connection(descriptor)
    with suppress(EOFError, OSError):
        connection.send(_READY)
        while True:
            connection.send(_answer(finder, connection.recv()))


def _answer(finder: Finder, part: Part) -> list[Told] | LedgerError:
    try:
        return [replace(told, findings=None) for told in finder.tell(part)]
    except LedgerError as error:
        return type(error)(error.detail)
    except Exception as error:  # noqa: BLE001 - a defect of ours: the service must not wait for nothing
        return Unavailable(f"finding failed: {type(error).__name__}")
