"""A deployment of an earlier version: after its first round it has what it would always have had."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from credit_log import BUREAU, DAY_MS, CreditLog, penalty, real_rules, step
from sqlite_utils import Database

from ledger.domain import RecordExpired
from ledger.formats.statement import Reference
from ledger.log import backlog
from ledger.store import schema
from ledger.store.port import StoredDue

TODAY = "2026-11-22"
_COLUMNS = "idx, issuer, id, accepted_at, leaf, index_keys, entry"


@pytest.fixture
def current(tmp_path: Path) -> Iterator[CreditLog]:
    """A log with records that end, steps, a batch, and one that is over at the end."""
    log = CreditLog(tmp_path / "current", real_rules(tmp_path / "current"))
    first = log.publish("credit.penalty.published", penalty("1号", published_until="2026-12-31"))
    log.publish("credit.record.objected", step("1号", raised_on=TODAY, grounds="不符"), refers=first)
    bodies = [penalty(f"{place}号", published_until=f"2027-01-{place:02}") for place in range(2, 9)]
    statements = [log.statement("credit.penalty.published", body) for body in bodies]
    referring = log.statement(
        "credit.record.objected",
        step("2号", raised_on=TODAY, grounds="不符"),
        refers=Reference(BUREAU, statements[0].id),
    )
    log.appender.submit_batch(log.batch([*statements, referring]))
    yield log
    log.close()


def earlier_copy(current: CreditLog, folder: Path) -> CreditLog:
    """The same log as the first version would have stored it, opened by this one."""
    (folder / "log").mkdir(parents=True)
    shutil.copy(current.folder / "keys.json", folder / "keys.json")
    database = sqlite3.connect(folder / "log" / "log.db", isolation_level=None)
    schema.primary.apply(Database(database), stop_before="0002_references")
    database.execute("ATTACH DATABASE ? AS current", (str(current.folder / "log" / "log.db"),))
    database.execute(f"INSERT INTO entry ({_COLUMNS}) SELECT {_COLUMNS} FROM current.entry")
    database.close()
    return CreditLog(folder, real_rules(folder), current.now)


def dues(log: CreditLog) -> list[StoredDue]:
    kinds = ("expiry", "objection")
    return [due for kind in kinds for due in log.store.due(kind, "9999-12-31", 100)]


def go_on() -> bool:
    return False


def test_references_and_dues_of_earlier_entries_are_those_that_are_kept_today(
    current: CreditLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "STRETCH", 3)
    earlier = earlier_copy(current, tmp_path / "earlier")
    for issuer, id in current.facts():
        assert earlier.store.referrers(issuer, id) == current.store.referrers(issuer, id)
    assert dues(earlier) == []
    assert backlog.work_off_backlog(earlier.store, earlier.rulebook, go_on) == 11
    assert dues(earlier) == dues(current)
    assert len(dues(earlier)) == 10
    assert backlog.work_off_backlog(earlier.store, earlier.rulebook, go_on) == 0
    earlier.close()


def test_a_worker_that_stops_in_between_goes_on_where_it_was(
    current: CreditLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "STRETCH", 4)
    earlier = earlier_copy(current, tmp_path / "earlier")
    turns = iter([False, True])
    assert backlog.work_off_backlog(earlier.store, earlier.rulebook, lambda: next(turns)) == 4
    assert earlier.store.due_backlog() == (4, 11)
    # What is accepted meanwhile is kept at once, and not twice.
    earlier.publish("credit.penalty.published", penalty("9号", published_until="2027-01-09"))
    assert backlog.work_off_backlog(earlier.store, earlier.rulebook, go_on) == 7
    added = StoredDue("expiry", "2027-01-09", 11)
    assert sorted(dues(earlier)) == sorted([*dues(current), added])
    earlier.close()


def test_the_first_round_of_the_worker_states_what_was_over_long_before(
    current: CreditLog, tmp_path: Path
) -> None:
    earlier = earlier_copy(current, tmp_path / "earlier")
    earlier.now += 45 * DAY_MS
    earlier.clerk().run_expiry(go_on)
    expired = [body.number for _, body in earlier.said() if isinstance(body, RecordExpired)]
    assert expired == ["1号", "2号", "3号", "4号", "5号"]
    assert earlier.store.due_backlog() is None
    earlier.close()
