"""A helper process of the service: `python -m ledger.deployment.finding FOLDER DESCRIPTOR`."""

import gc
import os
import sys
from pathlib import Path

from ledger.deployment.deployment import Deployment
from ledger.services.checking.finding_processes import help_finding


def main() -> None:
    """Find answers for the service at the other end of the pipe until it closes it."""
    folder, descriptor = Path(sys.argv[1]), int(sys.argv[2])
    if sys.platform == "linux":
        # The service keeps to one processor; a helper may use any.
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    deployment = Deployment.open(folder)
    finder = deployment.finder
    # What is made for a piece is let go with it, and none of it is in a cycle.
    gc.freeze()
    gc.disable()
    try:
        help_finding(finder, descriptor)
    finally:
        deployment.close()


if __name__ == "__main__":
    main()
