"""One connection to a receiver: opened to an address that was checked, bounded in time and in bytes.

The address book of the network is asked once, every address it gives is checked, and the connection goes to
one of those; TLS is checked against the host's name all the same. Redirects are not followed, nothing of the
answer is read but its status and at most `ANSWER_LIMIT` bytes, and the time for one exchange is bounded as a
whole, however slowly bytes come.
"""

import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from ledger.errors import DeliveryFailed
from ledger.services.notices.address import Resolve, Target, resolve_target

ANSWER_LIMIT = 16 << 10
"""Bytes of an answer, its headers included."""
USER_AGENT = "xinzheng-notices/1"


class Webhooks:
    """Opens channels. `allow` are the hosts that may have any address; `timeout` is in seconds, for opening
    a connection and for each exchange; `monotonic` is a clock in seconds that never goes back.

    `tls` is by default the system's trust store (which `SSL_CERT_FILE` replaces).
    """

    def __init__(
        self,
        allow: frozenset[str],
        timeout: float,
        *,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = socket.getaddrinfo,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.allow = allow
        self._timeout = timeout
        self._tls = tls or ssl.create_default_context()
        self._resolve = resolve
        self._monotonic = monotonic

    def open(self, target: Target) -> "Channel":
        """Connect. Raises `WebhookRefused` for an address that is not sent to, and `DeliveryFailed`
        (`unresolved`, `unreachable`, `timeout`, `tls`)."""
        addresses = resolve_target(target, self.allow, self._resolve)
        deadline = self._monotonic() + self._timeout
        failure = DeliveryFailed("unreachable", "the receiver's machine takes no connection")
        for family, address in addresses:
            try:
                connected = self._connect(family, address, target, deadline)
            except TimeoutError:
                failure = DeliveryFailed("timeout", "the receiver did not answer in time")
            except (ssl.SSLError, ssl.CertificateError):
                failure = DeliveryFailed("tls", "the receiver's TLS certificate is not acceptable")
            except OSError:
                continue
            else:
                return Channel(connected, target, self._timeout, self._monotonic)
        raise failure

    def _connect(self, family: int, address: str, target: Target, deadline: float) -> socket.socket:
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(_left(deadline, self._monotonic))
            plain.connect((address, target.port))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.scheme == "http":
                return plain
            plain.settimeout(_left(deadline, self._monotonic))
            return self._tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise


class Channel:
    """An open connection, kept for the next notice if the receiver keeps it too; used by one thread."""

    def __init__(
        self, connected: socket.socket, target: Target, timeout: float, monotonic: Callable[[], float]
    ) -> None:
        self.target = target
        self._timeout = timeout
        self._monotonic = monotonic
        self._socket = connected
        self._bounded = _BoundedSocket(connected, monotonic)
        self._http = http.client.HTTPConnection(target.host, target.port)
        # The connection is made already: to the address that was checked, and to no other.
        self._http.sock = self._bounded
        self._http.auto_open = 0
        self.alive = True

    def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Hand over one body. Raises `DeliveryFailed`, the channel being closed then: `timeout`, `lost` (the
        connection ended: it may have arrived), `redirect`, `status_<n>`, `answer_too_large`, `malformed`.
        """
        self._bounded.allow(self._monotonic() + self._timeout, ANSWER_LIMIT)
        target = self.target
        path = f"{target.path}?{target.query}" if target.query else target.path
        try:
            self._http.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
            for name, value in {
                "Host": target.authority,
                "User-Agent": USER_AGENT,
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self._http.putheader(name, value)
            self._http.endheaders(body)
            response = self._http.getresponse()
            response.read()
        except TimeoutError:
            raise self._failed("timeout", "the receiver did not answer in time") from None
        except _TooMuch:
            raise self._failed("answer_too_large", f"the answer is over {ANSWER_LIMIT} bytes") from None
        except (http.client.RemoteDisconnected, OSError):
            raise self._failed("lost", "the connection ended before the answer") from None
        except (http.client.HTTPException, ValueError):
            raise self._failed("malformed", "the answer is not HTTP") from None
        if response.will_close:
            self.close()
        if 300 <= response.status < 400:
            raise self._failed("redirect", "the receiver redirects; give the address it redirects to")
        if not 200 <= response.status < 300:
            raise self._failed(f"status_{response.status}", "the receiver does not take the notice")

    def _failed(self, reason: str, detail: str) -> DeliveryFailed:
        self.close()
        return DeliveryFailed(reason, detail)

    def close(self) -> None:
        """Let go of the connection; again is allowed."""
        self.alive = False
        with contextlib.suppress(OSError):
            self._socket.close()


class _TooMuch(Exception):
    """The other side sends more than is read."""


class _BoundedSocket:
    """What `http.client` needs of a socket, each read and write within what is left of time and bytes."""

    def __init__(self, inner: socket.socket, monotonic: Callable[[], float]) -> None:
        self._inner = inner
        self._monotonic = monotonic
        self._deadline = 0.0
        self._bytes = 0

    def allow(self, deadline: float, limit: int) -> None:
        self._deadline, self._bytes = deadline, limit

    def sendall(self, data: Any) -> None:
        self._inner.settimeout(_left(self._deadline, self._monotonic))
        self._inner.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        if self._bytes <= 0:
            raise _TooMuch
        self._inner.settimeout(_left(self._deadline, self._monotonic))
        count = self._inner.recv_into(memoryview(buffer)[: self._bytes])
        self._bytes -= count
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb", "answers are read"
        return io.BufferedReader(_Reading(self))

    def close(self) -> None:
        """Its channel closes the socket."""


class _Reading(io.RawIOBase):
    def __init__(self, bounded: _BoundedSocket) -> None:
        self._bounded = bounded

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._bounded.receive_into(buffer)


def _left(deadline: float, monotonic: Callable[[], float]) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
