"""The working-day calendar: public holidays and make-up workdays, per year, as data.

    calendar.is_workday("2025-01-26")             # True: a Sunday worked for the Spring Festival
    calendar.add_workdays("2025-09-30", 3)        # '2025-10-13'

A period of n working days begins on the day after the event (民法典 201) and ends with the n-th working day.
Of a year without data Saturdays and Sundays are free and nothing else; `known` says which years have data.
Days are `YYYY-MM-DD`. Thread-safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

_ONE = timedelta(days=1)
_SATURDAY = 5
MOST_WORKDAYS = 400


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """One year's days off and make-up workdays, with source and mark."""

    year: int
    holidays: frozenset[str]
    workdays: frozenset[str]
    mark: str
    source: str


class Calendar:
    """The years that have data, by year."""

    def __init__(self, years: Mapping[int, CalendarYear]) -> None:
        self.years = dict(years)
        self._holidays = frozenset().union(*(year.holidays for year in self.years.values()))
        self._workdays = frozenset().union(*(year.workdays for year in self.years.values()))
        self._added = lru_cache(maxsize=65_536)(self._add)

    def known(self, year: int) -> bool:
        """Whether a year has data; without, only weekends are free."""
        return year in self.years

    def known_until(self, day: str, days: int) -> bool:
        """Whether every year that `add_workdays(day, days)` passes through has data."""
        end = self.add_workdays(day, days)
        return all(self.known(year) for year in range(int(day[:4]), int(end[:4]) + 1))

    def is_workday(self, day: str) -> bool:
        """Whether people work on a day."""
        if day in self._workdays:
            return True
        return day not in self._holidays and date.fromisoformat(day).weekday() < _SATURDAY

    def add_workdays(self, day: str, days: int) -> str:
        """The last day of a period of `days` working days (0 to 400) that an event on `day` starts."""
        return self._added(day, days)

    def workdays_between(self, day: str, later: str) -> int:
        """How many working days lie after `day` up to and including `later`; 0 where it is not later."""
        count, at, end = 0, date.fromisoformat(day), date.fromisoformat(later)
        while at < end:
            at += _ONE
            count += self.is_workday(at.isoformat())
        return count

    def _add(self, day: str, days: int) -> str:
        if not 0 <= days <= MOST_WORKDAYS:
            raise ValueError(f"a period has 0 to {MOST_WORKDAYS} working days")
        at = date.fromisoformat(day)
        while days:
            at += _ONE
            days -= self.is_workday(at.isoformat())
        return at.isoformat()
