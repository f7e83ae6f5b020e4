"""A log's answers for its history, on the chain: challenges, and recorded misbehaviour (`DisputeRegistry`).

    disputes = Disputes.of(chain)
    asked = disputes.challenge(log_id, 120, 480)                 # by an active member
    disputes.answer(asked.id, consistency_proof(120, 480, reader))   # by anybody: the contract checks it
    disputes.standing(log_id).flagged

Every method raises what a chain port raises (see `port`), `ChainRefused` with the name of the contract's
error; those that write wait until the transaction is mined. Log ids, roots and hashes are 32 bytes, public
keys 64 bytes x || y, times seconds since 1970.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ledger.chain import artifact
from ledger.chain.changes import point
from ledger.chain.evm import EvmChain
from ledger.chain.evm_node import EvmNode
from ledger.chain.registry import text_of
from ledger.errors import ConfigurationError, InputError
from ledger.formats.note import SignedNote, VerificationKey

KINDS: tuple[Literal["two_roots", "inconsistent", "not_as_anchored"], ...] = (
    "two_roots",
    "inconsistent",
    "not_as_anchored",
)
"""In the order of the contract's enum."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A demand for the proof that the tree of `first` entries is the beginning of that of `second`.

    `challenger` is a USCC. `overdue` is unanswered past the deadline, for which the log is flagged; `late`
    was answered after it.
    """

    id: int
    log_id: bytes
    first: int
    second: int
    challenger: str
    opened: int
    deadline: int
    answered: int | None
    state: Literal["open", "answered", "overdue", "late"]


@dataclass(frozen=True, slots=True)
class SignedText:
    """A note text (up to and including the newline before the blank line) and a log's raw r || s over it."""

    text: bytes
    signature: bytes

    @classmethod
    def of(cls, note: SignedNote, key: VerificationKey) -> "SignedText":
        """The signature that a log's key made on a note; raises `InputError` if there is none."""
        for line in note.signatures:
            if (line.name, line.key_hash) == (key.name, key.key_hash):
                return cls(note.text, line.signature)
        raise InputError("the note bears no signature by that key")


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """Two checkpoints of one log that cannot both be true; see `IDisputeRegistry.Kind`.

    The notes are their hashes; of `not_as_anchored` the second is the anchored one. `public` is the log's key
    that signed; `reporter` an address, lowercase with 0x.
    """

    id: int
    log_id: bytes
    kind: Literal["two_roots", "inconsistent", "not_as_anchored"]
    first_size: int
    second_size: int
    first_root: bytes
    second_root: bytes
    first_note: bytes
    second_note: bytes
    public: bytes
    reporter: str
    recorded: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a log stands: flagged while a challenge is overdue, and for ever once a misbehaviour is recorded.

    `open` counts challenges without an answer, overdue ones included; `late` those answered too late.
    """

    flagged: bool
    open: int
    overdue: int
    late: int
    misbehaviours: int


class Disputes:
    """The dispute registry of one consortium, over its chain."""

    def __init__(self, chain: EvmChain, address: str) -> None:
        self._chain = chain
        self._address = address

    @classmethod
    def of(cls, chain: EvmChain) -> "Disputes":
        """The one that the chain's deployment names; raises `ConfigurationError` if it names none."""
        address = chain.deployment.disputes
        if address is None:
            raise ConfigurationError(
                "this deployment names no contract for disputes (xinzheng deploy adds it)"
            )
        return cls(chain, address)

    def challenge(self, log_id: bytes, first: int, second: int) -> Challenge:
        """Demand the consistency proof between two anchored sizes; only an active member may."""
        return self.get(self._number("Challenged", "challengeId", "challenge", log_id, first, second))

    def answer(self, challenge_id: int, proof: Sequence[bytes]) -> Challenge:
        """Answer with `consistency_proof(first, second, reader)`, against the anchored roots."""
        self._write("answer", challenge_id, list(proof))
        return self.get(challenge_id)

    def flag(self, challenge_id: int) -> None:
        """Have the chain emit the event of an overdue challenge, once."""
        self._write("flag", challenge_id)

    def get(self, challenge_id: int) -> Challenge:
        """A challenge as it stands at the newest block."""

        def read(node: EvmNode) -> Challenge:
            head = node.block("latest")
            raw = self._functions(node).challengeById(challenge_id).call(block_identifier=head.number)
            return _challenge_of(challenge_id, raw, head.timestamp)

        return self._chain._nodes.ask(read)

    def challenges(self, log_id: bytes) -> list[Challenge]:
        """All challenges of a log, oldest first."""
        return [self.get(i) for i in self._view("challengesOf", log_id)]

    def open_challenges(self, log_id: bytes) -> list[Challenge]:
        """Those without an answer, overdue ones included."""
        return [self.get(i) for i in sorted(self._view("openChallenges", log_id))]

    def standing(self, log_id: bytes) -> Standing:
        open_, overdue, late, misbehaviours = self._view("standing", log_id)
        return Standing(overdue > 0 or misbehaviours > 0, open_, overdue, late, misbehaviours)

    def flagged(self, log_id: bytes) -> bool:
        """What the contract itself says."""
        return bool(self._view("flagged", log_id))

    def report_two_roots(
        self, log_id: bytes, public: bytes, first: SignedText, second: SignedText
    ) -> Misbehaviour:
        """Record two checkpoints of one size that differ in root or index root."""
        return self._report("reportTwoRoots", log_id, *point(public), _signed(first), _signed(second))

    def report_inconsistent(
        self,
        log_id: bytes,
        public: bytes,
        first: SignedText,
        second: SignedText,
        root_in_second: bytes,
        proof: Sequence[bytes],
    ) -> Misbehaviour:
        """Record two checkpoints of which the later tree does not begin with the earlier one.

        `proof` shows that the second's tree has `root_in_second` at the first's size, which is not its root.
        """
        signed = (_signed(first), _signed(second))
        return self._report(
            "reportInconsistent", log_id, *point(public), *signed, root_in_second, list(proof)
        )

    def report_not_as_anchored(self, log_id: bytes, public: bytes, note: SignedText) -> Misbehaviour:
        """Record a checkpoint that differs in root or index root from the one anchored for its size."""
        return self._report("reportNotAsAnchored", log_id, *point(public), _signed(note))

    def misbehaviour(self, misbehaviour_id: int) -> Misbehaviour:
        return _misbehaviour_of(misbehaviour_id, self._view("misbehaviourById", misbehaviour_id))

    def misbehaviours(self, log_id: bytes) -> list[Misbehaviour]:
        """All recorded misbehaviours of a log, oldest first."""
        return [self.misbehaviour(i) for i in self._view("misbehavioursOf", log_id)]

    def _report(self, function: str, *arguments: Any) -> Misbehaviour:
        number = self._number("MisbehaviourRecorded", "misbehaviourId", function, *arguments)
        return self.misbehaviour(number)

    def _number(self, event: str, argument: str, function: str, *arguments: Any) -> int:
        """Send a call and return the number that its event bears."""
        tx_hash = self._write(function, *arguments)

        def emitted(node: EvmNode) -> int:
            return int(node.emitted(artifact.DISPUTES, self._address, event, tx_hash)[argument])

        return self._chain._nodes.ask(emitted)

    def _write(self, function: str, *arguments: Any) -> str:
        def call(node: EvmNode) -> Any:
            return self._functions(node)[function](*arguments)

        return self._chain._nodes.wait_mined(self._chain._send(call)).tx_hash

    def _view(self, function: str, *arguments: Any) -> Any:
        def ask(node: EvmNode) -> Any:
            return self._functions(node)[function](*arguments).call()

        return self._chain._nodes.ask(ask)

    def _functions(self, node: EvmNode) -> Any:
        return node.contract(artifact.DISPUTES, self._address).functions


def _signed(signed: SignedText) -> tuple[bytes, bytes, bytes]:
    if len(signed.signature) != 64:
        raise InputError("a log's signature is 64 bytes, r || s")
    return signed.text, signed.signature[:32], signed.signature[32:]


def _challenge_of(challenge_id: int, raw: Any, now: int) -> Challenge:
    log_id, first, second, challenger, opened, deadline, answered = raw
    state: Literal["open", "answered", "overdue", "late"]
    if answered:
        state = "late" if answered > deadline else "answered"
    else:
        state = "overdue" if now > deadline else "open"
    who = text_of(challenger)
    return Challenge(
        challenge_id, bytes(log_id), first, second, who, opened, deadline, answered or None, state
    )


def _misbehaviour_of(misbehaviour_id: int, raw: Any) -> Misbehaviour:
    log_id, kind, first_size, second_size, *hashes, reporter, recorded = raw
    first_root, second_root, first_note, second_note, x, y = (bytes(each) for each in hashes)
    return Misbehaviour(
        misbehaviour_id,
        bytes(log_id),
        KINDS[kind],
        first_size,
        second_size,
        first_root,
        second_root,
        first_note,
        second_note,
        x + y,
        reporter.lower(),
        recorded,
    )
