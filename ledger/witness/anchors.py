"""The chain beside a log: what was anchored is held against what the log shows, and is cosigned there.

The chain is the witness's own node's. An anchor is the operator's own word for a size; a log that signed
other roots for it is proven to misbehave by its note and the anchor. What the log shows must hold the tree of
each anchor; a log that anchored something that it does not show is refused.
"""

import logging

from ledger.chain.port import AnchoredCheckpoint, AnchorPort
from ledger.errors import AccessError, ChainRefused, NotFound, SourceRefused, Unavailable
from ledger.formats.finality import AnchorRecord, log_id
from ledger.formats.misbehaviour import NOT_AS_ANCHORED, Misbehaviour
from ledger.formats.note import SignedNote, note_hash
from ledger.formats.strictjson import MAX_INTEGER
from ledger.log.clock import Clock
from ledger.merkle import tree_root
from ledger.witness.evidence import beginning_of_ours
from ledger.witness.follower import Follower
from ledger.witness.store import CHAIN, Cosigned

logger = logging.getLogger("xinzheng.witness")

_DONE = "AlreadyCosigned"
_LOST_MS = 60_000
"""After which a transaction that was not mined is sent again."""
_MOST = 16


class AnchorHidden(SourceRefused):
    """The log anchored what it does not show."""


class AnchorWatch:
    """One log's anchors; called by the thread of its follower. `cosigns`: this member has an account."""

    def __init__(self, chain: AnchorPort, follower: Follower, clock: Clock, *, cosigns: bool) -> None:
        self._chain = chain
        self._follower = follower
        self._store = follower.store
        self._log_id = log_id(follower.origin)
        self._clock = clock
        self._cosigns = cosigns
        self._sent: dict[bytes, tuple[str, int]] = {}

    def look(self) -> list[SignedNote]:
        """The newest anchored note, held against everything known of the log; none before the first anchor.

        Raises as `Follower.step` does, and what the chain raises.
        """
        held = self._chain.latest(self._log_id)
        if held is None:
            return []
        if held.size > MAX_INTEGER:
            raise AnchorHidden("the log anchored a size that no checkpoint can have")
        seen = self._store.seen(held.size)
        if seen is not None:
            checkpoint = seen.checkpoint
            if (checkpoint.root, checkpoint.index_root) != (held.root, held.index_root):
                self._follower.accuse("not_as_anchored", self._against_anchor(seen, held), seen)
        ours = self._store.newest_derived()
        other = (
            ours is not None
            and held.size < ours.checkpoint.size
            and tree_root(held.size, self._store) != held.root
        )
        try:
            note = self._anchored_note(held)
        except (SourceRefused, Unavailable, AccessError):
            if ours is not None and other:
                # A log that does not show the note of its other history is no better than one that does.
                self._follower.accuse("inconsistent", None, ours)
            raise
        if other:
            self._follower.accuse("inconsistent", beginning_of_ours(note, ours, self._store), note)
        return [self._follower.examine(note)]

    def _anchored_note(self, held: AnchoredCheckpoint) -> SignedNote:
        """The note that was anchored, as it was seen or as the log shows it."""
        seen = self._store.seen_note(held.note_hash)
        if seen is not None and seen.checkpoint.size == held.size:
            return seen
        try:
            note = self._follower.source.published(held.size, held.note_hash)
        except NotFound as error:
            raise AnchorHidden(
                f"the log does not show the note of size {held.size} that it anchored"
            ) from error
        checkpoint = note.checkpoint
        if (checkpoint.size, note_hash(note.text)) != (held.size, held.note_hash):
            raise AnchorHidden("the log shows another note for the one that it anchored")
        if (checkpoint.root, checkpoint.index_root) != (held.root, held.index_root):
            # Whoever anchored it gave a note hash and roots that do not go together.
            self._follower.accuse("not_as_anchored", self._against_anchor(note, held), note)
        return note

    def _against_anchor(self, note: SignedNote, held: AnchoredCheckpoint) -> Misbehaviour | None:
        sent = self._chain.find_transaction(self._log_id, held.size)
        mined = self._chain.receipt(sent) if sent is not None else None
        if sent is None or mined is None:
            return None
        anchor = AnchorRecord(
            self._chain.identity().chain_id,
            self._chain.registry,
            self._log_id,
            held.size,
            held.root,
            held.index_root,
            held.note_hash,
            sent,
            mined.block_number,
            mined.block_hash,
        )
        return Misbehaviour(note.checkpoint.origin, NOT_AS_ANCHORED, (note,), anchor)

    def cosign(self) -> None:
        """Cosign on the chain what this witness has cosigned and the chain holds; raises `ChainRefused`, and
        what the chain raises."""
        if not self._cosigns:
            return
        latest = self._chain.latest(self._log_id)
        if latest is None:
            return
        # Those that no anchor has reached yet are left out: they could always be the newest `_MOST`.
        for cosigned in self._store.waiting(CHAIN, _MOST, min(latest.size, MAX_INTEGER)):
            held = self._chain.checkpoint(self._log_id, cosigned.size)
            if held is not None and held.note_hash == cosigned.note_hash:
                self._send(cosigned)
            else:
                # Another note of this size was anchored, or none will be: sizes on the chain only grow.
                self._store.handed_in(cosigned.note_hash, CHAIN, self._clock())

    def _send(self, cosigned: Cosigned) -> None:
        """Send, wait, and send again what was lost; the contract takes it once, and says so."""
        sent, since = self._sent.get(cosigned.note_hash, (None, 0))
        mined = self._chain.receipt(sent) if sent is not None else None
        if sent is not None and mined is None and 0 <= self._clock() - since < _LOST_MS:
            return
        if mined is None or not mined.succeeded:
            try:
                tx = self._chain.cosign(self._log_id, cosigned.size, cosigned.note_hash)
                # A crash here: the next start sends again, and the contract says that it has it.
                self._sent[cosigned.note_hash] = tx, self._clock()
                return
            except ChainRefused as error:
                if error.reason != _DONE:
                    raise
        self._store.handed_in(cosigned.note_hash, CHAIN, self._clock())
        self._sent.pop(cosigned.note_hash, None)
        logger.info("%s: cosigned size %d on the chain", self._follower.origin, cosigned.size)
