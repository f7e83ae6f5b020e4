"""An Ethereum JSON-RPC node as the ledger's chain. The only home of web3.

Nothing connects before the first call, so a process starts while the chain is down. A node is asked for its
chain id, its genesis and the contracts' code when it is first used, after every failure and by `identity`;
one that gives other answers than those pinned is refused, whatever it says.
"""

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
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
from web3.types import BlockIdentifier, RPCEndpoint

from ledger.chain import artifact
from ledger.chain.account import ChainAccount
from ledger.chain.changes import Change, Founder, founder_tuple, point, seconds, thresholds_tuple
from ledger.chain.history import read_history, record_transaction
from ledger.chain.nodes import KnownTransaction, NodeComplaint, Nodes, NodeSettings, NodeUnreachable
from ledger.chain.port import AnchoredCheckpoint, Block, ChainDeployment, ChainIdentity, Mined
from ledger.chain.registry import (
    Proposal,
    RegistryState,
    Thresholds,
    is_named_by_origin,
    log_of,
    member_of,
    proposal_of,
)
from ledger.chain.sender import Sender
from ledger.errors import ChainMismatch, ChainRefused, InputError
from ledger.formats.history import HistoryRecord

T = TypeVar("T")

# web3's dependencies raise the recursion limit to 100,000: deep input would end the process, not the call.
sys.setrecursionlimit(min(sys.getrecursionlimit(), 1_000))

# No answer, or one that is not JSON-RPC.
_UNREACHABLE = (
    requests.RequestException,
    OSError,
    UnicodeDecodeError,
    JSONDecodeError,
    TooManyRequests,
    RequestTimedOut,
    BadResponseFormat,
)
# JSON-RPC in shape, but no block, number or bytes where web3 takes them for granted.
_NO_ANSWER = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
# Beyond a node's estimate: what another member's transaction in between can add.
_GAS_MARGIN = 20_000
ANSWER_SECONDS = 24 * 3600
"""How long a challenged log has to answer, unless a deployment says otherwise."""


class EvmNode:
    """One node over web3; see `nodes.Node`."""

    def __init__(self, url: str, timeout: float, pinned: ChainDeployment | None) -> None:
        parts = urlsplit(url)
        # Never the whole address, which may hold a password.
        self.name = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        provider = HTTPProvider(url, request_kwargs={"timeout": timeout}, exception_retry_configuration=None)
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
                if not self.web3.eth.get_code(_checksum(address)):
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
                known = make(address=_checksum(address), abi=source.abi)
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
        return Block(raw["number"], _hex(raw["hash"]), raw["timestamp"])

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
            origin = {"from": _checksum(sender)}
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
        return self.answer(lambda _: self.web3.eth.get_transaction_count(_checksum(address), "pending"))

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
            block, succeeded = _hex(raw["blockHash"]), raw["status"] == 1
            return Mined(tx_hash, raw["blockNumber"], block, succeeded, raw["gasUsed"])

        return self.answer(mined)


def _nodes(settings: NodeSettings, pinned: ChainDeployment | None) -> Nodes[EvmNode]:
    return Nodes([EvmNode(url, settings.timeout, pinned) for url in settings.urls], settings)


