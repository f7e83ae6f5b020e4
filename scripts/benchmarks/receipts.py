"""Some of the answers of a load, verified after the clock stopped: what was measured is the real thing."""

import base64
from collections.abc import Sequence

from ledger.client.receipts import check_receipt, receipt_keys
from ledger.formats.envelope import BATCH_TYPE, parse_envelope
from ledger.formats.statement import parse_manifest, parse_statement
from scripts.benchmarks.http_load import LoadFailed
from scripts.demo_steps.scene import Scene


def check_receipts(scene: Scene, entries: Sequence[bytes], kept: Sequence[tuple[int, str]]) -> None:
    """Verify kept receipts (base64, by the request's number) of these entries, manifests of batches included.

    Raises `LedgerError` when one is not the log's signed receipt for that entry.
    """
    trust = scene.deployment.trust_document()
    if trust is None or not kept:
        raise LoadFailed("no receipt was kept, or there is no trust file to verify it with")
    keys = receipt_keys(trust)
    for number, body in kept:
        entry = entries[number]
        envelope = parse_envelope(entry)
        receipt = base64.b64decode(body)
        if envelope.payload_type == BATCH_TYPE:
            manifest = parse_manifest(envelope.payload)
            check_receipt(receipt, entry, keys, manifest.log, manifest.issuer, manifest.id, manifest)
        else:
            statement = parse_statement(envelope.payload)
            check_receipt(receipt, entry, keys, statement.log, statement.issuer, statement.id)
