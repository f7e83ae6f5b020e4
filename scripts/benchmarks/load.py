"""A load generator that costs little: one thread, raw keep-alive sockets, requests made beforehand.

    python -m scripts.benchmarks.load --port 8750 --requests FILE --connections 32 --seconds 10 --expect 201

FILE holds whole HTTP requests, each after its length (4 bytes, big-endian). Request i goes out on connection
i mod n, in order, so that senders with sequence numbers keep theirs. Every answer's status is checked. Prints
one JSON object: what was answered, in how many seconds, the latencies, and what was refused.
"""

import argparse
import base64
import json
import mmap
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_RECEIVE_BYTES = 1 << 18
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(slots=True)
class Connection:
    """One socket, the requests it has to send, and the answer it is reading."""

    socket: socket.socket
    queue: list[int]
    next: int = 0
    received: bytearray = field(default_factory=bytearray)
    sent_at: float = 0.0
    unsent: memoryview | None = None


@dataclass(slots=True)
class Result:
    """What came back; `latencies` in seconds; `kept` holds some bodies for the caller to verify."""

    latencies: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    kept: list[tuple[int, bytes]] = field(default_factory=list)
    first_refusal: str = ""
    started: float = 0.0
    ended: float = 0.0


class Load:
    """Sends until every request is answered or `seconds` are over."""

    def __init__(self, data: mmap.mmap, expect: int, keep_every: int) -> None:
        self._view = memoryview(data)
        self._offsets = _offsets(data)
        self._expect = str(expect).encode()
        self._keep_every = keep_every
        self._selector = selectors.DefaultSelector()
        self.result = Result()

    def run(self, host: str, port: int, connections: int, seconds: float) -> Result:
        """Send everything; returns when all is answered, or when time is up and nothing is under way."""
        count = len(self._offsets)
        lines = []
        for number in range(min(connections, count)):
            connected = socket.create_connection((host, port), timeout=10)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setblocking(False)
            lines.append(Connection(connected, list(range(number, count, connections))))
        self.result.started = time.perf_counter()
        limit = self.result.started + seconds
        busy = 0
        for line in lines:
            self._selector.register(line.socket, selectors.EVENT_READ, line)
            busy += self._send_next(line, limit)
        while busy:
            for key, events in self._selector.select(timeout=60):
                line = key.data
                if events & selectors.EVENT_WRITE:
                    self._go_on_sending(line)
                if events & selectors.EVENT_READ and self._read(line):
                    busy -= 1
                    busy += self._send_next(line, limit)
        self.result.ended = time.perf_counter()
        for line in lines:
            line.socket.close()
        return self.result

    def _send_next(self, line: Connection, limit: float) -> int:
        """Begin the connection's next request; 1 if there was one, 0 when it is done."""
        now = time.perf_counter()
        if line.next >= len(line.queue) or now >= limit:
            self._selector.unregister(line.socket)
            return 0
        start, stop = self._offsets[line.queue[line.next]]
        line.unsent = self._view[start:stop]
        line.sent_at = now
        self._go_on_sending(line)
        return 1

    def _go_on_sending(self, line: Connection) -> None:
        if line.unsent is None:
            return
        try:
            sent = line.socket.send(line.unsent)
        except BlockingIOError:
            sent = 0
        line.unsent = line.unsent[sent:] if sent < len(line.unsent) else None
        waiting = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.unsent is not None else 0)
        if self._selector.get_key(line.socket).events != waiting:
            self._selector.modify(line.socket, waiting, line)

    def _read(self, line: Connection) -> bool:
        """Take in what arrived; true when the answer is whole."""
        try:
            piece = line.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return False
        if not piece:
            raise ConnectionError("the service closed a connection in the middle of an answer")
        line.received += piece
        head = line.received.find(_HEAD_END)
        if head < 0:
            return False
        length = _content_length(bytes(line.received[:head]))
        if len(line.received) < head + len(_HEAD_END) + length:
            return False
        self._answered(line, bytes(line.received[head + len(_HEAD_END) :]))
        line.received.clear()
        line.next += 1
        return True

    def _answered(self, line: Connection, body: bytes) -> None:
        status = bytes(line.received[9:12])
        if status == self._expect:
            self.result.latencies.append(time.perf_counter() - line.sent_at)
        else:
            name = status.decode("ascii", "replace")
            self.result.refused[name] = self.result.refused.get(name, 0) + 1
            self.result.first_refusal = self.result.first_refusal or body[:300].decode("utf-8", "replace")
        number = line.queue[line.next]
        if self._keep_every and number % self._keep_every == 0:
            self.result.kept.append((number, body))


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(_LENGTH)
    if at < 0:
        raise ConnectionError("an answer came without Content-Length")
    return int(lowered[at + len(_LENGTH) :].split(b"\r\n", 1)[0])


def _offsets(data: mmap.mmap) -> list[tuple[int, int]]:
    offsets, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        offsets.append((at + 4, at + 4 + length))
        at += 4 + length
    return offsets


def main() -> int:
    """Read the arguments, send, and print what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--expect", type=int, default=200)
    parser.add_argument("--keep-every", type=int, default=0, help="hand back every n-th body, base64")
    options = parser.parse_args()
    with options.requests.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        load = Load(data, options.expect, options.keep_every)
        result = load.run(options.host, options.port, options.connections, options.seconds)
        load._view.release()
    latencies = sorted(result.latencies) or [0.0]
    answer = {
        "done": len(result.latencies),
        "seconds": result.ended - result.started,
        "median_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)],
        "refused": result.refused,
        "first_refusal": result.first_refusal,
        "kept": [[number, base64.b64encode(body).decode()] for number, body in result.kept],
    }
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
