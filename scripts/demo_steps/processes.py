"""The demo's own processes: started in groups of their own, remembered in files, ended without doubt.

Each start writes `<folder>/<name>.json` with the process id and the moment the system started it, so that a
later run can tell a process of an earlier run, which may have been killed, from one that only has its number.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_SECONDS = 15.0


class ProcessDied(Exception):
    """A process of the demo ended by itself; the text holds the end of what it said."""


class Processes:
    """Processes remembered below `folder`, which is made when the first one starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> None:
        """Start `command` in the background; what it says goes to `<folder>/<name>.log`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        # A kill before the file is written leaves a process that only its session shows; nothing else is
        # started before it is written.
        record = {"pid": process.pid, "started": _started(process.pid)}
        (self._folder / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
        self._running[name] = process

    def check(self) -> None:
        """Raise `ProcessDied` if one has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ProcessDied(f"{name} ended with status {process.returncode}.\n{self.tail(name)}")

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines of what a process said."""
        try:
            text = (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(f"  | {line}" for line in text.splitlines()[-lines:])

    def stop(self, name: str) -> None:
        """End one process and its group: asked first, then made to."""
        pid, started = self._remembered(name)
        process = self._running.pop(name, None)
        if pid > 1:
            _end_group(pid, started, process)
        (self._folder / f"{name}.json").unlink(missing_ok=True)

    def alive(self, name: str) -> bool:
        """Whether the process that was started under this name, by this run or an earlier one, still runs."""
        process = self._running.get(name)
        if process is not None:
            return process.poll() is None
        pid, started = self._remembered(name)
        return pid > 1 and bool(_group(pid, started))

    def kill(self, name: str) -> None:
        """SIGKILL one process and its group, and wait until they are gone."""
        pid, started = self._remembered(name)
        process = self._running.pop(name, None)
        if pid > 1:
            _end_group(pid, started, process, signals=(signal.SIGKILL,))
        (self._folder / f"{name}.json").unlink(missing_ok=True)

    def stop_all(self) -> list[str]:
        """End every process that is remembered, by this run or an earlier one; return the names."""
        names = sorted(path.stem for path in self._folder.glob("*.json"))
        for name in ("server", "worker", "chain"):
            if name in names:
                self.stop(name)
        for name in names:
            self.stop(name)
        return names

    def _remembered(self, name: str) -> tuple[int, str | None]:
        """(process id, when it was started) of a process by name; id 0 when none is remembered."""
        try:
            record = json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
            return int(record["pid"]), record["started"]
        except (OSError, ValueError, KeyError, TypeError):
            return 0, None


def _end_group(
    pid: int,
    started: str | None,
    process: subprocess.Popen[bytes] | None,
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGKILL),
) -> None:
    members = _group(pid, started)
    if not members:
        if process is not None:
            process.wait()
        return
    for signal_ in signals:
        for member in members:
            _signal(member, signal_)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            if process is not None:
                process.poll()
            members = _group(pid, started)
            if not members:
                return
            time.sleep(0.05)


def _group(leader: int, started: str | None) -> list[int]:
    """The living processes of the session that `leader` began, the leader first.

    One whose first thread is gone lives as long as another of its threads does: it still has its ports. Empty
    when the number belongs to another process by now, told by the moment it was started.
    """
    if not sys.platform.startswith("linux"):
        return [leader] if _alive(leader) and _started(leader) == started else []
    now = _started(leader)
    if now is not None and now != started:
        return []
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields is not None and int(fields[3]) == leader and (fields[0] != "Z" or int(fields[17]) > 1):
                members.append(int(entry.name))
    return sorted(members, key=lambda member: (member != leader, member))


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the state on: state, parent, group, session, ..., threads at 17, start
    time at 19."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _started(pid: int) -> str | None:
    """When the system started the process, in a form that only serves comparison; None if it is not there."""
    if sys.platform.startswith("linux"):
        fields = _stat(pid)
        return None if fields is None else fields[19]
    found = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(pid: int, signal_: signal.Signals) -> None:
    try:
        os.kill(pid, signal_)
    except (ProcessLookupError, PermissionError):
        return
