"""Run one long command with a sign of life, and say plainly what went wrong. Standard library only."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

_OFFLINE_SIGNS = (
    "Temporary failure in name resolution",
    "Name or service not known",
    "NewConnectionError",
    "Connection refused",
    "Network is unreachable",
    "No matching distribution found",
    "Could not resolve",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
)
_SIGN_OF_LIFE_SECONDS = 10.0


class StepFailed(Exception):
    """A command of the set-up failed. `offline`: it looks as if a package index could not be reached."""

    def __init__(self, message: str, *, offline: bool = False) -> None:
        super().__init__(message)
        self.offline = offline


def run_step(
    title: str, command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run `command`, showing its title, the seconds and its last line while it runs. Raises `StepFailed`."""
    started = time.monotonic()
    lines: deque[str] = deque(maxlen=30)
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=None if env is None else dict(env),
            cwd=cwd,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise StepFailed(f"{title}: {command[0]} cannot be started ({error.strerror}).") from error
    done = threading.Event()
    clock = threading.Thread(target=_show_progress, args=(title, started, lines, done), daemon=True)
    clock.start()
    try:
        assert process.stdout is not None
        lines.extend(line.rstrip() for line in process.stdout if line.strip())
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        done.set()
        clock.join()
    seconds = time.monotonic() - started
    if status != 0:
        _clear_line()
        raise StepFailed(_explain(title, status, lines), offline=_looks_offline(lines))
    _clear_line()
    print(f"  {title}: done in {seconds:.0f} s", file=sys.stderr, flush=True)


def _explain(title: str, status: int, lines: Sequence[str]) -> str:
    said = "\n".join(f"  | {line}" for line in list(lines)[-12:])
    hint = "A package index was not reached or lacks it: check the network and pip's or npm's settings."
    return f"{title} failed (exit status {status}).\n{said}" + (f"\n{hint}" if _looks_offline(lines) else "")


def _looks_offline(lines: Sequence[str]) -> bool:
    return any(sign in line for line in lines for sign in _OFFLINE_SIGNS)


def _show_progress(title: str, started: float, lines: deque[str], done: threading.Event) -> None:
    terminal = sys.stderr.isatty()
    while not done.wait(0.5 if terminal else _SIGN_OF_LIFE_SECONDS):
        last = lines[-1].strip()[:60] if lines else ""
        text = f"  {title}: {time.monotonic() - started:.0f} s  {last}"
        if terminal:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)


def _clear_line() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
