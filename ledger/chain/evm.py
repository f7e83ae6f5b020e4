"""An Ethereum chain as the ledger's, over one node or several (`ledger.chain.evm_node`).

Nothing connects before the first call, so a process starts while the chain is down.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ledger.chain import artifact
from ledger.chain.account import ChainAccount
from ledger.chain.changes import Change, Founder, founder_tuple, point, seconds, thresholds_tuple
from ledger.chain.evm_node import EvmNode, addressed, checksum, hex_of
from ledger.chain.history import read_history, record_transaction
from ledger.chain.nodes import Nodes, NodeSettings
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
from ledger.errors import InputError
from ledger.formats.history import HistoryRecord

ANSWER_SECONDS = 24 * 3600
"""How long a challenged log has to answer, unless a deployment says otherwise."""


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
        return hex_of(events[0]["transactionHash"]) if events else None

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
        return self._nodes.ask(lambda node: node.numbered_block(number))

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
            calls = [contract.encode_abi(change.function, addressed(change.arguments)) for change in changes]
            return contract.functions.propose(calls, expires)

        mined = self._nodes.wait_mined(self._send(build))

        def proposed(node: EvmNode) -> int:
            told = node.emitted(artifact.CONSORTIUM, self.deployment.consortium, "Proposed", mined.tx_hash)
            return int(told["proposalId"])

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
    told = [addressed(founder_tuple(founder)) for founder in founders]
    thresholds = Thresholds.same(threshold) if isinstance(threshold, int) else threshold
    consortium, first = _deployed(nodes, sender, artifact.CONSORTIUM, told, thresholds_tuple(thresholds))
    registry, _ = _deployed(nodes, sender, artifact.CHECKPOINTS, checksum(consortium))
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
    evidence, _ = _deployed(nodes, sender, artifact.EVIDENCE, checksum(sm2), checksum(deployment.registry))
    disputes, _ = _deployed(nodes, sender, artifact.DISPUTES, checksum(evidence), answer_seconds)
    return replace(deployment, sm2=sm2, evidence=evidence, disputes=disputes)


def _deployed(
    nodes: Nodes[EvmNode], sender: Sender[EvmNode], name: str, *arguments: object
) -> tuple[str, Mined]:
    mined = nodes.wait_mined(sender.send(lambda node: node.contract(name).constructor(*arguments)))
    return nodes.ask(lambda node: node.deployed_at(mined.tx_hash)), mined
