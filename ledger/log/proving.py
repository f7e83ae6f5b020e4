"""Collecting what makes an anchor final to somebody without a node: the sealed block that holds it.

Done after an anchor is final, beside anchoring and never in its way: what a node does not know, or what does
not add up, is asked for again later, the newest anchor first. What is kept has the anchor's block hash, its
receipts' root and seals by validators that it names; whether those are to be trusted is for who verifies it.
"""

import logging
import zlib
from dataclasses import dataclass, field

from ledger.chain.blocks import BlockUnproven, RawHeader, SealedBlocks, Unsealed
from ledger.chain.nodes import NodeComplaint
from ledger.errors import ProofInvalid
from ledger.ethereum.headers import CLIQUE
from ledger.formats import strictjson
from ledger.formats.encoding import b64decode_strict, b64encode
from ledger.formats.finality import (
    MAX_CHANGES,
    MAX_FOLLOWING,
    UNSEALED,
    Finality,
    SealedBlock,
    format_finality,
    parse_finality,
)
from ledger.log.clock import Clock
from ledger.store.port import LogStore, StoredAnchor, StoredSealedBlock
from ledger.verify.sealed import more_than_two_thirds

logger = logging.getLogger("xinzheng.proving")

CLIQUE_DEPTH = 12
"""How many blocks are to follow one of Clique's, where nothing else is configured."""

_CHANGES = "sealed/changes"
"""The store's fact with the headers at which validators changed, and the newest block looked at."""


@dataclass(frozen=True, slots=True)
class ProvingSettings:
    """`a_round`: anchors at most in a round. `pause`, `long_pause`: milliseconds until a block is asked for
    again that is to be followed by others, or that could not be collected. `follow`: most blocks after one of
    a BFT engine. `depth`: how many follow one of Clique's. `since`: the block from which on changes of
    validators are followed, where the contracts were deployed.
    """

    a_round: int = 4
    pause: int = 1_000
    long_pause: int = 60_000
    follow: int = 32
    depth: int = CLIQUE_DEPTH
    since: int = 0


@dataclass(slots=True)
class _Changes:
    """Headers that name other validators than the one before, up to the block `seen`."""

    seen: int
    validators: tuple[str, ...]
    headers: list[tuple[int, bytes]] = field(default_factory=list)


class TooEarly(Exception):
    """More blocks must follow first."""


def collect_following(blocks: SealedBlocks, raw: RawHeader, depth: int, follow: int) -> tuple[bytes, ...]:
    """The headers after a block that it takes besides its own seals, none where those are enough.

    `depth` and `follow` as in `ProvingSettings`. Raises `TooEarly`, and as `SealedBlocks.header`.
    """
    named, sealers = frozenset(raw.header.validators), raw.header.sealers()
    wanted = min(depth, MAX_FOLLOWING) if raw.kind == CLIQUE else 0
    most = wanted or (follow if named else 0)
    headers: list[bytes] = []
    head = blocks.head() if most else 0
    while len(headers) < wanted or (
        not wanted and len(headers) < most and not more_than_two_thirds(len(sealers & named), len(named))
    ):
        number = raw.header.number + len(headers) + 1
        if number > head:
            raise TooEarly
        child = blocks.header(number)
        if not wanted and frozenset(child.header.validators) != named:
            break
        sealers |= child.header.sealers()
        headers.append(child.data)
    return tuple(headers)


