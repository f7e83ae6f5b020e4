"""Checking a receipt against what was submitted, before anybody relies on it."""

from collections.abc import Mapping, Sequence

from ledger.errors import AnswerInvalid, FormatError, KeyUnusable, SignatureInvalid
from ledger.formats.receipt import Receipt, parse_receipt, verify_receipt
from ledger.formats.statement import Manifest
from ledger.formats.trust import parse_trust
from ledger.gm import PublicKey
from ledger.merkle import leaf_hash


def receipt_keys(trust: bytes) -> Mapping[str, Sequence[PublicKey]]:
    """The log keys of a trust file, by origin; revoked keys are left out. Raises `AnswerInvalid`."""
    try:
        logs = parse_trust(trust).logs
    except (FormatError, KeyUnusable) as error:
        raise AnswerInvalid("the trust file is not in form") from error
    return {
        origin: [key.vkey.public for key in log.keys if key.window.revoked is None]
        for origin, log in logs.items()
    }


def check_receipt(
    data: bytes,
    entry: bytes,
    keys: Mapping[str, Sequence[PublicKey]],
    log: str,
    issuer: str,
    id: str,
    manifest: Manifest | None = None,
) -> Receipt:
    """The receipt in `data`, which must be for `entry` (a batch: its manifest) and signed by the log.

    Raises `AnswerInvalid`.
    """
    try:
        _, envelope = parse_receipt(data)
        public = next((key for key in keys.get(log, ()) if key.keyid == envelope.keyid), None)
        if public is None:
            raise AnswerInvalid(
                "the receipt is signed by a key that the trust file does not give to this log"
            )
        receipt = verify_receipt(data, public)
    except (FormatError, SignatureInvalid) as error:
        raise AnswerInvalid(f"the receipt is not valid: {error.code}") from error
    _compare(receipt, (log, issuer, id), leaf_hash(entry))
    batch = receipt.batch
    if (batch is None) != (manifest is None):
        raise AnswerInvalid("the receipt is not for what was submitted")
    if batch is not None and manifest is not None:
        expected = (receipt.leaf_index + 1, manifest.size, manifest.root)
        if (batch.first_index, batch.size, batch.root) != expected:
            raise AnswerInvalid("the receipt's batch is not the one that was submitted")
    return receipt


def _compare(receipt: Receipt, submitted: tuple[str, str, str], leaf: bytes) -> None:
    if (receipt.log, receipt.issuer, receipt.id) != submitted or receipt.leaf_hash != leaf:
        raise AnswerInvalid("the receipt is not for what was submitted")
