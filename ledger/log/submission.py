"""What a submitter hands in, before anything of it is believed.

A submission is either the exact bytes of one envelope, or a JSON object that carries the personal part
beside it, in the shapes of a bundle (DESIGN.md section 4.6):

    {"entry": "<base64 of the envelope>", "disclosure": {"salt": "<hex>", "content": "<base64>"}}

A batch is a sequence of such lines (NDJSON): the manifest's envelope, then exactly its `size` entries.
"""

from ledger.errors import EntryTooLarge, FormatError, TooLarge
from ledger.formats.bundle import Disclosure
from ledger.formats.encoding import b64decode_strict, hex_decode
from ledger.formats.envelope import MAX_ENTRY
from ledger.formats.sealed import SALT_SIZE
from ledger.formats.strictjson import loads

CONTENT_LIMIT = 32 << 10
"""Bytes of the personal part."""
SUBMISSION_LIMIT = 4 * MAX_ENTRY // 3 + 4 * CONTENT_LIMIT // 3 + 1024
"""Bytes of one submission or one line of a batch: both parts in base64 and what is round them."""
BATCH_BYTES_LIMIT = 64 << 20
"""Bytes of all lines of a batch together."""

_ENVELOPE_START = b'{"payloadType"'


def split_submission(data: bytes) -> tuple[bytes, Disclosure | None]:
    """The envelope's bytes and the personal part, if any.

    Raises `TooLarge`, `EntryTooLarge`, `FormatError` (JSON, base64, members).
    """
    if data.startswith(_ENVELOPE_START):
        if len(data) > MAX_ENTRY:
            raise EntryTooLarge(f"an envelope has at most {MAX_ENTRY} bytes, this one has {len(data)}")
        return data, None
    if len(data) > SUBMISSION_LIMIT:
        raise TooLarge(f"a submission has at most {SUBMISSION_LIMIT} bytes, this one has {len(data)}")
    document = loads(data)
    if not isinstance(document, dict) or not {"entry"} <= document.keys() <= {"entry", "disclosure"}:
        raise FormatError(
            'a submission is an envelope, or a JSON object with "entry" and perhaps "disclosure"'
        )
    entry = _decoded(document["entry"], "entry")
    if len(entry) > MAX_ENTRY:
        raise EntryTooLarge(f"an envelope has at most {MAX_ENTRY} bytes, this one has {len(entry)}")
    if "disclosure" not in document:
        return entry, None
    return entry, _personal(document["disclosure"])


def _personal(document: object) -> Disclosure:
    if not isinstance(document, dict) or document.keys() != {"salt", "content"}:
        raise FormatError('a disclosure has exactly the members "salt" and "content"')
    salt = hex_decode(document["salt"], SALT_SIZE)
    content = _decoded(document["content"], "disclosure.content")
    if len(content) > CONTENT_LIMIT:
        raise TooLarge(f"the personal part has at most {CONTENT_LIMIT} bytes, this one has {len(content)}")
    return Disclosure(salt, content)


def _decoded(value: object, member: str) -> bytes:
    if not isinstance(value, str):
        raise FormatError(f"{member} must be a base64 text")
    return b64decode_strict(value)
