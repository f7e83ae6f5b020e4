"""Signed requests over kept-alive connections, retried where that is safe.

A request is signed anew for each attempt, since a nonce counts once. Retried are lost connections, for calls
that may be repeated without harm (reads, and submissions, which are idempotent by statement id), and the
answer 503 for every call: the service says that it did nothing.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import urandom
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from ledger.client.problems import error_of
from ledger.errors import (
    AnswerInvalid,
    ConfigurationError,
    FormatError,
    LedgerError,
    ServiceUnreachable,
    TooLarge,
    Unavailable,
)
from ledger.formats import strictjson
from ledger.formats.http_signature import NONCE_BYTES, RequestSigner, encode_path, sign_request
from ledger.gm import Sm3, sm3

ANSWER_LIMIT = 64 << 20
CHUNK_BYTES = 64 << 10
FIRST_PAUSE_SECONDS = 0.1
_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer."""

    status: int
    content: bytes

    @property
    def document(self) -> Any:
        """The content as JSON; raises `AnswerInvalid`."""
        try:
            return strictjson.loads(self.content)
        except FormatError as error:
            raise AnswerInvalid(f"the answer is not JSON in our form: {error.code}") from error


class Transport:
    """One service, one signing key; thread-safe. `signer` None sends unsigned requests.

    `clock` gives seconds since 1970; `timeout` is in seconds, for connecting and for each read. `patience`,
    where given, is how many seconds the body of one answer may take in all, for services that are not one's
    own.
    """

    def __init__(
        self,
        url: str,
        signer: RequestSigner | None,
        *,
        timeout: float = 60.0,
        patience: float | None = None,
        attempts: int = 4,
        clock: Callable[[], float] = time.time,
        randomness: Callable[[int], bytes] = urandom,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ConfigurationError("the service's address must be http(s)://host[:port][/path]")
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path.rstrip("/")
        self._signer = signer
        self._attempts = attempts
        self._patience = patience
        self._clock = clock
        self._randomness = randomness
        self._pause = pause
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS,
            block=True,
            timeout=urllib3.Timeout(connect=timeout, read=timeout),
            retries=False,
        )

    def get(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        signed: bool = True,
        limit: int = ANSWER_LIMIT,
    ) -> Answer:
        """GET `path`, an answer of at most `limit` bytes; members of `query` that are None are left out."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._send(
            "GET", path, urlencode(given), None, None, signed=signed, repeatable=True, limit=limit
        )

    def delete(self, path: str) -> Answer:
        """DELETE `path`; again does no harm."""
        return self._send("DELETE", path, "", None, None, signed=True, repeatable=True)

    def post(
        self,
        path: str,
        body: bytes,
        media_type: str,
        *,
        signed: bool = True,
        repeatable: bool = False,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """POST a body that is in memory."""
        asked = urlencode(query or {})
        return self._send("POST", path, asked, (body,), media_type, signed=signed, repeatable=repeatable)

    def post_lines(self, path: str, lines: Sequence[bytes], media_type: str) -> Answer:
        """POST lines, each ended by a newline, in pieces of about 64 KiB."""
        return self._send("POST", path, "", lines, media_type, signed=True, repeatable=True, lines=True)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _send(
        self,
        method: str,
        path: str,
        query: str,
        parts: Sequence[bytes] | None,
        media_type: str | None,
        *,
        signed: bool,
        repeatable: bool,
        lines: bool = False,
        limit: int = ANSWER_LIMIT,
    ) -> Answer:
        digest, length = _measure(parts, lines) if parts is not None else (None, 0)
        for attempt in range(1, self._attempts + 1):
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            if parts is not None:
                headers |= {"Content-Type": str(media_type), "Content-Length": str(length)}
            if signed:
                headers |= self._sign(method, path, query, digest)
            body = None if parts is None else (_pieces(parts) if lines else parts[0])
            try:
                return self._exchange(method, path, query, body, headers, limit)
            except Unavailable as error:
                safe = repeatable or not isinstance(error, _ConnectionLost)
                if attempt == self._attempts or not safe:
                    raise
            self._pause(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - spread
        raise AssertionError("unreachable")

    def _sign(self, method: str, path: str, query: str, digest: bytes | None) -> Mapping[str, str]:
        if self._signer is None:
            raise ConfigurationError("this call must be signed, and the client has no key")
        return sign_request(
            self._signer,
            method,
            self._prefix + path,
            query,
            digest,
            created=int(self._clock()),
            nonce=self._randomness(NONCE_BYTES),
        )

    def _exchange(
        self,
        method: str,
        path: str,
        query: str,
        body: bytes | Iterable[bytes] | None,
        headers: Mapping[str, str],
        limit: int,
    ) -> Answer:
        url = self._base + encode_path(self._prefix + path) + (f"?{query}" if query else "")
        try:
            response = self._pool.request(
                method, url, body=body, headers=headers, preload_content=False, redirect=False
            )
            try:
                content = self._read(response, limit + 1)
            finally:
                response.release_conn()
        except urllib3.exceptions.NewConnectionError as error:
            raise ServiceUnreachable(f"no connection to {self._base}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _ConnectionLost(
                f"the connection to {self._base} was lost: {type(error).__name__}"
            ) from error
        if len(content) > limit:
            raise TooLarge(f"the answer is over {limit} bytes")
        if 200 <= response.status < 300:
            return Answer(response.status, content)
        raise _problem(response.status, content)

    def _read(self, response: urllib3.BaseHTTPResponse, most: int) -> bytes:
        """At most so many bytes of an answer's body; what is left unread costs the connection."""
        if self._patience is None:
            content: bytes = response.read(most)
            return content
        ends = time.monotonic() + self._patience
        body = bytearray()
        while len(body) < most and (piece := response.read1(min(CHUNK_BYTES, most - len(body)))):
            body += piece
            if time.monotonic() > ends:
                response.close()
                raise _ConnectionLost(f"{self._base} took longer than {self._patience:g} seconds to answer")
        if len(body) == most:
            response.close()
        return bytes(body)


class _ConnectionLost(ServiceUnreachable):
    """The request may have arrived."""


def _problem(status: int, content: bytes) -> LedgerError:
    try:
        document = strictjson.loads(content)
    except FormatError:
        document = None
    return error_of(status, document)


def _measure(parts: Sequence[bytes], lines: bool) -> tuple[bytes, int]:
    """SM3 and length of a body."""
    if not lines:
        return sm3(parts[0]), len(parts[0])
    hasher = Sm3()
    length = 0
    for piece in _pieces(parts):
        hasher.update(piece)
        length += len(piece)
    return hasher.digest(), length


def _pieces(lines: Sequence[bytes]) -> Iterable[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line
        piece += b"\n"
        if len(piece) >= CHUNK_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
