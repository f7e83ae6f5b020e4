"""UUIDs as stored: 16 bytes."""

from ledger.errors import InputError


def id_bytes(id: str) -> bytes:
    """The 16 bytes of a UUID; raises `InputError`."""
    try:
        value = bytes.fromhex(id.replace("-", ""))
    except ValueError:
        value = b""
    if len(value) != 16:
        raise InputError("an id must be a UUID")
    return value


def id_text(value: bytes) -> str:
    """16 bytes as a UUID's text."""
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
