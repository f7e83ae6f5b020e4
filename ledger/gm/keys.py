"""SM2 keys as values that were checked once: a `PublicKey` is a point of the curve, a `PrivateKey` fits it.

>>> key = PrivateKey.generate()
>>> PrivateKey.from_pem(key.to_pem(b"passphrase"), b"passphrase").public == key.public
True
"""

import secrets
from collections.abc import Callable
from typing import NoReturn, Self, final

from ledger.errors import KeyUnusable
from ledger.gm import pem as _pem
from ledger.gm.curve import G, N, is_on_curve, multiply_base_secretly
from ledger.gm.sm3 import sm3, sm3_prefixed

SIGNER_ID = b"1234567812345678"
"""The default signer ID of GM/T 0009; the only one used here."""

_CURVE_PART = b"".join(
    int(value).to_bytes(32, "big")
    for value in (
        0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC,
        0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
        *G,
    )
)
_ZA = sm3_prefixed((len(SIGNER_ID) * 8).to_bytes(2, "big") + SIGNER_ID + _CURVE_PART)


@final
class PublicKey:
    """A point of the SM2 curve, given as x || y.

    raw: the 64 bytes; keyid: SM3(x || y), 64 hex digits; za: the 32-byte hash of signer ID, curve and key
    that precedes every signed message (GB/T 32918.2, section 5.5). Immutable; equal by value.
    """

    __slots__ = ("_digest", "_hash", "keyid", "point", "raw", "za")

    raw: bytes
    keyid: str
    za: bytes
    point: tuple[int, int]
    _digest: Callable[[bytes], bytes]
    _hash: int

    def __init__(self, raw: bytes) -> None:
        """Check the point; raises KeyUnusable unless it is 64 bytes, below p and on the curve."""
        raw = bytes(raw)
        if len(raw) != 64:
            raise KeyUnusable(f"a public key is x || y, 64 bytes, not {len(raw)}")
        x, y = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        if not is_on_curve(x, y):
            raise KeyUnusable("the public key is not a point of the SM2 curve with coordinates below p")
        fill = object.__setattr__
        fill(self, "raw", raw)
        fill(self, "point", (x, y))
        fill(self, "keyid", sm3(raw).hex())
        fill(self, "za", _ZA(raw))
        fill(self, "_digest", sm3_prefixed(self.za))
        fill(self, "_hash", hash(raw))

    def digest(self, message: bytes) -> bytes:
        """Return e = SM3(ZA || message), the 32 bytes that SM2 signs for this key."""
        return self._digest(message)

    def to_pem(self) -> bytes:
        """Return the key as PEM SubjectPublicKeyInfo, as OpenSSL writes it."""
        return _pem.format_public(self.raw)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read PEM SubjectPublicKeyInfo; raises KeyUnusable."""
        return cls(_pem.parse_public(pem))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a public key does not change")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"<PublicKey {self.keyid[:16]}>"

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self.raw,)


@final
class PrivateKey:
    """An SM2 private key d, 1 <= d <= n - 2; never shown, never pickled."""

    __slots__ = ("_secret", "public")

    public: PublicKey

    def __init__(self, secret: bytes) -> None:
        """Take d as 32 bytes, big-endian; raises KeyUnusable if it is out of range."""
        if len(secret) != 32:
            raise KeyUnusable("a private key has 32 bytes")
        scalar = int.from_bytes(secret, "big")
        if not 1 <= scalar <= N - 2:
            raise KeyUnusable("a private key is a number from 1 to n - 2")
        point = multiply_base_secretly(scalar)
        assert point is not None
        self._secret = bytes(secret)
        self.public = PublicKey(b"".join(int(value).to_bytes(32, "big") for value in point))

    @classmethod
    def generate(cls) -> Self:
        """Make a key from the system's random generator."""
        return cls((secrets.randbelow(N - 2) + 1).to_bytes(32, "big"))

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes | None) -> Self:
        """Read a PEM private key: PKCS#8, plain or encrypted by PBES2, or SEC 1 (`EC PRIVATE KEY`).

        Raises KeyUnusable if it is not an SM2 key, the passphrase is missing or wrong, or the public key
        inside does not fit.
        """
        secret, public = _pem.parse_private(pem, passphrase)
        key = cls(secret)
        if public is not None and public != key.public.raw:
            raise KeyUnusable("the public key in the file does not fit the private key")
        return key

    def to_pem(self, passphrase: bytes | None, *, iterations: int = _pem.ITERATIONS) -> bytes:
        """Return PEM PKCS#8, encrypted under `passphrase` with SM4-CBC, or plain if it is None."""
        return _pem.format_private(self._secret, self.public.raw, passphrase, iterations)

    def secret_bytes(self) -> bytes:
        """Return d, 32 bytes, for a signing backend or a store of keys, and for nobody else."""
        return self._secret

    def __repr__(self) -> str:
        return f"<PrivateKey of {self.public.keyid[:16]}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled; write it with to_pem")
