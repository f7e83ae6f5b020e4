"""What the ledger asks of a chain: to keep checkpoints, and to say what the consortium agreed on.

Hashes of the ledger (log ids, roots, note hashes) are 32 bytes. Hashes and addresses of the chain are
lowercase hex with 0x. Times are whole seconds since 1970.

Contract of every implementation
- Errors: `ChainUnavailable` when no node answers in time (ask again later; a transaction whose sending ended
  so may still be mined, so ask the chain what it holds before sending again); `ChainRefused` when a contract
  refuses, with the name of its error in `reason`; `ChainMismatch` when the node is on another chain than the
  one pinned at deployment or the contracts are not there. Nothing of a library's own escapes.
- Concurrency: any number of threads may call; transactions of one account get nonces in the order of calls.
- Several processes may send from one account; a nonce lost to another process is allocated anew.
- No method waits for a transaction to be mined unless it says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ledger.chain.changes import Change
from ledger.chain.registry import Proposal, RegistryState
from ledger.formats.history import HistoryRecord


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """Which chain this is. Both are pinned at deployment."""

    chain_id: int
    genesis_hash: str


@dataclass(frozen=True, slots=True)
class ChainDeployment:
    """Where the contracts are: what a deployment pins. `block_number` is the block of the first contract.

    The last three verify on the chain and keep disputes; an older deployment has none.
    """

    chain_id: int
    genesis_hash: str
    consortium: str
    registry: str
    block_number: int
    sm2: str | None = None
    evidence: str | None = None
    disputes: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block. `succeeded` is false when the contract reverted it there."""

    tx_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int


@dataclass(frozen=True, slots=True)
class AnchoredCheckpoint:
    """A checkpoint as the chain holds it."""

    size: int
    root: bytes
    index_root: bytes
    note_hash: bytes
    block_number: int


@dataclass(frozen=True, slots=True)
class FinalityPolicy:
    """When a block is final: at once (`instant`), `depth` blocks later, or by the `finalized` tag.

    As text, in configuration: `instant`, `depth:12`, `finalized`.
    """

    kind: Literal["instant", "depth", "finalized"] = "instant"
    depth: int = 0

    @classmethod
    def parse(cls, text: str) -> "FinalityPolicy":
        """Raises `ValueError` for any other text."""
        if text == "instant":
            return cls("instant")
        if text == "finalized":
            return cls("finalized")
        name, _, depth = text.partition(":")
        if name == "depth" and depth.isascii() and depth.isdigit() and 1 <= int(depth) <= 100_000:
            return cls("depth", int(depth))
        raise ValueError("finality is instant, depth:<1 to 100000> or finalized")

    def __str__(self) -> str:
        return f"depth:{self.depth}" if self.kind == "depth" else self.kind


class AnchorPort(Protocol):
    """Where checkpoints are anchored."""

    @property
    def registry(self) -> str:
        """The address of the checkpoint registry."""

    @property
    def account(self) -> str | None:
        """The address that transactions are sent from; None for a chain opened to read."""

    def identity(self) -> ChainIdentity:
        """What the node that answers now says of itself, equal to what is pinned."""

    def publish(self, log_id: bytes, size: int, root: bytes, index_root: bytes, note_hash: bytes) -> str:
        """Send the transaction that anchors a checkpoint; return its hash.

        Sending the same size twice is harmless but refused (`SizeNotGrowing`), so ask `checkpoint` first.
        """

    def replace(self, tx_hash: str) -> str | None:
        """Push a transaction that is not being mined: the same nonce, a higher price where there are prices.

        Returns the hash that now stands for it (the same one if it is mined or cannot be priced higher), or
        None if no node knows the transaction: then it must be sent anew.
        """

    def receipt(self, tx_hash: str) -> Mined | None:
        """Where a transaction was mined; None if it is pending or unknown."""

    def checkpoint(self, log_id: bytes, size: int) -> AnchoredCheckpoint | None:
        """The anchored checkpoint of exactly that size."""

    def latest(self, log_id: bytes) -> AnchoredCheckpoint | None:
        """The log's largest anchored checkpoint."""

    def find_transaction(self, log_id: bytes, size: int) -> str | None:
        """The hash of the transaction that anchored that size, from the chain's own events."""

    def cosign(self, log_id: bytes, size: int, note_hash: bytes) -> str:
        """Send a witness's word for an anchored checkpoint; return the transaction's hash."""

    def quorum(self, log_id: bytes, size: int) -> bool:
        """Whether as many witnesses cosigned on the chain as the log's policy asks for."""

    def head(self) -> Block:
        """The newest block."""

    def finalized(self) -> int:
        """The number of the newest final block under the configured policy; 0 is the genesis block."""

    def block(self, number: int) -> Block | None: ...


class RegistryPort(Protocol):
    """What the consortium agreed on, and how it agrees on something else.

    Proposing, approving, executing and cancelling act for the member whose account this is, and wait until
    the transaction is mined.
    """

    @property
    def deployment(self) -> ChainDeployment:
        """The chain and the contracts that are pinned."""

    def export(self, block_number: int | None = None) -> RegistryState:
        """The whole registry as it stood at one block, the newest unless told.

        A log whose id is not SM3(origin) is left out, with an error in the log.
        Raises `ChainUnavailable` if the node no longer has the state of that block.
        """

    def propose(self, changes: Sequence[Change], expires: int) -> Proposal:
        """Propose changes that take effect together; they are executed at once if one approval is enough.

        `expires` is the time from which the proposal can no longer be approved or executed.
        """

    def approve(self, proposal_id: int) -> Proposal:
        """Approve, and thereby execute if that meets the threshold."""

    def execute(self, proposal_id: int) -> Proposal: ...

    def cancel(self, proposal_id: int) -> Proposal: ...

    def expire(self, proposal_id: int) -> Proposal:
        """Close a proposal whose time is over; anybody may."""

    def revoke_own_key(self, public: bytes, revoked: int) -> str:
        """Revoke one's own member's key at once, from at most 30 days ago; the transaction's hash."""

    def revoke_own_log_key(self, log_id: bytes, public: bytes, revoked: int) -> str:
        """The same for a key of a log that one operates, or one's own witness key of it."""

    def proposal(self, proposal_id: int) -> Proposal: ...

    def proposals(self, start: int = 0, limit: int = 100) -> list[Proposal]: ...

    def proposal_count(self) -> int: ...

    def history(self, start: int = 0) -> tuple[list[HistoryRecord], bytes, Block]:
        """The registry's records from number `start` on, the head over all of them, and the block asked.

        Raises `ChainUnavailable` if the node does not have them all.
        """


class ChainPort(AnchorPort, RegistryPort, Protocol):
    """Both faces of one chain."""
