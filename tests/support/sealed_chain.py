"""Sealed blocks as QBFT, Kaia's Istanbul BFT and Clique make them, with real keys and real signatures.

Encoded by the library `rlp`, hashed by `eth-hash` and signed by `eth-keys`: nothing of `ledger.ethereum` but
the trie of receipts is used, so that what is verified was not made by the verifier's own code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import rlp
from eth_hash.auto import keccak
from eth_keys import keys

from ledger.ethereum.trie import make_proof
from ledger.formats.bundle import Bundle, format_bundle
from ledger.formats.consensus import Consensus, ValidatorSet
from ledger.formats.finality import AnchorRecord, Finality, SealedBlock, log_id
from ledger.formats.note import (
    LOG_IDENTIFIER,
    Checkpoint,
    checkpoint_text,
    note_hash,
    parse_note,
    sign_note,
    verification_key,
)
from ledger.formats.trust import Chain, Exported, NamedKey, Trust, TrustLog, Window, format_trust
from ledger.gm import PrivateKey, signer

ORIGIN = "yunling.example/credit"
REGISTRY = "0x" + "5f" * 20
TOPIC = keccak(b"CheckpointPublished(bytes32,uint64,bytes32,bytes32,bytes32)")
QBFT_MIX = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
ROOT, INDEX_ROOT, NOTE_HASH = b"\1" * 32, b"\2" * 32, b"\3" * 32
SIZE = 40


def validator_keys(count: int, seed: int = 1) -> list[keys.PrivateKey]:
    """The same ones for the same seed, in the order of their addresses."""
    made = [keys.PrivateKey(keccak(bytes((seed, place)))) for place in range(count)]
    return sorted(made, key=lambda key: key.public_key.to_canonical_address())


def addresses(made: Sequence[keys.PrivateKey]) -> tuple[str, ...]:
    return tuple(key.public_key.to_address() for key in made)


def seal(digest: bytes, key: keys.PrivateKey) -> bytes:
    return bytes(key.sign_msg_hash(digest).to_bytes())


def event(**changes: Any) -> list[Any]:
    """The log of `CheckpointPublished`."""
    said: dict[str, Any] = {
        "registry": bytes.fromhex(REGISTRY[2:]),
        "topic": TOPIC,
        "log_id": log_id(ORIGIN),
        "size": SIZE,
        "root": ROOT,
        "index_root": INDEX_ROOT,
        "note_hash": NOTE_HASH,
    }
    said |= changes
    data = said["root"] + said["index_root"] + said["note_hash"]
    return [said["registry"], [said["topic"], said["log_id"], said["size"].to_bytes(32, "big")], data]


def receipt(*logs: Any, status: bytes = b"\x01", typed: int | None = None) -> bytes:
    body = rlp.encode([status, 60_000, bytes(256), list(logs)])
    return body if typed is None else bytes((typed,)) + body


def receipts(mine: bytes, index: int, count: int) -> tuple[bytes, tuple[bytes, ...]]:
    """(receipts root, proof) of a block of `count` transactions, of which the one at `index` is given."""
    whole = {rlp.encode(place): mine if place == index else receipt() for place in range(count)}
    root, proof = make_proof(whole, rlp.encode(index))
    return root, tuple(proof)


@dataclass(frozen=True)
class Block:
    """One block to be made. `sealers` sealed it; `named` are the validators in its header."""

    kind: str = "qbft"
    number: int = 7
    parent: bytes = b"\7" * 32
    receipts_root: bytes = b"\6" * 32
    named: tuple[keys.PrivateKey, ...] = ()
    sealers: tuple[keys.PrivateKey, ...] = ()
    round: int = 0
    vote: list[bytes] = field(default_factory=list)
    vanity: bytes = bytes(32)
    seals: tuple[bytes, ...] | None = None
    forks: tuple[Any, ...] = ()

    def made(self) -> tuple[bytes, bytes]:
        """(the header as its engine shows it, the block's hash)."""
        return {"qbft": self._qbft, "kaia": self._kaia, "clique": self._clique}[self.kind]()

    @property
    def header(self) -> bytes:
        return self.made()[0]

    @property
    def hash(self) -> bytes:
        return self.made()[1]

    def _named(self) -> list[bytes]:
        return [key.public_key.to_canonical_address() for key in self.named]

    def _ethereum(self, extra: bytes, mix: bytes = bytes(32)) -> bytes:
        first = [self.parent, keccak(rlp.encode([])), bytes(20), b"\4" * 32, b"\5" * 32, self.receipts_root]
        rest = [bytes(256), 1, self.number, 30_000_000, 60_000, 1_790_000_000 + self.number, extra, mix]
        return rlp.encode([*first, *rest, bytes(8), *self.forks])

    def _sealed_by(self, digest: bytes) -> list[bytes]:
        return list(self.seals) if self.seals is not None else [seal(digest, key) for key in self.sealers]

    def _qbft(self) -> tuple[bytes, bytes]:
        def with_(round_: int, seals: list[bytes]) -> bytes:
            extra = [self.vanity, self._named(), self.vote, round_, seals]
            return self._ethereum(rlp.encode(extra), QBFT_MIX)

        seals = self._sealed_by(keccak(with_(self.round, [])))
        return with_(self.round, seals), keccak(with_(0, []))

    def _kaia(self) -> tuple[bytes, bytes]:
        def with_(vanity: bytes, seals: list[bytes]) -> bytes:
            extra = vanity + rlp.encode([self._named(), b"\x11" * 65, seals])
            first = [self.parent, bytes(20), b"\4" * 32, b"\5" * 32, self.receipts_root, bytes(256), 1]
            rest = [self.number, 60_000, 1_790_000_000 + self.number, 0, extra, b"", b"", 25 * 10**9]
            return rlp.encode([*first, *rest])

        hash_ = keccak(with_(self.vanity[:31] + b"\0", []))
        return with_(self.vanity, self._sealed_by(keccak(hash_ + b"\2"))), hash_

    def _clique(self) -> tuple[bytes, bytes]:
        bare = self.vanity + b"".join(self._named())
        (one,) = self._sealed_by(keccak(self._ethereum(bare)))
        header = self._ethereum(bare + one)
        return header, keccak(header)


@dataclass(frozen=True)
class Anchored:
    """A block that anchors a checkpoint, and what is attached to it."""

    block: Block
    index: int = 0
    count: int = 1
    mine: bytes = field(default_factory=lambda: receipt(event()))
    following: tuple[Block, ...] = ()
    changes: tuple[Block, ...] = ()

    def sealed(self) -> tuple[Block, SealedBlock]:
        root, proof = receipts(self.mine, self.index, self.count)
        block = replace(self.block, receipts_root=root)
        parent, linked = block, []
        for each in self.following:
            parent = replace(each, parent=parent.hash, number=parent.number + 1)
            linked.append(parent.header)
        changes = tuple(each.header for each in self.changes)
        return block, SealedBlock(block.header, self.index, proof, tuple(linked), changes)

    def anchor(self) -> AnchorRecord:
        block, sealed = self.sealed()
        return AnchorRecord(
            4242,
            REGISTRY,
            log_id(ORIGIN),
            SIZE,
            ROOT,
            INDEX_ROOT,
            NOTE_HASH,
            "0x" + "cd" * 32,
            block.number,
            "0x" + block.hash.hex(),
            Finality(block.kind, block=sealed),
        )


LOG_KEY = signer(PrivateKey.generate())


def sealed_bundle(
    block: Block, *, trusted: Sequence[keys.PrivateKey], now: int, kind: str | None = None
) -> tuple[bytes, bytes]:
    """(bundle, trust file) of a checkpoint alone, anchored in this block; `now` in seconds."""
    checkpoint = Checkpoint(ORIGIN, SIZE, ROOT, INDEX_ROOT, now)
    text = checkpoint_text(checkpoint)
    note = parse_note(text.decode() + "\n" + sign_note(text, ORIGIN, LOG_KEY))
    anchored = Anchored(block, index=2, count=5, mine=receipt(event(note_hash=note_hash(text))))
    anchor = replace(anchored.anchor(), note_hash=note_hash(text))
    sets = (ValidatorSet(1, addresses(trusted)),)
    chain = Chain(4242, REGISTRY, addresses(trusted), Consensus(kind or block.kind, sets))
    vkey = verification_key(ORIGIN, LOG_IDENTIFIER, LOG_KEY.public)
    log = TrustLog(ORIGIN, ("subject",), {}, 1, (NamedKey(vkey, Window(0)),), None, chain)
    trust = Trust(Exported(now * 1000, 4242, 1), {ORIGIN: log}, {})
    return format_bundle(Bundle(ORIGIN, note, (), None, anchor)), format_trust(trust)
