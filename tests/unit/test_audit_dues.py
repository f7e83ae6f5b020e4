"""The audit of references and dues: what was changed, removed or added behind the log's back is named."""

import json
import pickle
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from credit_log import DAY_MS, OPERATOR, ORIGIN, CreditLog, penalty, real_rules, step

import ledger.catalog
from ledger.catalog import load_catalogue
from ledger.formats.statement import Reference
from ledger.log.audit import audit
from ledger.log.audit_entries import Rules
from ledger.log.audit_report import AuditReport
from ledger.log.audit_tables import DueRules
from ledger.services.audit_dues import settled_dues

TODAY = "2026-11-22"
LATER = "2027-01-10"


def tamper(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / "log" / "log.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def audited(log: CreditLog, processes: int = 1) -> AuditReport:
    operator = log.rulebook.operator  # type: ignore[attr-defined]
    rules = Rules(
        ORIGIN,
        log.trust(),
        (log.signers["log"].public,),
        dues=DueRules(log.folder / "catalogue", operator),
    )
    projections = [settled_dues(log.rulebook, LATER)]  # type: ignore[arg-type]
    return audit(log.store, log.folder / "log", rules, projections=projections, processes=processes)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CreditLog]:
    """0 and 1: records that end; 2: an objection to 0; 3: a manifest and 4, 5: in a batch; 6 expires 1."""
    made = CreditLog(tmp_path, real_rules(tmp_path))
    first = made.publish("credit.penalty.published", penalty("1号", published_until="2027-06-30"))
    made.publish("credit.penalty.published", penalty("2号", published_until="2026-12-31"))
    objected = step("1号", raised_on=TODAY, grounds="不符")
    made.publish("credit.record.objected", objected, refers=first)
    third = made.statement("credit.penalty.published", penalty("3号"))
    other = made.statement(
        "credit.record.objected",
        step("3号", raised_on=TODAY, grounds="不符"),
        refers=Reference(third.issuer, third.id),
    )
    made.appender.submit_batch(made.batch([third, other]))
    made.now += 49 * DAY_MS
    assert made.clerk().expire(LATER) == 1
    made.checkpoint()
    yield made
    made.close()


@pytest.fixture
def make_edition() -> Callable[..., Path]:
    def make(folder: Path, edition: str, begins: str, objection_days: int) -> Path:
        """The shipped edition with another time for answering objections."""
        shipped = Path(ledger.catalog.__file__).parent
        folder.mkdir(parents=True)
        for file in load_catalogue().files:
            shutil.copyfile(shipped / file.name, folder / file.name)
        rows = json.loads((shipped / "deadlines.json").read_text())
        for row in rows:
            if row["code"] == "objection":
                row["days"] = objection_days
        (folder / "deadlines.json").write_text(json.dumps(rows))
        (folder / "edition.json").write_text(json.dumps({"edition": edition, "from": begins}))
        return folder

    return make


def test_a_log_as_it_was_written_is_clean(log: CreditLog) -> None:
    report = audited(log)
    assert report.findings == []
    assert report.figures["references"] == 3
    assert report.figures["settled_dues"] == 1


def test_a_correction_that_is_settled_because_the_term_ends_later_is_clean(log: CreditLog) -> None:
    entry = log.store.entry(0)
    assert entry is not None
    corrected = step("1号", corrected="yes", on="2027-01-09")
    log.publish("credit.correction.reported", corrected, refers=Reference(entry.issuer, entry.id))
    assert log.clerk().expire(LATER) == 0
    log.checkpoint()
    report = audited(log)
    assert report.findings == []
    assert report.figures["settled_dues"] == 2


DUE = "INSERT INTO due (idx, kind, day, settled) VALUES "
REFERENCE = "INSERT INTO reference (issuer, id, idx) SELECT issuer, id, "


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM reference WHERE idx = 2", [("reference_missing", 2)]),
        (REFERENCE + "1 FROM entry WHERE idx = 0", [("reference_stray", 1)]),
        (REFERENCE + "3 FROM entry WHERE idx = 0", [("reference_stray", 3)]),
        (
            "UPDATE reference SET id = zeroblob(16) WHERE idx = 5",
            [("reference_missing", 5), ("reference_stray", 5)],
        ),
        ("DELETE FROM due WHERE idx = 0", [("due_differs", 0)]),
        ("UPDATE due SET day = '2029-01-01' WHERE idx = 0", [("due_differs", 0)]),
        ("UPDATE due SET kind = 'feedback' WHERE idx = 2", [("due_differs", 2)]),
        (DUE + "(4, 'objection', '2026-12-01', '')", [("due_differs", 4)]),
        (DUE + "(3, 'expiry', '2026-12-01', '')", [("due_differs", 3)]),
        ("UPDATE due SET settled = '2026-12-01' WHERE idx = 0", [("due_settled_early", 0)]),
        ("UPDATE due SET settled = '2026-12-01' WHERE idx = 2", [("due_settled_early", 2)]),
        ("UPDATE due SET settled = '' WHERE idx = 1", []),
    ],
    ids=[
        "reference_removed",
        "reference_added",
        "reference_added_to_a_manifest",
        "reference_changed",
        "due_removed",
        "due_put_off",
        "due_of_another_kind",
        "due_added",
        "due_added_to_a_manifest",
        "term_marked_as_seen_to",
        "duty_marked_as_done",
        "mark_taken_away",
    ],
)
def test_what_was_tampered_with_is_named(
    log: CreditLog, statement: str, found: list[tuple[str, int]]
) -> None:
    tamper(log.folder, statement)
    assert [(each.code, each.index) for each in audited(log).findings] == found


def test_a_row_beside_one_that_is_missing_is_named_too(log: CreditLog) -> None:
    tamper(log.folder, "DELETE FROM reference WHERE idx = 2", REFERENCE + "1 FROM entry WHERE idx = 0")
    codes = {(each.code, each.index) for each in audited(log).findings}
    assert codes == {("reference_missing", 2), ("reference_stray", 1)}


def test_an_edition_that_began_on_the_day_of_acceptance_changes_nothing_that_was_due(
    log: CreditLog, make_edition: Callable[..., Path]
) -> None:
    # Put in place in the afternoon of the day on which the entries were accepted in the morning.
    make_edition(log.folder / "catalogue" / "2026.3", "2026.3", TODAY, objection_days=3)
    assert audited(log).findings == []


def test_an_edition_from_before_the_day_of_acceptance_does(
    log: CreditLog, make_edition: Callable[..., Path]
) -> None:
    make_edition(log.folder / "catalogue" / "2026.3", "2026.3", "2026-11-20", objection_days=3)
    assert [(each.code, each.index) for each in audited(log).findings] == [
        ("due_differs", 2),
        ("due_differs", 5),
    ]


def test_what_the_audit_is_told_can_be_handed_to_other_processes() -> None:
    rules = Rules(ORIGIN, None, (), dues=DueRules(Path("/nowhere"), OPERATOR))
    assert pickle.loads(pickle.dumps(rules)) == rules


def test_what_is_still_to_be_worked_off_is_no_finding(log: CreditLog) -> None:
    tamper(log.folder, "DELETE FROM due", "INSERT INTO fact VALUES ('due/backlog', CAST('0 8' AS BLOB))")
    assert audited(log).findings == []
