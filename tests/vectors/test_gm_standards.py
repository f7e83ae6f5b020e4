"""The standards' own examples, from `gm_standards.json`, where each names its source."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ledger.gm import (
    PrivateKey,
    PublicKey,
    Verifier,
    hmac_sm3,
    installed,
    sm3,
    sm4_gcm_decrypt,
    sm4_gcm_encrypt,
    verify,
)
from ledger.gm.curve import N, multiply_base_secretly
from ledger.gm.sm3 import _PROVIDERS
from ledger.identifiers import CertificateIdentifier, ResidentId, UnifiedSocialCreditCode

VECTORS: dict[str, list[dict[str, str]]] = json.loads(
    (Path(__file__).parent / "gm_standards.json").read_text(encoding="utf-8")
)


def vectors(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", [pytest.param(v, id=v["source"]) for v in VECTORS[kind]])


def unhex(vector: dict[str, str], *names: str) -> list[bytes]:
    return [bytes.fromhex(vector[name]) for name in names]


@vectors("sm3")
def test_sm3_of_the_standard(vector: dict[str, str]) -> None:
    message, digest = unhex(vector, "message", "digest")
    assert sm3(message) == digest


@vectors("sm3")
@pytest.mark.parametrize("provider", list(_PROVIDERS))
def test_every_sm3_provider_agrees_with_the_standard(vector: dict[str, str], provider: str) -> None:
    message, digest = unhex(vector, "message", "digest")
    context = _PROVIDERS[provider]()
    context.update(message[:1])
    copied = context.copy()
    copied.update(message[1:])
    assert copied.digest() == digest
    assert context.digest() == sm3(message[:1])


@vectors("hmac_sm3")
def test_hmac_sm3_of_the_standard(vector: dict[str, str]) -> None:
    key, message, mac = unhex(vector, "key", "message", "mac")
    assert hmac_sm3(key, message) == mac


@vectors("sm4")
def test_sm4_of_the_standard(vector: dict[str, str]) -> None:
    key, plaintext, ciphertext = unhex(vector, "key", "plaintext", "ciphertext")
    assert Cipher(algorithms.SM4(key), modes.ECB()).encryptor().update(plaintext) == ciphertext


@vectors("sm4_gcm")
def test_sm4_gcm_of_the_rfc(vector: dict[str, str]) -> None:
    key, nonce, aad, plaintext, ciphertext, tag = unhex(
        vector, "key", "nonce", "aad", "plaintext", "ciphertext", "tag"
    )
    assert sm4_gcm_encrypt(key, nonce, plaintext, aad) == ciphertext + tag
    assert sm4_gcm_decrypt(key, nonce, ciphertext + tag, aad) == plaintext


@vectors("sm2")
def test_sm2_key_of_the_standard(vector: dict[str, str]) -> None:
    private, public, message, za, e = unhex(vector, "private", "public", "message", "za", "e")
    key = PrivateKey(private)
    assert key.public.raw == public
    assert key.public.za == za
    assert key.public.digest(message) == e


@vectors("sm2")
def test_sm2_signature_of_the_standard_follows_from_its_nonce(vector: dict[str, str]) -> None:
    d, e, k, x1, signature = unhex(vector, "private", "e", "k", "x1", "signature")
    secret, nonce = int.from_bytes(d, "big"), int.from_bytes(k, "big")
    point = multiply_base_secretly(nonce)
    assert point is not None
    assert point[0] == int.from_bytes(x1, "big")
    r = (int.from_bytes(e, "big") + int(point[0])) % N
    s = pow(1 + secret, -1, N) * (nonce - r * secret) % N
    assert r.to_bytes(32, "big") + s.to_bytes(32, "big") == signature


@vectors("sm2")
def test_sm2_signature_of_the_standard_verifies_everywhere(vector: dict[str, str]) -> None:
    public, message, signature = unhex(vector, "public", "message", "signature")
    key = PublicKey(public)
    verify(key, message, signature)
    own = Verifier(native=False)
    own.verify(key, message, signature)
    own.warm(key)
    own.verify(key, message, signature)
    assert all(backend.verify(key, message, signature) for backend in installed())


@vectors("identifiers")
def test_identifiers_of_the_standards(vector: dict[str, str]) -> None:
    kinds: dict[str, Any] = {
        "resident": ResidentId,
        "certificate": CertificateIdentifier,
        "uscc": UnifiedSocialCreditCode,
    }
    kinds[vector["kind"]].parse(vector["text"])
