"""SM2 signatures: DER `SEQUENCE {INTEGER r, INTEGER s}` in its one minimal form, and raw r || s.

Libraries differ in what they let pass (trailing bytes, padded or negative integers, long lengths, values
out of range), so nothing but this module reads a signature, and what it returns is well formed:
1 <= r, s < n and r + s != n (GB/T 32918.2, section 7.1; GM/T 0009).
"""

from ledger.errors import SignatureInvalid
from ledger.gm.curve import N

RAW_SIZE = 64
_SEQUENCE = 0x30
_INTEGER = 0x02
_MAX_SIZE = 72


def split_raw(signature: bytes) -> tuple[int, int]:
    """Return (r, s) of a raw signature of 64 bytes.

    Raises SignatureInvalid for another length, r or s outside [1, n) or r + s = n.
    """
    if len(signature) != RAW_SIZE:
        raise SignatureInvalid(f"a raw signature has 64 bytes, not {len(signature)}")
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N):
        raise SignatureInvalid("r or s is outside [1, n)")
    if r + s == N:
        raise SignatureInvalid("r + s equals n")
    return r, s


def _integer(der: bytes, at: int) -> tuple[bytes, int]:
    """Return the 32 bytes of the INTEGER that starts at `at`, and where it ends."""
    if len(der) < at + 3 or der[at] != _INTEGER:
        raise SignatureInvalid("an INTEGER is expected")
    size = der[at + 1]
    start, end = at + 2, at + 2 + size
    if not 1 <= size <= 33 or end > len(der):
        raise SignatureInvalid("an INTEGER has 1 to 33 bytes within the SEQUENCE")
    first = der[start]
    if first >= 0x80:
        raise SignatureInvalid("an INTEGER is negative")
    if first == 0:
        if size > 1 and der[start + 1] < 0x80:
            raise SignatureInvalid("an INTEGER is padded")
        start += 1
    if end - start > 32:
        raise SignatureInvalid("an INTEGER is longer than 256 bits")
    return der[start:end].rjust(32, b"\0"), end


def der_decode(der: bytes) -> bytes:
    """Return raw r || s (64 bytes) of a DER signature; raises SignatureInvalid for any other form."""
    if not 8 <= len(der) <= _MAX_SIZE or der[0] != _SEQUENCE or der[1] != len(der) - 2:
        raise SignatureInvalid("a SEQUENCE of exactly the signature's length is expected")
    r, middle = _integer(der, 2)
    s, end = _integer(der, middle)
    if end != len(der):
        raise SignatureInvalid("bytes follow the second INTEGER")
    raw = r + s
    split_raw(raw)
    return raw


def der_encode(raw: bytes) -> bytes:
    """Return the one DER form of raw r || s; raises SignatureInvalid if it is not well formed."""
    split_raw(raw)
    body = b""
    for half in (raw[:32], raw[32:]):
        digits = half.lstrip(b"\0")
        if digits[0] >= 0x80:
            digits = b"\0" + digits
        body += bytes((_INTEGER, len(digits))) + digits
    return bytes((_SEQUENCE, len(body))) + body
