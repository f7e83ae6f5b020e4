"""The digest that binds sealed content to its statement (DESIGN.md 4.2)."""

from ledger.errors import FormatError
from ledger.gm import sm3

SALT_SIZE = 32


def sealed_digest(salt: bytes, issuer: str, id: str, content: bytes) -> bytes:
    """SM3("xinzheng/sealed/v1" || 00 || salt || issuer || id || content), 32 bytes.

    Raises `FormatError` unless the salt has 32 bytes.
    """
    if len(salt) != SALT_SIZE:
        raise FormatError("a salt has 32 bytes")
    return sm3(b"xinzheng/sealed/v1\x00" + salt + issuer.encode("ascii") + id.encode("ascii") + content)
