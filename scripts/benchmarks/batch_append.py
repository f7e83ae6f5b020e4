"""Batch appends over HTTP: a gateway's events, one signature for thousands, one signed receipt a batch."""

import statistics
from collections.abc import Iterator

from scripts.benchmarks import chain_peer
from scripts.benchmarks.entries import event_payloads, signed_batch_body
from scripts.benchmarks.http_load import LoadFailed, run_load, signed_request, write_requests
from scripts.benchmarks.measuring import Options, Row
from scripts.benchmarks.receipts import check_receipts
from scripts.benchmarks.service import (
    INTEGRATION_LIMIT_SECONDS,
    await_integrated,
    host_of,
    port_of,
    running_service,
)

_BATCH = 2000
_CONNECTIONS = 4
_EXPECTED_RATE = 24_000
_RUNS = 3
_PATH = "/v1/logs/access/batches"
_MEDIA_TYPE = "application/x-ndjson"


def measure(options: Options) -> Row:
    """Append batches from 4 connections; counts only if all is integrated and indexed 5 s after the end."""
    seconds = options.seconds / _RUNS
    rates, waits = [], []
    with running_service(options.folder) as scene:
        requests = options.folder / "requests.bin"
        for run in range(_RUNS + 1):
            # The first run only warms up.
            batches = max(_CONNECTIONS, int((seconds if run else 0.5) * _EXPECTED_RATE / _BATCH))
            manifests: list[bytes] = []

            def prepared(batches: int = batches, manifests: list[bytes] = manifests) -> Iterator[bytes]:
                for _ in range(batches):
                    payloads = event_payloads(scene.world, scene.bureau.uscc, _BATCH)
                    body = signed_batch_body(payloads, "access", scene.bureau)
                    manifests.append(body.split(b"\n", 1)[0])
                    yield signed_request(host_of(scene), _PATH, body, _MEDIA_TYPE, scene.bureau.signer)

            write_requests(requests, prepared())
            load = run_load(
                port_of(scene),
                requests,
                connections=_CONNECTIONS,
                seconds=seconds if run else 60,
                expect=201,
                keep_every=5,
            )
            waited = await_integrated(scene, "access")
            check_receipts(scene, manifests, load.kept)
            if run:
                rates.append(load.rate * _BATCH)
                waits.append(waited)
    row = Row("batch_append", statistics.median(rates), "entries/s", budget=10_000)
    if max(waits) > INTEGRATION_LIMIT_SECONDS:
        raise LoadFailed(f"integrated only {max(waits):.1f} s after the last receipt")
    row.notes = [
        f"{_BATCH} access events a batch, {_CONNECTIONS} connections, {_RUNS} runs of {seconds:.1f} s:"
        f" {', '.join(f'{rate:,.0f}' for rate in rates)}",
        f"in tree and index at most {max(waits):.1f} s after the last receipt",
    ]
    row.peers[chain_peer.NAME] = chain_peer.transactions_per_second(options.folder, options.seconds / 2)
    return row
