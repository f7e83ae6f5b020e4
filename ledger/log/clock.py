"""The clock that the log is handed: milliseconds since 1970, UTC."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns milliseconds since 1970. It may stand still or jump; its users do not rely on it growing."""


def system_clock() -> int:
    """The machine's clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
