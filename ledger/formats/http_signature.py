"""Signed requests: RFC 9421 HTTP message signatures, in the one form that the API takes (DESIGN.md 4.6).

A client that posts `{}` to `/v1/checks` sends these three headers (values shortened):

    Content-Digest: sm3=:<base64 of the body's SM3>:
    Signature-Input: sig1=("@method" "@path" "@query" "content-digest");created=1795334400;\
nonce="<16 random bytes, base64url>";keyid="<64 hex>";alg="sm2-sm3"
    Signature: sig1=:<base64 of r || s>:

and what it signed, the signature base (RFC 9421, 2.5), is

    "@method": POST
    "@path": /v1/checks
    "@query": ?
    "content-digest": sm3=:<base64>:
    "@signature-params": ("@method" "@path" "@query" "content-digest");created=...;nonce=...;keyid=...;alg=...

without a newline at its end. The covered components MUST be exactly these, in this order, and
`content-digest` MUST be covered when there is a body. The four parameters MUST each be there once, in any
order, and no other. One label only. `@path` is the path with everything but unreserved characters and
the separators of RFC 3986 percent-encoded; `@query` is the query string as sent with its `?`, which alone
stands for none.

Pure: no clock, no randomness, no store. Who the key belongs to, whether `created` is near enough to now and
whether the nonce is new is for the receiver (`api.auth`).
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BinasciiError
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from ledger.errors import Base64Invalid, RequestSignatureMalformed
from ledger.formats.encoding import b64decode_strict, b64encode
from ledger.gm import PublicKey, sm3

WINDOW_SECONDS = 300
NONCE_BYTES = 16
ALGORITHM = "sm2-sm3"
SIGNATURE_BYTES = 64
DIGEST_BYTES = 32
HEADER_LIMIT = 1024
"""No header of ours is longer; a longer one is refused before it is looked at."""

_COMPONENTS = '"@method" "@path" "@query"'
_LABEL = r"[a-z*][a-z0-9_.*-]{0,63}"
_INPUT = re.compile(
    rf"({_LABEL})=(\({re.escape(_COMPONENTS)}( \"content-digest\")?\)((?:;[a-z]+=(?:[0-9]+|\"[^\"\\]*\"))+))"
)
_PARAMETER = re.compile(r";([a-z]+)=([0-9]+|\"[^\"\\]*\")")
_VALUE_FORM = {
    "created": re.compile(r"0|[1-9][0-9]{0,14}"),
    "nonce": re.compile(r"\"[A-Za-z0-9_-]{22}(?:==)?\""),
    "keyid": re.compile(r"\"[0-9a-f]{64}\""),
    "alg": re.compile(rf"\"{ALGORITHM}\""),
}
_SIGNATURE = re.compile(rf"({_LABEL})=:([A-Za-z0-9+/=]+):")
_DIGEST = re.compile(r"sm3=:([A-Za-z0-9+/=]+):")


class RequestSigner(Protocol):
    """What signing needs of a signer of `ledger.gm`."""

    @property
    def public(self) -> PublicKey: ...

    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """The two headers, parsed. `created` in seconds since 1970, `nonce` 16 bytes, `signature` r || s."""

    covers_digest: bool
    created: int
    nonce: bytes
    keyid: str
    parameters: str
    signature: bytes


def parse_request_signature(signature_input: str, signature: str) -> RequestSignature:
    """Parse the values of `Signature-Input` and `Signature`; raises `RequestSignatureMalformed`."""
    if len(signature_input) > HEADER_LIMIT or len(signature) > HEADER_LIMIT:
        raise RequestSignatureMalformed(f"a signature header is over {HEADER_LIMIT} characters")
    found = _INPUT.fullmatch(signature_input)
    if found is None:
        raise RequestSignatureMalformed(
            f"Signature-Input must be one label over ({_COMPONENTS}), with a body also content-digest, "
            "with created, nonce, keyid and alg"
        )
    label, parameters, digest, tail = found.groups()
    values = _parse_parameters(tail)
    signed = _SIGNATURE.fullmatch(signature)
    if signed is None or signed.group(1) != label:
        raise RequestSignatureMalformed("Signature must be one base64 value under Signature-Input's label")
    return RequestSignature(
        covers_digest=digest is not None,
        created=int(values["created"]),
        nonce=_decode_nonce(values["nonce"].strip('"')),
        keyid=values["keyid"].strip('"'),
        parameters=parameters,
        signature=_decode_fixed(signed.group(2), SIGNATURE_BYTES, "Signature"),
    )


def parse_content_digest(value: str) -> bytes:
    """The 32 bytes of a `Content-Digest` header; raises `RequestSignatureMalformed`."""
    found = _DIGEST.fullmatch(value) if len(value) <= HEADER_LIMIT else None
    if found is None:
        raise RequestSignatureMalformed("Content-Digest must be one sm3=:<base64>:")
    return _decode_fixed(found.group(1), DIGEST_BYTES, "Content-Digest")


def content_digest(digest: bytes) -> str:
    """The `Content-Digest` value for a body whose SM3 is `digest`."""
    return f"sm3=:{b64encode(digest)}:"


def signature_base(method: str, path: str, query: str, digest_header: str | None, parameters: str) -> bytes:
    """The bytes that are signed (RFC 9421, 2.5). `path` is decoded, `query` is raw and without its `?`."""
    digest_line = "" if digest_header is None else f'"content-digest": {digest_header}\n'
    return (
        f'"@method": {method}\n"@path": {encode_path(path)}\n"@query": ?{query}\n'
        f'{digest_line}"@signature-params": {parameters}'
    ).encode("ascii", "backslashreplace")


def encode_path(path: str) -> str:
    """Percent-encode a decoded path in the one way that both sides use."""
    return quote(path, safe="/:@!$&'()*+,;=-._~") or "/"


def sign_request(
    signer: RequestSigner,
    method: str,
    path: str,
    query: str,
    body_digest: bytes | None,
    *,
    created: int,
    nonce: bytes,
) -> Mapping[str, str]:
    """The headers that sign one request; `body_digest` is the body's SM3, or None where there is no body."""
    covered = _COMPONENTS if body_digest is None else f'{_COMPONENTS} "content-digest"'
    parameters = (
        f'({covered});created={created};nonce="{urlsafe_b64encode(nonce).rstrip(b"=").decode()}"'
        f';keyid="{signer.public.keyid}";alg="{ALGORITHM}"'
    )
    digest_header = None if body_digest is None else content_digest(body_digest)
    signature = signer.sign(signature_base(method, path, query, digest_header, parameters))
    headers = {"Signature-Input": f"sig1={parameters}", "Signature": f"sig1=:{b64encode(signature)}:"}
    if digest_header is not None:
        headers["Content-Digest"] = digest_header
    return headers


