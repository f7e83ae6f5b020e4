"""The services' part of an audit: silent on a sound log, and it names what a lookup no longer finds."""

from typing import TYPE_CHECKING, Any

from checking import open_case, record, related, repair

from ledger.log.audit_report import AuditReport
from ledger.log.reader import LogReader
from ledger.services.audit import projections_of
from ledger.store.port import StoredEntry

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any


def run(city: City, short: str, reader: LogReader | None = None) -> AuditReport:
    log = city.logs[short]
    report = AuditReport(log.origin, "full")
    projections = projections_of(short, reader or log.reader, "2026-09-21", city.operator, city.editions)
    for projection in projections:
        projection(log.store, report)
    return report


def test_a_sound_log_has_no_findings(city: City) -> None:
    city.remove(city.enter("wage-arrears"))
    city.enter("dishonest-debtor", number=city.person)
    repair(city, record(city, "penalty.published", decided_on="2026-01-05", severity="general"))
    open_case(city, [city.enter("food-safety", related=[related(city, city.person)])])
    city.checkpoint()
    for short, states in (("credit", 2), ("access", 0), ("certificate", 0)):
        report = run(city, short)
        assert (report.findings, report.figures) == ([], {"projected_states": states})


def test_a_lookup_that_hides_an_entry_is_noticed(city: City) -> None:
    city.enter("wage-arrears", case="甲")
    city.enter("wage-arrears", case="乙")
    city.checkpoint()

    class Hiding(LogReader):
        def lookup(self, *arguments: Any, **members: Any) -> Any:
            history = super().lookup(*arguments, **members)
            hidden: list[StoredEntry] = history.entries[:1]
            return type(history)(hidden, history.completeness, history.next_after, history.count)

    log = city.logs["credit"]
    report = run(city, "credit", Hiding(log.store, log.origin))
    assert [found.code for found in report.findings] == ["projection_differs"]


def test_a_log_that_goes_on_meanwhile_is_compared_all_the_same(city: City) -> None:
    city.enter("wage-arrears", case="甲")
    city.enter("dishonest-debtor", number=city.person)
    city.checkpoint()

    class Busy(LogReader):
        def lookup(self, *arguments: Any, **members: Any) -> Any:
            history = super().lookup(*arguments, **members)
            for case in "乙丙丁戊己":
                city.enter("wage-arrears", case=case)
                city.checkpoint()
            return history

    log = city.logs["credit"]
    report = run(city, "credit", Busy(log.store, log.origin))
    assert (report.findings, report.figures) == ([], {"projected_states": 2})
