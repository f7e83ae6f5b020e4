"""SM2 by tongsuopy, which bundles native code of the Tongsuo project for common platforms."""

from functools import lru_cache
from typing import Any

from tongsuopy.crypto import exceptions, hashes
from tongsuopy.crypto.asymciphers import ec

from ledger.gm.der import der_decode, der_encode
from ledger.gm.keys import PrivateKey, PublicKey

_ALGORITHM = ec.ECDSA(hashes.SM3())
_CACHED_PUBLIC_KEYS = 512


class TongsuopySigner:
    """One private key in tongsuopy's hands."""

    def __init__(self, key: PrivateKey) -> None:
        self.public: PublicKey = key.public
        self._key: Any = ec.derive_private_key(int.from_bytes(key.secret_bytes(), "big"), ec.SM2())

    def sign(self, message: bytes) -> bytes:
        """Return raw r || s, 64 bytes."""
        return der_decode(self._key.sign(message, _ALGORITHM))


@lru_cache(maxsize=_CACHED_PUBLIC_KEYS)
def _public_key(public: PublicKey) -> Any:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SM2(), b"\x04" + public.raw)


class TongsuopyBackend:
    """tongsuopy; ImportError where it is not installed."""

    name = "tongsuopy"

    def signer(self, key: PrivateKey) -> TongsuopySigner:
        """Load `key`."""
        return TongsuopySigner(key)

    def verify(self, public: PublicKey, message: bytes, signature: bytes) -> bool:
        """Tell whether the raw signature, already range-checked, verifies."""
        try:
            _public_key(public).verify(der_encode(signature), message, _ALGORITHM)
        except exceptions.InvalidSignature:
            return False
        return True
