"""The log's side of witnessing: what witnesses are asked to cosign, what they said, and what has a quorum.

A busy log publishes faster than witnesses look, and a quorum needs several of them over one note. So the log
names a *candidate*: one published checkpoint that all are asked to cosign, and that stays the candidate until
it has its quorum or has waited for `patience`. It is the newest one that is on its way to the chain where
there is one, so that what is anchored is witnessed, and else the newest one published.

Answers prefer the newest checkpoint with a quorum, as long as nothing larger has been published for longer
than `patience`; then they fall back to the newest published one, whose completeness the operator alone
vouches for. So witnesses that are away cost an answer its witnesses, and never its freshness or the answer.
What answers lag behind meanwhile is a round of the witnesses, a few seconds.

The worker alone names the candidate and notes the quorum (`advance`), as two facts of the log; the service
takes in cosignatures (`accept`). Both facts keep the index readable at their sizes (`kept_sizes`).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ledger.errors import CosignatureRefused, NotFound, SignatureInvalid, Unavailable
from ledger.formats.note import (
    SignatureLine,
    cosigned_text,
    line_seconds,
    note_hash,
    parse_note,
    parse_signature_lines,
    verify_timed_line,
)
from ledger.formats.trust import NamedKey, Trust, Witnesses
from ledger.log.clock import Clock
from ledger.log.faults import point
from ledger.log.keeping import Kept
from ledger.store.port import LogStore, StoredCheckpoint, StoredCosignature
from ledger.verify.checkpoint import count_witnesses

CANDIDATE, QUORUM = "witness/candidate", "witness/quorum"
BEHIND = "witnesses_behind"

MOST_LINES = 16
"""Lines that are taken in at once."""
CLOCK_SKEW_MS = 5 * 60 * 1000
_QUORUMS_KEPT = 2
"""The one before stays readable, so that an answer begun under it can be finished."""
_ANCHORS = ("pending", "sent", "mined", "final")


@dataclass(frozen=True, slots=True)
class WitnessingSettings:
    """Times in milliseconds; see the module. `alarm`: without a quorum for longer, the worker says so.
    `look`: how old a look at the newest quorum may be."""

    patience: int = 30_000
    alarm: int = 120_000
    look: int = 200


@dataclass(frozen=True, slots=True)
class Named:
    """A published checkpoint by its size and note hash; `since` in milliseconds since 1970."""

    size: int
    note_hash: bytes
    since: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of cosignatures that were handed in: how many names vouch now, and how many must."""

    size: int
    note_hash: bytes
    new: int
    names: int
    threshold: int


