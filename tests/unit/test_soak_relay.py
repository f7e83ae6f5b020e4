"""The relay of the soak: each mood is the bad node it is named for; and what waiting is."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.network.rpc import NoAnswer, call
from scripts.soaking.relay import AnotherChain, Drops, Garbage, Hangs, Late, Relay, Stale
from scripts.soaking.waiting import Waited


class Node(http.server.ThreadingHTTPServer):
    """Answers each method from a table and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, table: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.table, self.asked = table, []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    server: Node

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((request["method"], request["params"]))
        body = json.dumps({"id": request["id"], "result": self.server.table.get(request["method"])}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def node() -> Iterator[Node]:
    made = Node(
        {
            "eth_blockNumber": "0x20",
            "eth_getTransactionReceipt": {"blockNumber": "0x1f"},
            "eth_sendRawTransaction": "0xhash",
        }
    )
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def relay(node: Node) -> Iterator[Relay]:
    made = Relay(node.url)
    yield made
    made.close()


def test_an_honest_relay_changes_nothing(relay: Relay) -> None:
    assert call(relay.url, "eth_blockNumber") == "0x20"


def test_one_that_hangs_answers_nobody_and_lets_them_go_when_it_is_over(relay: Relay, node: Node) -> None:
    relay.mood = Hangs()
    with pytest.raises(NoAnswer):
        call(relay.url, "eth_blockNumber", timeout=0.3)
    assert node.asked == []
    relay.mood = None
    assert call(relay.url, "eth_blockNumber") == "0x20"


def test_one_that_is_late_answers_rightly(relay: Relay) -> None:
    relay.mood = Late(0.3)
    began = time.monotonic()
    assert call(relay.url, "eth_blockNumber") == "0x20"
    assert time.monotonic() - began >= 0.3


def test_garbage_is_no_answer_or_not_this_one(relay: Relay) -> None:
    relay.mood = Garbage()
    for _ in range(16):
        try:
            assert call(relay.url, "eth_blockNumber") != "0x20"
        except NoAnswer:
            continue


def test_one_in_the_past_knows_nothing_newer_but_passes_transactions_on(relay: Relay, node: Node) -> None:
    relay.mood = Stale(0x10)
    assert call(relay.url, "eth_blockNumber") == "0x10"
    assert call(relay.url, "eth_getTransactionReceipt", "0x1") is None
    call(relay.url, "eth_call", {}, "latest")
    assert node.asked[-1] == ("eth_call", [{}, "0x10"])
    assert call(relay.url, "eth_sendRawTransaction", "0x00") == "0xhash"


def test_one_that_drops_names_the_hash_and_tells_nobody(relay: Relay, node: Node) -> None:
    relay.mood = mood = Drops()
    # keccak-256 of no bytes.
    empty = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert call(relay.url, "eth_sendRawTransaction", "0x") == empty
    assert (mood.dropped, node.asked) == (1, [])


def test_one_on_another_chain_answers_for_that(relay: Relay) -> None:
    other = Node({"eth_blockNumber": "0x99"})
    relay.mood = AnotherChain(other.url)
    assert call(relay.url, "eth_blockNumber") == "0x99"
    other.shutdown()
    other.server_close()


def test_a_long_sleep_of_the_machine_is_not_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.1, 1_000.0, 1_000.5])
    monkeypatch.setattr("scripts.soaking.waiting.time.monotonic", lambda: next(now))
    monkeypatch.setattr("scripts.soaking.waiting.time.sleep", lambda _: None)
    waited = Waited()
    for _ in range(3):
        waited.rest()
    assert waited.seconds == pytest.approx(0.1 + 2.0 + 0.5)
