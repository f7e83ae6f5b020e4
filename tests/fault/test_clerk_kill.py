"""SIGKILL at every point of the clerk's chores: what is over is stated once all the same, none early."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from credit_log import BUREAU, COURT, DAY_MS, NOW, OPERATOR, CreditLog, do_chores, penalty, real_rules

from ledger.domain import CaseMatched, RecordExpired
from ledger.services.clerk import PAGE

PROGRAM = Path(__file__).resolve().parent.parent / "support" / "credit_log.py"
LATER = NOW + 60 * DAY_MS
POINTS = (
    "append.taken:1",
    "append.committed:1",
    "clerk.expiring:1",
    "append.taken:2",
    "append.committed:2",
    "clerk.expired:1",
    "clerk.expiring:2",
    "clerk.expired:2",
    "clerk.matching:1",
    "append.committed:4",
    "clerk.matched:1",
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with two pages of records that are over later, one that is not, and a case that is approved."""
    folder = tmp_path_factory.mktemp("prepared")
    log = CreditLog(folder, real_rules(folder))
    bodies = [penalty(f"{place}号", published_until="2026-12-31") for place in range(PAGE + 3)]
    log.appender.submit_batch(log.batch([log.statement("credit.penalty.published", body) for body in bodies]))
    log.publish("credit.penalty.published", penalty("不到期"))
    subject, proposer = penalty()["subject"], {"uscc": BUREAU, "name": "局"}
    initiated = log.publish(
        "credit.case.initiated",
        {
            "case": "1号",
            "subject": subject,
            "field": "环境保护",
            "reason": "严重违法",
            "measures": ["wage-procurement"],
            "basis": "备忘录",
            "from": "2026-11-22",
            "proposer": proposer,
            "executors": [{"uscc": COURT, "name": "法院"}],
        },
    )
    reviewed = {"case": "1号", "subject": subject, "proposer": proposer, "on": "2026-11-22"}
    log.publish("credit.case.reviewed", {**reviewed, "outcome": "approved"}, OPERATOR, initiated)
    log.checkpoint()
    log.close()
    return folder


def run_until(point: str, folder: Path) -> int:
    """Do the chores in a process that dies at that point."""
    environment = {**os.environ, "XINZHENG_FAULT": point}
    return subprocess.run(
        [sys.executable, str(PROGRAM), "clerk", str(folder), str(LATER)],
        env=environment,
        timeout=60,
        check=False,
    ).returncode


@pytest.mark.parametrize("point", POINTS)
def test_a_clerk_killed_at_any_point_is_finished_by_the_next_one(
    prepared: Path, tmp_path: Path, point: str
) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    assert run_until(point, tmp_path) == -signal.SIGKILL
    do_chores(tmp_path, LATER)
    log = CreditLog(tmp_path)
    size = log.store.size()
    do_chores(tmp_path, LATER)
    assert log.store.size() == size, "nothing is left to do"
    said = log.said()
    expired = Counter(body.number for _, body in said if isinstance(body, RecordExpired))
    assert expired == Counter(f"{place}号" for place in range(PAGE + 3))
    assert [due.index for due in log.store.due("expiry", "9999-12-31", 9)] == [PAGE + 4], "the one not over"
    matches = [body.records for _, body in said if isinstance(body, CaseMatched)]
    assert len(matches) == 1
    editions = [entry for entry in said if type(entry[1]).__name__ == "CataloguePublished"]
    assert len(editions) == 1
    log.close()
