"""Joint-punishment checks over HTTP, each logged before it is answered, each answer with its proof."""

import base64
import json
import os
import statistics

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
_REASON = {
    "matter": "government-procurement",
    "operator": "window-01",
    "purpose": "政府采购供应商资格审查",
    "basis": "政府采购法第二十二条",
}
P99_BUDGET_MS = 50


def measure(options: Options) -> Row:
    """Check subjects drawn from the whole population, every second one on a list, the others on none."""
    seconds = options.seconds / _RUNS
    rates, latencies = [], []
    with running_service(options.folder) as scene:
        fill_credit(scene, options.subjects)
        # What the filling left to be written would delay every commit of the measurement.
        os.sync()
        requests = options.folder / "requests.bin"
        for run in range(_RUNS + 1):
            # The first run only warms up.
            length = seconds if run else min(1.0, seconds)
            count = int(length * _EXPECTED_RATE) + 64
            write_requests(requests, (_request(scene, run, n, options.subjects) for n in range(count)))
            load = run_load(
                port_of(scene),
                requests,
                connections=_CONNECTIONS,
                seconds=length,
                expect=200,
                keep_every=101,
            )
            _check_answers(load.kept)
            if run:
                rates.append(load.rate)
                latencies.append((load.p99_ms, load.median_ms))
    row = Row("check", statistics.median(rates), "checks/s", budget=800)
    p99, median = sorted(latencies)[len(latencies) // 2]
    row.notes = [
        f"{options.subjects:,} subjects, {_CONNECTIONS} connections, {_RUNS} runs of {seconds:.1f} s:"
        f" {', '.join(f'{rate:,.0f}' for rate in rates)}",
        f"median {median:.1f} ms, p99 {p99:.1f} ms (budget {P99_BUDGET_MS} ms)",
    ]
    row.peers[chain_peer.NAME] = chain_peer.transactions_per_second(options.folder, options.seconds / 2)
    return row


def _request(scene: Scene, run: int, number: int, subjects: int) -> bytes:
    # Numbers far apart, so that neighbours in time are not neighbours in the index.
    drawn = (run * 1_000_003 + number * 7_919) % subjects
    code = subject_code(drawn if number % 2 == 0 else drawn + 50_000_000)
    body = dumps({"subject": {"type": "organisation", "code": code}, **_REASON})
    return signed_request(host_of(scene), "/v1/checks", body, "application/json", scene.approval.signer)


def _check_answers(kept: list[tuple[int, str]]) -> None:
    for number, body in kept:
        answer = json.loads(base64.b64decode(body))
        if bool(answer["hits"]) != (number % 2 == 0) or "bundle" not in answer:
            raise LoadFailed(f"check {number} was answered {answer['decision']}")
