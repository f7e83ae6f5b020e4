"""Prepared rows to a signed batch: one signature for thousands of rows, personal parts beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.errors import EntryTooLarge
from ledger.formats.encoding import b64encode
from ledger.formats.envelope import sign_batch
from ledger.formats.sealed import SALT_SIZE, sealed_digest
from ledger.formats.statement import MAX_STATEMENT, new_id
from ledger.formats.strictjson import dumps
from ledger.formats.times import format_time
from ledger.gm import Signer
from ledger.services.importing.rows import PreparedRow


@dataclass(frozen=True, slots=True)
class SignedBatch:
    """A batch as it is sent: the manifest's line, then one line per row."""

    lines: tuple[bytes, ...]
    ids: tuple[str, ...]


def sign_rows(
    rows: Sequence[PreparedRow],
    *,
    log: str,
    issuer: str,
    signer: Signer,
    at: int,
    randomness: Callable[[int], bytes],
) -> SignedBatch:
    """Sign 1 to 65,535 rows as one batch at the time `at` (milliseconds).

    Salts are random: derived ones would let whoever knows the derivation guess sealed content after its
    destruction. Raises `EntryTooLarge`.
    """
    payloads: list[bytes] = []
    salts: list[bytes | None] = []
    for row in rows:
        salt = None if row.personal is None else randomness(SALT_SIZE)
        salts.append(salt)
        payloads.append(statement_payload(row, salt, log=log, issuer=issuer, at=at))
    manifest, entries = sign_batch(
        payloads, log=log, issuer=issuer, id=new_id(at, randomness(10)), at=at, signer=signer
    )
    lines = [manifest]
    for row, entry, salt in zip(rows, entries, salts, strict=True):
        lines.append(entry if salt is None else submission_line(entry, salt, row.personal or b""))
    return SignedBatch(tuple(lines), tuple(row.id for row in rows))


def statement_payload(row: PreparedRow, salt: bytes | None, *, log: str, issuer: str, at: int) -> bytes:
    """The statement of a row, as it is signed: the bytes of `format_statement`, put together from JSON that
    is there already. Raises `EntryTooLarge`."""
    head = f'{{"id":"{row.id}","kind":"{row.kind}","log":"{log}","issuer":"{issuer}","at":"{format_time(at)}"'
    parts = [head.encode(), b',"keys":', row.keys, b',"body":', row.body]
    if salt is not None and row.personal is not None:
        parts.append(
            b',"sealed":{"digest":"%b"}' % sealed_digest(salt, issuer, row.id, row.personal).hex().encode()
        )
    if row.refers:
        parts.append(b',"refers":')
        parts.append(dumps([{"issuer": each.issuer, "id": each.id} for each in row.refers]))
    parts.append(b"}")
    payload = b"".join(parts)
    if len(payload) > MAX_STATEMENT:
        raise EntryTooLarge(f"a statement has at most {MAX_STATEMENT} bytes, this one has {len(payload)}")
    return payload


def submission_line(entry: bytes, salt: bytes, content: bytes) -> bytes:
    """An entry with its personal part beside it, as the log takes it."""
    disclosure = {"salt": salt.hex(), "content": b64encode(content)}
    return dumps({"entry": b64encode(entry), "disclosure": disclosure})
