"""One log's round: look, compare, derive, cosign, hand in.

    follower = Follower(origin, source, store, believes, cosigner, evidence, system_clock)
    follower.step()

A note that the log signed is first held against everything seen before, then kept (`seen`); from then on
every later one must be consistent with it. Entries are then fetched and derived up to the note's size, each
stretch proven to lead to it before it is kept. Only what was seen and derived is cosigned, in one step with
the check that nothing else was (`WitnessStore.cosign`), and only what is kept is handed in.

A log that shows two histories is refused from then on. Where that can be proven, the proof is written into
`evidence` first; nothing but a person's decision (a new folder) makes the witness follow such a log again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.errors import ConfigurationError, MisbehaviourFound, ProofInvalid, SignatureInvalid, SourceRefused
from ledger.files import replace_file
from ledger.formats.misbehaviour import Misbehaviour, format_misbehaviour
from ledger.formats.note import (
    SignedNote,
    cosign,
    format_note,
    note_hash,
)
from ledger.formats.trust import Trust, TrustLog
from ledger.gm import Signer
from ledger.log.clock import Clock
from ledger.merkle import EMPTY, EMPTY_ROOT, tree_root, verify_consistency
from ledger.verify.misbehaviour import signing_key, verify_misbehaviour
from ledger.verify.question import Question
from ledger.witness.deriving import EntryRefused, IdRepeated, derive
from ledger.witness.evidence import (
    beginning_of_ours,
    beginning_of_theirs,
    repeated_id,
    two_roots,
    went_back,
)
from ledger.witness.source import LogSource
from ledger.witness.store import LOG, Cosigned, Refused, WitnessStore

logger = logging.getLogger("xinzheng.witness")

STRETCH = 8_192
"""Most entries derived at once."""
STRETCH_BYTES = 32 << 20
_HANDED_AT_ONCE = 8
"""Those that waited longest are out of date, should a log be away for long."""
CLOCK_SKEW_MS = 5 * 60 * 1000

Stopping = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Cosigner:
    """Who vouches: the name in the signature lines, and its SM2 key."""

    name: str
    signer: Signer


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to, in tree sizes."""

    newest: int
    derived: int
    cosigned: int
    handed_in: int


