"""Measure the rows of the budget table, each beside its peers in the same run.

Prints the machine, the medians and what they were measured on. With --json the last line is one JSON object:
{row: {"value": x, "unit": u, "peer": {name: y}, "ratio": x/y}}, the ratio to the first peer.
"""

import argparse
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks.measuring import Options, Row, machine

ROWS = ("sm2_verify", "batch_append", "single_append", "check", "bundle_verify", "audit")
CREDIT = "credit"
"""Several rows about a whole city; a quarter of an hour to fill, so measured only when asked for."""
SUBJECTS = {CREDIT: 1_000_000}
DEFAULT_SUBJECTS = 100_000


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for and return the exit status: 0 when every row could be measured."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"rows to measure (default: {', '.join(ROWS)}), or credit"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="length of each measurement (default: 10)"
    )
    parser.add_argument(
        "--subjects",
        type=int,
        help=f"for check (default: {DEFAULT_SUBJECTS}) and credit (default: {SUBJECTS[CREDIT]})",
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for credit: what was filled stays here")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.rows) - {*ROWS, CREDIT})
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if not 0.1 <= options.seconds <= 600:
        parser.error("--seconds is from 0.1 to 600")
    if options.subjects is not None and not 100 <= options.subjects <= 10_000_000:
        parser.error("--subjects is from 100 to 10000000")
    print(f"Machine: {machine()}", flush=True)
    measured: list[Row] = []
    for name in options.rows or ROWS:
        subjects = options.subjects or SUBJECTS.get(name, DEFAULT_SUBJECTS)
        for row in _measure(name, options.seconds, subjects, options.keep):
            measured.append(row)
            _print(row)
    if options.json:
        print(json.dumps({row.name: row.as_json() for row in measured}))
    return 0


def _measure(name: str, seconds: float, subjects: int, keep: Path | None) -> list[Row]:
    print(f"\n{name}: measuring ...", file=sys.stderr, flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="xinzheng-bench-", ignore_cleanup_errors=True) as folder:
        found: Row | list[Row] = importlib.import_module(f"scripts.benchmarks.{name}").measure(
            Options(seconds, Path(folder), subjects, keep)
        )
    rows = found if isinstance(found, list) else [found]
    rows[-1].notes.append(f"took {time.monotonic() - started:.0f} s in all")
    return rows


def _print(row: Row) -> None:
    sign = "<=" if row.smaller_is_better else ">="
    verdict = "within budget" if row.meets_budget else "OUTSIDE budget"
    print(f"\n{row.name}: {row.value:,.1f} {row.unit} ({verdict}: {sign} {row.budget:,.1f})")
    for name, value in row.peers.items():
        print(f"  peer {name}: {value:,.1f} {row.unit}, ratio {row.value / value:,.2f}")
    for note in row.notes:
        print(f"  {note}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