def body_digest(body: bytes) -> bytes:
    """The SM3 of a body that is in memory as a whole."""
    return sm3(body)


def _parse_parameters(tail: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in _PARAMETER.findall(tail):
        form = _VALUE_FORM.get(name)
        if form is None:
            raise RequestSignatureMalformed("Signature-Input has a parameter that is not taken here")
        if name in values:
            raise RequestSignatureMalformed(f"Signature-Input repeats {name}")
        if form.fullmatch(value) is None:
            raise RequestSignatureMalformed(f"Signature-Input has a malformed {name}")
        values[name] = value
    missing = [name for name in _VALUE_FORM if name not in values]
    if missing:
        raise RequestSignatureMalformed(f"Signature-Input lacks {', '.join(missing)}")
    return values


def _decode_nonce(text: str) -> bytes:
    unpadded = text.rstrip("=")
    try:
        nonce = urlsafe_b64decode(unpadded + "==")
    except (BinasciiError, ValueError):
        raise RequestSignatureMalformed("the nonce is not base64url") from None
    if len(nonce) != NONCE_BYTES or urlsafe_b64encode(nonce).rstrip(b"=").decode() != unpadded:
        raise RequestSignatureMalformed("the nonce must be 16 bytes in base64url")
    return nonce


def _decode_fixed(text: str, size: int, header: str) -> bytes:
    try:
        value = b64decode_strict(text)
    except Base64Invalid:
        raise RequestSignatureMalformed(f"{header} is not strict base64") from None
    if len(value) != size:
        raise RequestSignatureMalformed(f"{header} must hold {size} bytes")
    return value
