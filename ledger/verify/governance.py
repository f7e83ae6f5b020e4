"""Following the consortium offline: from a trust file that is believed to the one that follows from it.

`follow` replays a history file (`ledger.formats.history`) from the founding. It refuses one with a gap, with
records that do not add up to its head, with a change that too few active members of that moment had approved
or that came after the proposal's end, and one whose state at the block of the trust file given is not exactly
that trust file. What comes out is the trust file at the history's end.

What that proves: the whole history is one chain under `head`; every change in it was proposed and approved as
the consortium's own rules ask; and it is a history of the registry that the trust file was exported from.
What it does not prove by itself: that these records were really made. Who made the file, or the node that it
was read from, could have invented approvals: they carry no signatures of their own, the chain checked them.
So the head is compared with a second source: `expected_head` from another member or from one's own node
(`head_at_node`), or proved by the last record's block in `finality`, as the validators that the trust file
given names sealed it (`ledger.verify.history_seals`; of a kind that is not known here it proves nothing, nor
does it where the trust file does not name the consortium's registry: other contracts say heads too).

Nothing but a node proves that no record came later than the last one. So the trust file that follows is as
old as what was shown: exported at the block asked for where one's own node holds the head there, else at the
last record's; and where nothing backs the head, at the time of the trust file given. Whoever must know that
no revocation is kept back asks for its age, or his own node.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from ledger.errors import HistoryRefused, HistoryUnusable
from ledger.formats.abi import decode
from ledger.formats.consensus import Consensus, with_set
from ledger.formats.history import History, HistoryRecord, first_head, next_head
from ledger.formats.registry import RegistryState, is_named_by_origin, trust_of
from ledger.formats.trust import Exported, Trust, format_trust, parse_trust, with_consensus
from ledger.verify.history_seals import is_head_sealed
from ledger.verify.node import NodeUnusable, Rpc, read_quantity
from ledger.verify.registry_changes import EMERGENCY, MEMBERSHIP, ORDINARY, Registry, class_of, read_call

OWN_REVOCATION_REACH = 30 * 24 * 3600
"""How far back, in seconds, a member revokes its own key without the others; as in the contract."""

HEAD_SELECTOR = "58b2e8d9"
"""First 4 bytes of Keccak-256 of `historyHead()`."""
CONSORTIUM_SELECTOR = "9ad18765"
"""First 4 bytes of Keccak-256 of the checkpoint registry's `consortium()`."""

_WEIGHTS = (EMERGENCY, ORDINARY, MEMBERSHIP)
Outcome = Literal["open", "executed", "cancelled", "expired"]


@dataclass
class Proposed:
    """A proposal as the history tells it; `state` is `expired` only once somebody closed it."""

    id: int
    proposer: str
    expires: int
    change_class: str
    calls: tuple[bytes, ...]
    proposed_at: int
    # Members in the order in which they approved; a dict, for it is looked into at each approval.
    approvals: dict[str, None] = field(default_factory=dict)
    state: Outcome = "open"
    decided_at: int | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """The trust file that follows, and by how many records of how many it was reached.

    `head_backed` says what backs the history's head beyond the file itself: None is its maker's word.
    """

    trust: Trust
    records: int
    new_records: int
    executed: int
    head: bytes
    head_backed: str | None


