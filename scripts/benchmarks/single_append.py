"""Single signed appends over HTTP: a signed request with one signed statement, a signed receipt back."""

import statistics

from scripts.benchmarks import chain_peer
from scripts.benchmarks.entries import event_payloads, signed_entries
from scripts.benchmarks.http_load import run_load, signed_request, write_requests
from scripts.benchmarks.measuring import Options, Row
from scripts.benchmarks.receipts import check_receipts
from scripts.benchmarks.service import await_integrated, host_of, port_of, running_service

_CONNECTIONS = 32
_EXPECTED_RATE = 4000
_RUNS = 3
_MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
_KEEP_EVERY = 97


def measure(options: Options) -> Row:
    """Append from 32 connections at once; the worker integrates, publishes and anchors beside."""
    seconds = options.seconds / _RUNS
    rates, latencies = [], []
    with running_service(options.folder) as scene:
        requests = options.folder / "requests.bin"
        for run in range(_RUNS + 1):
            # The first run only warms up: connections, key tables, the database's cache.
            length = seconds if run else min(1.0, seconds)
            payloads = event_payloads(scene.world, scene.bureau.uscc, int(length * _EXPECTED_RATE) + 64)
            entries = signed_entries(payloads, scene.bureau)
            write_requests(
                requests,
                (
                    signed_request(
                        host_of(scene), "/v1/logs/access/entries", entry, _MEDIA_TYPE, scene.bureau.signer
                    )
                    for entry in entries
                ),
            )
            load = run_load(
                port_of(scene),
                requests,
                connections=_CONNECTIONS,
                seconds=length,
                expect=201,
                keep_every=_KEEP_EVERY,
            )
            check_receipts(scene, entries, load.kept)
            waited = await_integrated(scene, "access")
            if run:
                rates.append(load.rate)
                latencies.append((load.median_ms, load.p99_ms, waited))
    row = Row("single_append", statistics.median(rates), "entries/s", budget=1500)
    middle = sorted(latencies)[len(latencies) // 2]
    row.notes = [
        f"{_CONNECTIONS} connections, {_RUNS} runs of {seconds:.1f} s:"
        f" {', '.join(f'{rate:,.0f}' for rate in rates)}",
        f"median {middle[0]:.1f} ms, p99 {middle[1]:.1f} ms",
        f"integrated {middle[2]:.1f} s after the last receipt",
    ]
    row.peers[chain_peer.NAME] = chain_peer.transactions_per_second(options.folder, options.seconds / 2)
    return row