class Witnessing:
    """One log's witnesses; safe for many threads. `trust` gives the trust file in force, if there is one."""

    def __init__(
        self,
        store: LogStore,
        origin: str,
        trust: Callable[[], Trust | None],
        clock: Clock,
        settings: WitnessingSettings | None = None,
    ) -> None:
        self._store = store
        self._origin = origin
        self._trust = trust
        self._clock = clock
        self._settings = settings or WitnessingSettings()
        self._tallies: Kept[tuple[bytes, int, Witnesses, int], int] = Kept(256)
        self._looked: tuple[int, StoredCheckpoint | None] | None = None

    @property
    def policy(self) -> Witnesses | None:
        """The log's witness policy as the trust file in force has it."""
        trust = self._trust()
        log = trust.logs.get(self._origin) if trust is not None else None
        return log.witnesses if log is not None else None

    # For witnesses

    def candidate(self) -> StoredCheckpoint:
        """The checkpoint that witnesses are asked to cosign, with its cosignatures; the newest one where
        none is named. Raises `NotFound` before the first one is published."""
        named = read_named(self._store, CANDIDATE)[:1]
        found = self._store.checkpoint(named[0].size, named[0].note_hash) if named else None
        found = found or self._store.latest_checkpoint()
        if found is None:
            raise NotFound("no checkpoint is published yet")
        return self.cosigned(found)

    def accept(self, size: int, hash_: bytes | None, lines: str) -> Taken:
        """Keep cosignature lines over the published checkpoint of a size, or the one with this note hash.

        Every line must be by a witness of the trust file in force and hold, else nothing is kept: raises
        `CosignatureRefused`, `NoteMalformed`, or `NotFound` where there is no such checkpoint.
        """
        policy = self.policy
        if policy is None:
            raise CosignatureRefused("the consortium named no witnesses of this log")
        parsed = parse_signature_lines(lines)
        if not 1 <= len(parsed) <= MOST_LINES:
            raise CosignatureRefused(f"hand in 1 to {MOST_LINES} signature lines")
        checkpoint = self._store.checkpoint(size, hash_)
        if checkpoint is None:
            raise NotFound("this log has published no such checkpoint")
        text = parse_note(checkpoint.note).text
        hash_ = note_hash(text)
        for line in parsed:
            self._check(text, checkpoint, line, policy)
        new = 0
        for line in parsed:
            kept = StoredCosignature(
                hash_, line.name, line.key_hash, size, line_seconds(line), line.format()[:-1]
            )
            # A crash between two lines: the witness got no answer, and hands in all of them again.
            new += self._store.keep_cosignature(kept)
            point("cosignature.kept")
        return Taken(size, hash_, new, self._names(checkpoint, policy), policy.threshold)

    def _check(
        self, text: bytes, checkpoint: StoredCheckpoint, line: SignatureLine, policy: Witnesses
    ) -> None:
        key = _key_of(line, policy)
        if key is None:
            raise CosignatureRefused("a line is by no witness that the consortium named for this log")
        try:
            seconds = line_seconds(line)
            verify_timed_line(cosigned_text(text, seconds), line, key.vkey)
        except SignatureInvalid as error:
            raise CosignatureRefused("a line does not hold over this checkpoint's note") from error
        at, now = seconds * 1000, self._clock()
        if at > now + CLOCK_SKEW_MS:
            raise CosignatureRefused("a line is more than 5 minutes ahead of this log's clock")
        if at + CLOCK_SKEW_MS < checkpoint.time * 1000:
            raise CosignatureRefused("a line is older than the checkpoint that it is about")
        if not key.window.holds(at) or key.window.is_revoked(now):
            raise CosignatureRefused("the witness's key is outside its window or revoked")

    # For answers

    def cosigned(self, checkpoint: StoredCheckpoint) -> StoredCheckpoint:
        """The checkpoint with the cosignatures over it as further lines of its note."""
        if self.policy is None:
            return checkpoint
        lines = self._store.cosignatures(_hash_of(checkpoint))
        if not lines:
            return checkpoint
        return replace(
            checkpoint, note=checkpoint.note + "".join(f"{each.line}\n" for each in lines).encode()
        )

    def preferred(self) -> StoredCheckpoint | None:
        """The newest checkpoint with a quorum, cosignatures included, where answers are to be given under it.

        None where the log has no witnesses, or none had a quorum lately.
        """
        policy = self.policy
        if policy is None:
            return None
        now, looked = self._clock(), self._looked
        if looked is not None and 0 <= now - looked[0] < self._settings.look:
            return looked[1]
        found = self._look(policy, now)
        self._looked = (now, found)
        return found

    def _look(self, policy: Witnesses, now: int) -> StoredCheckpoint | None:
        for named in read_named(self._store, QUORUM):
            checkpoint = self._store.checkpoint(named.size, named.note_hash)
            if checkpoint is None or self._names(checkpoint, policy) < policy.threshold:
                continue
            if self._behind(named.size, now) > self._settings.patience or not self._readable(named.size):
                return None
            return self.cosigned(checkpoint)
        return None

    def _behind(self, size: int, now: int) -> int:
        """For how many milliseconds something larger has been published."""
        larger = self._store.checkpoints(size, 1)
        return max(0, now - larger[0].time * 1000) if larger else 0

    def _readable(self, size: int) -> bool:
        try:
            self._store.pages([b""], size)
        except Unavailable:
            return False
        return True

    def _names(self, checkpoint: StoredCheckpoint, policy: Witnesses) -> int:
        """How many distinct witnesses vouch for a checkpoint, as a verifier would count them."""
        hash_ = _hash_of(checkpoint)
        lines, now = self._store.cosignatures(hash_), self._clock()
        # A revocation that lies ahead counts from then on, also for what was counted before.
        revoked = sum(key.window.is_revoked(now) for key in policy.keys)
        known = self._tallies.get((hash_, len(lines), policy, revoked))
        if known is None:
            text = parse_note(checkpoint.note).text
            parsed = parse_signature_lines("".join(f"{each.line}\n" for each in lines))
            tally = count_witnesses(
                lambda seconds: cosigned_text(text, seconds), parsed, policy, now, revoked_count=False
            )
            known = len(tally.names)
            self._tallies.keep((hash_, len(lines), policy, revoked), known)
        return known

    # For the worker

    def advance(self) -> Sequence[str]:
        """Note the candidate's quorum if it has it, and name the next one when it is time; the alarms."""
        policy, newest = self.policy, self._store.latest_checkpoint()
        if policy is None or newest is None:
            return ()
        now = self._clock()
        named = read_named(self._store, CANDIDATE)
        held = self._store.checkpoint(named[0].size, named[0].note_hash) if named else None
        done = held is not None and self._names(held, policy) >= policy.threshold
        if held is not None and done:
            self._note_quorum(held, now)
        if held is None or done or not 0 <= now - named[0].since < self._settings.patience:
            self._name_next(held, newest, now)
        return self._alarms(now)

    def _note_quorum(self, checkpoint: StoredCheckpoint, now: int) -> None:
        known = read_named(self._store, QUORUM)
        this = Named(checkpoint.size, _hash_of(checkpoint), now)
        if any(each.note_hash == this.note_hash or each.size > this.size for each in known):
            return
        # A crash before: the next round counts the same lines. After: answers may be given under it.
        self._store.put_fact(QUORUM, _format_named([this, *known][:_QUORUMS_KEPT]))
        point("witnessing.quorum")

    def _name_next(self, held: StoredCheckpoint | None, newest: StoredCheckpoint, now: int) -> None:
        following = newest
        anchor = self._store.latest_anchor(_ANCHORS)
        if anchor is not None and (held is None or anchor.size > held.size) and anchor.size < newest.size:
            following = self._store.checkpoint(anchor.size, anchor.note_hash) or newest
        if held is not None and _hash_of(following) == _hash_of(held):
            return
        self._store.put_fact(CANDIDATE, _format_named([Named(following.size, _hash_of(following), now)]))

    def _alarms(self, now: int) -> Sequence[str]:
        size = max((named.size for named in read_named(self._store, QUORUM)), default=-1)
        return (BEHIND,) if self._behind(size, now) > self._settings.alarm else ()


def read_named(store: LogStore, fact: str) -> list[Named]:
    """The checkpoints that one of the two facts names, newest first."""
    value = store.fact(fact)
    if not value:
        return []
    return [Named(size, bytes.fromhex(hash_), since) for size, hash_, since in json.loads(value)]


def kept_sizes(store: LogStore) -> set[int]:
    """Sizes at which the index must stay readable: the candidate's and those of the newest quorums."""
    return {named.size for fact in (CANDIDATE, QUORUM) for named in read_named(store, fact)}


def _format_named(several: Sequence[Named]) -> bytes:
    return json.dumps([[each.size, each.note_hash.hex(), each.since] for each in several]).encode()


def _hash_of(checkpoint: StoredCheckpoint) -> bytes:
    return note_hash(checkpoint.note[: checkpoint.note.index(b"\n\n") + 1])


def _key_of(line: SignatureLine, policy: Witnesses) -> NamedKey | None:
    for key in policy.keys:
        if (key.vkey.name, key.vkey.key_hash) == (line.name, line.key_hash):
            return key
    return None
