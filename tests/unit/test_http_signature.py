"""Request signatures have one form; everything else is refused."""

import os

import pytest

from ledger.errors import RequestSignatureMalformed, SignatureInvalid
from ledger.formats.http_signature import (
    body_digest,
    content_digest,
    parse_content_digest,
    parse_request_signature,
    sign_request,
    signature_base,
)
from ledger.gm import PrivateKey, signer, verify

SIGNER = signer(PrivateKey.generate())
NONCE = bytes(range(16))
DIGEST = body_digest(b"{}")
GOOD = dict(
    sign_request(SIGNER, "POST", "/v1/checks", "", body_digest(b"{}"), created=1795334400, nonce=NONCE)
)
INPUT, SIGNATURE = GOOD["Signature-Input"], GOOD["Signature"]


def test_what_is_signed_parses_and_verifies() -> None:
    parsed = parse_request_signature(INPUT, SIGNATURE)
    assert (parsed.created, parsed.nonce, parsed.keyid) == (1795334400, NONCE, SIGNER.public.keyid)
    assert parsed.covers_digest
    base = signature_base("POST", "/v1/checks", "", GOOD["Content-Digest"], parsed.parameters)
    verify(SIGNER.public, base, parsed.signature)


def test_the_signature_base_is_that_of_rfc_9421() -> None:
    parsed = parse_request_signature(INPUT, SIGNATURE)
    lines = signature_base("GET", "/v1/a b", "x=1&y", None, parsed.parameters).decode().split("\n")
    assert lines[:3] == ['"@method": GET', '"@path": /v1/a%20b', '"@query": ?x=1&y']
    assert lines[3] == f'"@signature-params": {INPUT.removeprefix("sig1=")}'
    assert len(lines) == 4


def test_without_a_body_no_digest_is_covered() -> None:
    headers = sign_request(SIGNER, "GET", "/v1/members", "", None, created=1, nonce=NONCE)
    assert "Content-Digest" not in headers
    assert not parse_request_signature(headers["Signature-Input"], headers["Signature"]).covers_digest


@pytest.mark.parametrize(
    ("method", "path", "query", "digest"),
    [
        ("PUT", "/v1/checks", "", GOOD["Content-Digest"]),
        ("POST", "/v1/checkz", "", GOOD["Content-Digest"]),
        ("POST", "/v1/checks", "a=1", GOOD["Content-Digest"]),
        ("POST", "/v1/checks", "", content_digest(body_digest(b"{ }"))),
        ("POST", "/v1/checks", "", None),
    ],
)
def test_a_signature_holds_for_its_own_request_only(
    method: str, path: str, query: str, digest: str | None
) -> None:
    parsed = parse_request_signature(INPUT, SIGNATURE)
    with pytest.raises(SignatureInvalid):
        verify(
            SIGNER.public, signature_base(method, path, query, digest, parsed.parameters), parsed.signature
        )


def test_parameters_may_stand_in_any_order() -> None:
    head, created, nonce, keyid, alg = INPUT.split(";")
    assert parse_request_signature(";".join([head, alg, keyid, nonce, created]), SIGNATURE).nonce == NONCE


def test_a_padded_nonce_is_the_same_nonce() -> None:
    nonce = INPUT.split('nonce="')[1].split('"')[0]
    assert parse_request_signature(INPUT.replace(nonce, nonce + "=="), SIGNATURE).nonce == NONCE


@pytest.mark.parametrize(
    ("signature_input", "signature"),
    [
        ("", SIGNATURE),
        (INPUT + ", " + INPUT.replace("sig1", "sig2"), SIGNATURE),
        (INPUT, SIGNATURE.replace("sig1", "sig2")),
        (INPUT, SIGNATURE + ", " + SIGNATURE),
        (INPUT.replace('"@method" ', ""), SIGNATURE),
        (INPUT.replace('"@method" "@path"', '"@path" "@method"'), SIGNATURE),
        (INPUT.replace('"@query"', '"@query" "host"'), SIGNATURE),
        (INPUT.replace('"@path" ', '"@path"  '), SIGNATURE),
        (INPUT.replace(";alg=", ";tag="), SIGNATURE),
        (INPUT.replace('alg="sm2-sm3"', 'alg="ed25519"'), SIGNATURE),
        (INPUT + ";expires=1795334500", SIGNATURE),
        (INPUT + ";created=1795334400", SIGNATURE),
        (INPUT.replace("created=1795334400", "created=-5"), SIGNATURE),
        (INPUT.replace("created=1795334400", "created=01795334400"), SIGNATURE),
        (INPUT.replace("created=1795334400", 'created="1795334400"'), SIGNATURE),
        (INPUT.replace("created=1795334400", "created=1795334400.5"), SIGNATURE),
        (INPUT.replace("created=1795334400", "created=1_795"), SIGNATURE),
        (INPUT.replace(SIGNER.public.keyid, SIGNER.public.keyid.upper().replace("0", "A")), SIGNATURE),
        (INPUT.replace('nonce="', 'nonce="A'), SIGNATURE),
        (INPUT.replace('ODw"', 'ODx"'), SIGNATURE),
        (INPUT.replace(";created", "; created"), SIGNATURE),
        (INPUT + "\n", SIGNATURE),
        (INPUT + "x" * 2000, SIGNATURE),
        (INPUT, SIGNATURE.replace(":", "", 1)),
        (INPUT, SIGNATURE[:-3] + ":"),
        (INPUT, "sig1=:" + "A" * 84 + ":"),
        (INPUT, "sig1=:" + "AAAA" * 21 + "AB==:"),
    ],
    # The values hold a random key and signature; test processes must agree on the tests' names.
    ids=lambda _: "form",
)
def test_any_other_form_is_refused(signature_input: str, signature: str) -> None:
    with pytest.raises(RequestSignatureMalformed):
        parse_request_signature(signature_input, signature)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sm3=abc",
        "sha-256=:" + "A" * 43 + "=:",
        "sm3=:AAAA:",
        "sm3=:" + "A" * 43 + "=:, sm3=:AAAA:",
        "sm3=::",
    ],
)
def test_a_content_digest_is_one_sm3(value: str) -> None:
    with pytest.raises(RequestSignatureMalformed):
        parse_content_digest(value)


def test_a_content_digest_round_trips() -> None:
    digest = body_digest(os.urandom(100))
    assert parse_content_digest(content_digest(digest)) == digest