class Replay:
    """The registry's history, record by record. Raises `HistoryRefused` at the first that does not hold."""

    def __init__(self, chain_id: int, consortium: str) -> None:
        self.registry = Registry()
        self.proposals: list[Proposed] = []
        self.head = first_head(chain_id, consortium)
        self.count = 0
        self.block = 0
        self.time = 0

    def add(self, record: HistoryRecord) -> None:
        """Take the next record in."""
        if record.block < self.block or record.time < self.time:
            raise _refused(self.count, "it goes back in time")
        if (record.action == "founded") != (self.count == 0):
            raise _refused(self.count, "a history begins with the founding, and has one")
        try:
            _ACTIONS[record.action](self, record)
        except HistoryUnusable as error:
            raise _refused(self.count, str(error.detail)) from error
        except HistoryRefused as error:
            raise _refused(self.count, str(error.detail)) from error
        self.head = next_head(self.head, self.count, record)
        self.count, self.block, self.time = self.count + 1, record.block, record.time

    def counted(self, proposal: Proposed) -> int:
        """How many of its approvals count at present."""
        return sum(self.registry.is_active(id_) for id_ in proposal.approvals)

    def needed(self, proposal: Proposed) -> int:
        """How many approvals it needs at present."""
        return self.registry.thresholds.of(proposal.change_class)

    def state(self, history: History, exported: Exported) -> RegistryState:
        """The registry as it stands, as if exported at that block."""
        return RegistryState(
            chain_id=exported.chain_id,
            block_number=exported.block,
            block_hash="",
            exported_at=exported.at // 1000,
            consortium=history.consortium,
            registry=history.registry,
            thresholds=self.registry.thresholds,
            members=self.registry.members(),
            logs=tuple(filter(is_named_by_origin, self.registry.logs())),
            validators=self.registry.validators,
        )

    # One method for each action

    def _founded(self, record: HistoryRecord) -> None:
        (calls,) = decode(("bytes[]",), record.content)
        for call in calls:
            self.registry.apply(call, record.time)

    def _proposed(self, record: HistoryRecord) -> None:
        calls, expires = decode(("bytes[]", "uint64"), record.content)
        self._require_active(record)
        if record.proposal != len(self.proposals):
            raise HistoryRefused(f"proposal {len(self.proposals)} is missing before {record.proposal}")
        if not calls or expires <= record.time:
            raise HistoryRefused("a proposal changes nothing, or begins expired")
        weight = max((class_of(call) for call in calls), key=_WEIGHTS.index)
        self.proposals.append(
            Proposed(
                record.proposal,
                record.member,
                expires,
                weight,
                tuple(calls),
                record.time,
                {record.member: None},
            )
        )

    def _approved(self, record: HistoryRecord) -> None:
        self._require_active(record)
        proposal = self._in_time(record)
        if record.member in proposal.approvals:
            raise HistoryRefused("a member approves twice")
        proposal.approvals[record.member] = None

    def _executed(self, record: HistoryRecord) -> None:
        self._require_active(record)
        proposal = self._in_time(record)
        counted, needed = self.counted(proposal), self.needed(proposal)
        if counted < needed:
            raise HistoryRefused(f"proposal {proposal.id} was executed with {counted} of {needed} approvals")
        self._decide(proposal, "executed", record)
        for call in proposal.calls:
            self.registry.apply(call, record.time)

    def _cancelled(self, record: HistoryRecord) -> None:
        self._require_active(record)
        proposal = self._open(record)
        if proposal.proposer != record.member:
            raise HistoryRefused("another than the proposer cancels a proposal")
        self._decide(proposal, "cancelled", record)

    def _expired(self, record: HistoryRecord) -> None:
        proposal = self._open(record)
        if proposal.expires > record.time:
            raise HistoryRefused("a proposal is closed before its time is over")
        self._decide(proposal, "expired", record)

    def _own_revocation(self, record: HistoryRecord) -> None:
        name, arguments = read_call(record.content)
        if name not in ("revokeKey", "revokeLogKey"):
            raise HistoryRefused("a member alone can only revoke")
        if self.registry.owner_of(name, arguments) != record.member:
            raise HistoryRefused("a member revokes another's key alone")
        if arguments[-1] + OWN_REVOCATION_REACH < record.time:
            raise HistoryRefused("a member alone revokes from too long ago")
        self.registry.apply(record.content, record.time)

    def _require_active(self, record: HistoryRecord) -> None:
        if not self.registry.is_active(record.member):
            raise HistoryRefused(f"{record.member or 'nobody'} is no active member")

    def _open(self, record: HistoryRecord) -> Proposed:
        if record.proposal >= len(self.proposals) or self.proposals[record.proposal].state != "open":
            raise HistoryRefused(f"proposal {record.proposal} is not open")
        return self.proposals[record.proposal]

    def _in_time(self, record: HistoryRecord) -> Proposed:
        proposal = self._open(record)
        if proposal.expires <= record.time:
            raise HistoryRefused(f"proposal {proposal.id} had expired")
        return proposal

    def _decide(self, proposal: Proposed, outcome: Outcome, record: HistoryRecord) -> None:
        proposal.state, proposal.decided_at = outcome, record.time


_ACTIONS: dict[str, Callable[[Replay, HistoryRecord], None]] = {
    "founded": Replay._founded,
    "proposed": Replay._proposed,
    "approved": Replay._approved,
    "executed": Replay._executed,
    "cancelled": Replay._cancelled,
    "expired": Replay._expired,
    "own_revocation": Replay._own_revocation,
}


def replay(history: History) -> Replay:
    """The whole history. Raises `HistoryRefused`, also if the records do not add up to the file's head."""
    replayed = Replay(history.exported.chain_id, history.consortium)
    for record in history.records:
        replayed.add(record)
    _check_end(replayed, history)
    return replayed


