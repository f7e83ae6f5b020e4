"""Receipts: the log's signed promise on durable acceptance (DESIGN.md 4.6).

A DSSE envelope by the log's key. For a batch, `id`, `leaf_hash` and `leaf_index` are the manifest's, and
`first_index`, `size` and `root` say where its entries stand.
"""

from dataclasses import dataclass
from typing import Any

from ledger.errors import FormatError, SignatureInvalid
from ledger.formats import strictjson
from ledger.formats.envelope import RECEIPT_TYPE, Envelope, pae, parse_envelope, sign_envelope
from ledger.formats.members import read_hash, read_integer, read_object, read_origin
from ledger.formats.statement import is_id
from ledger.formats.times import format_time, parse_time
from ledger.gm import PublicKey, Signer, verify
from ledger.identifiers import is_uscc

_REQUIRED = frozenset(("log", "issuer", "id", "leaf_hash", "leaf_index", "accepted_at"))
_BATCH = frozenset(("first_index", "size", "root"))


@dataclass(frozen=True, slots=True)
class ReceiptBatch:
    """Where a batch's entries stand: log index of the first, how many, and their batch root."""

    first_index: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was accepted where; `accepted_at` in milliseconds since 1970, `leaf_hash` 32 bytes."""

    log: str
    issuer: str
    id: str
    leaf_hash: bytes
    leaf_index: int
    accepted_at: int
    batch: ReceiptBatch | None = None


def format_receipt(receipt: Receipt) -> bytes:
    """The receipt's payload, which `pae(RECEIPT_TYPE, payload)` makes the signed bytes of."""
    members: dict[str, Any] = {
        "log": receipt.log,
        "issuer": receipt.issuer,
        "id": receipt.id,
        "leaf_hash": receipt.leaf_hash.hex(),
        "leaf_index": receipt.leaf_index,
        "accepted_at": format_time(receipt.accepted_at),
    }
    if receipt.batch is not None:
        batch = receipt.batch
        members |= {"first_index": batch.first_index, "size": batch.size, "root": batch.root.hex()}
    return strictjson.dumps(members)


def parse_receipt_payload(payload: bytes) -> Receipt:
    """A receipt from its payload. Raises a `FormatError`."""
    members = read_object(strictjson.loads(payload), "a receipt", _REQUIRED, _BATCH, FormatError)
    batch = None
    if members.keys() & _BATCH:
        if not members.keys() >= _BATCH:
            raise FormatError("a batch receipt has first_index, size and root")
        batch = ReceiptBatch(
            read_integer(members["first_index"], "first_index", FormatError),
            read_integer(members["size"], "size", FormatError, minimum=1),
            read_hash(members["root"], "root", FormatError),
        )
    issuer, id_ = members["issuer"], members["id"]
    if not isinstance(issuer, str) or not is_uscc(issuer) or not is_id(id_):
        raise FormatError("a receipt has a USCC as issuer and a UUIDv7 as id")
    return Receipt(
        read_origin(members["log"], "log", FormatError),
        issuer,
        id_,
        read_hash(members["leaf_hash"], "leaf_hash", FormatError),
        read_integer(members["leaf_index"], "leaf_index", FormatError),
        parse_time(members["accepted_at"], millis=True),
        batch,
    )


def parse_receipt(data: bytes) -> tuple[Receipt, Envelope]:
    """A receipt and its envelope from the envelope's bytes; the signature is not checked here."""
    envelope = parse_envelope(data)
    if envelope.payload_type != RECEIPT_TYPE:
        raise FormatError("not a receipt")
    return parse_receipt_payload(envelope.payload), envelope


def sign_receipt(receipt: Receipt, signer: Signer) -> bytes:
    """The receipt's envelope, signed by the log's key."""
    return sign_envelope(RECEIPT_TYPE, format_receipt(receipt), signer)


def verify_receipt(data: bytes, public: PublicKey) -> Receipt:
    """A receipt that this log key signed. Raises a `FormatError` or `SignatureInvalid`."""
    receipt, envelope = parse_receipt(data)
    if envelope.keyid != public.keyid or envelope.signature is None:
        raise SignatureInvalid("the receipt names another key")
    verify(public, pae(RECEIPT_TYPE, envelope.payload), envelope.signature)
    return receipt
