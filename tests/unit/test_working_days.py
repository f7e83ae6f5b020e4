"""The working-day calendar: real days of 2024 to 2026, periods, and years without data."""

from datetime import date, timedelta
from typing import Any

import pytest

from ledger.catalog import Calendar, load_catalogue

CALENDAR = load_catalogue().calendar


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2024-02-10", False), ("2024-02-18", True), ("2024-09-14", True), ("2024-10-12", True),
        ("2025-01-26", True), ("2025-01-27", True), ("2025-01-28", False), ("2025-02-04", False),
        ("2025-02-05", True), ("2025-02-08", True), ("2025-02-09", False), ("2025-05-01", False),
        ("2025-10-08", False), ("2025-10-09", True), ("2025-10-11", True), ("2025-10-12", False),
        ("2026-01-02", False), ("2026-01-04", True), ("2026-02-14", True), ("2026-02-16", False),
        ("2026-02-23", False), ("2026-02-24", True), ("2026-02-28", True), ("2026-05-09", True),
        ("2026-06-19", False), ("2026-09-20", True), ("2026-10-07", False), ("2026-10-08", True),
        ("2026-10-10", True), ("2026-10-11", False), ("2026-11-21", False), ("2026-11-23", True),
    ],
)  # fmt: skip
def test_a_real_day_is_worked_or_free(day: str, works: bool) -> None:
    assert CALENDAR.is_workday(day) is works


@pytest.mark.parametrize(
    ("day", "days", "last"),
    [
        ("2025-01-24", 1, "2025-01-26"),
        ("2025-01-24", 3, "2025-02-05"),
        ("2025-09-26", 2, "2025-09-29"),
        ("2025-09-30", 3, "2025-10-11"),
        ("2025-09-30", 10, "2025-10-21"),
        ("2026-02-13", 1, "2026-02-14"),
        ("2026-02-13", 3, "2026-02-25"),
        ("2026-09-18", 7, "2026-09-29"),
        ("2026-11-20", 1, "2026-11-23"),
        ("2026-11-22", 0, "2026-11-22"),
    ],
)
def test_a_period_of_working_days_begins_on_the_day_after(day: str, days: int, last: str) -> None:
    assert CALENDAR.add_workdays(day, days) == last
    assert CALENDAR.workdays_between(day, last) == days


def test_no_working_day_lies_between_a_day_and_an_earlier_one() -> None:
    assert CALENDAR.workdays_between("2026-03-02", "2026-03-02") == 0
    assert CALENDAR.workdays_between("2026-03-03", "2026-03-02") == 0


@pytest.mark.parametrize("days", [-1, 401])
def test_a_period_is_bounded(days: int) -> None:
    with pytest.raises(ValueError, match="working days"):
        CALENDAR.add_workdays("2026-03-02", days)


def test_a_year_without_data_has_weekends_only_and_says_so() -> None:
    assert [CALENDAR.known(year) for year in (2023, 2024, 2026, 2027)] == [False, True, True, False]
    assert CALENDAR.is_workday("2027-10-01")
    assert not CALENDAR.is_workday("2027-10-02")
    assert CALENDAR.known_until("2026-12-01", 10)
    assert not CALENDAR.known_until("2026-12-28", 10)


def test_an_empty_calendar_knows_weekends() -> None:
    assert Calendar({}).add_workdays("2026-09-30", 3) == "2026-10-05"


def test_make_up_days_are_weekends_and_every_holiday_frees_a_working_day() -> None:
    for year in CALENDAR.years.values():
        assert all(date.fromisoformat(day).weekday() >= 5 for day in year.workdays)
        assert 250 - 3 <= _worked(year.year) <= 250 + 2, year.year


def _worked(year: int) -> int:
    first = date(year, 1, 1)
    days = [(first + timedelta(days=day)).isoformat() for day in range(366)]
    return sum(CALENDAR.is_workday(day) for day in days if day.startswith(str(year)))


def test_each_year_has_a_source_and_a_mark() -> None:
    marks: dict[int, Any] = {year: row.mark for year, row in CALENDAR.years.items()}
    assert marks == {2024: "M", 2025: "v", 2026: "v"}
    assert all("国办发明电" in row.source for row in CALENDAR.years.values())
