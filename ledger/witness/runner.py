"""Rounds upon rounds: one thread for each log, so that none waits for another, until stopped.

What goes wrong in a round is shown and tried again, ever more slowly; what is kept is safe at any moment, so
a thread that hangs on a slow log is simply left behind at the end.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.errors import ChainRefused, LedgerError, MisbehaviourFound
from ledger.files import replace_file
from ledger.formats import strictjson
from ledger.log.clock import Clock
from ledger.witness.anchors import AnchorHidden, AnchorWatch
from ledger.witness.follower import Follower, Round, Stopping

logger = logging.getLogger("xinzheng.witness")

LONGEST_PAUSE_SECONDS = 60.0


@dataclass(slots=True)
class Standing:
    """How following one log goes: the last round that was whole (milliseconds), and what is wrong."""

    done_at: int | None = None
    round: Round | None = None
    error: str | None = None
    chain_error: str | None = None
    misbehaved: bool = False
    deriving: tuple[int, int] | None = None

    def as_json(self) -> dict[str, Any]:
        """As the status file has it."""
        round_ = self.round
        return {
            "done_at": self.done_at,
            "newest": round_.newest if round_ else None,
            "derived": round_.derived if round_ else None,
            "cosigned": round_.cosigned if round_ else None,
            "error": self.error,
            "chain_error": self.chain_error,
            "misbehaved": self.misbehaved,
            "deriving": list(self.deriving) if self.deriving else None,
        }


@dataclass(slots=True)
class Followed:
    """A log with what watches it; `watch` only where the witness has a chain."""

    follower: Follower
    watch: AnchorWatch | None = None
    standing: Standing = field(default_factory=Standing)

    def round(self, clock: Clock, stopping: Stopping = lambda: False) -> bool:
        """One round, whatever comes of it; returns whether the log's part of it was whole."""
        standing = self.standing
        try:
            notes = self._look()
            standing.round = self.follower.step(stopping, notes)
            standing.deriving = None
            standing.done_at, standing.error = clock(), None
            self._cosign_on_chain()
        except MisbehaviourFound as error:
            standing.misbehaved = True
            self._say(f"{error.code}: {error.detail}")
            return False
        except LedgerError as error:
            self._say(f"{error.code}: {error.detail or error.en}")
            return False
        except Exception as error:
            # A defect of ours: it must not end the following of other logs, and must not go unseen.
            logger.exception("%s: stopped by a defect", self.follower.origin)
            self._say(f"internal: {type(error).__name__}")
            return False
        return True

    def _look(self) -> list[Any]:
        """The anchored notes. A chain that is away keeps nobody from following the log itself; a log that
        hides what it anchored is not vouched for until it shows it."""
        if self.watch is None:
            return []
        try:
            notes = self.watch.look()
        except (AnchorHidden, MisbehaviourFound):
            raise
        except LedgerError as error:
            self.standing.chain_error = f"{error.code}: {error.detail}"
            return []
        self.standing.chain_error = None
        return notes

    def _cosign_on_chain(self) -> None:
        if self.watch is None or self.standing.chain_error is not None:
            return
        try:
            self.watch.cosign()
        except LedgerError as error:
            reason = error.reason if isinstance(error, ChainRefused) else ""
            self.standing.chain_error = f"{error.code} {reason}: {error.detail}"

    def _say(self, error: str) -> None:
        if error != self.standing.error:
            logger.warning("%s: %s", self.follower.origin, error)
        self.standing.error = error


class Runner:
    """Follows several logs until stopped; `interval` in seconds between two rounds."""

    def __init__(self, followed: Sequence[Followed], interval: float, clock: Clock, status: Path) -> None:
        self._followed = followed
        self._interval = interval
        self._clock = clock
        self._status = status
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask to end after the stretch under way; from any thread or signal handler."""
        self._stopping.set()

    def run(self, patience: float = 20.0) -> None:
        """Follow until stopped; a thread that does not end within `patience` seconds is left behind."""
        threads = [
            threading.Thread(
                target=self._keep_following, args=(each,), name=each.follower.origin, daemon=True
            )
            for each in self._followed
        ]
        for thread in threads:
            thread.start()
        while not self._stopping.wait(1.0):
            self.write_status()
        deadline = time.monotonic() + patience
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.write_status()

    def once(self, patience: float) -> bool:
        """One round of every log, at most `patience` seconds; whether all were whole, and the chain too."""
        whole: list[bool] = []
        threads = [
            threading.Thread(target=lambda each=each: whole.append(each.round(self._clock)), daemon=True)
            for each in self._followed
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + patience
        for each, thread in zip(self._followed, threads, strict=True):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                each.standing.error = f"unavailable: the round took longer than {patience:g} seconds"
        self.write_status()
        chains = all(each.standing.chain_error is None for each in self._followed)
        return len(whole) == len(self._followed) and all(whole) and chains

    def write_status(self) -> None:
        """Replace the status file; that it cannot be written stops nothing."""
        logs = {each.follower.origin: each.standing.as_json() for each in self._followed}
        try:
            replace_file(self._status, strictjson.dumps({"at": self._clock(), "logs": logs}))
        except OSError as error:
            logger.warning("the status file cannot be written: %s", error.strerror)

    def _keep_following(self, followed: Followed) -> None:
        pause = self._interval
        while not self._stopping.is_set():
            if followed.round(self._clock, self._stopping.is_set):
                pause = self._interval
            else:
                pause = min(2 * pause, max(self._interval, LONGEST_PAUSE_SECONDS))
            self._stopping.wait(pause)
