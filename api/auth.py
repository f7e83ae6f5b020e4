"""Who is calling: every request but the open ones bears an SM2 signature (RFC 9421, DESIGN.md 4.6).

Checked in this order, the cheap and the telling first: form of the headers, time window, key, signature over
the headers (with the digest that the body is said to have), nonce, and last the body against that digest.
A nonce is used up only by a request whose signature holds, so that nobody else can use it up.
"""

import hmac
from collections.abc import Callable, Iterator
from typing import Any

from api.nonces import NonceStore
from api.roles import Principal, Rule, check_role
from ledger.errors import (
    ContentDigestMismatch,
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    RequestExpired,
    RequestSignatureMalformed,
    RequestUnsigned,
    TooLarge,
)
from ledger.formats.http_signature import (
    WINDOW_SECONDS,
    parse_content_digest,
    parse_request_signature,
    signature_base,
)
from ledger.gm import PublicKey, Sm3, sm3, verify
from ledger.log.directory import Directory

CHUNK_BYTES = 64 << 10


class Authenticator:
    """Turns a signed request into the member that signed it; shared by all threads.

    `clock` gives milliseconds since 1970.
    """

    def __init__(self, directory: Directory, nonces: NonceStore, clock: Callable[[], int]) -> None:
        self._directory = directory
        self._nonces = nonces
        self._clock = clock

    def authenticate(self, environ: dict[str, Any], rule: Rule) -> tuple[Principal, bytes | None]:
        """The caller, and the SM3 that its body must have (None where no body is announced).

        Raises `RequestUnsigned`, `RequestSignatureMalformed`, `RequestExpired`, `KeyUnknown`, `KeyRevoked`,
        `KeyExpired`, `SignatureInvalid`, `RoleMissing` or `NonceReplayed`.
        """
        signature_input = environ.get("HTTP_SIGNATURE_INPUT")
        signature = environ.get("HTTP_SIGNATURE")
        if signature_input is None or signature is None:
            raise RequestUnsigned
        request = parse_request_signature(signature_input, signature)
        now = self._clock()
        if abs(now // 1000 - request.created) > WINDOW_SECONDS:
            raise RequestExpired
        digest_header = environ.get("HTTP_CONTENT_DIGEST")
        has_body = bool(int(environ.get("CONTENT_LENGTH") or 0)) or "HTTP_TRANSFER_ENCODING" in environ
        if request.covers_digest != (digest_header is not None) or (has_body and digest_header is None):
            raise RequestSignatureMalformed("content-digest must be sent and covered exactly with a body")
        digest = None if digest_header is None else parse_content_digest(digest_header)
        principal, public = self._holder(request.keyid, now, rule)
        base = signature_base(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
            environ.get("QUERY_STRING", ""),
            digest_header,
            request.parameters,
        )
        verify(public, base, request.signature)
        check_role(rule, principal)
        self._nonces.use(request.keyid, request.nonce, request.created + WINDOW_SECONDS + 1)
        return principal, digest

    def _holder(self, keyid: str, now: int, rule: Rule) -> tuple[Principal, PublicKey]:
        try:
            key = self._directory.key(keyid)
        except KeyUnknown:
            if rule.witness:
                return self._witness(keyid, now)
            raise KeyUnknown("the request's key is not registered for any member") from None
        if key.window.revoked is not None and now >= key.window.revoked:
            raise KeyRevoked("the request's key is revoked")
        if not key.window.holds(now):
            raise KeyExpired("the request's key is outside its validity window")
        return Principal(key.member.id, frozenset(key.member.roles), keyid), key.public

    def _witness(self, keyid: str, now: int) -> tuple[Principal, PublicKey]:
        """A witness by its key, and the logs of which it is one now."""
        public, origins = None, []
        for log in self._directory.trust.logs.values():
            for named in log.witnesses.keys if log.witnesses is not None else ():
                if named.vkey.public.keyid == keyid:
                    public = named.vkey.public
                    if named.window.holds(now):
                        origins.append(log.origin)
        if public is None:
            raise KeyUnknown("the request's key is not registered for any member or witness")
        if not origins:
            raise KeyExpired("the witness's key is outside its validity window or revoked")
        return Principal("", frozenset(), keyid, frozenset(origins)), public


def check_body(body: bytes, digest: bytes | None) -> None:
    """Compare a body with the digest that was signed; raises `ContentDigestMismatch`."""
    if digest is not None and not hmac.compare_digest(sm3(body), digest):
        raise ContentDigestMismatch


def digested_chunks(read: Callable[[int], bytes], digest: bytes | None, limit: int) -> Iterator[bytes]:
    """A body in chunks of at most 64 KiB, hashed on the way; the end raises if the digest is another.

    Whoever consumes this must take nothing for good before it has ended. Raises `ContentDigestMismatch`,
    `TooLarge`.
    """
    hasher = Sm3()
    total = 0
    while chunk := read(CHUNK_BYTES):
        total += len(chunk)
        if total > limit:
            raise TooLarge(f"the body is over {limit} bytes")
        hasher.update(chunk)
        yield chunk
    if digest is None or not hmac.compare_digest(hasher.digest(), digest):
        raise ContentDigestMismatch
