"""The clock that the log is handed: milliseconds since 1970, UTC."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Clock = Callable[[], int]
"""Returns milliseconds since 1970. It may stand still or jump; its users do not rely on it growing."""


def system_clock() -> int:
    """The machine's clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


CHINA = timezone(timedelta(hours=8))
"""Days of law are days in China."""


def china_day(now: int) -> str:
    """The day in China, as YYYY-MM-DD, at a time in milliseconds."""
    return datetime.fromtimestamp(now / 1000, UTC).astimezone(CHINA).date().isoformat()
