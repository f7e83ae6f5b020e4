"""The nodes of one chain, asked one at a time, with retries and failover. Knows nothing of web3."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ledger.chain.port import ChainIdentity, FinalityPolicy, Mined
from ledger.errors import ChainMismatch, ChainRefused, ChainUnavailable, InputError

_log = logging.getLogger(__name__)
T = TypeVar("T")
_INSTANT = FinalityPolicy("instant")
_SLOWEST_POLL = 1.0


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How to reach a chain's nodes, and what to pay.

    `urls` are tried in order, starting with the one that answered last. `timeout` is in seconds per request.
    All nodes are tried `rounds` times before `ChainUnavailable`, waiting `backoff` seconds after the first
    round and twice as long after each further one. `gas_price` in wei is what transactions offer, None for
    what the node suggests; a replacement offers more, at most `max_gas_price`. `mining_timeout` in seconds is
    how long the calls that wait for a block wait.
    """

    urls: tuple[str, ...]
    timeout: float = 10.0
    rounds: int = 3
    backoff: float = 0.2
    gas_price: int | None = 0
    max_gas_price: int = 1_000_000_000_000
    mining_timeout: float = 120.0
    finality: FinalityPolicy = _INSTANT


class NodeUnreachable(Exception):
    """One node did not answer; the next one is asked."""


class NodeComplaint(ChainUnavailable):
    """A node answered, and what it said is that it cannot: a pruned state, a limit, a used nonce."""

    def __init__(self, message: str) -> None:
        super().__init__(f"the node cannot answer: {message}")
        self.message = message.lower()


@dataclass(frozen=True, slots=True)
class KnownTransaction:
    """A transaction as a node has it, mined or not; `fields` are those to sign again."""

    sender: str
    mined: bool
    gas_price: int
    fields: dict[str, Any]


class Node(Protocol):
    """One node. Every method, and `answer` for what `question` does, raises only `NodeUnreachable`,
    `NodeComplaint`, `ChainRefused` and `ChainMismatch`."""

    name: str
    trusted: bool

    def answer(self, question: Callable[[Any], T]) -> T: ...
    def check(self) -> ChainIdentity:
        """Raise `ChainMismatch` unless it is on the pinned chain; else it is trusted."""

    def prepare(self, build: Callable[[Any], Any], sender: str, gas_price: int | None) -> dict[str, Any]: ...
    def next_nonce(self, address: str) -> int: ...
    def broadcast(self, raw: bytes) -> None: ...
    def transaction(self, tx_hash: str) -> KnownTransaction | None: ...
    def receipt(self, tx_hash: str) -> Mined | None: ...


N = TypeVar("N", bound=Node)


class Nodes(Generic[N]):
    """Several nodes that all should say the same."""

    def __init__(self, nodes: list[N], settings: NodeSettings) -> None:
        if not nodes:
            raise InputError("a chain needs the address of at least one node")
        self._nodes = nodes
        self._settings = settings
        self._current = 0

    def ask(self, question: Callable[[N], T]) -> T:
        """The answer of the first node that gives one.

        A node on another chain is passed over, with an error in the log; if there is no other, it is raised.
        """
        reason = ""
        mismatch: ChainMismatch | None = None
        for attempt in range(self._settings.rounds):
            if attempt:
                time.sleep(self._settings.backoff * 2 ** (attempt - 1))
            start = self._current
            for step in range(len(self._nodes)):
                index = (start + step) % len(self._nodes)
                node = self._nodes[index]
                try:
                    if not node.trusted:
                        node.check()
                    answer = node.answer(question)
                except ChainMismatch as error:
                    mismatch, node.trusted = error, False
                    _log.error("chain node %s refused: %s", node.name, error.detail)
                except NodeUnreachable as error:
                    reason, node.trusted = f"{node.name}: {error}", False
                else:
                    self._current = index
                    return answer
            if mismatch is not None and not reason:
                break
        if mismatch is not None:
            raise mismatch
        raise ChainUnavailable(f"no node of the chain answers ({reason})")

    def tell_everyone(self, statement: Callable[[N], object]) -> None:
        """Put something to every node that can be reached, whatever they answer."""
        for node in self._nodes:
            try:
                if not node.trusted:
                    node.check()
                node.answer(statement)
            except (NodeUnreachable, NodeComplaint, ChainMismatch) as error:
                _log.info("chain node %s: %s", node.name, type(error).__name__)

    def wait_mined(self, tx_hash: str) -> Mined:
        """Until a transaction is in a block; `ChainRefused` if it was reverted there."""
        deadline = time.monotonic() + self._settings.mining_timeout
        pause = 0.005
        while True:
            mined = self.ask(lambda node: node.receipt(tx_hash))
            if mined is not None and mined.succeeded:
                return mined
            if mined is not None:
                raise ChainRefused(f"the transaction {tx_hash} was reverted in block {mined.block_number}")
            if time.monotonic() > deadline:
                raise ChainUnavailable(f"{tx_hash} is not mined after {self._settings.mining_timeout:g} s")
            time.sleep(pause)
            pause = min(pause * 2, _SLOWEST_POLL)
