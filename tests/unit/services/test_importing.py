"""The whole way into the log: what is sent, what is not, and an import that can be repeated."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from import_runs import BAD, counts, kinds, run
from made_sheets import PENALTY_ROW, PERSON_ROW, write_sheet

from ledger.errors import (
    AlreadyRunning,
    JournalUnusable,
    StoreBusy,
    TooManyRows,
)
from ledger.services.importing import (
    ImportJournal,
    SheetLimits,
)

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return write_sheet(tmp_path, [PENALTY_ROW, PERSON_ROW, BAD, PENALTY_ROW | {"CF_WSH": "13号"}])


def test_good_rows_are_logged_and_bad_ones_reported(city: City, sheet: Path) -> None:
    report = run(city, sheet, batch_rows=2)
    assert (report.rows, counts(report), report.sent) == (4, (3, 0, 1, 0), True)
    assert len(report.receipts) == 2
    assert kinds(city) == ["credit.penalty.published"] * 3
    store = city.logs["credit"].store
    assert len([index for index in range(store.size()) if store.sealed(index) is not None]) == 1


def test_a_dry_run_says_what_would_happen_and_sends_nothing(city: City, sheet: Path, tmp_path: Path) -> None:
    report = run(city, sheet, journal=tmp_path / "journal", dry_run=True)
    assert (counts(report), report.sent) == ((3, 0, 1, 0), False)
    assert kinds(city) == []
    assert not (tmp_path / "journal").exists()
    run(city, sheet)
    assert counts(run(city, sheet, dry_run=True)) == (0, 3, 1, 0)


def test_nothing_is_sent_of_a_sheet_with_a_bad_row_if_asked(city: City, sheet: Path, tmp_path: Path) -> None:
    report = run(city, sheet, all_or_nothing=True)
    assert (counts(report), report.sent) == ((0, 0, 1, 0), False)
    assert kinds(city) == []
    whole = write_sheet(tmp_path, [PENALTY_ROW, PERSON_ROW])
    assert counts(run(city, whole, all_or_nothing=True)) == (2, 0, 0, 0)


def test_nothing_is_sent_of_a_sheet_that_is_refused(city: City, tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_WSH": f"{n}号"} for n in range(4)])
    with pytest.raises(TooManyRows):
        run(city, path, batch_rows=1, limits=SheetLimits(rows=3))
    assert kinds(city) == []


@pytest.mark.parametrize("with_journal", [True, False])
def test_importing_again_adds_nothing(city: City, sheet: Path, tmp_path: Path, with_journal: bool) -> None:
    journal = tmp_path / "journal" if with_journal else None
    run(city, sheet, journal=journal)
    city.checkpoint()
    size = city.logs["credit"].store.size()
    city.now += 2 * 24 * 3600 * 1000
    report = run(city, sheet, journal=journal)
    assert counts(report) == (0, 3, 1, 0)
    assert city.logs["credit"].store.size() == size


def test_the_journal_of_one_log_does_not_speak_for_another(city: City, sheet: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    run(city, sheet, journal=journal)
    other = type(city)(tmp_path / "other")
    try:
        assert counts(run(other, sheet, journal=journal)) == (3, 0, 1, 0)
    finally:
        other.close()


@pytest.mark.parametrize("with_journal", [True, False])
def test_rows_added_or_corrected_are_added_and_the_others_are_not(
    city: City, tmp_path: Path, with_journal: bool
) -> None:
    journal = tmp_path / "journal" if with_journal else None
    rows = [PENALTY_ROW | {"CF_WSH": f"{n}号"} for n in range(3)]
    assert counts(run(city, write_sheet(tmp_path, [*rows[:2], BAD]), journal=journal)) == (2, 0, 1, 0)
    assert counts(run(city, write_sheet(tmp_path, [*rows, PENALTY_ROW]), journal=journal)) == (2, 2, 0, 0)


def test_a_row_that_stands_twice_is_taken_once(city: City, tmp_path: Path) -> None:
    report = run(city, write_sheet(tmp_path, [PENALTY_ROW, PERSON_ROW, PENALTY_ROW]))
    assert counts(report) == (2, 0, 1, 0)
    assert [(found.row, found.code) for found in report.problems] == [(4, "row_repeated")]
    assert "第 2 行" in report.problems[0].zh


# Interrupted


@pytest.mark.parametrize("answered", [True, False])
def test_an_interrupted_import_goes_on_where_it_stopped(
    city: City, sheet: Path, tmp_path: Path, answered: bool
) -> None:
    """The connection breaks after the log accepted the batch, or before it did."""
    journal = tmp_path / "journal"

    def broken(lines: Any) -> bytes:
        if answered:
            city.appender("credit").submit_batch(lines)
        raise StoreBusy

    with pytest.raises(StoreBusy):
        run(city, sheet, broken, journal)
    assert len(list(journal.glob("*.ndjson"))) == 1
    report = run(city, sheet, journal=journal)
    assert report.already + report.accepted == 3
    assert city.logs["credit"].store.size() == 4
    assert not list(journal.glob("*.ndjson"))
    assert len(list(journal.glob("*.receipt"))) == 1
    assert all(path.stat().st_mode & 0o077 == 0 for path in (journal, *journal.iterdir()))


def test_an_unanswered_batch_that_became_too_old_is_signed_anew(
    city: City, sheet: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"

    def broken(lines: Any) -> bytes:
        raise StoreBusy

    with pytest.raises(StoreBusy):
        run(city, sheet, broken, journal)
    city.now += 2 * 24 * 3600 * 1000
    assert counts(run(city, sheet, journal=journal)) == (3, 0, 1, 0)


def test_what_a_killed_import_had_begun_to_write_is_deleted(city: City, sheet: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.mkdir()
    (journal / ".000001.ndjson.4711").write_text("张三")
    run(city, sheet, journal=journal)
    assert sorted(path.name for path in journal.iterdir()) == ["000001.receipt", "lock"]


def test_a_journal_that_cannot_be_written_stops_the_import_before_it_sends(
    city: City, sheet: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalUnusable):
        run(city, sheet, journal=tmp_path / "file" / "journal")
    assert kinds(city) == []


def test_a_journal_is_used_by_one_import_at_a_time(city: City, sheet: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with ImportJournal(journal), pytest.raises(AlreadyRunning):
        run(city, sheet, journal=journal)
    assert run(city, sheet, journal=journal).accepted == 3
