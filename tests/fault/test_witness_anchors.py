"""What a witness makes of the chain beside a log: cosigned there once, away, or at odds with it."""

from dataclasses import replace
from pathlib import Path

import pytest
from fake_chain import FakeChain
from witness_world import WitnessedLog, WitnessWorld

from ledger.chain.port import ChainIdentity, Mined
from ledger.errors import ChainRefused, MisbehaviourFound, SourceRefused
from ledger.formats.misbehaviour import parse_misbehaviour
from ledger.formats.note import SignedNote, note_hash
from ledger.verify.misbehaviour import verify_misbehaviour
from ledger.verify.question import Question
from ledger.witness.anchors import AnchorWatch
from ledger.witness.follower import Follower
from ledger.witness.runner import Followed, Runner
from ledger.witness.store import CHAIN


class CosigningChain(FakeChain):
    """With cosignatures, mined at once."""

    registry = "0x" + "ab" * 20

    def __init__(self) -> None:
        super().__init__()
        self.cosigned: list[tuple[int, bytes]] = []
        self.refusal = ""
        self.tried = 0
        self.loses = False

    def identity(self) -> ChainIdentity:
        return ChainIdentity(4242, "0x" + "00" * 32)

    def cosign(self, log_id: bytes, size: int, note_hash: bytes) -> str:
        self._held()
        if self.refusal:
            raise ChainRefused("no", self.refusal)
        if (size, note_hash) in self.cosigned:
            raise ChainRefused("again", "AlreadyCosigned")
        self.tried += 1
        tx = f"0xcc{self.tried:062x}"
        if self.loses:
            return tx
        self.cosigned.append((size, note_hash))
        self.found[tx] = Mined(tx, len(self.blocks) - 1, self.blocks[-1][0], True, 1)
        return tx

    def anchor(self, note: SignedNote, **changes: bytes) -> None:
        checkpoint = note.checkpoint
        given = {
            "root": checkpoint.root,
            "index_root": checkpoint.index_root,
            "note_hash": note_hash(note.text),
        }
        self.publish(bytes(32), checkpoint.size, **(given | changes))
        self.mine()


class Scene:
    def __init__(self, folder: Path) -> None:
        self.made = WitnessWorld.make(folder)
        self.log = self.made.log()
        self.chain = CosigningChain()
        self.follower = self.made.follower(0, self.log)
        watch = AnchorWatch(self.chain, self.follower, self.log.clock, cosigns=True)  # type: ignore[arg-type]
        self.followed = Followed(self.follower, watch)

    def round(self) -> bool:
        return self.followed.round(self.log.clock)

    @property
    def chain_error(self) -> str | None:
        return self.followed.standing.chain_error


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_an_anchored_checkpoint_is_cosigned_on_the_chain_once(scene: Scene) -> None:
    note = scene.log.grow(3)
    assert scene.round()
    assert scene.chain.cosigned == []
    scene.chain.anchor(note)
    for _ in range(3):
        assert scene.round()
    assert scene.chain.cosigned == [(3, note_hash(note.text))]
    assert scene.follower.store.waiting(CHAIN) == []


def test_the_note_that_was_anchored_is_derived_and_cosigned_though_it_is_no_candidate(scene: Scene) -> None:
    scene.log.grow(2)
    anchored = scene.log.grow(2)
    scene.chain.anchor(anchored)
    scene.log.grow(2)
    assert scene.log.candidate().checkpoint.size == 2
    for _ in range(2):
        assert scene.round()
    assert [size for size, _ in scene.chain.cosigned] == [4]
    assert scene.follower.store.newest_cosigned().size == 4  # type: ignore[union-attr]


def test_a_cosignature_that_no_anchor_is_for_waits_no_longer(scene: Scene) -> None:
    scene.log.grow(2)
    scene.round()
    scene.log.ahead += 31_000
    later = scene.log.grow(2)
    scene.chain.anchor(later)
    scene.round()
    scene.round()
    assert [size for size, _ in scene.chain.cosigned] == [4]
    assert scene.follower.store.waiting(CHAIN) == []


def test_a_chain_that_is_away_keeps_nobody_from_following_the_log(scene: Scene) -> None:
    note = scene.log.grow(3)
    scene.chain.anchor(note)
    scene.chain.away = True
    assert scene.round()
    assert scene.follower.store.newest_cosigned().size == 3  # type: ignore[union-attr]
    assert scene.chain_error is not None
    assert "chain_unavailable" in scene.chain_error
    assert not Runner([scene.followed], 1.0, scene.log.clock, scene.made.folder / "s.json").once(20)
    scene.chain.away = False
    scene.round()
    scene.round()
    assert scene.chain_error is None
    assert scene.chain.cosigned == [(3, note_hash(note.text))]


def test_a_transaction_that_was_lost_is_sent_again(scene: Scene) -> None:
    scene.chain.anchor(scene.log.grow(3))
    scene.chain.loses = True
    for _ in range(3):
        scene.round()
    assert (scene.chain.tried, scene.chain.cosigned) == (1, [])
    scene.chain.loses = False
    scene.log.ahead += 61_000
    for _ in range(3):
        scene.round()
    assert (scene.chain.tried, len(scene.chain.cosigned)) == (2, 1)
    assert scene.follower.store.waiting(CHAIN) == []


