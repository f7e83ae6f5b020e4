"""Joint-punishment checks over HTTP, each logged before it is answered, each answer with its proof."""

import base64
import json
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledger.formats.strictjson import dumps
from scripts.benchmarks import chain_peer
from scripts.benchmarks.entries import subject_code
from scripts.benchmarks.http_load import LoadFailed, run_load, signed_request, write_requests
from scripts.benchmarks.measuring import Options, Row
from scripts.benchmarks.service import fill_credit, host_of, port_of, running_service
from scripts.demo_steps.scene import Scene

_CONNECTIONS = 16
_EXPECTED_RATE = 3000
_RUNS = 3
REASON = {
    "matter": "government-procurement",
    "operator": "window-01",
    "purpose": "政府采购供应商资格审查",
    "basis": "政府采购法第二十二条",
}
P99_BUDGET_MS = 50


@dataclass(frozen=True, slots=True)
class Checks:
    """Checks per second of each run, and the latencies of the run that was in the middle by its p99."""

    rates: list[float]
    median_ms: float
    p99_ms: float
    answers: list[tuple[int, bytes]]

    @property
    def rate(self) -> float:
        """The median run's checks per second."""
        return statistics.median(self.rates)


def measure(options: Options) -> Row:
    """Check subjects drawn from the whole population, every second one on a list, the others on none."""
    drawn = iter(range(10**12))
    with running_service(options.folder) as scene:
        fill_credit(scene, options.subjects)
        # What the filling left to be written would delay every commit of the measurement.
        os.sync()

        def code(number: int) -> str:
            # Numbers far apart, so that neighbours in time are not neighbours in the index.
            subject = next(drawn) * 7_919 % options.subjects
            return subject_code(subject if number % 2 == 0 else subject + 50_000_000)

        checks = run_checks(
            scene, code, options.seconds / _RUNS, runs=_RUNS, connections=_CONNECTIONS, folder=options.folder
        )
    for number, body in checks.answers:
        answer = json.loads(body)
        if bool(answer["hits"]) != (number % 2 == 0):
            raise LoadFailed(f"check {number} was answered {answer['decision']}")
    row = Row("check", checks.rate, "checks/s", budget=800)
    row.notes = [
        f"{options.subjects:,} subjects, {_CONNECTIONS} connections, {_RUNS} runs of"
        f" {options.seconds / _RUNS:.1f} s: {', '.join(f'{rate:,.0f}' for rate in checks.rates)}",
        f"median {checks.median_ms:.1f} ms, p99 {checks.p99_ms:.1f} ms (budget {P99_BUDGET_MS} ms)",
    ]
    row.peers[chain_peer.NAME] = chain_peer.transactions_per_second(options.folder, options.seconds / 2)
    return row


def run_checks(
    scene: Scene, code: Callable[[int], str], seconds: float, *, runs: int, connections: int, folder: Path
) -> Checks:
    """Check the organisations that `code` names for each number, for so long, `runs` times after a warm-up.

    Raises `LoadFailed` when one is refused, or one of those kept is no answer with a proof.
    """
    requests = folder / "requests.bin"
    rates, latencies, answers = [], [], []
    for run in range(runs + 1):
        # The first run only warms up.
        length = seconds if run else min(1.0, seconds)
        count = int(length * _EXPECTED_RATE) + 64
        write_requests(requests, (_request(scene, code(number)) for number in range(count)))
        load = run_load(
            port_of(scene),
            requests,
            connections=connections,
            seconds=length,
            expect=200,
            keep_every=101,
        )
        answers = [(number, base64.b64decode(body)) for number, body in load.kept]
        if not all(b'"bundle":' in body for _, body in answers):
            raise LoadFailed("an answer came without its proof")
        if run:
            rates.append(load.rate)
            latencies.append((load.p99_ms, load.median_ms))
    p99, median = sorted(latencies)[len(latencies) // 2]
    return Checks(rates, median, p99, answers)


def _request(scene: Scene, code: str) -> bytes:
    body = dumps({"subject": {"type": "organisation", "code": code}, **REASON})
    return signed_request(host_of(scene), "/v1/checks", body, "application/json", scene.approval.signer)
