"""One Ethereum JSON-RPC node over web3, which only this file imports.

Nothing connects before the first call. A node is asked for its chain id, its genesis and the contracts' code
when it is first used, after every failure and by `check`; one that gives other answers than those pinned is
refused, whatever it says.
"""

import sys
import threading
from collections.abc import Callable
from json import JSONDecodeError
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import requests
from eth_abi.decoding import StringDecoder
from eth_abi.registry import BaseEquals
from eth_typing import ChecksumAddress, HexStr
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.exceptions import (
    BadFunctionCallOutput,
    BadResponseFormat,
    BlockNotFound,
    ContractLogicError,
    ExtraDataLengthError,
    RequestTimedOut,
    TooManyRequests,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.logs import DISCARD
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import BlockIdentifier, RPCEndpoint, RPCResponse

from ledger.chain import artifact
from ledger.chain.nodes import KnownTransaction, NodeComplaint, NodeUnreachable
from ledger.chain.port import Block, ChainDeployment, ChainIdentity, Mined
from ledger.errors import ChainMismatch, ChainRefused, JsonTooDeep
from ledger.formats.strictjson import check_depth

T = TypeVar("T")

# web3's dependencies raise the recursion limit to 100,000: deep input would end the process, not the call.
sys.setrecursionlimit(min(sys.getrecursionlimit(), 1_000))

# No answer, or one that is not JSON-RPC.
_UNREACHABLE = (
    requests.RequestException,
    OSError,
    UnicodeDecodeError,
    JSONDecodeError,
    JsonTooDeep,
    TooManyRequests,
    RequestTimedOut,
    BadResponseFormat,
)
# JSON-RPC in shape, but no block, number or bytes where web3 takes them for granted.
_NO_ANSWER = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
# Beyond a node's estimate: what another member's transaction in between can add.
_GAS_MARGIN = 20_000


class _Provider(HTTPProvider):
    """Parses no answer that is nested deeper than any of a node's."""

    @staticmethod
    def decode_rpc_response(raw_response: bytes) -> RPCResponse:
        check_depth(raw_response)
        return HTTPProvider.decode_rpc_response(raw_response)


class EvmNode:
    """One node over web3; see `nodes.Node`."""

    def __init__(self, url: str, timeout: float, pinned: ChainDeployment | None) -> None:
        parts = urlsplit(url)
        # Never the whole address, which may hold a password.
        self.name = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        provider = _Provider(url, request_kwargs={"timeout": timeout}, exception_retry_configuration=None)
        self.web3 = Web3(provider)
        # A name on the chain may be any bytes: one that is not UTF-8 must not make the registry unreadable.
        texts = self.web3.codec._registry
        texts.unregister_decoder("string")
        decoder = StringDecoder("backslashreplace")  # type: ignore[no-untyped-call]  # eth_abi has no types
        texts.register_decoder(BaseEquals("string"), decoder)  # type: ignore[no-untyped-call]
        self.trusted = False
        self._pinned = pinned
        self._lock = threading.Lock()
        # Building one from its ABI takes longer than a call.
        self._contracts: dict[tuple[str, str | None], Contract] = {}

    def answer(self, question: Callable[["EvmNode"], T]) -> T:
        try:
            return question(self)
        except _UNREACHABLE as error:
            raise NodeUnreachable(type(error).__name__) from error
        except ContractLogicError as error:
            raise _refusal(error) from error
        except BadFunctionCallOutput as error:
            raise ChainMismatch(f"{self.name}: a contract gave no answer, as if it were not there") from error
        except Web3Exception as error:
            raise NodeComplaint(_message(error)) from error
        except _NO_ANSWER as error:
            raise NodeUnreachable(f"no answer in form ({type(error).__name__})") from error

    def check(self) -> ChainIdentity:
        def inspect(_: EvmNode) -> ChainIdentity:
            identity = ChainIdentity(self.web3.eth.chain_id, self.block(0).hash)
            pinned = self._pinned
            if pinned is None:
                return identity
            if identity != ChainIdentity(pinned.chain_id, pinned.genesis_hash):
                raise ChainMismatch(
                    f"{self.name} is on chain {identity.chain_id} with genesis {identity.genesis_hash}; "
                    f"pinned are {pinned.chain_id} and {pinned.genesis_hash}"
                )
            addresses = (pinned.consortium, pinned.registry, pinned.sm2, pinned.evidence, pinned.disputes)
            for address in filter(None, addresses):
                if not self.web3.eth.get_code(checksum(address)):
                    raise ChainMismatch(f"{self.name} has no contract at {address}")
            return identity

        self.trusted = False
        identity = self.answer(inspect)
        self.trusted = True
        return identity

    def contract(self, name: str, address: str | None = None) -> Contract:
        """A contract at its address; without one, its factory."""
        known = self._contracts.get((name, address))
        if known is None:
            source, make = artifact.artifact(name), self.web3.eth.contract
            if address is None:
                known = cast(Contract, make(abi=source.abi, bytecode=HexStr(source.bytecode)))
            else:
                known = make(address=checksum(address), abi=source.abi)
            self._contracts[name, address] = known
        return known

    def emitted(self, name: str, address: str, event: str, tx_hash: str) -> dict[str, Any]:
        """The arguments of an event that a mined transaction made a contract emit."""
        receipt = self.web3.eth.get_transaction_receipt(HexStr(tx_hash))
        found = self.contract(name, address).events[event]().process_receipt(receipt, errors=DISCARD)
        return dict(found[0]["args"])

    def block(self, which: BlockIdentifier) -> Block:
        try:
            raw = self.web3.eth.get_block(which)
        except ExtraDataLengthError:
            # Proof-of-authority chains keep seals in extraData, longer than web3 takes for an Ethereum block.
            with self._lock:
                if "poa" not in self.web3.middleware_onion:
                    self.web3.middleware_onion.inject(ExtraDataToPOAMiddleware, "poa", layer=0)
            raw = self.web3.eth.get_block(which)
        return Block(raw["number"], hex_of(raw["hash"]), raw["timestamp"])

    def numbered_block(self, number: int) -> Block | None:
        """A block by its number; None where the chain has not come so far."""
        try:
            return self.block(number)
        except BlockNotFound:
            return None

    def deployed_at(self, tx_hash: str) -> str:
        """The address of the contract that a mined transaction made."""
        receipt = self.web3.eth.get_transaction_receipt(HexStr(tx_hash))
        return str(receipt["contractAddress"]).lower()

    def plain(self, method: str, *parameters: Any) -> Any:
        """What the node answers to a method, as it answers it."""

        def asked(_: EvmNode) -> Any:
            response = self.web3.provider.make_request(RPCEndpoint(method), parameters)
            if response.get("error") is not None:
                raise Web3RPCError(str(response["error"]), rpc_response=response)
            return response["result"]

        return self.answer(asked)

    def prepare(
        self, build: Callable[["EvmNode"], Any], sender: str, gas_price: int | None
    ) -> dict[str, Any]:
        def prepared(_: EvmNode) -> dict[str, Any]:
            function = build(self)
            origin = {"from": checksum(sender)}
            if hasattr(function, "call"):
                function.call(origin)
            fields = {
                "nonce": 0,
                "chainId": self.web3.eth.chain_id,
                "gasPrice": self.web3.eth.gas_price if gas_price is None else gas_price,
                "gas": function.estimate_gas(origin) * 5 // 4 + _GAS_MARGIN,
            }
            transaction: dict[str, Any] = function.build_transaction(origin | fields)
            del transaction["from"]
            return transaction

        return self.answer(prepared)

    def next_nonce(self, address: str) -> int:
        return self.answer(lambda _: self.web3.eth.get_transaction_count(checksum(address), "pending"))

    def broadcast(self, raw: bytes) -> None:
        self.answer(lambda _: self.web3.eth.send_raw_transaction(raw))

    def transaction(self, tx_hash: str) -> KnownTransaction | None:
        def known(_: EvmNode) -> KnownTransaction | None:
            try:
                raw = cast(dict[str, Any], self.web3.eth.get_transaction(HexStr(tx_hash)))
            except TransactionNotFound:
                return None
            fields = {key: raw[key] for key in ("nonce", "to", "gas", "value", "chainId")}
            mined = raw.get("blockNumber") is not None
            sender = str(raw["from"]).lower()
            return KnownTransaction(sender, mined, raw["gasPrice"], fields | {"data": raw["input"]})

        return self.answer(known)

    def receipt(self, tx_hash: str) -> Mined | None:
        def mined(_: EvmNode) -> Mined | None:
            try:
                raw = self.web3.eth.get_transaction_receipt(HexStr(tx_hash))
            except TransactionNotFound:
                return None
            block, succeeded = hex_of(raw["blockHash"]), raw["status"] == 1
            return Mined(tx_hash, raw["blockNumber"], block, succeeded, raw["gasUsed"])

        return self.answer(mined)


def addressed(value: Any) -> Any:
    """The same arguments with their addresses in the mixed case that web3 insists on."""
    if isinstance(value, str) and len(value) == 42 and value.startswith("0x"):
        return checksum(value)
    if isinstance(value, list | tuple):
        return type(value)(addressed(v) for v in value)
    return value


def checksum(address: str) -> ChecksumAddress:
    return Web3.to_checksum_address(address)


def hex_of(value: bytes) -> str:
    return "0x" + bytes(value).hex()


def _refusal(error: ContractLogicError) -> ChainRefused:
    try:
        data = bytes.fromhex(str(error.data).removeprefix("0x"))
    except ValueError:
        data = b""
    reason, sentence = artifact.decode_revert(data)
    return ChainRefused(sentence, reason)


def _message(error: Web3Exception) -> str:
    response = (error.rpc_response if isinstance(error, Web3RPCError) else None) or {}
    told = response.get("error")
    return str(told.get("message") if isinstance(told, dict) else told or error)[:200]
