"""The hashing half of a full audit: every leaf, node and signed root recomputed from the entries."""

import statistics
import time

from gmssl import sm3 as gmssl_sm3

from ledger.formats.trust import parse_trust
from ledger.log.audit import audit
from ledger.log.audit_entries import Rules
from ledger.store.raw import RawLog
from scripts.benchmarks.measuring import Options, Row
from scripts.benchmarks.service import fill_credit, running_service
from scripts.demo_steps.scene import Scene

_ENTRIES_A_SECOND = 20_000
_RUNS = 3
_PEER_ENTRIES = 300


def measure(options: Options) -> Row:
    """Audit the hashes of a log while its service goes on, with as many processes as it takes by itself."""
    entries = max(20_000, int(options.seconds * _ENTRIES_A_SECOND))
    with running_service(options.folder) as scene:
        fill_credit(scene, entries)
        rates, size = [], 0
        for _ in range(_RUNS):
            started = time.perf_counter()
            size = _audit(scene)
            rates.append(size / (time.perf_counter() - started))
        peer = _gmssl_rate(scene)
    row = Row("audit", statistics.median(rates), "entries/s", budget=60_000)
    row.notes = [f"{size:,} entries, median of {_RUNS}", "the peer only hashes each entry and one node"]
    row.peers["gmssl"] = peer
    return row


def _audit(scene: Scene) -> int:
    log = scene.deployment.logs["credit"]
    trust = parse_trust(scene.deployment.trust_document() or b"")
    keys = (scene.deployment.keyring.log_signer("credit").public,)
    folder = scene.deployment.folder / "logs" / "credit"
    report = audit(log.store, folder, Rules(log.origin, trust, keys), level="hashes")
    if not report.clean:
        raise AssertionError(f"the audit finds {report.findings[:3]}")
    return report.entries


def _gmssl_rate(scene: Scene) -> float:
    """Entries per second when gmssl, which is pure Python, hashes an entry and a node for each."""
    raw = RawLog(scene.deployment.folder / "logs" / "credit")
    entries = [row.entry for row in raw.entries(0, _PEER_ENTRIES)]
    started = time.perf_counter()
    for entry in entries:
        leaf = bytes.fromhex(gmssl_sm3.sm3_hash(list(b"\x00" + entry)))
        gmssl_sm3.sm3_hash(list(b"\x01" + leaf + leaf))
    return len(entries) / (time.perf_counter() - started)
