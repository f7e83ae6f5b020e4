"""Write sample data about an invented city into a folder.

Penalties (XLSX), licences (GB18030 CSV), a red list and two serious-dishonesty lists, commitments,
evaluations, contracts and court enforcement, access events (JSON lines) and e-certificates (OFD and PDF).
The same seed and date give the same bytes.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

from scripts.samples import World, write_samples


def main() -> int:
    """Read the arguments and write the files."""
    parser = argparse.ArgumentParser(prog="scripts/sample_data", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to; made if it is not there")
    parser.add_argument("--seed", type=int, default=2026, help="default: 2026")
    parser.add_argument(
        "--date", type=date.fromisoformat, default=date(2026, 11, 1), help="the samples' today"
    )
    parser.add_argument("--events", type=int, default=20_000, help="how many access events; default: 20000")
    parser.add_argument("--certificates", type=int, default=200, help="how many e-certificates; default: 200")
    options = parser.parse_args()
    world = World(options.seed, options.date)
    write_samples(
        world, options.out, events=options.events, certificate_count=options.certificates, progress=print
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
