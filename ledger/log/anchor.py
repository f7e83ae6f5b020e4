"""Anchoring: from a published checkpoint to a final transaction, through an outbox, whatever happens.

An anchor goes `pending` (in the outbox) -> `sent` (broadcast) -> `mined` -> `final`. Each round asks the
chain what it holds before it acts, so that a crash anywhere leaves only work to be done again: the contract
takes a size once and refuses it afterwards.

What the chain may do to us, and what happens then:
- it is away: `ChainUnavailable` from `step`; nothing here is lost, the next round goes on;
- it lost our anchors (reorganisation, restored from an older backup, built anew): they go back to
  `pending`, with an alarm, and are sent again in ascending order before anything newer, those at least whose
  size is still above the chain's latest; one that can no longer come back keeps the alarm
  `anchor_superseded`;
- it holds a size or a root of this log that this database does not: `ChainContradicts`. Then this database
  is older than the chain, or somebody else signs with our keys; nothing may be published from it.
"""

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ledger.chain.port import AnchoredCheckpoint, AnchorPort, Block
from ledger.errors import ChainContradicts, ChainRefused
from ledger.formats.note import note_hash, parse_note
from ledger.gm import sm3
from ledger.log.clock import Clock
from ledger.log.faults import point
from ledger.store.port import LogStore, StoredAnchor, StoredCheckpoint

logger = logging.getLogger("xinzheng.anchor")

LOST, SUPERSEDED, REFUSED, BEHIND = "anchor_lost", "anchor_superseded", "anchor_refused", "chain_behind"
_PAGE = 500


@dataclass(frozen=True, slots=True)
class AnchorSettings:
    """Times in milliseconds. `interval`: between two new anchors; `stuck`: until a transaction is replaced;
    `patience`: how long the chain may stand below a block that held an anchor before the anchor counts as
    lost, one node of several being behind for a moment; `alarm`: how long a loss is told at least, though
    the anchors may be back at once.
    """

    interval: int = 5_000
    stuck: int = 30_000
    patience: int = 10_000
    rechecked: int = 16
    in_flight: int = 64
    alarm: int = 600_000


@dataclass(slots=True)
class AnchorState:
    """How far the chain vouches for the log: sizes, and what is wrong."""

    anchored: int = 0
    final: int = 0
    anchored_at: int | None = None
    alarms: set[str] = field(default_factory=set)


