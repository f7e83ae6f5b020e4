"""What the worker says about itself: one small JSON file, replaced whole, read by the API and by people.

    {"at": 1795334400000, "pid": 4711, "alarms": ["anchor_lost"],
     "logs": {"yunling.example/credit": {"accepted": 9, "integrated": 9, "published": 9, "anchored": 8,
              "final": 8, "published_at": 1795334399, "anchored_at": 1795334390,
              "last_error": null, "alarms": ["anchor_lost"]}},
     "chores": {"expiry": {"done_at": 1795334390000, "error": null, "alarms": []}}}

`at` and `done_at` are in milliseconds, the other times in seconds since 1970; sizes are tree sizes. A reader
judges by `at` whether the worker still lives. The file is a report, not a source of truth: losing it loses
nothing.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HEARTBEAT_STALE_MS = 30_000
"""A worker whose file is older than this is taken for dead."""


@dataclass(slots=True)
class LogStatus:
    """How far one log has come; sizes are tree sizes, times seconds since 1970."""

    accepted: int = 0
    integrated: int = 0
    published: int = 0
    anchored: int = 0
    final: int = 0
    published_at: int | None = None
    anchored_at: int | None = None
    last_error: str | None = None
    alarms: list[str] = field(default_factory=list)

    @property
    def lag(self) -> int:
        """Entries accepted, but not yet under an anchored checkpoint."""
        return self.accepted - self.anchored


@dataclass(slots=True)
class ChoreStatus:
    """How a chore of the worker does: when it was last done (milliseconds), and what went wrong since."""

    done_at: int | None = None
    error: str | None = None
    alarms: list[str] = field(default_factory=list)


@dataclass(slots=True)
class WorkerStatus:
    """The whole file; `at` in milliseconds since 1970."""

    at: int
    pid: int
    logs: dict[str, LogStatus]
    chain: str = "none"
    chores: dict[str, ChoreStatus] = field(default_factory=dict)

    @property
    def alarms(self) -> list[str]:
        """The alarms of all logs and chores, each once."""
        of_logs = {alarm for log in self.logs.values() for alarm in log.alarms}
        return sorted(of_logs.union(*(chore.alarms for chore in self.chores.values())))

    def alive(self, now: int) -> bool:
        """Whether the worker wrote this recently, by the caller's clock (milliseconds)."""
        return abs(now - self.at) <= HEARTBEAT_STALE_MS


def write_status(path: Path, status: WorkerStatus) -> None:
    """Replace the file, so that a reader sees the old one or the new one, never a part."""
    logs = {origin: asdict(log) | {"lag": log.lag} for origin, log in status.logs.items()}
    document = {
        "at": status.at,
        "pid": status.pid,
        "chain": status.chain,
        "alarms": status.alarms,
        "logs": logs,
        "chores": {name: asdict(chore) for name, chore in status.chores.items()},
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(document, indent=1), encoding="utf-8")
    draft.replace(path)


def read_status(path: Path) -> WorkerStatus | None:
    """The worker's last report; nothing when there is none or it is not in form."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        logs = {
            origin: LogStatus(**{name: value for name, value in log.items() if name != "lag"})
            for origin, log in document["logs"].items()
        }
        chores = {name: ChoreStatus(**chore) for name, chore in document.get("chores", {}).items()}
        return WorkerStatus(int(document["at"]), int(document["pid"]), logs, str(document["chain"]), chores)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
