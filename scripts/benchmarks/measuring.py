"""Measuring: medians of repeated runs, the machine's description, and the row that comes out."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUNS = 5


@dataclass(frozen=True, slots=True)
class Options:
    """`seconds` bounds each measured run; `folder` is for what a row writes; `subjects` for `check` and
    `credit`; `keep` a folder for what `credit` fills and a later run uses again."""

    seconds: float
    folder: Path
    subjects: int
    keep: Path | None = None


@dataclass(slots=True)
class Row:
    """One measured row. `peers` maps a peer's name to its value in the same unit.

    `notes` say sizes and spread; `budget` is what is promised; `smaller_is_better` for times.
    """

    name: str
    value: float
    unit: str
    budget: float
    peers: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    smaller_is_better: bool = False

    @property
    def meets_budget(self) -> bool:
        """Whether the measured value is within the budget."""
        return self.value <= self.budget if self.smaller_is_better else self.value >= self.budget

    def as_json(self) -> dict[str, Any]:
        """`value`, `unit`, `peer` and `ratio`: the value over that of the first peer."""
        first = next(iter(self.peers.values()), None)
        return {
            "value": round(self.value, 3),
            "unit": self.unit,
            "peer": {name: round(value, 3) for name, value in self.peers.items()},
            "ratio": round(self.value / first, 3) if first else None,
        }


def median_rate(
    operation: Callable[[int], object], seconds: float, *, runs: int = RUNS, step: int = 1
) -> float:
    """Operations per second: the median of `runs` runs of about `seconds` / `runs` each.

    `operation(i)` does `step` of them; one call beforehand is not counted.
    """
    operation(0)
    rates = []
    for _ in range(runs):
        done = 0
        started = time.perf_counter()
        limit = started + seconds / runs
        while time.perf_counter() < limit:
            operation(done)
            done += 1
        rates.append(done * step / (time.perf_counter() - started))
    return statistics.median(rates)


def median_seconds(operation: Callable[[], object], runs: int) -> tuple[float, float]:
    """Median and 99th percentile of the seconds that `runs` single calls take; one call is not counted."""
    operation()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        operation()
        times.append(time.perf_counter() - started)
    return statistics.median(times), percentile(times, 99)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that at least `percent` % of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def machine() -> str:
    """Processor, cores, memory, system and Python, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release()}"
    python = f"Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}, {python}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