class EvmChain:
    """A `ChainPort` over JSON-RPC; without an account it can only read."""

    def __init__(
        self, deployment: ChainDeployment, settings: NodeSettings, account: ChainAccount | None = None
    ) -> None:
        self._deployment = deployment
        self._settings = settings
        self._account = account
        self._nodes = _nodes(settings, deployment)
        self._sender = Sender(self._nodes, account, settings) if account else None

    @property
    def deployment(self) -> ChainDeployment:
        return self._deployment

    @property
    def registry(self) -> str:
        return self.deployment.registry

    @property
    def account(self) -> str | None:
        return self._account.address if self._account else None

    def identity(self) -> ChainIdentity:
        return self._nodes.ask(lambda node: node.check())

    def publish(self, log_id: bytes, size: int, root: bytes, index_root: bytes, note_hash: bytes) -> str:
        return self._send(lambda n: self._checkpoints(n).publish(log_id, size, root, index_root, note_hash))

    def cosign(self, log_id: bytes, size: int, note_hash: bytes) -> str:
        return self._send(lambda n: self._checkpoints(n).cosign(log_id, size, note_hash))

    def replace(self, tx_hash: str) -> str | None:
        return self._signing().replace(tx_hash)

    def receipt(self, tx_hash: str) -> Mined | None:
        return self._nodes.ask(lambda node: node.receipt(tx_hash))

    def checkpoint(self, log_id: bytes, size: int) -> AnchoredCheckpoint | None:
        root, index_root, note_hash, number, _time = self._nodes.ask(
            lambda n: self._checkpoints(n).checkpoint(log_id, size).call()
        )
        return AnchoredCheckpoint(size, root, index_root, note_hash, number) if number else None

    def latest(self, log_id: bytes) -> AnchoredCheckpoint | None:
        size, *held = self._nodes.ask(lambda n: self._checkpoints(n).latest(log_id).call())
        return AnchoredCheckpoint(size, *held) if size else None

    def find_transaction(self, log_id: bytes, size: int) -> str | None:
        anchored = self.checkpoint(log_id, size)
        if anchored is None:
            return None
        number = anchored.block_number

        def published(node: EvmNode) -> Sequence[Any]:
            event = node.contract(artifact.CHECKPOINTS, self.registry).events.CheckpointPublished
            return tuple(
                event.get_logs(
                    from_block=number, to_block=number, argument_filters={"logId": log_id, "size": size}
                )
            )

        events = self._nodes.ask(published)
        return _hex(events[0]["transactionHash"]) if events else None

    def quorum(self, log_id: bytes, size: int) -> bool:
        return bool(self._nodes.ask(lambda n: self._checkpoints(n).quorum(log_id, size).call()))

    def rpc(self, method: str, *parameters: Any) -> Any:
        """What a node on the pinned chain answers to a JSON-RPC method, unread."""
        return self._nodes.ask(lambda node: node.plain(method, *parameters))

    def head(self) -> Block:
        return self._nodes.ask(lambda node: node.block("latest"))

    def finalized(self) -> int:
        policy = self._settings.finality
        if policy.kind == "finalized":
            return self._nodes.ask(lambda node: node.block("finalized")).number
        return max(0, self.head().number - policy.depth)

    def block(self, number: int) -> Block | None:
        def numbered(node: EvmNode) -> Block | None:
            try:
                return node.block(number)
            except BlockNotFound:
                return None

        return self._nodes.ask(numbered)

    def export(self, block_number: int | None = None) -> RegistryState:
        def read(node: EvmNode) -> RegistryState:
            at = node.block("latest" if block_number is None else block_number)
            functions = node.contract(artifact.CONSORTIUM, self.deployment.consortium).functions

            def view(name: str, *arguments: object) -> Any:
                return functions[name](*arguments).call(block_identifier=at.number)

            logs = [view("log", id_) for id_ in view("logIds")]
            return RegistryState(
                chain_id=self.deployment.chain_id,
                block_number=at.number,
                block_hash=at.hash,
                exported_at=at.timestamp,
                consortium=self.deployment.consortium,
                registry=self.deployment.registry,
                thresholds=Thresholds(*view("thresholds")),
                members=tuple(member_of(view("member", id_)) for id_ in view("memberIds")),
                logs=tuple(log for log in map(log_of, logs) if is_named_by_origin(log)),
                validators=tuple(address.lower() for address in view("validators")),
            )

        return self._nodes.ask(read)

    def propose(self, changes: Sequence[Change], expires: int) -> Proposal:
        def build(node: EvmNode) -> Any:
            contract = node.contract(artifact.CONSORTIUM, self.deployment.consortium)
            calls = [contract.encode_abi(change.function, _addressed(change.arguments)) for change in changes]
            return contract.functions.propose(calls, expires)

        mined = self._nodes.wait_mined(self._send(build))

        def proposed(node: EvmNode) -> int:
            receipt = node.web3.eth.get_transaction_receipt(HexStr(mined.tx_hash))
            event = node.contract(artifact.CONSORTIUM, self.deployment.consortium).events.Proposed()
            return int(event.process_receipt(receipt, errors=DISCARD)[0]["args"]["proposalId"])

        return self.proposal(self._nodes.ask(proposed))

    def approve(self, proposal_id: int) -> Proposal:
        return self._decide("approve", proposal_id)

    def execute(self, proposal_id: int) -> Proposal:
        return self._decide("execute", proposal_id)

    def cancel(self, proposal_id: int) -> Proposal:
        return self._decide("cancel", proposal_id)

    def expire(self, proposal_id: int) -> Proposal:
        return self._decide("expire", proposal_id)

    def revoke_own_key(self, public: bytes, revoked: int) -> str:
        call = (*point(public), seconds(revoked))
        return self._nodes.wait_mined(self._send(lambda n: self._consortium(n).revokeOwnKey(*call))).tx_hash

    def revoke_own_log_key(self, log_id: bytes, public: bytes, revoked: int) -> str:
        call = (log_id, *point(public), seconds(revoked))
        sent = self._send(lambda n: self._consortium(n).revokeOwnLogKey(*call))
        return self._nodes.wait_mined(sent).tx_hash

    def proposal(self, proposal_id: int) -> Proposal:
        def read(node: EvmNode) -> Proposal:
            functions = self._consortium(node)
            # Both are to be of one state. A node can know a transaction a moment before its block's number:
            # none is named, and what did not change around the second answer is what that was given for.
            raw = functions.proposal(proposal_id).call()
            while True:
                progress = functions.progress(proposal_id).call()
                before, raw = raw, functions.proposal(proposal_id).call()
                if raw == before:
                    return proposal_of(proposal_id, raw, progress)

        return self._nodes.ask(read)

    def proposal_count(self) -> int:
        return int(self._nodes.ask(lambda n: self._consortium(n).proposalCount().call()))

    def proposals(self, start: int = 0, limit: int = 100) -> list[Proposal]:
        return [self.proposal(i) for i in range(start, min(self.proposal_count(), start + limit))]

    def history(self, start: int = 0) -> tuple[list[HistoryRecord], bytes, Block]:
        """See `RegistryPort.history`."""
        return self._nodes.ask(lambda node: read_history(node, self.deployment.consortium, start))

    def record_transaction(self, sequence: int, number: int) -> str:
        """The transaction that made the registry's record of this number, in this block."""
        consortium = self.deployment.consortium
        return self._nodes.ask(lambda node: record_transaction(node, consortium, sequence, number))

    def _decide(self, verb: str, proposal_id: int) -> Proposal:
        self._nodes.wait_mined(self._send(lambda n: self._consortium(n)[verb](proposal_id)))
        return self.proposal(proposal_id)

    def _consortium(self, node: EvmNode) -> Any:
        return node.contract(artifact.CONSORTIUM, self.deployment.consortium).functions

    def _checkpoints(self, node: EvmNode) -> Any:
        return node.contract(artifact.CHECKPOINTS, self.deployment.registry).functions

    def _signing(self) -> Sender[EvmNode]:
        if self._sender is None:
            raise InputError("this chain was opened without an account, so it can only be read")
        return self._sender

    def _send(self, build: Callable[[EvmNode], Any]) -> str:
        return self._signing().send(build)


