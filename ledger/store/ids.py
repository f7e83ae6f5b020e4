"""UUIDs as stored: 16 bytes, of the one spelling that statements have.

A second spelling of an id would name the same entry under another name: whoever asks by it would pass for
somebody who asks about something else.
"""

from ledger.errors import InputError


def id_bytes(id: str) -> bytes:
    """The 16 bytes of a UUID in lowercase, as `id_text` writes it; raises `InputError`."""
    try:
        value = bytes.fromhex(id.replace("-", ""))
    except ValueError:
        value = b""
    if len(value) != 16 or id_text(value) != id:
        raise InputError("an id must be a UUID in lowercase")
    return value


def id_text(value: bytes) -> str:
    """16 bytes as a UUID's text."""
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
