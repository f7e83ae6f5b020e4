"""Sends one account's transactions, each with the next nonce, and pushes those that are stuck."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic

from ledger.chain.account import ChainAccount
from ledger.chain.nodes import N, NodeComplaint, Nodes, NodeSettings
from ledger.errors import ChainRefused, ChainUnavailable, InputError

# What nodes say of a transaction that they have already, and of a nonce that is used up.
_KNOWN = ("already known", "known transaction", "already imported")
_NONCE_USED = ("nonce too low", "nonce is too low", "transaction underpriced", "nonce too distant")
_NONCE_ATTEMPTS = 3
_SENT_KEPT = 1_000


class Sender(Generic[N]):
    """Safe for threads; see `port` for what it promises about nonces."""

    def __init__(self, nodes: Nodes[N], account: ChainAccount, settings: NodeSettings) -> None:
        self._nodes = nodes
        self._account = account
        self._settings = settings
        self._lock = threading.Lock()
        # The nonce after the last transaction that a node took, and that transaction's hash.
        self._next = 0
        self._last: str | None = None
        # Raw transactions by hash, to be sent again if every node forgot them.
        self._sent: OrderedDict[str, bytes] = OrderedDict()

    def send(self, build: Callable[[N], Any]) -> str:
        """Send what `build` makes at a node (a contract function or constructor); return the hash.

        It is tried on the chain's present state first, so that a refusal costs nothing and gives its reason.
        """
        address, price = self._account.address, self._settings.gas_price
        transaction = self._nodes.ask(lambda node: node.prepare(build, address, price))
        with self._lock:
            for _ in range(_NONCE_ATTEMPTS):
                nonce = self._next_nonce()
                raw, tx_hash = self._account.sign(transaction | {"nonce": nonce})
                if self._broadcast(raw, tx_hash):
                    self._next, self._last = nonce + 1, tx_hash
                    return tx_hash
        raise ChainUnavailable("others send from this account too, and its nonces do not settle")

    def replace(self, tx_hash: str) -> str | None:
        """See `AnchorPort.replace`."""
        with self._lock:
            known = self._nodes.ask(lambda node: node.transaction(tx_hash))
            if known is None:
                raw = self._sent.get(tx_hash)
                return tx_hash if raw is not None and self._broadcast(raw, tx_hash) else None
            if known.mined:
                return tx_hash
            if known.sender != self._account.address:
                raise InputError("the transaction to replace is another account's")
            price = known.gas_price
            if price:
                price = max(price, min(price * 5 // 4 + 1, self._settings.max_gas_price))
            raw, new_hash = self._account.sign(known.fields | {"gasPrice": price})
            if new_hash == tx_hash:
                # There is nothing to offer: remind every node, for a peer may have dropped it.
                self._nodes.tell_everyone(lambda node: node.broadcast(raw))
                return tx_hash
            return new_hash if self._broadcast(raw, new_hash) else tx_hash

    def _next_nonce(self) -> int:
        """What the node counts, unless it has yet to count transactions that this sender sent.

        A node that does not even know the last one was set back to an older state: then its count is right,
        and a nonce from memory would wait for ever.
        """
        counted = self._nodes.ask(lambda node: node.next_nonce(self._account.address))
        if counted < self._next and self._last is not None and self._is_known(self._last):
            return self._next
        return counted

    def _broadcast(self, raw: bytes, tx_hash: str) -> bool:
        """Whether a node now has the transaction; false if its nonce is used up."""
        try:
            self._nodes.ask(lambda node: node.broadcast(raw))
        except NodeComplaint as complaint:
            # A node that did not answer in time may have taken it before the next one was asked.
            taken = any(words in complaint.message for words in _KNOWN) or self._is_known(tx_hash)
            if not taken and any(words in complaint.message for words in _NONCE_USED):
                return False
            if not taken:
                raise ChainRefused(f"the node refused the transaction: {complaint.message}") from complaint
        self._sent[tx_hash] = raw
        while len(self._sent) > _SENT_KEPT:
            self._sent.popitem(last=False)
        return True

    def _is_known(self, tx_hash: str) -> bool:
        return self._nodes.ask(lambda node: node.transaction(tx_hash)) is not None
