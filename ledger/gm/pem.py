"""SM2 keys in PEM: PKCS#8 (RFC 5208), PBES2 (RFC 8018) with SM4-CBC (GB/T 33560), SubjectPublicKeyInfo.

Written: PBKDF2 with HMAC-SHA256, because OpenSSL 3.0 does not know HMAC-SM3 as a PRF and a key that
`openssl` cannot open is of no use to the person who holds it. Read: HMAC-SHA1, -SHA256, -SHA384,
-SHA512 and -SM3 with SM4-CBC or AES-CBC, plain PKCS#8, and SEC 1.
"""

import hashlib
import secrets
from typing import Any, ClassVar

from asn1crypto import core
from asn1crypto import pem as asn1_pem
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import (
    BlockCipherAlgorithm,
    Cipher,
    CipherAlgorithm,
    algorithms,
    modes,
)

from ledger.errors import KeyUnusable

ITERATIONS = 600_000
"""PBKDF2 rounds for new files: about an eighth of a second."""
_MAX_ITERATIONS = 10_000_000
_MAX_PEM_SIZE = 64 * 1024

_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_SM2_CURVE = "1.2.156.10197.1.301"
_PBES2 = "1.2.840.113549.1.5.13"
_PBKDF2 = "1.2.840.113549.1.5.12"
_HMAC_SHA256 = "1.2.840.113549.2.9"
_SM4_CBC = "1.2.156.10197.1.104.2"
_HMACS = {
    "1.2.840.113549.2.7": "sha1",
    _HMAC_SHA256: "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
    "1.2.156.10197.1.401.2": "sm3",
}
_CIPHERS: dict[str, tuple[type[Any], int]] = {
    _SM4_CBC: (algorithms.SM4, 16),
    "2.16.840.1.101.3.4.1.2": (algorithms.AES, 16),
    "2.16.840.1.101.3.4.1.22": (algorithms.AES, 24),
    "2.16.840.1.101.3.4.1.42": (algorithms.AES, 32),
}


_Fields = list[tuple[Any, ...]]


