"""Envelopes: DSSE v1 round a statement, a manifest or a receipt (DESIGN.md 4.3).

The one layout, compact JSON with members in this order and nothing else:

    {"payloadType":"<type>","payload":"<base64>","signatures":[{"keyid":"<hex>","sig":"<base64 of DER>"}]}

or, for a statement in a batch, with
`"batch":{"root":"<hex>","index":i,"size":n}` in place of `"sig"`. What is signed is
PAE(type, payload) = "DSSEv1" SP len(type) SP type SP len(payload) SP payload.

`format_envelope(parse_envelope(x)) == x` for every x that parses; an entry of a log is exactly such bytes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import (
    Base64Invalid,
    EntryTooLarge,
    EnvelopeMalformed,
    FormatError,
    SignatureCount,
    SignatureInvalid,
)
from ledger.formats import strictjson
from ledger.formats.encoding import BASE64, b64decode_strict, b64encode, decode_matched
from ledger.formats.statement import Manifest, format_manifest
from ledger.gm import Signer, der_decode, der_encode
from ledger.merkle import BatchTree, batch_leaf_hash

STATEMENT_TYPE = "application/vnd.xinzheng.statement+json"
BATCH_TYPE = "application/vnd.xinzheng.batch+json"
RECEIPT_TYPE = "application/vnd.xinzheng.receipt+json"

MAX_ENTRY = 48 * 1024
"""Most bytes of an envelope."""
MAX_BATCH_SIZE = 65_535
"""Most entries of a batch."""


def _pae_start(payload_type: str) -> bytes:
    encoded = payload_type.encode()
    return b"DSSEv1 %d %s " % (len(encoded), encoded)


_PAE_START = {name: _pae_start(name) for name in (STATEMENT_TYPE, BATCH_TYPE, RECEIPT_TYPE)}

_match = re.compile(
    (
        r'\{"payloadType":"application/vnd\.xinzheng\.(statement|batch|receipt)\+json",'
        rf'"payload":"({BASE64})",'
        r'"signatures":\[\{"keyid":"([0-9a-f]{64})",'
        rf'(?:"sig":"({BASE64})"'
        r'|"batch":\{"root":"([0-9a-f]{64})","index":(0|[1-9][0-9]{0,4}),"size":([1-9][0-9]{0,4})\})'
        r"\}\]\}"
    ).encode()
).fullmatch
_STATEMENT_HEAD = f'{{"payloadType":"{STATEMENT_TYPE}","payload":"'.encode()
_match_place = re.compile(
    rb'"batch":\{"root":"([0-9a-f]{64})","index":([0-9]+),"size":([0-9]+)\}\}\]\}$'
).search
_PLACE_ROOM = 128
"""More bytes than the end of an envelope from `"batch"` on has."""
_TYPES = {b"statement": STATEMENT_TYPE, b"batch": BATCH_TYPE, b"receipt": RECEIPT_TYPE}


@dataclass(frozen=True, slots=True)
class BatchPlace:
    """Where a statement stands in a signed batch: 0 <= index < size <= 65,535; `root` is 32 bytes."""

    root: bytes
    index: int
    size: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope's content; exactly one of `signature` (raw r || s, 64 bytes) and `batch` is there."""

    payload_type: str
    payload: bytes
    keyid: str
    signature: bytes | None
    batch: BatchPlace | None

    @property
    def pae(self) -> bytes:
        """The bytes that are signed, or hashed into the batch."""
        return pae(self.payload_type, self.payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding; lengths in bytes, in decimal ASCII."""
    start = _PAE_START.get(payload_type) or _pae_start(payload_type)
    return b"%b%d %b" % (start, len(payload), payload)


def parse_envelope(data: bytes) -> Envelope:
    """An envelope's content. The payload is not looked into.

    Raises `EntryTooLarge` above 48 KiB and a `FormatError` for anything but the one layout: among them
    `SignatureCount`, `Base64Invalid`, the errors of `strictjson`, and `EnvelopeMalformed`.
    """
    if len(data) > MAX_ENTRY:
        raise EntryTooLarge("an envelope has at most 49,152 bytes")
    matched = _match(data)
    if matched is None:
        raise _explain(data)
    kind, payload, keyid, signature, root, index, size = matched.groups()
    payload_type = _TYPES[kind]
    decoded = decode_matched(payload)
    if signature is not None:
        try:
            raw = der_decode(decode_matched(signature))
        except SignatureInvalid as error:
            raise EnvelopeMalformed(
                f"the signature is not minimal DER of r and s in range: {error}"
            ) from error
        return Envelope(payload_type, decoded, keyid.decode(), raw, None)
    place = BatchPlace(bytes.fromhex(root.decode()), int(index), int(size))
    if payload_type != STATEMENT_TYPE:
        raise EnvelopeMalformed("only statements are batched")
    if not place.index < place.size <= MAX_BATCH_SIZE:
        raise EnvelopeMalformed("a batch place needs index < size <= 65,535")
    return Envelope(payload_type, decoded, keyid.decode(), None, place)


def statement_in(entry: bytes) -> bytes:
    """The payload of a statement's envelope that was parsed before, such as a log's entry.

    Its form is not checked again. Raises `EnvelopeMalformed` for what is no statement's envelope at all.
    """
    end = entry.find(b'"', len(_STATEMENT_HEAD))
    if end < 0 or not entry.startswith(_STATEMENT_HEAD):
        raise EnvelopeMalformed("not a statement's envelope")
    return decode_matched(entry[len(_STATEMENT_HEAD) : end])


def place_in(entry: bytes) -> BatchPlace | None:
    """The batch place of an envelope that was parsed before; None where it bears a signature."""
    matched = _match_place(entry[-_PLACE_ROOM:])
    if matched is None:
        return None
    root, index, size = matched.groups()
    return BatchPlace(bytes.fromhex(root.decode()), int(index), int(size))


def format_envelope(envelope: Envelope) -> bytes:
    """The envelope's exact bytes."""
    if envelope.signature is not None:
        proof = f'"sig":"{b64encode(der_encode(envelope.signature))}"'
    elif envelope.batch is not None:
        place = envelope.batch
        proof = f'"batch":{{"root":"{place.root.hex()}","index":{place.index},"size":{place.size}}}'
    else:
        raise SignatureCount
    return (
        f'{{"payloadType":"{envelope.payload_type}","payload":"{b64encode(envelope.payload)}",'
        f'"signatures":[{{"keyid":"{envelope.keyid}",{proof}}}]}}'
    ).encode("ascii")


def sign_envelope(payload_type: str, payload: bytes, signer: Signer) -> bytes:
    """The bytes of an envelope round `payload`, signed. Raises `EntryTooLarge` above 48 KiB."""
    signature = signer.sign(pae(payload_type, payload))
    return _checked(format_envelope(Envelope(payload_type, payload, signer.public.keyid, signature, None)))


def sign_batch(
    payloads: Sequence[bytes], *, log: str, issuer: str, id: str, at: int, signer: Signer
) -> tuple[bytes, list[bytes]]:
    """One signed manifest and the entries of 1 to 65,535 statements, in order.

    `id` (UUIDv7) and `at` (milliseconds) are the manifest's own. Raises `EntryTooLarge`, or `ProofInvalid`
    for an empty or too large batch.
    """
    tree = BatchTree([batch_leaf_hash(pae(STATEMENT_TYPE, payload)) for payload in payloads])
    manifest = format_manifest(Manifest(log, issuer, id, at, tree.root, len(payloads)))
    keyid = signer.public.keyid
    entries = [
        _checked(
            format_envelope(
                Envelope(STATEMENT_TYPE, payload, keyid, None, BatchPlace(tree.root, index, len(payloads)))
            )
        )
        for index, payload in enumerate(payloads)
    ]
    return sign_envelope(BATCH_TYPE, manifest, signer), entries


def _checked(entry: bytes) -> bytes:
    if len(entry) > MAX_ENTRY:
        raise EntryTooLarge("an envelope has at most 49,152 bytes")
    return entry


def _explain(data: bytes) -> FormatError:
    """What is wrong with bytes that are not in the one layout, as closely as can be said."""
    try:
        value = strictjson.loads(data)
    except FormatError as error:
        return error
    if not isinstance(value, dict):
        return EnvelopeMalformed("not a JSON object")
    signatures = value.get("signatures")
    if isinstance(signatures, list) and len(signatures) != 1:
        return SignatureCount(f"here are {len(signatures)} signatures")
    texts = [value.get("payload")]
    if isinstance(signatures, list) and isinstance(signatures[0], dict):
        texts.append(signatures[0].get("sig"))
    for text in texts:
        if isinstance(text, str):
            try:
                b64decode_strict(text)
            except Base64Invalid as error:
                return error
    return EnvelopeMalformed("members, their order, spaces or values differ from the one layout")
