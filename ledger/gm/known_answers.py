"""Known answers that a process checks before it trusts its cryptography."""

from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ledger.errors import LedgerError, SelfTestFailed
from ledger.gm.backends import Backend, installed
from ledger.gm.curve import is_signature
from ledger.gm.der import der_decode, der_encode, split_raw
from ledger.gm.keys import PrivateKey, PublicKey
from ledger.gm.sm3 import Sm3, hmac_sm3, sm3, sm3_prefixed
from ledger.gm.sm4 import sm4_gcm_decrypt, sm4_gcm_encrypt
from ledger.gm.tables import Table, build_table, is_signature_by_tables

# GB/T 32905-2016, appendix A.
SM3_ANSWERS = (
    (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
)
# GB/T 32907-2016, appendix A.1: key and plaintext are the same.
SM4_KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
SM4_ANSWER = "681edf34d206965e86b3e94f536e4246"
# GB/T 32918.5-2017, appendix A.2: signature of "message digest" under the default signer ID.
SM2_PRIVATE = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
SM2_PUBLIC = (
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SM2_MESSAGE = b"message digest"
SM2_ZA = "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
SM2_DIGEST = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
SM2_SIGNATURE = (
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)

Verify = Callable[[PublicKey, bytes, bytes], bool]
"""Tells whether a raw signature, already range-checked, verifies."""


def verify_plainly(public: PublicKey, message: bytes, signature: bytes) -> bool:
    """Verify on the plain path of `curve`."""
    r, s = split_raw(signature)
    return is_signature(int.from_bytes(public.digest(message), "big"), r, s, public.point)


def by_table(table: Table) -> Verify:
    """Return a function that verifies by `table`, for the one key it is of."""

    def verify(public: PublicKey, message: bytes, signature: bytes) -> bool:
        r, s = split_raw(signature)
        e = int.from_bytes(public.digest(message), "big")
        return is_signature_by_tables(e, r, s, public.point, table)

    return verify


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise SelfTestFailed(f"self-test: {what}")


def _check_sm3() -> None:
    for data, answer in SM3_ANSWERS:
        _require(sm3(data).hex() == answer, "SM3 of a standard example")
        _require(Sm3(data[:2]).copy().digest() == sm3(data[:2]), "SM3 of a copied context")
        _require(sm3_prefixed(data[:2])(data[2:]).hex() == answer, "SM3 after a prefix")
    _require(len(hmac_sm3(b"key", b"data")) == 32, "HMAC-SM3")


def _check_sm4() -> None:
    encryptor = Cipher(algorithms.SM4(SM4_KEY), modes.ECB()).encryptor()  # noqa: S305 one block of an example
    _require(encryptor.update(SM4_KEY).hex() == SM4_ANSWER, "SM4 of the standard's example")
    sealed = sm4_gcm_encrypt(SM4_KEY, bytes(12), b"data", b"aad")
    _require(sm4_gcm_decrypt(SM4_KEY, bytes(12), sealed, b"aad") == b"data", "SM4-GCM there and back")


def _check_verification(name: str, verify: Verify, public: PublicKey) -> None:
    signature = der_decode(der_encode(bytes.fromhex(SM2_SIGNATURE)))
    _require(verify(public, SM2_MESSAGE, signature), f"{name} refuses the standard's SM2 signature")
    changed = signature[:-1] + bytes((signature[-1] ^ 1,))
    _require(not verify(public, SM2_MESSAGE, changed), f"{name} accepts a changed signature")
    _require(not verify(public, SM2_MESSAGE + b".", signature), f"{name} accepts a changed message")


def _check_backend(found: Backend, key: PrivateKey) -> None:
    _check_verification(found.name, found.verify, key.public)
    signature = found.signer(key).sign(SM2_MESSAGE)
    _require(verify_plainly(key.public, SM2_MESSAGE, signature), f"{found.name} signs wrongly")


def self_test() -> None:
    """Check SM3, SM4, and SM2 by every installed backend against known answers.

    Raises SelfTestFailed, upon which a process must not start.
    """
    try:
        _check_sm3()
        _check_sm4()
        key = PrivateKey(bytes.fromhex(SM2_PRIVATE))
        _require(key.public.raw.hex() == SM2_PUBLIC, "the standard's SM2 key pair")
        _require(key.public.za.hex() == SM2_ZA, "the standard's SM2 key hash ZA")
        _require(key.public.digest(SM2_MESSAGE).hex() == SM2_DIGEST, "the standard's SM2 message digest")
        _check_verification("the plain path", verify_plainly, key.public)
        _check_verification("the table", by_table(build_table(key.public.point)), key.public)
        for found in installed():
            _check_backend(found, key)
    except SelfTestFailed:
        raise
    except (LedgerError, ValueError, ArithmeticError) as error:
        raise SelfTestFailed(f"self-test: {type(error).__name__}") from error
