"""`xinzheng import` against a service of its own: as a clerk runs it, and killed at any moment."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from made_sheets import LIST_ROW, PENALTY_ROW, PERSON_ROW, lines_of, write_csv, write_sheet

from ledger.cli import main
from ledger.client import Client
from ledger.errors import ServiceUnreachable
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.ports import free_port
from ledger.services.importing import FORMS, LIST
from ledger.services.importing.desk import KINDS

ROOT = Path(__file__).resolve().parents[2]
DAY = (date.today() - timedelta(days=20)).isoformat()
ROW = PENALTY_ROW | {"CF_JDRQ": DAY}


class Desk:
    """A desk of the operator, who publishes too: its command line, and a look into the log."""

    def __init__(self, city: Any, folder: Path) -> None:
        self.city = city
        self.folder = folder
        self._arguments = ["--dir", str(city.deployment.folder)]

    def start(self, *arguments: Any) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "ledger.cli", "import", *map(str, arguments), *self._arguments]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )

    def run(self, *arguments: Any) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def report(self, *arguments: Any) -> dict[str, Any]:
        code, out, err = self.run(*arguments, "--json")
        assert code in (0, 1), err
        return dict(json.loads(out))

    def statements(self) -> list[Any]:
        """Everything in the credit log that came from a sheet."""
        store = self.city.deployment.logs["credit"].store
        envelopes = [parse_envelope(stored.entry) for stored in store.entries(0, store.size())]
        found = [parse_statement(each.payload) for each in envelopes if "statement" in each.payload_type]
        return [statement for statement in found if statement.kind in KINDS]

    def await_published(self) -> None:
        store = self.city.deployment.logs["credit"].store
        wait_for(lambda: (latest := store.latest_checkpoint()) is not None and latest.size == store.size())


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if condition():
                return
        except ServiceUnreachable:
            pass
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


@pytest.fixture
def desk(make_city: Any, tmp_path: Path) -> Iterator[Desk]:
    port = free_port()
    city = make_city(port=port)
    folder = str(city.deployment.folder)
    commands = (["-m", "api", "--dir", folder], ["-m", "ledger.cli", "worker", "--dir", folder])
    log = (city.deployment.folder / "run" / "processes.log").open("wb")
    processes = [
        subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=log, stderr=log) for command in commands
    ]
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: Client(url, attempts=1).ready()["worker"]["alive"])
        yield Desk(city, tmp_path)
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        statuses = [process.wait(60) for process in processes]
        log.close()
    assert statuses == [0, 0], (city.deployment.folder / "run" / "processes.log").read_text()


def test_a_clerk_tries_imports_corrects_and_imports_again(desk: Desk) -> None:
    rows = [
        ROW,
        ROW | {"CF_WSH": "2号", "CF_JDRQ": "下周"},
        PERSON_ROW | {"CF_JDRQ": DAY},
        ROW | {"CF_NR": "别的内容"},
        ROW | {"CF_WSH": "5号", "CF_JDRQ": "2019-01-05"},
    ]
    sheet = write_sheet(desk.folder, rows, encoding=None)
    code, out, _ = desk.run(sheet, "--dry-run")
    assert code == 1
    assert "将受理 would be accepted 2, 已有 already 0, 拒绝 refused 2, 冲突 conflicting 1" in out
    assert "第 6 行  [decision_date_refused]" in out
    assert desk.statements() == []
    problems = desk.folder / "problems.xlsx"
    code, out, err = desk.run(sheet, "--report", problems, "--bad-only")
    assert (code, len(desk.statements())) == (1, 2)
    assert "受理 accepted 2, 已有 already 0, 拒绝 refused 2, 冲突 conflicting 1" in out
    assert "report written" in err
    desk.await_published()
    book = openpyxl.load_workbook(problems)
    filled = book.active
    assert filled is not None
    for row in (2, 4):
        filled.cell(row, FORMS["penalty"].codes.index("CF_JDRQ") + 1).value = DAY
    book.save(problems)
    report = desk.report(problems, "--on-conflict", "correct")
    assert (report["accepted"], report["corrected"], report["refused"]) == (3, 1, 0)
    desk.await_published()
    again = desk.report(sheet)
    assert (again["accepted"], again["already"], again["refused"]) == (0, 3, 2)
    assert len(desk.statements()) == 5


def test_a_removal_is_imported_by_number_and_subject(desk: Desk) -> None:
    listed = LIST_ROW | {"MD_LRRQ": DAY, "MD_LB": "重点关注名单"}
    assert desk.report(write_sheet(desk.folder, [listed], LIST))["accepted"] == 1
    desk.await_published()
    removal = {
        "YC_LB": "key-attention",
        "YC_XDR_MC": LIST_ROW["MD_XDR_MC"],
        "YC_XDR_SHXYM": LIST_ROW["MD_XDR_SHXYM"],
        "YC_WSH": LIST_ROW["MD_WSH"],
        "YC_YY": "解除",
        "YC_YJ": "保障农民工工资支付条例",
        "YC_RQ": date.today().isoformat(),
    }
    report = desk.report(write_sheet(desk.folder, [removal], FORMS["removal"], encoding=None))
    assert report["accepted"] == 1, report
    entered, removed = desk.statements()
    assert removed.refers[0].id == entered.id


def test_what_only_explains_needs_no_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: Any) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["import", *map(str, arguments)])
        return int(str(ended.value.code)), capsys.readouterr().out

    assert run("--forms")[0] == 0
    assert "CF_YZCD" in run("--columns", "penalty")[1]
    template = tmp_path / "t.xlsx"
    assert run("--form", "list", "--template", template)[0] == 0
    assert template.exists()
    for wrong in ((), ("--template", template), ("--form", "list", "--template", tmp_path / "t.csv")):
        assert run(*wrong)[0] == 2


ROWS = 3_000


def test_an_import_that_is_killed_at_any_moment_goes_on(desk: Desk) -> None:
    """Each row is in the log once, whenever the process was killed, and however often."""
    rows = [(PERSON_ROW if n % 7 == 0 else ROW) | {"CF_JDRQ": DAY, "CF_WSH": f"{n}号"} for n in range(ROWS)]
    sheet = write_csv(desk.folder / "sheet.csv", lines_of(rows))
    journal = desk.folder / "journal"
    draw = random.Random(9)
    moments: list[Callable[[], bool]] = [
        lambda: journal.exists(),
        lambda: any(journal.glob("*.ndjson")),
        lambda: any(journal.glob("*.receipt")),
        lambda: len(list(journal.glob("*.receipt"))) > 1,
    ]
    for moment in (*moments, None):
        process = desk.start(sheet, "--journal", journal)
        if moment is None:
            time.sleep(draw.uniform(1.0, 2.0))
        else:
            while process.poll() is None and not moment():
                time.sleep(0.001)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        process.stderr.close()
    report = desk.report(sheet, "--journal", journal)
    assert (report["accepted"] + report["already"], report["refused"]) == (ROWS, 0)
    statements = desk.statements()
    assert len(statements) == ROWS
    assert len({statement.id for statement in statements}) == ROWS
    assert not list(journal.glob("*.ndjson"))
    assert not [path for path in journal.iterdir() if path.name.startswith(".")]
    assert desk.report(sheet, "--journal", journal)["already"] == ROWS
