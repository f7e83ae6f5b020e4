"""`python -m api --dir FOLDER [--host H] [--port P] [--threads N] [--processes N]`: serve a deployment.

`xinzheng serve` runs this in its own place; a process manager may run it directly.
"""

import argparse
import logging
import sys
from pathlib import Path

from api.server import complaint, serve
from ledger.deployment import Deployment
from ledger.errors import LedgerError, Unavailable

EXIT_UNUSABLE, EXIT_UNAVAILABLE = 2, 3


def main() -> int:
    """Parse the command line and serve; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m api", description="Serve a Xinzheng deployment over HTTP."
    )
    parser.add_argument("--dir", type=Path, required=True, help="the deployment's folder")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--processes", type=int)
    given = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    try:
        deployment = Deployment.open(given.dir.resolve())
        configured = deployment.config.api
        serve(
            deployment,
            given.host or configured.host,
            given.port or configured.port,
            given.threads or configured.threads,
            given.processes or configured.processes,
        )
    except LedgerError as error:
        sys.stderr.write(f"{complaint(error)}\n")
        return EXIT_UNAVAILABLE if isinstance(error, Unavailable) else EXIT_UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