class Prover:
    """Collects the blocks of one log's final anchors; called by one thread, round by round.

    `failed` says of each size whose block could not be collected what was in the way.
    """

    def __init__(
        self, store: LogStore, blocks: SealedBlocks, clock: Clock, settings: ProvingSettings | None = None
    ) -> None:
        self._store = store
        self._blocks = blocks
        self._clock = clock
        self._settings = settings or ProvingSettings()
        self.failed: dict[int, str] = {}

    def step(self) -> int:
        """One round; returns how many blocks were kept.

        Raises `ChainUnavailable`, `ChainMismatch`, and what the store raises.
        """
        done = 0
        for size in list(self.failed):
            anchor = self._store.anchor(size)
            if anchor is None or anchor.state != "final":
                # The chain lost it; it is on its way again.
                del self.failed[size]
        for size in self._store.unproven(self._clock(), self._settings.a_round):
            try:
                done += self._prove(size)
                self.failed.pop(size, None)
            except TooEarly:
                self._store.postpone_unproven(size, self._clock() + self._settings.pause)
            except (BlockUnproven, NodeComplaint, ProofInvalid) as error:
                self.failed[size] = error.detail
                logger.warning("the block of the anchor of size %d: %s", size, error.detail)
                self._store.postpone_unproven(size, self._clock() + self._settings.long_pause)
        return done

    def _prove(self, size: int) -> bool:
        anchor = self._store.anchor(size)
        if anchor is None or anchor.block_number is None or anchor.block_hash is None:
            raise BlockUnproven("the anchor has no block")
        finality = self._collect(anchor, anchor.block_number, anchor.tx_hash or "")
        kept = StoredSealedBlock(size, anchor.block_hash, pack_finality(finality))
        # A crash before this collects the block again; of an anchor that moved meanwhile nothing is kept.
        return self._store.put_sealed_block(kept)

    def _collect(self, anchor: StoredAnchor, number: int, tx_hash: str) -> Finality:
        try:
            raw = self._blocks.header(number)
        except Unsealed:
            return Finality(UNSEALED)
        if "0x" + raw.header.hash.hex() != anchor.block_hash:
            raise BlockUnproven(f"block {number} is another one than the anchor's")
        index, proof = self._blocks.receipt_proof(raw, tx_hash)
        try:
            following = collect_following(self._blocks, raw, self._settings.depth, self._settings.follow)
        except Unsealed:
            raise BlockUnproven(f"a block after {number} bears no seals") from None
        if raw.kind != CLIQUE and raw.header.validators:
            try:
                self._note_changes(raw)
            except (BlockUnproven, NodeComplaint, ProofInvalid, Unsealed) as error:
                # The block stands without them; the next one looks for them again.
                logger.warning("changes of validators before block %d: %r", number, error)
        block = SealedBlock(raw.data, index, proof, following)
        return Finality(raw.kind, block=block)

    # Changes of validators

    def _note_changes(self, raw: RawHeader) -> None:
        """Find where validators changed between the newest block looked at and this one, and keep its header.

        A change and its reversal between two anchors may stay unseen: neither is needed to follow.
        """
        known = _read_changes(self._store.fact(_CHANGES))
        number, named = raw.header.number, raw.header.validators
        if known is None:
            try:
                first = self._blocks.header(min(number, self._settings.since)).header
            except (BlockUnproven, NodeComplaint, Unsealed):
                # The chain had another engine then, or its old headers are gone: from here on, that is.
                first = raw.header
            known = _Changes(first.number, first.validators)
        elif number <= known.seen:
            return
        while frozenset(known.validators) != frozenset(named):
            self._add_change(known, number)
        known.seen = number
        # A crash before this looks again from where it looked before.
        self._store.put_fact(_CHANGES, _write_changes(known))

    def _add_change(self, known: _Changes, stop: int) -> None:
        """Find the next block after `known.seen` that names others, `stop` being one that does."""
        before = frozenset(known.validators)
        low, high = known.seen, stop
        while high - low > 1:
            middle = (low + high) // 2
            if frozenset(self._blocks.header(middle).header.validators) == before:
                low = middle
            else:
                high = middle
        found = self._blocks.header(high)
        named, sealers = frozenset(found.header.validators), found.header.sealers()
        headers = [(high, found.data)]
        # As many as it takes until both sets have sealed: one, nearly always.
        while (
            not (
                more_than_two_thirds(len(sealers & before), len(before))
                and more_than_two_thirds(len(sealers & named), len(named))
            )
            and len(headers) < self._settings.follow
            and high + 1 < stop
        ):
            high += 1
            child = self._blocks.header(high)
            if frozenset(child.header.validators) != named:
                break
            sealers |= child.header.sealers()
            headers.append((high, child.data))
        known.headers = [*known.headers, *headers][-MAX_CHANGES:]
        known.seen, known.validators = headers[-1][0], found.header.validators


def pack_finality(finality: Finality) -> bytes:
    """What is kept of a block: a bundle's JSON, compressed, for most of a header is an empty bloom."""
    return zlib.compress(strictjson.dumps(format_finality(finality)))


def unpack_finality(kept: bytes) -> Finality:
    return parse_finality(strictjson.loads(zlib.decompress(kept)))


def changes_before(store: LogStore, number: int) -> tuple[bytes, ...]:
    """The headers below a block at which validators changed, ascending."""
    known = _read_changes(store.fact(_CHANGES))
    return tuple(data for block, data in known.headers if block < number) if known else ()


def _read_changes(kept: bytes | None) -> _Changes | None:
    if kept is None:
        return None
    members = strictjson.loads(kept)
    headers = [(each["block"], b64decode_strict(each["header"])) for each in members["headers"]]
    return _Changes(members["seen"], tuple(members["validators"]), headers)


def _write_changes(known: _Changes) -> bytes:
    headers = [{"block": block, "header": b64encode(data)} for block, data in known.headers]
    return strictjson.dumps({"seen": known.seen, "validators": list(known.validators), "headers": headers})
