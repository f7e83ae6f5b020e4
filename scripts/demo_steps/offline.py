"""Verify a bundle as somebody else would: another process, in an empty folder, with no database, no network.

Where the system allows it, the process runs in a network namespace of its own (`unshare`), which has no
network at all. It gets the bundle, the trust file and nothing of this process's environment.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verifier said: its exit status and its JSON report."""

    status: int
    report: dict[str, Any]
    command: str

    @property
    def verdicts(self) -> dict[str, str]:
        """Verdict by name: `pass`, `fail` or `unknown`."""
        return {str(name): str(value) for name, value in self.report.get("verdicts", {}).items()}


class VerifierBroken(Exception):
    """The verifier did not answer in its form."""


def verify_offline(
    bundle: Path, trust: Path, arguments: Sequence[str] = (), *, network: bool = False
) -> Verified:
    """Run `xinzheng verify` upon copies of the two files. Raises `VerifierBroken`.

    `network` leaves the process its network, for a verifier who asks a chain node of his own.
    """
    with tempfile.TemporaryDirectory(prefix="xinzheng-verify-") as name:
        folder = Path(name)
        shutil.copyfile(bundle, folder / "bundle.json")
        shutil.copyfile(trust, folder / "trust.json")
        call = ["verify", "bundle.json", "--trust", "trust.json", "--json", *arguments]
        done = subprocess.run(
            [*(() if network else isolation()), sys.executable, "-m", "ledger.cli", *call],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
    try:
        report = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise VerifierBroken(
            f"status {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}"
        ) from None
    return Verified(done.returncode, report, f"xinzheng {' '.join(call)}")


@cache
def isolation() -> tuple[str, ...]:
    """The prefix that takes the network away from a command; empty where the system does not permit it."""
    unshare = shutil.which("unshare")
    for flags in (("-n",), ("-r", "-n")):
        if unshare is None:
            break
        tried = subprocess.run([unshare, *flags, "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return (unshare, *flags)
    return ()
