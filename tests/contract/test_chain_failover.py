"""Several nodes, of which some are dead, wrong or flaky."""

import http.server
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from ledger.chain import changes
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.evm import EvmChain
from ledger.chain.nodes import NodeSettings
from ledger.errors import ChainMismatch, ChainUnavailable, InputError, LedgerError

pytestmark = pytest.mark.chain
CREDIT = "yunling.example/credit"
LOG = changes.log_id(CREDIT)
A = "113501000099000133"
HASH = b"\x01" * 32


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


class Relay(http.server.ThreadingHTTPServer):
    """Stands before a node. `mood` says what becomes of a request: see the handler."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), RelayHandler)
        self.target = target
        self.mood: Callable[[str], str] = lambda method: "honest"
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class RelayHandler(http.server.BaseHTTPRequestHandler):
    server: Relay

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        method = json.loads(body)["method"]
        self.server.asked.append(method)
        mood = self.server.mood(method)
        if mood == "silent":
            time.sleep(1.0)
            return
        if mood == "broken":
            self.send_error(503)
            return
        request = urllib.request.Request(self.server.target, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as response:
            answer = response.read()
        if mood == "takes and does not answer":
            self.close_connection = True
            return
        if mood == "babbles":
            answer = b"<html>not JSON</html>"
        if mood.startswith("says "):
            answer = b'{"jsonrpc":"2.0","id":%d,%b}' % (json.loads(body)["id"], mood[5:].encode())
        if mood == "sealed":
            answer = answer.replace(b'"extraData":"0x', b'"extraData":"0x' + b"ab" * 97)
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def relay(embedded_chain: EmbeddedChain) -> Iterator[Relay]:
    server = Relay(embedded_chain.url)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def with_log(consortium: Any) -> Any:
    consortium.agree(changes.define_log(CREDIT, A, ["subject"]))
    return consortium


def over(consortium: Any, *urls: str, **settings: Any) -> EvmChain:
    fast: dict[str, Any] = {"timeout": 0.5, "rounds": 2, "backoff": 0.01} | settings
    return EvmChain(consortium.deployment, NodeSettings(urls, **fast), consortium.accounts[0])


def test_a_dead_node_is_passed_over(with_log: Any, embedded_chain: EmbeddedChain) -> None:
    chain = over(with_log, closed_port(), embedded_chain.url)
    chain.publish(LOG, 5, HASH, HASH, HASH)
    assert chain.head().number > 0


@pytest.mark.parametrize("mood", ["silent", "broken", "babbles"])
def test_a_node_that_gives_no_answer_is_passed_over(
    with_log: Any, embedded_chain: EmbeddedChain, relay: Relay, mood: str
) -> None:
    chain = over(with_log, relay.url, embedded_chain.url)
    assert chain.latest(LOG) is None
    relay.mood = lambda method: mood
    assert chain.head().number > 0


@pytest.mark.parametrize("method", ["eth_chainId", "eth_getBlockByNumber", "eth_getCode", "eth_call"])
@pytest.mark.parametrize(
    "said",
    [
        '"result":null',
        '"result":true',
        '"result":{}',
        '"result":"x"',
        '"result":' + "[" * 2000 + "]" * 2000,
        '"result":' + "1" * 5000,
        '"error":{"code":3,"message":"execution reverted","data":"0x1"}',
        '"error":{"code":3,"message":"execution reverted","data":{"a":1}}',
    ],
    ids=lambda said: said[:60],
)
def test_a_node_that_says_what_is_no_answer_stops_nothing(
    with_log: Any, relay: Relay, method: str, said: str
) -> None:
    chain = over(with_log, relay.url, rounds=1)
    relay.mood = lambda asked: f"says {said}" if asked == method else "honest"
    for ask in (chain.identity, chain.head, chain.export, lambda: chain.checkpoint(LOG, 5)):
        with suppress(LedgerError):
            ask()
    relay.mood = lambda _: "honest"
    assert chain.head().number > 0


def test_the_node_that_answered_is_asked_first_the_next_time(
    with_log: Any, embedded_chain: EmbeddedChain, relay: Relay
) -> None:
    chain = over(with_log, relay.url, embedded_chain.url)
    relay.mood = lambda method: "broken"
    chain.head()
    before = len(relay.asked)
    chain.head()
    assert len(relay.asked) == before


def test_a_node_that_comes_back_is_asked_again(with_log: Any, relay: Relay) -> None:
    chain = over(with_log, relay.url)
    relay.mood = lambda method: "broken"
    with pytest.raises(ChainUnavailable):
        chain.head()
    relay.mood = lambda method: "honest"
    assert chain.head().number > 0


def test_with_no_node_alive_the_chain_is_unavailable_and_no_address_is_told(with_log: Any) -> None:
    secret = closed_port().replace("http://", "http://user:hunter2@")
    with pytest.raises(ChainUnavailable) as caught:
        over(with_log, secret).head()
    assert "hunter2" not in caught.value.detail


def test_a_transaction_that_was_taken_without_an_answer_is_sent_once(
    with_log: Any, relay: Relay, embedded_chain: EmbeddedChain
) -> None:
    chain = over(with_log, relay.url, embedded_chain.url)
    lost = iter(["takes and does not answer"])
    relay.mood = lambda method: next(lost, "honest") if method == "eth_sendRawTransaction" else "honest"
    tx_hash = chain.publish(LOG, 5, HASH, HASH, HASH)
    mined = chain._nodes.wait_mined(tx_hash)
    assert chain.find_transaction(LOG, 5) == mined.tx_hash
    assert chain._nodes.wait_mined(chain.publish(LOG, 6, HASH, HASH, HASH)).succeeded


def test_nothing_connects_before_the_first_call(with_log: Any) -> None:
    over(with_log, closed_port())


def test_a_chain_needs_a_node(with_log: Any) -> None:
    with pytest.raises(InputError):
        over(with_log)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedChain]:
    chain = EmbeddedChain(tmp_path_factory.mktemp("stranger"), chain_id=7777)
    chain.start()
    yield chain
    chain.stop(save=False)


class TestWrongChain:
    def test_another_chain_id_is_refused_and_logged(
        self, with_log: Any, stranger: EmbeddedChain, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(ChainMismatch, match="7777"):
            over(with_log, stranger.url).head()
        assert "refused" in caplog.text

    def test_it_is_passed_over_when_another_node_is_right(
        self, with_log: Any, stranger: EmbeddedChain, embedded_chain: EmbeddedChain
    ) -> None:
        chain = over(with_log, stranger.url, embedded_chain.url)
        assert chain.identity().chain_id == embedded_chain.chain_id

    def test_it_is_refused_on_failover_too(
        self, with_log: Any, stranger: EmbeddedChain, relay: Relay
    ) -> None:
        chain = over(with_log, relay.url, stranger.url)
        chain.head()
        relay.mood = lambda method: "broken"
        with pytest.raises(ChainMismatch):
            chain.head()

    def test_another_genesis_is_refused(self, with_log: Any, embedded_chain: EmbeddedChain) -> None:
        elsewhere = replace(with_log.deployment, genesis_hash="0x" + "11" * 32)
        with pytest.raises(ChainMismatch, match="genesis"):
            EvmChain(elsewhere, with_log.settings).head()

    def test_a_chain_without_the_contracts_is_refused(self, with_log: Any) -> None:
        nowhere = replace(with_log.deployment, registry="0x" + "11" * 20)
        with pytest.raises(ChainMismatch, match="no contract"):
            EvmChain(nowhere, with_log.settings).head()

    def test_a_node_that_changes_its_chain_is_found_out_by_asking_who_it_is(
        self, with_log: Any, stranger: EmbeddedChain, relay: Relay
    ) -> None:
        chain = over(with_log, relay.url)
        chain.identity()
        relay.target = stranger.url
        with pytest.raises(ChainMismatch):
            chain.identity()
        with pytest.raises(ChainMismatch):
            chain.latest(LOG)


def test_blocks_with_the_seals_of_a_proof_of_authority_are_read(with_log: Any, relay: Relay) -> None:
    # Besu's QBFT and Clique keep their validators' seals in extraData, longer than Ethereum's 32 bytes.
    relay.mood = lambda method: "sealed"
    chain = over(with_log, relay.url)
    assert chain.head().number > 0
    assert chain.publish(LOG, 5, HASH, HASH, HASH)
