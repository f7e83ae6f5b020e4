"""A relay between the worker and one validator, which can behave as a bad JSON-RPC node does.

    relay = Relay(validator_url)
    relay.mood = Hangs()       # and from now on it does
    relay.mood = None          # honest again

Moods are handed each request and the way to the validator behind, and say what is answered: bytes, or None
for no answer at all.
"""

import contextlib
import http.server
import json
import sys
import threading
import urllib.request
from collections.abc import Callable
from typing import Any, Protocol

from eth_utils.crypto import keccak

Forward = Callable[[bytes], bytes]
_ANSWER_SECONDS = 30.0


class Mood(Protocol):
    """How a bad node answers; `ended` is set when the mood is over, so that nobody waits for it."""

    def answer(self, body: bytes, forward: Forward, ended: threading.Event) -> bytes | None: ...


class Hangs:
    """Takes the request and never answers."""

    def answer(self, body: bytes, forward: Forward, ended: threading.Event) -> bytes | None:
        ended.wait()
        return None


class Late:
    """Answers rightly, after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def answer(self, body: bytes, forward: Forward, ended: threading.Event) -> bytes | None:
        ended.wait(self._seconds)
        return forward(body)


class Garbage:
    """Answers what is no JSON-RPC, or is it in shape only, in turn."""

    _SAID = (
        b"<html>502 Bad Gateway</html>",
        b"\x00\xff\xfe garbage",
        b"",
        b'{"jsonrpc":"2.0","id":1',
        b'{"jsonrpc":"2.0","id":1,"result":null}',
        b'{"jsonrpc":"2.0","id":1,"result":"0xzz"}',
        b'{"jsonrpc":"2.0","id":1,"result":{"number":"-1"}}',
        b"[" * 5_000,
    )

    def __init__(self) -> None:
        self._asked = 0

    def answer(self, body: bytes, forward: Forward, ended: threading.Event) -> bytes | None:
        self._asked += 1
        return self._SAID[self._asked % len(self._SAID)]


class Stale:
    """Answers as of one block, as a node does that no longer hears of new ones; transactions it passes on."""

    _TAGS = ("latest", "pending", "safe", "finalized")

    def __init__(self, block: int) -> None:
        self._block = block

    def answer(self, body: bytes, forward: Forward, ended: threading.Event) -> bytes | None:
        request = json.loads(body)
        method = request.get("method")
        if method == "eth_blockNumber":
            return _result(request, hex(self._block))
        if method == "eth_sendRawTransaction":
            return forward(body)
        request["params"] = [
            hex(self._block) if isinstance(value, str) and value in self._TAGS else value
            for value in request.get("params", [])
        ]
        answer = json.loads(forward(json.dumps(request).encode()))
        return json.dumps(self._as_of_then(answer)).encode()

    def _as_of_then(self, answer: dict[str, Any]) -> dict[str, Any]:
        found = answer.get("result")
        number = (found.get("blockNumber") or found.get("number")) if isinstance(found, dict) else None
        newer = isinstance(number, str) and int(number, 16) > self._block
        return answer | {"result": None} if newer else answer


class AnotherChain:
    """Answers for the node of another chain."""

    def __init__(self, url: str) -> None:
        self._url = url

    def answer(self, body: bytes, forward: Forward, ended: threading.Event) -> bytes | None:
        return post(self._url, body)


class Drops:
    """Takes transactions, names their hash, and tells nobody; all else it answers rightly."""

    def __init__(self) -> None:
        self.dropped = 0

    def answer(self, body: bytes, forward: Forward, ended: threading.Event) -> bytes | None:
        request = json.loads(body)
        if request.get("method") != "eth_sendRawTransaction":
            return forward(body)
        self.dropped += 1
        raw = bytes.fromhex(str(request["params"][0]).removeprefix("0x"))
        return _result(request, "0x" + keccak(raw).hex())


class Relay(http.server.ThreadingHTTPServer):
    """Answers on a port of loopback that the system gives, from a thread of its own until `close`."""

    daemon_threads = True
    # The worker's other nodes must not wait for a connection to one that hangs.
    request_queue_size = 64

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self._mood: Mood | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def mood(self) -> Mood | None:
        return self._mood

    @mood.setter
    def mood(self, mood: Mood | None) -> None:
        self._ended.set()
        self._ended, self._mood = threading.Event(), mood

    def respond(self, body: bytes) -> bytes | None:
        mood, ended = self._mood, self._ended
        try:
            if mood is None:
                return post(self.target, body)
            return mood.answer(body, lambda changed: post(self.target, changed), ended)
        except (OSError, ValueError):
            return None

    def handle_error(self, request: object, client_address: object) -> None:
        """Who was killed in the middle of a request is nobody's fault here, and no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def close(self) -> None:
        self.mood = None
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Relay
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = self.server.respond(body)
        if answer is None:
            self.close_connection = True
            return
        # Whoever asked may have gone by now: it had waited for long enough.
        with contextlib.suppress(ConnectionError):
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


def post(url: str, body: bytes) -> bytes:
    """What a node answers; raises `OSError` when it does not."""
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310  # ours
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_ANSWER_SECONDS) as response:
        return bytes(response.read())


def _result(request: dict[str, Any], value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request.get("id"), "result": value}).encode()
