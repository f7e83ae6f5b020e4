"""Importing 100,000 rows with `xinzheng import`, from the file to the last receipt, over HTTP.

A fresh deployment for each form of file. The sheet has the official penalty columns, an eighth of its rows
are about natural persons, and half of the others name a legal representative by resident ID.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import openpyxl

from ledger.log.clock import system_clock
from ledger.services.evidence import today
from scripts.benchmarks.http_load import LoadFailed
from scripts.benchmarks.measuring import Options, Row
from scripts.benchmarks.service import await_integrated, running_service
from scripts.demo_steps.scene import Scene
from scripts.environment import ROOT, environment
from scripts.samples import World
from scripts.samples.credit import PENALTY_COLUMNS, Sheet, penalty_rows
from scripts.samples.writing import sheet_bytes

ROWS = 100_000
_BUDGET_SECONDS = 60.0
_BUDGET_MEMORY_MIB = 400.0
_FILES: Mapping[str, str | None] = {"xlsx": None, "csv": "gb18030"}
_RUNS = 1
_LOOK_SECONDS = 0.1


def measure(options: Options) -> Row:
    """Seconds for the slower of XLSX and CSV; the peak memory of the importing process is in the notes."""
    sheets = _sheets(options.folder)
    seconds: dict[str, float] = {}
    notes = []
    for name, path in sheets.items():
        taken, peaks = [], []
        for _ in range(_RUNS):
            elapsed, peak = _import(options.folder / name, path)
            taken.append(elapsed)
            peaks.append(peak)
        seconds[name] = statistics.median(taken)
        notes.append(
            f"{name}: {seconds[name]:.1f} s, {ROWS / seconds[name]:,.0f} rows/s,"
            f" peak memory of the importer {max(peaks):.0f} MiB"
        )
        if max(peaks) > _BUDGET_MEMORY_MIB:
            raise LoadFailed(f"importing {name} took {max(peaks):.0f} MiB")
    row = Row("import_100k", max(seconds.values()), "s", budget=_BUDGET_SECONDS, smaller_is_better=True)
    row.notes = [f"{ROWS:,} penalties into a fresh log", *notes]
    row.peers["openpyxl, only reading the sheet"] = _openpyxl_seconds(sheets["xlsx"])
    return row


def _sheets(folder: Path) -> dict[str, Path]:
    world = World(2026, today(system_clock()), organisations=15_000, people=2_000)
    rows = penalty_rows(world, ROWS)
    paths = {}
    for name, encoding in _FILES.items():
        path = paths[name] = folder / f"penalties.{name}"
        path.write_bytes(sheet_bytes(Sheet(path.name, "penalty", PENALTY_COLUMNS, rows, encoding)))
    return paths


def _import(folder: Path, sheet: Path) -> tuple[float, float]:
    """Seconds, and MiB of memory at the peak, of one import into a deployment of its own."""
    folder.mkdir(exist_ok=True)
    with running_service(folder) as scene:
        started = time.perf_counter()
        peak, report = _run(scene, sheet, folder / "report.json")
        seconds = time.perf_counter() - started
        accepted = report["accepted"]
        if accepted != ROWS:
            raise LoadFailed(f"{accepted} of {ROWS} rows were accepted")
        await_integrated(scene, "credit")
    return seconds, peak


def _run(scene: Scene, sheet: Path, output: Path) -> tuple[float, dict[str, int]]:
    command = [sys.executable, "-m", "ledger.cli", "import", str(sheet), "--json"]
    command += ["--dir", str(scene.deployment.folder), "--key", str(scene.folder / "members" / "market.pem")]
    command += ["--member", scene.market.uscc, "--journal", str(output.with_suffix(".journal"))]
    env = environment() | {"XINZHENG_KEY_PASSPHRASE": scene.deployment.keyring.passphrase.decode()}
    peak = 0.0
    with output.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, env=env, cwd=ROOT)
        while process.poll() is None:
            peak = max(peak, _peak_mib(process.pid))
            time.sleep(_LOOK_SECONDS)
    if process.returncode != 0:
        raise LoadFailed(f"the import ended with {process.returncode}: {output.read_text()[-600:]}")
    return peak, json.loads(output.read_text().splitlines()[-1])


def _peak_mib(pid: int) -> float:
    """The most memory that a process had so far; `wait4` would count what its parent had when it began."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def _openpyxl_seconds(path: Path) -> float:
    """How long the usual library takes for nothing but handing the cells over."""
    started = time.perf_counter()
    book = openpyxl.load_workbook(path, read_only=True)
    rows = sum(1 for _ in book.worksheets[0].iter_rows(values_only=True))
    book.close()
    if rows != ROWS + 1:
        raise LoadFailed(f"openpyxl reads {rows} rows")
    return time.perf_counter() - started
