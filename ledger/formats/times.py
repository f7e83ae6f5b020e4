"""Times as text: RFC 3339 in UTC, ending in `Z`, without a fraction or with three digits of it.

Inside the program a time is an integer: milliseconds since 1970-01-01T00:00:00Z (seconds where a name says
so). Dates are of the Gregorian calendar, years 0001 to 9999; second 60 is refused.

    >>> from ledger.formats.times import format_time, parse_time
    >>> parse_time("1970-01-02T00:00:00.250Z")
    86400250
    >>> format_time(86400250)
    '1970-01-02T00:00:00.250Z'
"""

import re
from datetime import date, timedelta
from functools import lru_cache

from ledger.errors import TimeInvalid

_MS_A_DAY = 86_400_000
_EPOCH = date(1970, 1, 1)
_match = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{3}))?Z"
).fullmatch


@lru_cache(maxsize=1024)
def _day_start(text: str) -> int:
    try:
        return (date.fromisoformat(text) - _EPOCH).days * _MS_A_DAY
    except ValueError as error:
        raise TimeInvalid("no such date") from error


def parse_time(text: object, millis: bool | None = None) -> int:
    """Milliseconds since 1970 of a time in text.

    `millis` True demands the three digits of fraction, False forbids them, None allows both.
    Raises `TimeInvalid`.
    """
    matched = _match(text) if isinstance(text, str) else None
    if matched is None:
        raise TimeInvalid
    day, hour, minute, second, fraction = matched.groups()
    if millis is not None and millis is (fraction is None):
        raise TimeInvalid("milliseconds are required here" if millis else "whole seconds are required here")
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second)
    return _day_start(day) + seconds * 1000 + (int(fraction) if fraction else 0)


def format_time(ms: int, millis: bool = True) -> str:
    """A time as text, with milliseconds or in whole seconds (rounded down)."""
    days, rest = divmod(ms, _MS_A_DAY)
    try:
        day = _EPOCH + timedelta(days=days)
    except OverflowError as error:
        raise TimeInvalid("outside the years 0001 to 9999") from error
    seconds, fraction = divmod(rest, 1000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{day.isoformat()}T{clock}.{fraction:03}Z" if millis else f"{day.isoformat()}T{clock}Z"
