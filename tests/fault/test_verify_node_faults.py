"""A node that answers nonsense leaves `anchor` unknown; it never stops the verifier."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ledger.formats.finality import AnchorRecord
from ledger.verify import FAIL, UNKNOWN, ChainNode, HttpRpc
from ledger.verify.node import MAX_ANSWER

HASH = "0x" + "ab" * 32
ANCHOR = AnchorRecord(1, "0x" + "ab" * 20, b"\1" * 32, 1, b"\1" * 32, b"\1" * 32, b"\1" * 32, HASH, 1, HASH)


class Nonsense(HTTPServer):
    """Answers each method with the bytes that a test puts here; eth_chainId as it should be."""

    answers: dict[str, bytes]


class Handler(BaseHTTPRequestHandler):
    server: Nonsense

    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = self.server.answers.get(call["method"], b'{"jsonrpc":"2.0","id":1,"result":"0x1"}')
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Nonsense]:
    server = Nonsense(("127.0.0.1", 0), Handler)
    server.answers = {}
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _result(value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}).encode()


WORDS = "0x" + "01" * 96 + f"{1:064x}" + f"{9:064x}"


@pytest.mark.parametrize(
    "answers",
    [
        {"eth_chainId": b""},
        {"eth_chainId": b"<html>"},
        {"eth_chainId": b"[" * 100_000},
        {"eth_chainId": b"\xff"},
        {"eth_chainId": b"[]"},
        {"eth_chainId": b'{"error":{"code":-1},"result":"0x1"}'},
        {"eth_chainId": _result("0x1_0")},
        {"eth_chainId": _result(1)},
        {"eth_chainId": b" " * (MAX_ANSWER + 1)},
        {"eth_call": _result("0x1234")},
        {"eth_call": _result("0x" + "zz" * 160)},
        {"eth_call": _result(None)},
        {"eth_call": _result(WORDS), "eth_getTransactionReceipt": _result("0x1")},
        {"eth_call": _result(WORDS), "eth_getTransactionReceipt": _result({})},
    ],
)
def test_nonsense_is_no_answer(server: Nonsense, answers: dict[str, bytes]) -> None:
    server.answers = answers
    node = ChainNode(HttpRpc(f"http://127.0.0.1:{server.server_port}", timeout=5))
    (finding,) = node.findings(ANCHOR)
    assert (finding.outcome, finding.reason) == (UNKNOWN, "node_unreachable")


def test_a_transaction_that_failed_or_went_elsewhere_is_no_anchor(server: Nonsense) -> None:
    good = {"blockNumber": "0x1", "blockHash": HASH, "to": ANCHOR.registry, "status": "0x1"}
    node = ChainNode(HttpRpc(f"http://127.0.0.1:{server.server_port}", timeout=5))
    for change in ({"status": "0x0"}, {"to": "0x" + "cd" * 20}, {"to": None}, {"blockHash": None}):
        receipt = _result({**good, **change})
        server.answers = {"eth_call": _result(WORDS), "eth_getTransactionReceipt": receipt}
        (finding,) = node.findings(ANCHOR)
        assert (finding.outcome, finding.reason) == (FAIL, "node_disagrees")