class Follower:
    """Follows one log; called by one thread, round by round."""

    def __init__(
        self,
        origin: str,
        source: LogSource,
        store: WitnessStore,
        believes: Callable[[], Trust],
        cosigner: Cosigner,
        evidence: Path,
        clock: Clock,
        progress: Callable[[int, int], None] = lambda _size, _target: None,
    ) -> None:
        """`believes` gives the trust file in force, `evidence` is the folder for proofs, `progress` is told
        the size derived and the size aimed at."""
        self.origin = origin
        self.store = store
        self.source = source
        self._believes = believes
        self._cosigner = cosigner
        self._evidence = evidence
        self._clock = clock
        self._progress = progress

    def step(self, stopping: Stopping = lambda: False, more: Sequence[SignedNote] = ()) -> Round:
        """One round; `more` are further notes of the log to look at and to vouch for, such as anchored ones.

        Raises `MisbehaviourFound`, `SourceRefused` (with `EntryRefused`), `Unavailable`, `AccessError`,
        `NotFound`, `ConfigurationError`; after any of them the next round begins where this one ended.
        """
        self.check_standing()
        newest = self.examine(self.source.newest())
        candidate = self.examine(self.source.candidate())
        for note in sorted({note.text: note for note in (candidate, *more)}.values(), key=_size):
            if self._derive(note, stopping):
                self._vouch(note)
        return Round(
            newest.checkpoint.size,
            self.store.integrated().size,
            cosigned.size if (cosigned := self.store.newest_cosigned()) else 0,
            self._hand_in(),
        )

    def check_standing(self) -> None:
        """Raise `MisbehaviourFound` for a log that was proven to misbehave before."""
        refused = self.store.proven()
        if refused is not None:
            raise MisbehaviourFound(f"{refused.reason}, proven by {self._evidence / refused.proof}")

    # Looking at a note

    def examine(self, note: SignedNote) -> SignedNote:
        """Hold a note against everything seen before, and keep it; raises as `step` does.

        Returns the note with the log's own lines only: of others a log could add 64 KiB to every note, and
        what was seen is kept for ever.
        """
        checkpoint = note.checkpoint
        note = self._check_signed(note)
        if self.store.seen_note(note_hash(note.text)) is not None:
            return note
        known = self.store.seen(checkpoint.size)
        if known is not None and _roots(known) != _roots(note):
            self.accuse("two_roots", two_roots(known, note), note)
        head = self.store.head()
        if head is not None and checkpoint.size < head.checkpoint.size:
            self._look_back(note, head)
        elif head is not None and checkpoint.size > head.checkpoint.size:
            self._check_consistent(head, note, note)
        self.store.add_seen(note, head)
        return note

    def trusted(self) -> TrustLog:
        """What the trust file believes of the log; raises `ConfigurationError`."""
        log = self._believes().logs.get(self.origin)
        if log is None:
            raise ConfigurationError(f"the trust file does not know the log {self.origin}")
        return log

    def _check_signed(self, note: SignedNote) -> SignedNote:
        checkpoint, now = note.checkpoint, self._clock()
        if checkpoint.origin != self.origin:
            raise SourceRefused("the checkpoint is another log's")
        try:
            trusted = self.trusted()
            key = signing_key(note, trusted)
        except SignatureInvalid as error:
            raise SourceRefused("the checkpoint's signature does not hold") from error
        if key is None:
            raise SourceRefused("the checkpoint is signed by no key that the trust file knows of this log")
        if not key.window.holds(checkpoint.time * 1000) or key.window.is_revoked(now):
            raise SourceRefused("the log's key is outside its window or revoked")
        if checkpoint.time * 1000 > now + CLOCK_SKEW_MS:
            raise SourceRefused("the checkpoint is more than 5 minutes ahead of this clock")
        if checkpoint.size == 0 and (checkpoint.root, checkpoint.index_root) != (EMPTY_ROOT, EMPTY):
            raise SourceRefused("the checkpoint of an empty log bears roots that are not the empty ones")
        own = {(each.vkey.name, each.vkey.key_hash) for each in trusted.keys}
        return replace(
            note, signatures=tuple(each for each in note.signatures if (each.name, each.key_hash) in own)
        )

    def _look_back(self, note: SignedNote, head: SignedNote) -> None:
        """A note smaller than the newest: an earlier one of the same history, or another history."""
        if note.checkpoint.time > head.checkpoint.time:
            self.accuse("went_back", went_back(head, note), note)
        ours = self.store.newest_derived()
        if ours is None or note.checkpoint.size >= ours.checkpoint.size:
            self._check_consistent(note, head, note)
        elif tree_root(note.checkpoint.size, self.store) != note.checkpoint.root:
            self.accuse("inconsistent", beginning_of_ours(note, ours, self.store), note)

    def _check_consistent(self, smaller: SignedNote, larger: SignedNote, note: SignedNote) -> None:
        """Check the log's consistency proof between two notes, of which `note` is the one to be refused."""
        first, second = smaller.checkpoint, larger.checkpoint
        proof = self.source.consistency(first.size, second.size) if first.size else []
        try:
            verify_consistency(first.size, second.size, proof, first.root, second.root)
        except ProofInvalid:
            self.accuse("inconsistent", beginning_of_theirs(smaller, larger, self.source), note)

    # Deriving and vouching

    def _derive(self, note: SignedNote, stopping: Stopping) -> bool:
        """Derive up to a note's size; whether what was derived there agrees with it."""
        target = note.checkpoint
        while (state := self.store.integrated()).size < target.size:
            if stopping():
                return False
            self._progress(state.size, target.size)
            self._derive_stretch(note, state.size)
        if state.size == target.size and self.store.derived(target.size) is None:
            if (state.root, state.index_root) != (target.root, target.index_root):
                self._refuse_index(note)
            self.store.mark_derived(target.size)
        derived = self.store.derived(target.size)
        return derived is not None and (derived.root, derived.index_root) == (target.root, target.index_root)

    def _derive_stretch(self, note: SignedNote, first: int) -> None:
        target = note.checkpoint
        entries = self._fetch(first, min(target.size, first + STRETCH))
        try:
            growth = derive(self.store, self.origin, first, entries)
        except IdRepeated as error:
            found = repeated_id(note, error.first, error.index, (first, entries), self.source, self.store)
            if found is not None:
                self.accuse("repeated_id", found, note)
            self._keep_refusal(note, "repeated_id")
            raise
        except EntryRefused as error:
            self._keep_refusal(note, f"entry_refused {error.index} {error.reason}")
            raise
        if growth.size < target.size:
            self._check_leads_to(growth.size, growth.root, note)
            self.store.grow(growth)
            return
        if growth.root != target.root:
            raise SourceRefused("the entries that the log serves do not lead to the root that it signed")
        self.store.grow(growth, whole=growth.index_root == target.index_root)
        if growth.index_root != target.index_root:
            self._refuse_index(note)

    def _fetch(self, first: int, stop: int) -> list[bytes]:
        entries: list[bytes] = []
        held = 0
        while first + len(entries) < stop and held < STRETCH_BYTES:
            piece = self.source.entries(first + len(entries), stop)
            held += sum(map(len, piece))
            entries += piece
        return entries

    def _check_leads_to(self, size: int, root: bytes, note: SignedNote) -> None:
        target = note.checkpoint
        try:
            proof = self.source.consistency(size, target.size)
            verify_consistency(size, target.size, proof, root, target.root)
        except ProofInvalid as error:
            raise SourceRefused(
                "the entries that the log serves do not lead to the root that it signed"
            ) from error

    def _vouch(self, note: SignedNote) -> None:
        """Cosign a note whose tree and index were derived, unless it is older than what was cosigned."""
        checkpoint, hash_ = note.checkpoint, note_hash(note.text)
        newest = self.store.newest_cosigned()
        if self.store.cosigned(hash_) is not None or (newest is not None and newest.size > checkpoint.size):
            return
        seconds = self._clock() // 1000
        line = cosign(note.text, self._cosigner.name, self._cosigner.signer, seconds)
        self.store.cosign(
            Cosigned(hash_, checkpoint.size, checkpoint.root, checkpoint.index_root, seconds, line[:-1])
        )
        logger.info("%s: cosigned size %d", self.origin, checkpoint.size)

    def _hand_in(self) -> int:
        """Hand in the newest cosignatures that the log does not have yet; the largest size that it has."""
        for cosigned in self.store.waiting(LOG, _HANDED_AT_ONCE):
            self.source.cosign(cosigned.size, cosigned.note_hash, cosigned.line)
            self.store.handed_in(cosigned.note_hash, LOG, self._clock())
        newest = self.store.newest_cosigned()
        return newest.size if newest is not None else 0

    # Refusing

    def accuse(self, reason: str, proof: Misbehaviour | None, note: SignedNote) -> None:
        """Refuse a note, and write down the proof where there is one; raises `MisbehaviourFound`."""
        name = ""
        if proof is not None:
            question = Question(now=self._clock())
            if verify_misbehaviour(proof, self._believes(), question).verdicts["misbehaviour"] == "pass":
                name = f"{self.origin.replace('/', '_')}-{proof.kind}-{note_hash(note.text).hex()[:16]}.json"
                # A crash before the refusal is kept: the file stands, and the note is refused again.
                replace_file(self._evidence / name, format_misbehaviour(proof))
        self._keep_refusal(note, reason, name)
        told = f"proof in {self._evidence / name}" if name else "no proof that stands alone could be made"
        logger.error("%s: %s at size %d: %s", self.origin, reason, note.checkpoint.size, told)
        raise MisbehaviourFound(f"{reason} at size {note.checkpoint.size}: {told}")

    def _refuse_index(self, note: SignedNote) -> None:
        self._keep_refusal(note, "index_differs")
        raise SourceRefused(f"the index root of size {note.checkpoint.size} is not what its entries lead to")

    def _keep_refusal(self, note: SignedNote, reason: str, proof: str = "") -> None:
        self.store.refuse(Refused(note_hash(note.text), reason, self._clock(), format_note(note), proof))


def _roots(note: SignedNote) -> tuple[bytes, bytes]:
    return note.checkpoint.root, note.checkpoint.index_root


def _size(note: SignedNote) -> int:
    return note.checkpoint.size
