"""What `scripts/bench` measures: one module a row, each with a `measure(options)` that returns a `Row`.

Every row is measured beside its peers in the same run, on the same machine, and says what was measured.
"""

from scripts.benchmarks.measuring import Options, Row

__all__ = ["Options", "Row"]
