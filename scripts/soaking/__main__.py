"""`scripts/soak`: faults upon a consortium under load, and what was lost (nothing, or it fails)."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.network import binary
from scripts.network.engine import NetworkFault
from scripts.soaking.faults import Stranger, chain_faults
from scripts.soaking.site import SiteFault
from scripts.soaking.soak import Report, run
from scripts.steps import StepFailed

_FIGURES = ("acknowledged", "lost", "faults", "longest_stall_s", "catch_up_s")


def main(arguments: Sequence[str]) -> int:
    """0 when nothing was lost and all is as it must be, 1 when not, 3 when it could not be run."""
    given = _parser().parse_args(arguments)
    reason = binary.lacking()
    if reason:
        print(f"scripts/soak: {reason}", file=sys.stderr)
        return 3
    folder = Path(tempfile.mkdtemp(prefix="xinzheng-soak-", dir=given.dir))
    print(f"in {folder}", file=sys.stderr)
    try:
        report = run(folder, given.minutes, given.validators, _tell, given.fault)
    except (NetworkFault, SiteFault, StepFailed) as failure:
        print(f"scripts/soak: {failure}\nwhat is left is in {folder}", file=sys.stderr)
        return 1 if isinstance(failure, SiteFault) else 3
    if given.json:
        print(json.dumps(report.document(), ensure_ascii=False))
    else:
        _print(report)
    if report.sound:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"what is left is in {folder}", file=sys.stderr)
    return 0 if report.sound else 1


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(report: Report) -> None:
    for each in report.each:
        print(f"{each.name:<36} held {each.held:5.1f} s   anchored {each.anchored_after:5.1f} s after")
    for name, reason in report.left_out.items():
        print(f"{name:<36} left out: {reason}")
    for wrong in report.wrong:
        print(f"WRONG  {wrong}")
    for refused, times in report.refused.items():
        print(f"refused with {refused}: {times}")
    print(f"checks {report.checks}, sizes on the chain {report.anchors}")
    print(", ".join(f"{name} {getattr(report, name)}" for name in _FIGURES))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long faults are put (10)")
    parser.add_argument("--validators", type=int, default=4, help="of the network (4)")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        choices=[fault.name for fault in chain_faults(Stranger(Path()))],
        metavar="NAME",
        help="only this one, and others that are named so; `--minutes 0.1` puts each of them once",
    )
    parser.add_argument(
        "--dir", type=Path, help="where its folder is made (the system's for temporary files)"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON, the five figures last")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
