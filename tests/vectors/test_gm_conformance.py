"""Agreement with the independent implementation's vectors, as far as cryptography goes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import LedgerError
from ledger.gm import PrivateKey, PublicKey, der_decode, hmac_sm3, installed, signer, sm3, verify
from ledger.gm.selftest import main


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((shared_data / "conformance" / "vectors.json").read_text("utf-8"))
    return loaded


def test_every_sm3_vector_agrees(vectors: dict[str, Any]) -> None:
    for vector in vectors["sm3"]:
        assert sm3(vector["utf8"].encode()).hex() == vector["hash"]


def test_every_key_vector_agrees_and_signs(vectors: dict[str, Any]) -> None:
    for vector in vectors["keys"]:
        key = PrivateKey(bytes.fromhex(vector["private"]))
        assert key.public.raw.hex() == vector["public"]
        assert key.public.keyid == vector["keyid"]
        for backend in installed():
            verify(key.public, b"statement", signer(key, backend.name).sign(b"statement"))


def test_every_person_tag_vector_agrees(vectors: dict[str, Any]) -> None:
    for vector in vectors["tags"]["person"]:
        message = vector["epoch"].to_bytes(4, "big") + b"id:" + vector["number"].upper().encode()
        assert hmac_sm3(bytes.fromhex(vector["key"]), message).hex() == vector["tag"]


def test_every_envelope_signature_is_judged_as_the_vector_says(vectors: dict[str, Any]) -> None:
    for vector in vectors["envelopes"]:
        envelope = json.loads(base64.b64decode(vector["envelope"]))
        kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
        pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        try:
            signature = der_decode(base64.b64decode(envelope["signatures"][0]["sig"]))
            verify(PublicKey(bytes.fromhex(vector["public"])), pae, signature)
        except LedgerError:
            judged = False
        else:
            judged = True
        assert judged == vector["valid"], vector["what"]


def test_the_openssl_vectors_are_judged_right_by_all(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(shared_data / "gm" / "sm2_openssl.jsonl")]) == 0, capsys.readouterr().out
    printed = capsys.readouterr().out
    assert printed.count("474 of 474 judged right") == 2 + len(installed())
