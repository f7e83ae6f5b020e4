"""The commands of `xinzheng` but `verify`, one module per thing they are about.

Each is imported by `ledger.cli` when it is called. Results go to standard output, progress and errors to
standard error; `--json` prints one JSON object.
"""
