"""Quality figures: what an authority reports, beside what the log shows, with the differences named."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.domain.rules import rules_of
from ledger.errors import InputError, RoleMissing
from ledger.formats.bundle import parse_bundle
from ledger.formats.statement import Statement
from ledger.services.quality import QualityAnswer, QualityLine, QualityService, QualityTally
from ledger.services.register import Register

NOON = {"hour": 4, "tzinfo": UTC}
"""Midday in China."""


class Office:
    """A city whose bureau and court publish decisions and report on them."""

    def __init__(self, city: Any) -> None:
        self.city = city
        rules = rules_of(city.catalogue, city.operator)
        credit = city.logs["credit"]
        self.register = Register(city.folder / "register.db", credit.store, [QualityTally(lambda day: rules)])
        self.service = QualityService(self.register, credit.reader)
        self.count = 0

    def at(self, day: str) -> None:
        """Let it be midday of that day in China."""
        year, month, number = map(int, day.split("-"))
        self.city.now = round(datetime(year, month, number, **NOON).timestamp() * 1000)

    def decide(self, decided_on: str, issuer: str | None = None, **more: Any) -> Statement:
        """Publish a penalty."""
        self.count += 1
        issuer = issuer or self.city.bureau
        body = {
            "subject": self.city.subject(),
            "subject_class": "organisation",
            "document": f"云岭罚〔2026〕{self.count}号",
            "violation": "未按规定公示",
            "facts": "事实",
            "basis": "行政处罚法",
            "penalty_kinds": ["warning"],
            "content": "警告",
            "decided_on": decided_on,
            "authority": {"uscc": issuer, "name": "云岭市某局"},
        }
        return self.city.publish("credit.penalty.published", body, issuer=issuer, refers=more.get("refers"))

    def license(self, decided_on: str) -> Statement:
        self.count += 1
        body = {
            "subject": self.city.subject(),
            "subject_class": "organisation",
            "document": f"云岭许〔2026〕{self.count}号",
            "licence_kind": "general",
            "content": "准予许可",
            "decided_on": decided_on,
            "valid_from": decided_on,
            "authority": {"uscc": self.city.bureau, "name": "云岭市某局"},
            "state": "valid",
        }
        return self.city.publish("credit.licence.published", body)

    def report(self, month: str, *figures: int, issuer: str | None = None) -> Statement:
        """Report decided, published, conforming, late, withheld."""
        issuer = issuer or self.city.bureau
        names = ("decided", "published", "conforming", "late", "withheld")
        body = {"authority": {"uscc": issuer, "name": "云岭市某局"}, "month": month}
        return self.city.publish(
            "credit.quality.reported", body | dict(zip(names, figures, strict=True)), issuer=issuer
        )

    def ask(self, member: str | None = None, *roles: str, **asked: Any) -> QualityAnswer:
        self.city.checkpoint()
        principal = self.city.asked(*(roles or ("publisher:credit",))).principal
        return self.service.figures(replace(principal, member=member or self.city.bureau), **asked)

    def line(self, month: str = "2026-09") -> QualityLine:
        (line,) = self.ask(month=month).lines
        return line


@pytest.fixture
def office(city: Any) -> Iterator[Office]:
    made = Office(city)
    made.at("2026-09-22")
    yield made
    made.register.close()


def test_what_is_reported_stands_beside_what_the_log_shows(office: Office) -> None:
    office.decide("2026-09-20")
    office.license("2026-09-18")
    reported = office.report("2026-09", 2, 2, 1, 0, 0)
    line = office.line()
    assert line.reported is not None
    figures = line.reported
    assert (figures.decided, figures.published, figures.conforming, figures.late) == (2, 2, 1, 0)
    assert (figures.conformity_rate, figures.lateness_rate) == (5_000, 0)
    assert (line.logged.published, line.logged.late) == (2, 0)
    assert line.differences == ()
    assert figures.entry.id == reported.id
    answer = office.ask(month="2026-09")
    assert office.city.proves(answer.bundle)
    assert [entry.proven.index for entry in parse_bundle(answer.bundle).entries] == [figures.entry.index]


@pytest.mark.parametrize(
    ("figures", "differences"),
    [
        ((2, 2, 2, 1, 0), ()),
        ((5, 2, 2, 1, 3), ()),
        ((3, 3, 3, 1, 0), ("published",)),
        ((2, 2, 2, 0, 0), ("late",)),
        ((1, 1, 1, 1, 0), ("decided", "published")),
        ((1, 1, 1, 0, 0), ("decided", "published", "late")),
    ],
    ids=["equal", "withheld too", "more published", "fewer late", "fewer decided", "all"],
)
def test_the_figures_in_which_report_and_log_differ_are_named(
    office: Office, figures: tuple[int, ...], differences: tuple[str, ...]
) -> None:
    office.decide("2026-09-20")
    office.decide("2026-09-01")
    office.report("2026-09", *figures)
    assert office.line().differences == differences


def test_a_month_without_report_says_so_and_a_report_without_decisions_too(office: Office) -> None:
    office.decide("2026-09-20")
    office.report("2026-08", 0, 0, 0, 0, 0)
    assert office.line().differences == ("not_reported",)
    august = office.line("2026-08")
    assert (august.logged.published, august.differences) == (0, ())
    assert august.reported is not None
    assert (august.reported.conformity_rate, august.reported.lateness_rate) == (None, None)


@pytest.mark.parametrize(
    ("decided_on", "published_on", "late"),
    [
        # 2026-09-14 is a Monday, and Sunday the 20th is worked for the Mid-Autumn Festival.
        ("2026-09-14", "2026-09-22", 0),
        ("2026-09-14", "2026-09-23", 1),
        ("2026-07-06", "2026-07-15", 0),
        ("2026-07-06", "2026-07-16", 1),
        # The Spring Festival of 2025: off from 28 January to 4 February, 26 January worked.
        ("2025-01-24", "2025-02-10", 0),
        ("2025-01-24", "2025-02-11", 1),
    ],
)
def test_late_is_after_seven_working_days_by_the_calendar(
    office: Office, decided_on: str, published_on: str, late: int
) -> None:
    office.at(published_on)
    office.decide(decided_on)
    assert office.line(decided_on[:7]).logged.late == late


def test_the_day_of_publication_is_that_in_china(office: Office) -> None:
    office.at("2026-09-22")
    # 23:30 of the 22nd in China, then 00:30 of the 23rd.
    office.city.now += round(timedelta(hours=11, minutes=30).total_seconds() * 1000)
    office.decide("2026-09-14")
    assert office.line().logged.late == 0
    office.city.now += 3600 * 1000
    office.decide("2026-09-14")
    assert office.line().logged.late == 1


def test_a_correction_is_no_further_decision(office: Office) -> None:
    first = office.decide("2026-09-20")
    office.count -= 1
    office.decide("2026-09-20", refers=first)
    assert office.line().logged.published == 1


def test_the_latest_report_of_a_month_counts(office: Office) -> None:
    office.decide("2026-09-20")
    office.report("2026-09", 5, 5, 5, 0, 0)
    office.report("2026-09", 1, 1, 1, 0, 0)
    line = office.line()
    assert line.reported is not None
    assert (line.reported.decided, line.earlier_reports, line.differences) == (1, 1, ())


def test_a_report_about_another_authority_does_not_count(office: Office) -> None:
    """The door refuses one; the log of this test has no such door."""
    body = {"authority": {"uscc": office.city.bureau, "name": "云岭市某局"}, "month": "2026-09"}
    zeros = dict.fromkeys(("decided", "published", "conforming", "late", "withheld"), 0)
    office.city.publish("credit.quality.reported", body | zeros, issuer=office.city.court)
    office.decide("2026-09-20")
    assert office.line().differences == ("not_reported",)


def test_a_member_sees_its_own_and_an_auditor_all(office: Office) -> None:
    city = office.city
    office.decide("2026-09-20")
    office.decide("2026-09-20", city.court)
    assert {line.authority for line in office.ask(city.court).lines} == {city.court}
    with pytest.raises(RoleMissing):
        office.ask(city.court, authority=city.bureau)
    for role in ("auditor", "operator"):
        found = office.ask(city.operator, role).lines
        assert [line.authority for line in found] == sorted([city.bureau, city.court])


def test_lines_come_in_pages_newest_month_first(office: Office) -> None:
    city = office.city
    for month in ("2026-07", "2026-08", "2026-09"):
        for issuer in (city.bureau, city.court):
            office.decide(f"{month}-01", issuer)
    found: list[tuple[str, str]] = []
    after = None
    while True:
        answer = office.ask(city.operator, "auditor", after=after, limit=4)
        found += [(line.month, line.authority) for line in answer.lines]
        after = answer.after
        if after is None:
            break
    authorities = sorted([city.bureau, city.court])
    assert found == [(month, each) for month in ("2026-09", "2026-08", "2026-07") for each in authorities]
    for limit in (0, 201):
        with pytest.raises(InputError):
            office.ask(limit=limit)
