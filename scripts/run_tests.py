"""Every check of the project, one after the other, and a summary: what `scripts/test` runs once it is set up.

Without arguments all checks run, also after one has failed, so that one run tells everything. With arguments
only pytest runs, and they are pytest's. Exit status 0 when all passed, 1 when one failed.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.environment import ROOT, environment


@dataclass(frozen=True, slots=True)
class Check:
    """One command; `title` names it in the summary."""

    title: str
    command: tuple[str, ...]


def checks() -> list[Check]:
    """All checks, the quick ones first."""
    python = sys.executable
    # Files stay whole on one worker, so that one embedded chain or server serves a file's tests.
    workers = ("-n", str(min(2, os.cpu_count() or 1)), "--dist", "loadfile")
    return [
        Check("lint", (python, "-m", "ruff", "check", ".")),
        Check("format", (python, "-m", "ruff", "format", "--check", ".")),
        Check("types", (python, "-m", "mypy")),
        Check("import direction", (str(Path(python).parent / "lint-imports"),)),
        Check("tests", (python, "-m", "pytest", *workers)),
    ]


def main(arguments: Sequence[str]) -> int:
    """Run the checks and return the exit status."""
    if arguments:
        return subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environment())
    results = [(check, *_run(check)) for check in checks()]
    print("\nSummary")
    for check, status, seconds in results:
        print(f"  {'ok    ' if status == 0 else 'FAILED'}  {check.title:<18} {seconds:6.1f} s")
    failed = [check.title for check, status, _ in results if status != 0]
    print(f"Failed: {', '.join(failed)}." if failed else "All checks passed.")
    return 1 if failed else 0


def _run(check: Check) -> tuple[int, float]:
    print(f"\n== {check.title}", flush=True)
    started = time.monotonic()
    status = subprocess.call(check.command, cwd=ROOT, env=environment())
    return status, time.monotonic() - started


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
