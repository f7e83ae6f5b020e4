"""Where the master keys of sealed content come from, as `[sealing] source` in `deployment.toml` says.

    "file"                     keys/sealing.keys, readable by its owner only
    "env:NAME"                 the environment variable NAME
    "command:/path/to argument ..."
                               what the command prints: a key store's or HSM's client. No shell is involved.

Each gives 32 hex digits a line, the last line being the key in force. What they give, and what a command
writes besides, reaches no message and no log.
"""

import contextlib
import os
import re
import select
import shlex
import signal
import stat
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import ConfigurationError, KeyUnusable
from ledger.files import replace_file
from ledger.log.masters import KEY_BYTES, MasterKeys, parse_master_keys

SOURCE = re.compile(r"file|env:[A-Za-z_][A-Za-z0-9_]{0,127}|command:\S[^\x00-\x1f]{0,1000}")
OUTPUT_LIMIT = 16 << 10


def open_master_keys(
    source: str, path: Path, timeout: float, environment: Mapping[str, str] = os.environ
) -> MasterKeys:
    """The master keys from a source; `path` is the key file's, `timeout` in seconds a command's.

    Raises `ConfigurationError`, now or when they are loaded again, that says what is wrong with the source.
    """
    kind, _, rest = source.partition(":")
    if kind == "file":
        return MasterKeys(lambda: _from_file(path), lambda: _stamp(path))
    if kind == "env":
        return MasterKeys(lambda: _from_environment(rest, environment))
    if kind == "command":
        return MasterKeys(lambda: _from_command(rest, timeout))
    raise ConfigurationError("sealing.source must be file, env:NAME or command:...")


def add_master_key(path: Path, key: bytes) -> None:
    """Put a new key in force in the key file, durably and whole; the earlier ones stay."""
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"a master key has {KEY_BYTES} bytes")
    keys = [*_from_file(path), key]
    try:
        replace_file(path, b"".join(each.hex().encode("ascii") + b"\n" for each in keys))
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be replaced: {error.strerror}") from None


def _from_file(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise ConfigurationError(f"{path.name} must be its owner's alone (chmod 600)")
            text = file.read(OUTPUT_LIMIT + 1)
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from None
    return _parsed(text, path.name)


def _from_environment(name: str, environment: Mapping[str, str]) -> list[bytes]:
    text = environment.get(name)
    if text is None:
        raise ConfigurationError(f"the environment variable {name}, which sealing.source names, is not set")
    return _parsed(text.encode("utf-8", "replace"), f"the environment variable {name}")


def _from_command(command: str, timeout: float) -> list[bytes]:
    try:
        arguments = shlex.split(command)
    except ValueError:
        arguments = []
    if not arguments:
        raise ConfigurationError("the command of sealing.source is not in form")
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command, without a shell
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise ConfigurationError(f"the command of sealing.source cannot be run: {error.strerror}") from None
    deadline = time.monotonic() + timeout
    try:
        text = _read(process, deadline)
        if len(text) > OUTPUT_LIMIT:
            _kill(process)
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        _kill(process)
        process.wait()
        raise ConfigurationError(f"the command of sealing.source took over {timeout:g} seconds") from None
    finally:
        assert process.stdout is not None
        process.stdout.close()
    if len(text) <= OUTPUT_LIMIT and status != 0:
        raise ConfigurationError(f"the command of sealing.source ended with status {status}")
    return _parsed(text, "the command of sealing.source")


def _read(process: "subprocess.Popen[bytes]", deadline: float) -> bytes:
    """What the command writes until it closes its output, or a little over the limit. Raises `TimeoutError`.

    Never waits for what may not come: a child that left its session, as agents do, may hold the pipe open for
    ever, and is beyond being killed with the others.
    """
    assert process.stdout is not None
    text, pipe = b"", process.stdout.fileno()
    readable = select.poll()
    readable.register(pipe, select.POLLIN)
    while len(text) <= OUTPUT_LIMIT:
        if not readable.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        piece = os.read(pipe, OUTPUT_LIMIT + 1)
        if not piece:
            break
        text += piece
    return text


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _parsed(text: bytes, what: str) -> list[bytes]:
    if len(text) > OUTPUT_LIMIT:
        raise ConfigurationError(f"{what} gives over {OUTPUT_LIMIT} bytes")
    try:
        return parse_master_keys(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{what}: {error.detail}") from None


def _stamp(path: Path) -> object:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size