def test_a_contract_that_refuses_is_said_and_asked_again(scene: Scene) -> None:
    scene.chain.anchor(scene.log.grow(3))
    scene.chain.refusal = "NotWitness"
    assert scene.round()
    assert scene.chain_error is not None
    assert "NotWitness" in scene.chain_error
    scene.chain.refusal = ""
    assert scene.round()
    assert len(scene.chain.cosigned) == 1


def proof_of(follower: Follower, folder: Path) -> tuple[str, dict[str, str]]:
    (refused,) = [each for each in follower.store.refusals() if each.proof]
    proof = parse_misbehaviour((folder / "witness0" / "evidence" / refused.proof).read_bytes())
    made = WitnessWorld.make(folder)
    return proof.kind, dict(verify_misbehaviour(proof, made.trust(), Question(4_000_000_000_000)).verdicts)


@pytest.mark.parametrize("changed", ["root", "index_root"])
def test_a_log_that_anchors_other_roots_than_it_signed_is_caught(
    scene: Scene, tmp_path: Path, changed: str
) -> None:
    note = scene.log.grow(3)
    scene.round()
    scene.chain.anchor(note, **{changed: bytes(32)})
    assert not scene.round()
    assert scene.followed.standing.misbehaved
    # The anchor is the word of this witness's own node; a stranger asks his own.
    (refused,) = scene.follower.store.refusals()
    assert refused.reason == "not_as_anchored"
    assert scene.chain.cosigned == []


def test_a_log_that_anchors_another_history_than_it_shows_is_caught(scene: Scene, tmp_path: Path) -> None:
    scene.log.grow(5)
    scene.round()
    other: WitnessedLog = scene.made.log("other")
    elsewhere = other.grow(3)
    scene.chain.anchor(elsewhere)
    # It anchored a note that it does not show: the tree derived here is another at that size.
    scene.log.ahead += 31_000
    scene.log.grow()
    assert not scene.round()
    assert scene.followed.standing.misbehaved
    assert scene.follower.store.newest_cosigned().size == 5  # type: ignore[union-attr]
    # Whoever has it shows it: the two notes and a way into the larger tree are proof.
    scene.follower.source = Both(scene.log, other)  # type: ignore[assignment]
    assert not scene.round()
    assert proof_of(scene.follower, tmp_path) == ("inconsistent", {"notes": "pass", "misbehaviour": "pass"})


@pytest.mark.parametrize("size", [7, 2**64 - 1])
def test_a_log_that_hides_what_it_anchored_is_not_vouched_for(scene: Scene, size: int) -> None:
    note = scene.log.grow(5)
    scene.round()
    ahead = replace(note, checkpoint=replace(note.checkpoint, size=size, root=bytes(32)))
    scene.chain.anchor(ahead, note_hash=bytes(32))
    scene.log.ahead += 31_000
    scene.log.grow()
    assert not scene.round()
    assert "source_refused" in str(scene.followed.standing.error)
    assert scene.follower.store.newest_cosigned().size == 5  # type: ignore[union-attr]


def test_an_anchored_cosignature_is_sent_though_many_newer_ones_wait_for_an_anchor(scene: Scene) -> None:
    scene.follower._clock = scene.log.clock
    anchored = scene.log.grow(2)
    assert scene.round()
    for _ in range(17):
        scene.log.ahead += 31_000
        scene.log.grow()
        assert scene.round()
    scene.chain.anchor(anchored)
    assert scene.round()
    assert scene.chain.cosigned == [(2, note_hash(anchored.text))]


class Both:
    """The one history, with the other's anchored note among what it shows."""

    def __init__(self, log: WitnessedLog, other: WitnessedLog) -> None:
        self.log = log
        self.other = other

    def __getattr__(self, name: str) -> object:
        return getattr(self.other if name == "published" else self.log, name)


def test_a_note_that_is_not_the_one_anchored_is_refused(scene: Scene) -> None:
    note = scene.log.grow(3)
    scene.chain.anchor(note)
    forged = scene.made.signed(replace(note.checkpoint, time=note.checkpoint.time + 1))
    follower = scene.follower
    follower.source = type("Lying", (Both,), {"published": lambda *_: forged})(scene.log, scene.log)
    watch = scene.followed.watch
    assert watch is not None
    with pytest.raises(SourceRefused):
        watch.look()


def test_what_was_proven_is_not_forgotten(scene: Scene) -> None:
    note = scene.log.grow(3)
    scene.round()
    other = scene.made.log("other")
    other.grow(3)
    scene.follower.source = other  # type: ignore[assignment]
    assert not scene.round()
    scene.follower.source = scene.log  # type: ignore[assignment]
    with pytest.raises(MisbehaviourFound):
        scene.follower.check_standing()
    scene.chain.anchor(note)
    assert not scene.round()