def deploy(
    settings: NodeSettings,
    account: ChainAccount,
    founders: Sequence[Founder],
    threshold: int | Thresholds,
    answer_seconds: int = ANSWER_SECONDS,
    sm2: str | None = None,
) -> ChainDeployment:
    """Deploy all contracts with the consortium's founding members; wait until they are mined.

    Founders need no account on the chain yet but the addresses; `account` may be anybody's.
    """
    nodes = _nodes(settings, None)
    sender = Sender(nodes, account, settings)

    identity = nodes.ask(lambda node: node.check())
    told = [_addressed(founder_tuple(founder)) for founder in founders]
    thresholds = Thresholds.same(threshold) if isinstance(threshold, int) else threshold
    consortium, first = _deployed(nodes, sender, artifact.CONSORTIUM, told, thresholds_tuple(thresholds))
    registry, _ = _deployed(nodes, sender, artifact.CHECKPOINTS, _checksum(consortium))
    made = ChainDeployment(identity.chain_id, identity.genesis_hash, consortium, registry, first.block_number)
    return deploy_disputes(settings, account, made, answer_seconds, sm2)


def deploy_disputes(
    settings: NodeSettings,
    account: ChainAccount,
    deployment: ChainDeployment,
    answer_seconds: int = ANSWER_SECONDS,
    sm2: str | None = None,
) -> ChainDeployment:
    """Deploy what verifies on the chain and keeps disputes, beside contracts that are there.

    A challenged log has `answer_seconds` to answer. `sm2` is an SM2 contract on this chain if there is one:
    it is no consortium's own. Raises what `deploy` raises; `account` may be anybody's.
    """
    nodes = _nodes(settings, deployment)
    sender = Sender(nodes, account, settings)
    if sm2 is None:
        sm2, _ = _deployed(nodes, sender, artifact.SM2_DEPLOYMENT)
    evidence, _ = _deployed(nodes, sender, artifact.EVIDENCE, _checksum(sm2), _checksum(deployment.registry))
    disputes, _ = _deployed(nodes, sender, artifact.DISPUTES, _checksum(evidence), answer_seconds)
    return replace(deployment, sm2=sm2, evidence=evidence, disputes=disputes)


def _deployed(
    nodes: Nodes[EvmNode], sender: Sender[EvmNode], name: str, *arguments: object
) -> tuple[str, Mined]:
    mined = nodes.wait_mined(sender.send(lambda node: node.contract(name).constructor(*arguments)))
    receipt = nodes.ask(lambda node: node.web3.eth.get_transaction_receipt(HexStr(mined.tx_hash)))
    return str(receipt["contractAddress"]).lower(), mined


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


def _addressed(value: Any) -> Any:
    """The same arguments with their addresses in the mixed case that web3 insists on."""
    if isinstance(value, str) and len(value) == 42 and value.startswith("0x"):
        return _checksum(value)
    if isinstance(value, list | tuple):
        return type(value)(_addressed(v) for v in value)
    return value


def _checksum(address: str) -> ChecksumAddress:
    return Web3.to_checksum_address(address)


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()
