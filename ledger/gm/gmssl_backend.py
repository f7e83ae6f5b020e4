"""SM2 by gmssl, hardened: pure Python, slow, always installable.

What gmssl 3.2.2 does wrong is kept away from it. It draws nonces from `random`: ours come from the
system. It checks no range and reads no DER strictly: `der` did both before. Its constructor strips every
leading 0 and 4 from a key that starts with "04": the key is set afterwards. It adds two equal points
without normalising the result and fails on opposite ones: the one addition of a verification is ours.

Its time depends on the secret; use it where no native backend is to be had, or as a cross-check.
"""

import secrets

from gmssl import sm2

from ledger.gm.curve import N, add_affine, number, to_affine
from ledger.gm.der import split_raw
from ledger.gm.keys import PrivateKey, PublicKey


def _crypt(public: PublicKey, secret: bytes = b"") -> sm2.CryptSM2:
    crypt = sm2.CryptSM2(private_key=secret.hex(), public_key="")
    crypt.public_key = public.raw.hex()
    return crypt


def _multiply(crypt: sm2.CryptSM2, scalar: int, point: str) -> tuple[int, int]:
    product: str = crypt._kg(scalar, point)
    return number(int(product[:64], 16)), number(int(product[64:], 16))


class GmsslSigner:
    """One private key in gmssl's hands."""

    def __init__(self, key: PrivateKey) -> None:
        self.public: PublicKey = key.public
        self._crypt = _crypt(key.public, key.secret_bytes())

    def sign(self, message: bytes) -> bytes:
        """Return raw r || s, 64 bytes, with a nonce from the system's generator."""
        digest = self.public.digest(message)
        while True:
            nonce = secrets.randbelow(N - 1) + 1
            # None: r = 0, r + k = n or s = 0, for which the standard asks for another nonce.
            signature: str | None = self._crypt.sign(digest, f"{nonce:064x}")
            if signature is not None:
                return bytes.fromhex(signature)


class GmsslBackend:
    """gmssl; ImportError where it is not installed."""

    name = "gmssl"

    def signer(self, key: PrivateKey) -> GmsslSigner:
        """Load `key`."""
        return GmsslSigner(key)

    def verify(self, public: PublicKey, message: bytes, signature: bytes) -> bool:
        """Tell whether the raw signature, already range-checked, verifies."""
        r, s = split_raw(signature)
        crypt = _crypt(public)
        left = _multiply(crypt, s, crypt.ecc_table["g"])
        right = _multiply(crypt, (r + s) % N, crypt.public_key)
        total = to_affine(add_affine((*left, number(1)), right))
        if total is None:
            return False
        return (int.from_bytes(public.digest(message), "big") + total[0]) % N == r
