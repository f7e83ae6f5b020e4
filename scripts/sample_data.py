#!/usr/bin/env python3
"""Set up this checkout and write sample data: `scripts/sample_data.py --out FOLDER [--seed N] [--date DAY]`."""

import os
import sys

if sys.version_info < (3, 11):
    sys.exit("scripts/sample_data.py needs Python 3.11 or later; this is %d.%d." % sys.version_info[:2])
sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from scripts.environment import SERVICE, run_prepared

if __name__ == "__main__":
    run_prepared("scripts.samples", SERVICE, chain=False)