def follow(
    history: History, start: Trust, expected_head: bytes | None = None, rpc: Rpc | None = None
) -> Followed:
    """The trust file at the history's end, from one at its start or between.

    `expected_head` is the head as somebody else told it, `rpc` one's own node. Raises `HistoryRefused`, and
    `NodeUnusable` if the node cannot be asked.
    """
    replayed = Replay(history.exported.chain_id, history.consortium)
    _check_same_chain(history, start)
    after = 0
    while after < len(history.records) and history.records[after].block <= start.exported.block:
        replayed.add(history.records[after])
        after += 1
    if after == 0:
        raise HistoryRefused("the trust file is older than the registry")
    expected = _trust_at(replayed, history, start.exported)
    # The engine that seals blocks is no matter of the registry; its validators are.
    if (expected.logs, expected.members) != (with_consensus(start, None).logs, start.members):
        raise HistoryRefused(f"at block {start.exported.block} the history does not give the trust file")
    executed = sum(proposal.state == "executed" for proposal in replayed.proposals)
    consensus = _consensus_of(start)
    for record in history.records[after:]:
        before = replayed.registry.validators
        replayed.add(record)
        if consensus is not None and replayed.registry.validators != before:
            consensus = with_set(consensus, record.block, replayed.registry.validators)
    _check_end(replayed, history)
    backed = _back_head(history, start, expected_head, rpc)
    exported = history.exported if rpc is not None else _shown_until(history, start, backed)
    trust = with_consensus(_trust_at(replayed, history, exported), consensus)
    return Followed(
        trust=trust,
        records=len(history.records),
        new_records=len(history.records) - after,
        executed=sum(proposal.state == "executed" for proposal in replayed.proposals) - executed,
        head=history.head,
        head_backed=backed,
    )


def head_at_node(rpc: Rpc, history: History) -> bytes:
    """The head that a node's chain holds at the block of the history's export.

    Of the consortium that the checkpoint registry obeys: any other contract could say any head.
    Raises `NodeUnusable`, and `HistoryRefused` if the history is of another chain, consortium or time.
    """
    if read_quantity(rpc("eth_chainId", [])) != history.exported.chain_id:
        raise HistoryRefused("the node is on another chain than the history")
    if _word_at(rpc, history, history.registry, CONSORTIUM_SELECTOR)[12:].hex() != history.consortium[2:]:
        raise HistoryRefused("the checkpoint registry is under another consortium than the history's")
    block = rpc("eth_getBlockByNumber", [hex(history.exported.block), False])
    made = read_quantity(block.get("timestamp") if isinstance(block, dict) else None)
    if made != history.exported.at // 1000:
        raise HistoryRefused("the node's block was made at another time than the history says")
    return _word_at(rpc, history, history.consortium, HEAD_SELECTOR)


def _word_at(rpc: Rpc, history: History, contract: str, selector: str) -> bytes:
    call: list[Any] = [{"to": contract, "data": f"0x{selector}"}, hex(history.exported.block)]
    answer = rpc("eth_call", call)
    try:
        word = bytes.fromhex(str(answer).removeprefix("0x"))
    except ValueError:
        word = b""
    if len(word) != 32:
        raise NodeUnusable("the registry's answer is not one word")
    return word


def _back_head(history: History, start: Trust, expected_head: bytes | None, rpc: Rpc | None) -> str | None:
    """What vouches for the head; the strongest first."""
    sealed = is_head_sealed(history, start)
    if rpc is not None and head_at_node(rpc, history) != history.head:
        raise HistoryRefused("your node holds another head than the history")
    if expected_head is not None and expected_head != history.head:
        raise HistoryRefused("the head is not the one expected")
    if sealed:
        return "finality"
    if rpc is not None:
        return "node"
    return None if expected_head is None else "expected"


def _shown_until(history: History, start: Trust, backed: str | None) -> Exported:
    """Until when it was shown, without a node, what the registry held."""
    last = history.records[-1]
    if last.block <= start.exported.block:
        return start.exported
    # Records that nothing backs are no newer than what is believed already.
    at = start.exported.at if backed is None else last.time * 1000
    return Exported(at, history.exported.chain_id, last.block)


def _check_end(replayed: Replay, history: History) -> None:
    if not history.records:
        raise HistoryRefused("the history has no record")
    if replayed.head != history.head:
        raise HistoryRefused("the records do not add up to the head: some are missing or altered")
    if replayed.block > history.exported.block or replayed.time * 1000 > history.exported.at:
        raise HistoryRefused("a record is later than the file's own block")


def _check_same_chain(history: History, start: Trust) -> None:
    if start.exported.chain_id != history.exported.chain_id:
        raise HistoryRefused("the history is of another chain than the trust file")
    if start.exported.block > history.exported.block:
        raise HistoryRefused("the history ends before the trust file: nothing to follow")
    registries = {log.chain.registry for log in start.logs.values() if log.chain is not None}
    if registries != {history.registry}:
        raise HistoryRefused("the trust file's logs are anchored in another registry than the history names")
    consensus = _consensus_of(start)
    if consensus is not None and consensus.consortium not in (None, history.consortium):
        raise HistoryRefused("the history is of another consortium than the trust file")


def _consensus_of(trust: Trust) -> Consensus | None:
    """How blocks are sealed: the same for all logs, for they are on one chain."""
    chains = (log.chain for log in trust.logs.values() if log.chain is not None)
    return next((chain.consensus for chain in chains if chain.consensus is not None), None)


def _trust_at(replayed: Replay, history: History, exported: Exported) -> Trust:
    made = trust_of(replayed.state(history, exported))
    # Through the bytes, for that is the form in which the file given was read.
    return parse_trust(format_trust(made))


def _refused(sequence: int, why: str) -> HistoryRefused:
    return HistoryRefused(f"record {sequence}: {why}")
