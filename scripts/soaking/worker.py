"""The worker of a deployment with a clock that is wrong by so many seconds: `worker.py FOLDER SECONDS`."""

import logging
import sys
from pathlib import Path

from ledger.deployment import Deployment
from ledger.deployment.work import make_worker
from ledger.log.clock import system_clock
from ledger.log.worker import run_until_stopped


def main(folder: str, seconds: str) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    wrong_by = int(float(seconds) * 1000)
    deployment = Deployment.open(Path(folder), lambda: system_clock() + wrong_by)
    try:
        return run_until_stopped(make_worker(deployment))
    finally:
        deployment.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