class Anchorer:
    """Anchors one log; called by one thread, round by round."""

    def __init__(
        self,
        store: LogStore,
        origin: str,
        chain: AnchorPort,
        clock: Clock,
        settings: AnchorSettings | None = None,
    ) -> None:
        self._store = store
        self._origin = origin
        self._log_id = sm3(origin.encode("ascii"))
        self._chain = chain
        self._clock = clock
        self._settings = settings or AnchorSettings()
        self._sent_at: dict[str, int] = {}
        self._last_new: int | None = None
        self._behind_since: int | None = None
        self._recent: deque[int] | None = None
        self._looked_at: Block | None = None
        # Recorded as mined, and not seen on the chain in that block since.
        self._unseen: set[int] = set()
        self._lost: set[int] = set()
        self._lost_at = 0
        self.state = AnchorState()

    def step(self) -> AnchorState:
        """One round. Raises `ChainUnavailable`, `ChainMismatch` (try again later) and `ChainContradicts`."""
        latest = self.check_chain()
        self._notice_losses(latest)
        self._settle(latest)
        self._finalize()
        if BEHIND not in self.state.alarms:
            # While sizes are in doubt nothing newer is sent: the contract takes sizes in ascending order, and
            # they could not come back.
            self._begin(latest)
            self._send_pending(latest)
        self._report()
        return self.state

    def check_chain(self) -> AnchoredCheckpoint | None:
        """The chain's newest anchor of this log, which must be a checkpoint published here.

        Raises `ChainContradicts`; the worker asks this before it signs its first checkpoint.
        """
        latest = self._chain.latest(self._log_id)
        if latest is not None:
            self._compare(latest)
        return latest

    def _compare(self, held: AnchoredCheckpoint) -> StoredCheckpoint:
        newest = self._store.latest_checkpoint()
        ours = self._store.checkpoint(held.size)
        if newest is None or held.size > newest.size:
            published = newest.size if newest else 0
            raise ChainContradicts(
                f"the chain holds size {held.size} of {self._origin}, but only {published} was published"
                " here: this database is older than the chain"
            )
        if ours is None or (ours.root, ours.index_root) != (held.root, held.index_root):
            raise ChainContradicts(f"the chain holds another root of {self._origin} at size {held.size}")
        return ours

    # What became of anchors that the chain once had

    def _notice_losses(self, latest: AnchoredCheckpoint | None) -> None:
        """Put anchors that the chain no longer holds back into the outbox.

        While the block that was the newest stands, everything below is the same too, and is not asked again.
        """
        head, seen = self._chain.head(), self._looked_at
        if seen is not None and head.hash == seen.hash:
            return
        unchanged = seen is not None and self._stands(seen.number, seen.hash)
        self._looked_at = None
        floor = latest.size if latest else 0
        lost = [anchor for anchor in self._all(floor) if anchor.state in ("mined", "final")]
        for size in list(self._unseen if unchanged else self._recently_mined()):
            anchor = self._store.anchor(size)
            if anchor is None or anchor.state not in ("mined", "final") or size > floor:
                continue
            held = self._chain.checkpoint(self._log_id, size)
            if held is None:
                lost.append(anchor)
            else:
                self._compare(held)
                self._follow(anchor)
        if not self._certainly(lost):
            return
        for anchor in lost:
            self.state.alarms.add(LOST)
            self._lost.add(anchor.size)
            self._lost_at = self._clock()
            logger.error("%s: the chain lost the anchor of size %d", self._origin, anchor.size)
            # A crash between these leaves some still `mined`; the next round finds and moves them.
            self._store.put_anchor(StoredAnchor(anchor.size, anchor.note_hash, "pending"))
            point("anchor.lost")
        self._looked_at = head

    def _certainly(self, lost: list[StoredAnchor]) -> bool:
        """Whether these are lost, and not merely unknown to a node that is behind."""
        blocks = [anchor.block_number for anchor in lost if anchor.block_number is not None]
        if not blocks or self._chain.head().number >= max(blocks):
            self._behind_since = None
            self.state.alarms.discard(BEHIND)
            return True
        now = self._clock()
        if self._behind_since is None:
            self._behind_since = now
        if now - self._behind_since >= self._settings.patience:
            self.state.alarms.discard(BEHIND)
            return True
        self.state.alarms.add(BEHIND)
        return False

    def _follow(self, anchor: StoredAnchor) -> None:
        """Correct the coordinates of an anchor whose block was replaced by another."""
        if self._stands(anchor.block_number, anchor.block_hash):
            self._unseen.discard(anchor.size)
            return
        self._unseen.add(anchor.size)
        logger.warning("%s: the block with the anchor of size %d was replaced", self._origin, anchor.size)
        self._record_mined(anchor)

    def _stands(self, number: int | None, hash_: str | None) -> bool:
        """Whether the chain has this block."""
        block = None if number is None else self._chain.block(number)
        return block is not None and block.hash == hash_

    def _recently_mined(self) -> deque[int]:
        if self._recent is None:
            mined = (anchor.size for anchor in self._all(0) if anchor.state in ("mined", "final"))
            self._recent = deque(mined, maxlen=self._settings.rechecked)
        return self._recent

    # Anchors on their way

    def _settle(self, latest: AnchoredCheckpoint | None) -> None:
        """Learn what became of anchors in the outbox and on their way."""
        floor = latest.size if latest else 0
        self.state.alarms.discard(SUPERSEDED)
        for anchor in self._in_state("pending", "sent"):
            held = self._chain.checkpoint(self._log_id, anchor.size)
            if held is not None:
                self._compare(held)
                self._record_mined(anchor)
            elif anchor.size <= floor:
                self.state.alarms.add(SUPERSEDED)
            elif anchor.state == "sent":
                self._look_after(anchor)

    def _record_mined(self, anchor: StoredAnchor) -> None:
        mined = self._chain.receipt(anchor.tx_hash) if anchor.tx_hash else None
        if mined is None or not mined.succeeded:
            found = self._chain.find_transaction(self._log_id, anchor.size)
            mined = self._chain.receipt(found) if found else None
        if mined is None or not mined.succeeded:
            return
        point("anchor.mined")
        # A crash before this leaves the anchor `sent` though it is on the chain; the next round sees it.
        self._store.put_anchor(
            replace(
                anchor,
                state="mined",
                tx_hash=mined.tx_hash,
                block_number=mined.block_number,
                block_hash=mined.block_hash,
            )
        )
        self._sent_at.pop(mined.tx_hash, None)
        recent = self._recently_mined()
        if anchor.size not in recent:
            recent.append(anchor.size)
        self._unseen.add(anchor.size)

    def _look_after(self, anchor: StoredAnchor) -> None:
        """A sent anchor that the chain does not hold: reverted, stuck, forgotten, or simply not yet mined."""
        assert anchor.tx_hash is not None
        mined = self._chain.receipt(anchor.tx_hash)
        now = self._clock()
        since = self._sent_at.setdefault(anchor.tx_hash, now)
        if mined is not None and not mined.succeeded:
            self.state.alarms.add(REFUSED)
            logger.error("%s: the contract refused the anchor of size %d", self._origin, anchor.size)
            self._store.put_anchor(StoredAnchor(anchor.size, anchor.note_hash, "pending"))
        elif mined is None and now - since >= self._settings.stuck:
            successor = self._chain.replace(anchor.tx_hash)
            self._sent_at.pop(anchor.tx_hash, None)
            if successor is None:
                # No node knows it any more. A crash before this repeats the question.
                self._store.put_anchor(StoredAnchor(anchor.size, anchor.note_hash, "pending"))
            else:
                # A crash before this leaves the old hash; the checkpoint itself is found by its size.
                self._store.put_anchor(replace(anchor, tx_hash=successor))
                self._sent_at[successor] = now

    def _finalize(self) -> None:
        waiting = list(self._in_state("mined"))
        if not waiting:
            return
        final = self._chain.finalized()
        for anchor in waiting:
            if anchor.block_number is None or anchor.block_number > final:
                continue
            if not self._stands(anchor.block_number, anchor.block_hash):
                continue
            point("anchor.final")
            # A crash before this leaves the anchor `mined`; the next round makes it final.
            self._store.put_anchor(replace(anchor, state="final"))

    # New anchors

    def _begin(self, latest: AnchoredCheckpoint | None) -> None:
        """Put the newest checkpoint into the outbox, if it is time and nothing else is on its way."""
        newest = self._store.latest_checkpoint()
        now = self._clock()
        floor = latest.size if latest else 0
        if newest is None or newest.size <= floor or self._store.anchor(newest.size) is not None:
            return
        if any(anchor.size > floor for anchor in self._in_state("pending", "sent")):
            return
        if self._last_new is not None and 0 <= now - self._last_new < self._settings.interval:
            return
        self._last_new = now
        hash_ = note_hash(parse_note(newest.note).text)
        self._store.put_anchor(StoredAnchor(newest.size, hash_, "pending"))
        # A crash here leaves an anchor in the outbox that was never sent; the next round sends it.
        point("anchor.pending")

    def _send_pending(self, latest: AnchoredCheckpoint | None) -> None:
        floor = latest.size if latest else 0
        room = self._settings.in_flight - sum(1 for _ in self._in_state("sent"))
        for anchor in self._in_state("pending"):
            if room <= 0:
                return
            if anchor.size > floor:
                room -= 1
                if not self._send(anchor):
                    return

    def _send(self, anchor: StoredAnchor) -> bool:
        """Broadcast one anchor; the chain was asked and does not hold its size."""
        checkpoint = self._store.checkpoint(anchor.size)
        if checkpoint is None:
            raise ChainContradicts(f"the outbox of {self._origin} names a size that was never published")
        try:
            sent = self._chain.publish(
                self._log_id, anchor.size, checkpoint.root, checkpoint.index_root, anchor.note_hash
            )
        except ChainRefused as error:
            # The next round looks whether the chain holds this size by now.
            self.state.alarms.add(REFUSED)
            logger.warning("%s: anchor of size %d refused: %s", self._origin, anchor.size, error)
            return False
        self.state.alarms.discard(REFUSED)
        # A crash here leaves a transaction that we do not know of, and the anchor `pending`. The next round
        # finds the size on the chain, or sends again; of two transactions the contract takes the first.
        point("anchor.broadcast")
        self._store.put_anchor(replace(anchor, state="sent", tx_hash=sent))
        self._sent_at[sent] = self._clock()
        point("anchor.sent")
        return True

    # Reading

    def _report(self) -> None:
        mined = self._store.latest_anchor()
        final = self._store.latest_anchor(("final",))
        size = mined.size if mined else 0
        if size > self.state.anchored:
            self.state.anchored_at = self._clock() // 1000
        self.state.anchored = size
        self.state.final = final.size if final else 0
        self._report_losses()

    def _report_losses(self) -> None:
        """Take the alarm back when all lost anchors are on the chain again, and people had time to see it."""
        if LOST not in self.state.alarms:
            return
        if self._lost:
            self._lost.difference_update(anchor.size for anchor in self._in_state("mined", "final"))
            if not self._lost:
                logger.warning("%s: all lost anchors are on the chain again", self._origin)
        if not self._lost and not 0 <= self._clock() - self._lost_at < self._settings.alarm:
            self.state.alarms.discard(LOST)

    def _in_state(self, *states: str) -> Iterator[StoredAnchor]:
        """Anchors in one of these states, by ascending size."""
        found = [anchor for state in states for anchor in self._paged(0, state)]
        return iter(sorted(found, key=lambda anchor: anchor.size))

    def _all(self, after_size: int) -> Iterator[StoredAnchor]:
        return self._paged(after_size, None)

    def _paged(self, after_size: int, state: str | None) -> Iterator[StoredAnchor]:
        while True:
            page = self._store.anchors(after_size, _PAGE, state)
            yield from page
            if len(page) < _PAGE:
                return
            after_size = page[-1].size