class _Algorithm(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields: ClassVar[_Fields] = [
        ("algorithm", core.ObjectIdentifier),
        ("parameters", core.Any, {"optional": True}),
    ]


class _PrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[_Fields] = [
        ("version", core.Integer),
        ("algorithm", _Algorithm),
        ("private_key", core.OctetString),
        ("attributes", core.Any, {"implicit": 0, "optional": True}),
    ]


class _EcPrivateKey(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[_Fields] = [
        ("version", core.Integer),
        ("private_key", core.OctetString),
        ("parameters", core.ObjectIdentifier, {"explicit": 0, "optional": True}),
        ("public_key", core.OctetBitString, {"explicit": 1, "optional": True}),
    ]


class _PublicKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[_Fields] = [("algorithm", _Algorithm), ("public_key", core.OctetBitString)]


class _EncryptedPrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[_Fields] = [("algorithm", _Algorithm), ("data", core.OctetString)]


class _Pbes2(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[_Fields] = [("kdf", _Algorithm), ("scheme", _Algorithm)]


class _Pbkdf2(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[_Fields] = [
        ("salt", core.OctetString),
        ("iterations", core.Integer),
        ("key_length", core.Integer, {"optional": True}),
        ("prf", _Algorithm, {"default": {"algorithm": "1.2.840.113549.2.7"}}),
    ]


def _sm2_algorithm() -> _Algorithm:
    return _Algorithm({"algorithm": _EC_PUBLIC_KEY, "parameters": core.ObjectIdentifier(_SM2_CURVE)})


def _require_sm2(algorithm: _Algorithm) -> None:
    parameters = algorithm["parameters"]
    if algorithm["algorithm"].dotted != _EC_PUBLIC_KEY or not isinstance(parameters, core.Any):
        raise KeyUnusable("the key is not an elliptic curve key")
    if parameters.dump() != core.ObjectIdentifier(_SM2_CURVE).dump():
        raise KeyUnusable("the key is not on the SM2 curve (1.2.156.10197.1.301)")


def _uncompressed(point: bytes) -> bytes:
    if len(point) != 65 or point[0] != 0x04:
        raise KeyUnusable("the public key is not an uncompressed point of 65 bytes")
    return point[1:]


def format_public(raw: bytes) -> bytes:
    """Return x || y as PEM SubjectPublicKeyInfo."""
    info = _PublicKeyInfo({"algorithm": _sm2_algorithm(), "public_key": b"\x04" + raw})
    return bytes(asn1_pem.armor("PUBLIC KEY", info.dump()))


def parse_public(pem: bytes) -> bytes:
    """Return x || y of PEM SubjectPublicKeyInfo, the point not yet checked; raises KeyUnusable."""
    name, der = _unarmor(pem, ("PUBLIC KEY",))
    try:
        info = _PublicKeyInfo.load(der, strict=True)
        _require_sm2(info["algorithm"])
        return _uncompressed(info["public_key"].native)
    except (ValueError, TypeError) as error:
        raise KeyUnusable(f"the {name} is not well-formed DER") from error


def public_der(raw: bytes) -> bytes:
    """Return x || y as DER SubjectPublicKeyInfo, for a backend to load."""
    der: bytes = _PublicKeyInfo({"algorithm": _sm2_algorithm(), "public_key": b"\x04" + raw}).dump()
    return der


def private_der(secret: bytes, raw: bytes) -> bytes:
    """Return d and x || y as DER PKCS#8, for a backend to load."""
    inner = _EcPrivateKey({"version": 1, "private_key": secret, "public_key": b"\x04" + raw})
    der: bytes = _PrivateKeyInfo(
        {"version": 0, "algorithm": _sm2_algorithm(), "private_key": inner.dump()}
    ).dump()
    return der


def format_private(secret: bytes, raw: bytes, passphrase: bytes | None, iterations: int) -> bytes:
    """Return PEM PKCS#8, encrypted under `passphrase` with PBES2 and SM4-CBC, or plain if it is None."""
    der = private_der(secret, raw)
    if passphrase is None:
        return bytes(asn1_pem.armor("PRIVATE KEY", der))
    if not passphrase:
        raise KeyUnusable("an empty passphrase protects nothing; give one, or None for a plain file")
    salt, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    padder = padding.PKCS7(128).padder()
    key = hashlib.pbkdf2_hmac("sha256", passphrase, salt, iterations, 16)
    encryptor = _cipher(algorithms.SM4(key), iv).encryptor()
    data = encryptor.update(padder.update(der) + padder.finalize()) + encryptor.finalize()
    prf = _Algorithm({"algorithm": _HMAC_SHA256, "parameters": core.Null()})
    kdf = _Pbkdf2({"salt": salt, "iterations": iterations, "prf": prf})
    parameters = _Pbes2(
        {
            "kdf": {"algorithm": _PBKDF2, "parameters": kdf},
            "scheme": {"algorithm": _SM4_CBC, "parameters": core.OctetString(iv)},
        }
    )
    info = _EncryptedPrivateKeyInfo(
        {"algorithm": {"algorithm": _PBES2, "parameters": parameters}, "data": data}
    )
    return bytes(asn1_pem.armor("ENCRYPTED PRIVATE KEY", info.dump()))


def parse_private(pem: bytes, passphrase: bytes | None) -> tuple[bytes, bytes | None]:
    """Return d (32 bytes) and, where the file holds it, x || y; raises KeyUnusable."""
    name, der = _unarmor(pem, ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY"))
    encrypted = name == "ENCRYPTED PRIVATE KEY"
    try:
        if encrypted:
            if passphrase is None:
                raise KeyUnusable("the key is encrypted and no passphrase was given")
            der = _decrypt(der, passphrase)
        if name == "EC PRIVATE KEY":
            return _parse_sec1(der)
        info = _PrivateKeyInfo.load(der, strict=True)
        _require_sm2(info["algorithm"])
        return _parse_sec1(info["private_key"].native)
    except (ValueError, TypeError) as error:
        # The cause is not chained: its text may quote decrypted bytes.
        wrong = "the passphrase is wrong or the file is damaged" if encrypted else "it is not well-formed DER"
        raise KeyUnusable(f"the {name} cannot be read: {wrong}") from (None if encrypted else error)


def _unarmor(pem: bytes, names: tuple[str, ...]) -> tuple[str, bytes]:
    """Return the first block that bears one of these names; `openssl ecparam` writes others before it."""
    if len(pem) > _MAX_PEM_SIZE:
        raise KeyUnusable(f"a PEM file has at most {_MAX_PEM_SIZE} bytes")
    try:
        for name, _headers, der in asn1_pem.unarmor(pem, multiple=True):
            if name in names:
                return name, der
    except (ValueError, TypeError):
        pass
    raise KeyUnusable(f"no PEM block named {' or '.join(names)}")


def _parse_sec1(der: bytes) -> tuple[bytes, bytes | None]:
    key = _EcPrivateKey.load(der, strict=True)
    curve = key["parameters"]
    if curve and curve.dotted != _SM2_CURVE:
        raise KeyUnusable("the key is not on the SM2 curve (1.2.156.10197.1.301)")
    point = key["public_key"].native
    return key["private_key"].native, None if point is None else _uncompressed(point)


def _cipher(algorithm: CipherAlgorithm, iv: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithm, modes.CBC(iv))


def _decrypt(der: bytes, passphrase: bytes) -> bytes:
    info = _EncryptedPrivateKeyInfo.load(der, strict=True)
    if info["algorithm"]["algorithm"].dotted != _PBES2:
        raise KeyUnusable("the key is not encrypted with PBES2")
    parameters = info["algorithm"]["parameters"].parse(_Pbes2)
    scheme = parameters["scheme"]
    known = _CIPHERS.get(scheme["algorithm"].dotted)
    if known is None:
        raise KeyUnusable("the key is encrypted with neither SM4-CBC nor AES-CBC")
    make, size = known
    key = _derive(parameters["kdf"], passphrase, size)
    algorithm: BlockCipherAlgorithm = make(key)
    try:
        decryptor = _cipher(algorithm, scheme["parameters"].parse(core.OctetString).native).decryptor()
        padded = decryptor.update(info["data"].native) + decryptor.finalize()
    except UnsupportedAlgorithm as error:
        raise KeyUnusable("the installed cryptography package lacks the cipher of this key") from error
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _derive(kdf: _Algorithm, passphrase: bytes, size: int) -> bytes:
    if kdf["algorithm"].dotted != _PBKDF2:
        raise KeyUnusable("the key's passphrase is not stretched with PBKDF2")
    parameters = kdf["parameters"].parse(_Pbkdf2)
    digest = _HMACS.get(parameters["prf"]["algorithm"].dotted)
    if digest is None:
        raise KeyUnusable("the PBKDF2 function is none of HMAC-SHA1, -SHA256, -SHA384, -SHA512, -SM3")
    iterations = parameters["iterations"].native
    if not 1 <= iterations <= _MAX_ITERATIONS:
        raise KeyUnusable(f"PBKDF2 iterations must be 1 to {_MAX_ITERATIONS}")
    if parameters["key_length"].native not in (None, size):
        raise KeyUnusable("the PBKDF2 key length does not fit the cipher")
    return hashlib.pbkdf2_hmac(digest, passphrase, parameters["salt"].native, iterations, size)
