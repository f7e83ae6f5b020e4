"""The verifier's own chain node, asked over JSON-RPC: does the registry hold this anchor?

Three questions: the node's chain id, what `CheckpointRegistry.checkpoint(logId, size)` returns, and the
receipt of the anchoring transaction. A node that cannot be asked leaves the verdict `unknown`; one that
answers something else than the bundle says fails it. Nothing but the standard library is needed.
"""

import json
import re
from http.client import HTTPException
from typing import Any, Protocol
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ledger.errors import JsonTooDeep, QuestionInvalid
from ledger.formats.finality import AnchorRecord
from ledger.formats.strictjson import check_depth
from ledger.verify.verdicts import ANCHOR, FAIL, PASS, UNKNOWN, Finding, Outcome

CHECKPOINT_SELECTOR = "aa5a64ed"
"""First 4 bytes of Keccak-256 of `checkpoint(bytes32,uint64)`."""

TIMEOUT_SECONDS = 10.0
MAX_ANSWER = 1024 * 1024
"""Most bytes of one answer that are read."""

_WORD = 64
_is_quantity = re.compile(r"0x[0-9a-fA-F]{1,64}").fullmatch
_is_words = re.compile(r"0x[0-9a-fA-F]{320}").fullmatch


class NodeUnusable(Exception):
    """The node could not be asked, or its answer is no answer."""


class Rpc(Protocol):
    """One JSON-RPC call."""

    def __call__(self, method: str, parameters: list[Any]) -> Any:
        """The call's result. Raises `NodeUnusable`."""


class HttpRpc:
    """JSON-RPC over HTTP with a time limit and a size limit."""

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        """Raises `QuestionInvalid` unless the URL is http or https with a host."""
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise QuestionInvalid("the node's address must be an http or https URL")
        self._url = url
        self._timeout = timeout

    def __call__(self, method: str, parameters: list[Any]) -> Any:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            request = Request(  # noqa: S310 - the constructor let only http and https in
                self._url, json.dumps(call).encode(), {"Content-Type": "application/json"}
            )
            with urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                body = response.read(MAX_ANSWER + 1)
            if len(body) > MAX_ANSWER:
                raise NodeUnusable("the answer is too large")
            check_depth(body)
            answer = json.loads(body)
        except (URLError, HTTPException, OSError, ValueError, JsonTooDeep) as error:
            raise NodeUnusable(type(error).__name__) from error
        if not isinstance(answer, dict) or "result" not in answer or answer.get("error") is not None:
            raise NodeUnusable("the node answered with an error")
        return answer["result"]


class ChainNode:
    """Compares an anchor with what a node's chain holds."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def findings(self, anchor: AnchorRecord) -> list[Finding]:
        """One or more findings of verdict `anchor`; never an error."""
        try:
            outcome, reason = self._compare(anchor)
        except NodeUnusable:
            outcome, reason = UNKNOWN, "node_unreachable"
        return [Finding(ANCHOR, outcome, reason)]

    def _compare(self, anchor: AnchorRecord) -> tuple[Outcome, str]:
        if read_quantity(self._rpc("eth_chainId", [])) != anchor.chain_id:
            return FAIL, "node_other_chain"
        held = self._held(anchor)
        if held is None:
            return FAIL, "node_lacks_anchor"
        root, index_root, note_hash, block = held
        if (root, index_root, note_hash) != (anchor.root, anchor.index_root, anchor.note_hash):
            return FAIL, "node_disagrees"
        receipt = self._rpc("eth_getTransactionReceipt", [anchor.tx_hash])
        if receipt is None:
            return FAIL, "node_lacks_anchor"
        if not isinstance(receipt, dict):
            raise NodeUnusable("no receipt")
        agrees = (
            block == anchor.block_number
            and read_quantity(receipt.get("blockNumber")) == anchor.block_number
            and _lower(receipt.get("blockHash")) == anchor.block_hash
            and _lower(receipt.get("to")) == anchor.registry
            and read_quantity(receipt.get("status")) == 1
        )
        return (PASS, "anchored_by_node") if agrees else (FAIL, "node_disagrees")

    def _held(self, anchor: AnchorRecord) -> tuple[bytes, bytes, bytes, int] | None:
        """Root, index root, note hash and block number that the registry holds for the size."""
        if anchor.size >= 1 << 64:
            return None
        data = f"0x{CHECKPOINT_SELECTOR}{anchor.log_id.hex()}{anchor.size:064x}"
        result = self._rpc("eth_call", [{"to": anchor.registry, "data": data}, "latest"])
        if result == "0x":
            return None  # no contract stands there
        if not isinstance(result, str) or not _is_words(result):
            raise NodeUnusable("the registry's answer is not five words")
        words = [bytes.fromhex(result[at : at + _WORD]) for at in range(2, len(result), _WORD)]
        if not any(map(any, words)):
            return None
        return words[0], words[1], words[2], int.from_bytes(words[3], "big")


def read_quantity(value: Any) -> int:
    """The number that a JSON-RPC quantity is. Raises `NodeUnusable`."""
    if not isinstance(value, str) or not _is_quantity(value):
        raise NodeUnusable("a quantity is expected")
    return int(value, 16)


def _lower(value: Any) -> str:
    return value.lower() if isinstance(value, str) else ""
