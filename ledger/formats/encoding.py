"""Base64 and hex in the one form that DESIGN.md section 4 allows: standard base64 with padding and zero
spare bits; hex in lowercase."""

import re
from base64 import b64encode as _b64encode
from binascii import Error, a2b_base64

from ledger.errors import Base64Invalid, FormatError

BASE64 = r"[A-Za-z0-9+/]*(?:[AQgw]==|[AEIMQUYcgkosw048]=)?"
"""A pattern for base64 whose spare bits are zero; the number of characters is left to the decoder."""

_is_base64 = re.compile(BASE64.encode()).fullmatch
_is_hex = re.compile(r"(?:[0-9a-f]{2})*").fullmatch
_is_hash = re.compile(r"[0-9a-f]{64}").fullmatch


def b64decode_strict(text: str | bytes) -> bytes:
    """The bytes of strict base64. Raises `Base64Invalid`."""
    if isinstance(text, str):
        try:
            text = text.encode("ascii")
        except UnicodeEncodeError as error:
            raise Base64Invalid from error
    if not _is_base64(text):
        raise Base64Invalid
    return decode_matched(text)


def decode_matched(text: bytes) -> bytes:
    """The bytes of base64 that already matched `BASE64`. Raises `Base64Invalid` for a wrong length."""
    if len(text) & 3:
        raise Base64Invalid
    try:
        return a2b_base64(text, strict_mode=True)
    except Error as error:
        raise Base64Invalid from error


def b64encode(data: bytes) -> str:
    """Standard base64 with padding."""
    return _b64encode(data).decode("ascii")


def hex_decode(text: object, size: int | None = None) -> bytes:
    """The bytes of lowercase hex, `size` of them where given. Raises `FormatError`."""
    if not isinstance(text, str) or not _is_hex(text):
        raise FormatError("expected lowercase hex")
    if size is not None and len(text) != 2 * size:
        raise FormatError(f"expected {size} bytes in lowercase hex")
    return bytes.fromhex(text)


def is_hash(text: object) -> bool:
    """Whether this is a string of 64 lowercase hex digits."""
    return isinstance(text, str) and _is_hash(text) is not None
