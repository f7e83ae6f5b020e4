"""Joint-punishment checks of a whole city: single, in batches, and as the city grows; and imports.

    scripts/bench credit --json                    1,000,000 subjects, 5,000,000 records, seeded
    scripts/bench credit --subjects 20000          a small city, to try
    scripts/bench credit --keep FOLDER             fill FOLDER once, and measure it again later

Every check is logged and answered with its proof. `growth` is the median latency of a check, one at a time,
in that city over that in one of a hundredth of its size.
"""

import base64
import json
import random
import statistics
import time
from pathlib import Path

from ledger.formats.strictjson import dumps
from scripts.benchmarks import chain_peer, import_100k
from scripts.benchmarks.check import P99_BUDGET_MS, REASON, Checks, run_checks
from scripts.benchmarks.city import RECORDS_EACH, running_city
from scripts.benchmarks.http_load import LoadFailed, run_load, signed_request, write_requests
from scripts.benchmarks.measuring import Options, Row
from scripts.benchmarks.population import subject_code
from scripts.benchmarks.service import host_of, port_of
from scripts.demo_steps.scene import Scene

_CONNECTIONS = 16
_RUNS = 5
_BATCH = 10_000
_BATCH_RUNS = 3
_BUDGET_RATE = 800
_BUDGET_BATCH_SECONDS = 5.0
_BUDGET_GROWTH = 1.3
_SMALLER = 100


def measure(options: Options) -> list[Row]:
    """The rows check_1m, check_p99_ms, batch_check_10k, growth and import_100k."""
    folder = options.keep or options.folder
    folder.mkdir(parents=True, exist_ok=True)
    small_subjects = max(100, options.subjects // _SMALLER)
    with running_city(folder / "small", small_subjects) as scene:
        small = _latency(scene, small_subjects, options)
    with running_city(folder / "city", options.subjects) as scene:
        latency = _latency(scene, options.subjects, options)
        checks = _checks(scene, options.subjects, options.seconds, _CONNECTIONS, options.folder)
        batches = _batches(scene, options.subjects, options.folder)
    sizes = f"{options.subjects:,} subjects, {options.subjects * RECORDS_EACH:,} records"
    runs = f"{_CONNECTIONS} connections, {_RUNS} runs of {options.seconds / _RUNS:.1f} s"
    rate = Row("check_1m", checks.rate, "checks/s", budget=_BUDGET_RATE)
    rate.notes = [sizes, f"{runs}: {', '.join(f'{each:,.0f}' for each in checks.rates)}"]
    rate.peers[chain_peer.NAME] = chain_peer.transactions_per_second(options.folder, options.seconds / 2)
    p99 = Row("check_p99_ms", checks.p99_ms, "ms", budget=P99_BUDGET_MS, smaller_is_better=True)
    p99.notes = [f"of those checks; median {checks.median_ms:.1f} ms"]
    batch = Row(
        "batch_check_10k",
        statistics.median(batches),
        "s",
        budget=_BUDGET_BATCH_SECONDS,
        smaller_is_better=True,
    )
    batch.notes = [f"{_BATCH:,} subjects in one call: {', '.join(f'{each:.2f}' for each in batches)} s"]
    batch.peers["as many single checks"] = _BATCH / checks.rate
    growth = Row("growth", latency / small, "times", budget=_BUDGET_GROWTH, smaller_is_better=True)
    growth.notes = [
        f"median latency of one check at a time: {latency:.2f} ms; {small:.2f} ms with"
        f" {small_subjects * RECORDS_EACH:,} records"
    ]
    return [rate, p99, batch, import_100k.measure(options), growth]


def _latency(scene: Scene, subjects: int, options: Options) -> float:
    return _checks(scene, subjects, options.seconds / 2, 1, options.folder).median_ms


def _checks(scene: Scene, subjects: int, seconds: float, connections: int, folder: Path) -> Checks:
    drawn = random.Random(subjects)  # noqa: S311 - a seeded sample

    def code(_: int) -> str:
        return subject_code(drawn.randrange(subjects))

    return run_checks(scene, code, seconds / _RUNS, runs=_RUNS, connections=connections, folder=folder)


def _batches(scene: Scene, subjects: int, folder: Path) -> list[float]:
    """Seconds for each of several calls with different subjects; the first one only warms up."""
    path = folder / "batch.bin"
    seconds = []
    for run in range(_BATCH_RUNS + 1):
        drawn = random.Random(run)  # noqa: S311 - a seeded sample
        numbers = drawn.sample(range(subjects), min(_BATCH, subjects))
        asked = [{"type": "organisation", "code": subject_code(number)} for number in numbers]
        body = dumps({"subjects": asked, **REASON})
        key = scene.approval.signer
        write_requests(
            path, [signed_request(host_of(scene), "/v1/checks/batch", body, "application/json", key)]
        )
        started = time.perf_counter()
        load = run_load(port_of(scene), path, connections=1, seconds=120, expect=200, keep_every=1)
        elapsed = min(time.perf_counter() - started, load.median_ms / 1000)
        items = json.loads(base64.b64decode(load.kept[0][1]))["items"]
        if len(items) != len(numbers):
            raise LoadFailed(f"{len(items)} of {len(numbers)} subjects were answered")
        if run:
            seconds.append(elapsed)
    return seconds
