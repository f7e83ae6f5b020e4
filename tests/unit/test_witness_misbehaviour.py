"""A log that shows two histories is caught, and what it signed is a file that anybody verifies."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from log_world import ORIGIN
from sealed_chain import REGISTRY, Anchored, Block, addresses, event, receipt, validator_keys
from witness_world import WitnessedLog, WitnessWorld

from ledger.errors import FormatError, MisbehaviourFound, NotFound, SourceRefused
from ledger.formats.finality import AnchorRecord, log_id
from ledger.formats.misbehaviour import (
    NOT_AS_ANCHORED,
    TWO_ENTRIES,
    Misbehaviour,
    PlacedLeaf,
    TwoLeaves,
    format_misbehaviour,
    parse_misbehaviour,
)
from ledger.formats.note import SignedNote, note_hash
from ledger.formats.trust import Chain, format_trust
from ledger.log.integrate import integrate
from ledger.merkle import leaf_hash
from ledger.store.port import NewEntry
from ledger.verify.command import main as verify
from ledger.verify.misbehaviour import verify_misbehaviour
from ledger.verify.question import Question
from ledger.verify.verdicts import ANCHOR, PASS, UNKNOWN, Finding
from ledger.witness.deriving import EntryRefused
from ledger.witness.follower import Follower

NOW = 4_000_000_000_000


@pytest.fixture
def made(tmp_path: Path) -> WitnessWorld:
    return WitnessWorld.make(tmp_path)


def proven(made: WitnessWorld, follower: Follower, kind: str) -> Misbehaviour:
    """The one proof that the follower wrote, verified as a stranger would."""
    refused = [each for each in follower.store.refusals() if each.proof]
    assert len(refused) == 1
    data = (made.folder / "witness0" / "evidence" / refused[0].proof).read_bytes()
    proof = parse_misbehaviour(data)
    assert proof.kind == kind
    assert format_misbehaviour(proof) == data
    assert verify_misbehaviour(data, format_trust(made.trust()), Question(NOW)).exit_status == 0
    return proof


def never_again(follower: Follower, honest: WitnessedLog) -> None:
    """Neither does it vouch for the log that showed its other face before."""
    before = follower.store.newest_cosigned()
    follower.source = honest
    honest.ahead += 31_000
    honest.grow()
    with pytest.raises(MisbehaviourFound, match="proven by"):
        follower.step()
    assert follower.store.newest_cosigned() == before


def test_two_roots_of_one_size(made: WitnessWorld) -> None:
    one, other = made.log("one"), made.log("other")
    one.grow(3)
    other.grow(3)
    follower = made.follower(0, one)
    follower.step()
    follower.source = other
    with pytest.raises(MisbehaviourFound, match="two_roots"):
        follower.step()
    proven(made, follower, "two_roots")
    never_again(follower, one)


@pytest.mark.parametrize(
    ("first", "second"), [(1, 2), (2, 5), (3, 4), (4, 5), (4, 9), (5, 8), (8, 8 + 9), (7, 20)]
)
def test_a_larger_tree_that_does_not_continue_what_was_seen(
    made: WitnessWorld, first: int, second: int
) -> None:
    one, other = made.log("one"), made.log("other")
    one.grow(first)
    other.grow(second)
    follower = made.follower(0, one)
    follower.step()
    follower.source = other
    with pytest.raises(MisbehaviourFound, match="inconsistent"):
        follower.step()
    proof = proven(made, follower, "inconsistent")
    assert [note.checkpoint.size for note in proof.notes] == [first, second]
    assert follower.store.integrated().size == first
    never_again(follower, one)


@pytest.mark.parametrize("first", [1, 2, 3, 4, 6])
def test_an_earlier_note_of_another_history(made: WitnessWorld, first: int) -> None:
    other, one = made.log("other"), made.log("one")
    other.grow(first)
    one.ahead = 10_000
    one.grow(7)
    follower = made.follower(0, one)
    follower.step()
    follower.source = other
    with pytest.raises(MisbehaviourFound, match="inconsistent"):
        follower.step()
    proven(made, follower, "inconsistent")


def test_a_smaller_tree_that_was_signed_later(made: WitnessWorld) -> None:
    one, restored = made.log("one"), made.log("restored")
    one.grow(4)
    restored.ahead = 20_000
    restored.grow(2)
    follower = made.follower(0, one)
    follower.step()
    follower.source = restored
    with pytest.raises(MisbehaviourFound, match="went_back"):
        follower.step()
    proven(made, follower, "went_back")


class Silent:
    """Another history of which nothing is shown but its signed notes."""

    def __init__(self, log: WitnessedLog, kept: WitnessedLog) -> None:
        self.log = log
        self.kept = kept

    def __getattr__(self, name: str) -> object:
        # Notes come from the other history; what leads into a tree, from the one that was shown before.
        return getattr(self.log if name in ("newest", "candidate", "published") else self.kept, name)


def test_where_nothing_leads_into_the_other_tree_it_is_refused_without_proof(
    made: WitnessWorld,
) -> None:
    one, other = made.log("one"), made.log("other")
    one.grow(3)
    other.grow(6)
    follower = made.follower(0, one)
    follower.step()
    one.grow(3)
    follower.source = Silent(other, one)  # type: ignore[assignment]
    for _ in range(2):
        with pytest.raises(MisbehaviourFound, match="no proof that stands alone"):
            follower.step()
    assert [(each.reason, each.proof) for each in follower.store.refusals()] == [("inconsistent", "")]
    assert follower.store.integrated().size == 3
    # The history that it saw first it goes on with: nothing was proven against it.
    follower.source = one
    assert follower.step().cosigned == 3


def test_an_id_that_stands_twice(made: WitnessWorld) -> None:
    log = made.log()
    log.grow(2)
    first = next(iter(log.store.entries(0, 1)))
    # The database would refuse it: a log that means to has none that does.
    with log.store._log.writing() as writer:
        writer.execute("DROP INDEX idx_entry_issuer_id")
        writer.execute(
            "INSERT INTO entry SELECT 2, issuer, id, accepted_at, leaf, index_keys, entry"
            " FROM entry WHERE idx = 0"
        )
    log.ahead += 31_000
    note = log.publish()
    assert note.checkpoint.size == 3
    follower = made.follower(0, log)
    with pytest.raises(MisbehaviourFound, match="repeated_id"):
        follower.step()
    proven(made, follower, "repeated_id")
    assert follower.store.newest_cosigned() is None
    assert first.index == 0


def _forged(log: WitnessedLog, entry: bytes, keys: tuple[bytes, ...]) -> None:
    """Append what no door would let in."""
    log.store.append([[NewEntry("91350100MA99000369", _ID, entry, leaf_hash(entry), keys)]], log.clock())


_ID = "01890000-0000-7000-8000-000000000001"


@pytest.mark.parametrize("wrong", ["keys", "other log", "kind", "no envelope", "index"])
def test_an_entry_or_an_index_that_is_not_as_it_must_be_is_not_vouched_for(
    made: WitnessWorld, wrong: str
) -> None:
    log = made.log()
    log.append(1)
    world = made.world
    given = {
        "keys": lambda: world.envelope(keys={"resource": ("00" * 32,)}),
        "other log": lambda: world.envelope(log="yunling.example/other"),
        "kind": lambda: world.envelope(kind="access.event.imagined"),
        "no envelope": lambda: b"{}",
        "index": lambda: world.envelope(),
    }[wrong]()
    _forged(log, given, (bytes(32),) if wrong == "index" else ())
    log.publish()
    follower = made.follower(0, log)
    with pytest.raises(SourceRefused if wrong == "index" else EntryRefused):
        follower.step()
    assert follower.store.newest_cosigned() is None
    (refused,) = follower.store.refusals()
    assert refused.reason.startswith("index_differs" if wrong == "index" else "entry_refused 1")
    assert integrate(log.store) is None


class Lying:
    """An honest log, but for some of its answers."""

    def __init__(self, log: WitnessedLog, **lies: Callable[..., object]) -> None:
        self.log = log
        self.lies = lies

    def __getattr__(self, name: str) -> object:
        return self.lies.get(name) or getattr(self.log, name)


def test_entries_that_do_not_lead_to_what_was_signed_are_not_kept(
    made: WitnessWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, other = made.log(), made.log("other")
    log.grow(9)
    other.grow(9)
    for stretch in (100, 4):
        monkeypatch.setattr("ledger.witness.follower.STRETCH", stretch)
        follower = made.follower(0, Lying(log, entries=other.entries))
        with pytest.raises(SourceRefused, match="do not lead to the root"):
            follower.step()
        assert follower.store.integrated().size == 0
        follower.store.close()
    assert made.follower(0, log).step().cosigned == 9


def test_notes_that_prove_nothing_are_refused(made: WitnessWorld) -> None:
    log = made.log()
    note = log.grow(2)
    checkpoint = note.checkpoint
    stranger = made.world.log
    made.world.log = made.world.stranger
    foreign = made.signed(checkpoint)
    made.world.log = stranger
    flipped = replace(
        note, signatures=(replace(note.signatures[0], signature=bytes(64)), *note.signatures[1:])
    )
    ahead = made.signed(replace(checkpoint, time=checkpoint.time + 1000))
    elsewhere = made.signed(replace(checkpoint, origin="other.example/access"))
    empty = made.signed(replace(checkpoint, size=0))
    follower = made.follower(0, log)
    for wrong in (foreign, flipped, ahead, elsewhere, empty):
        follower.source = Lying(log, newest=lambda wrong=wrong: wrong)  # type: ignore[assignment]
        with pytest.raises(SourceRefused):
            follower.step()
    assert follower.store.head() is None


# The file


def two_roots(made: WitnessWorld) -> Misbehaviour:
    notes = tuple(made.log(name).grow(3) for name in ("one", "other"))
    return Misbehaviour(ORIGIN, "two_roots", notes)


def judged(made: WitnessWorld, proof: Misbehaviour) -> tuple[dict[str, str], list[str]]:
    report = verify_misbehaviour(proof, made.trust(), Question(NOW))
    return report.verdicts, [found.reason for found in report.findings]


def test_the_same_note_twice_or_a_refreshed_one_is_no_misbehaviour(made: WitnessWorld) -> None:
    note = made.log().grow(3)
    later = made.signed(replace(note.checkpoint, time=note.checkpoint.time + 9))
    for notes in ((note, note), (note, later), (later, note)):
        for kind in ("two_roots", "went_back"):
            verdicts, reasons = judged(made, Misbehaviour(ORIGIN, kind, notes))
            assert verdicts["misbehaviour"] == "fail"
            assert "nothing_wrong" in reasons


def test_an_honest_consistency_proof_accuses_nobody(made: WitnessWorld) -> None:
    from ledger.formats.misbehaviour import Beginning

    log = made.log()
    first = log.grow(3)
    second = log.grow(4)
    proof = tuple(log.consistency(3, 7))
    honest = Misbehaviour(ORIGIN, "inconsistent", (first, second), Beginning(first.checkpoint.root, proof))
    assert judged(made, honest)[0]["misbehaviour"] == "fail"
    forged = replace(honest, material=Beginning(bytes(32), proof))
    assert "proof_invalid" in judged(made, forged)[1]
    turned = replace(honest, notes=(second, first))
    assert "proof_invalid" in judged(made, turned)[1]


def test_two_entries_at_one_index_from_two_answers_that_two_people_got(made: WitnessWorld) -> None:
    one, other = made.log("one"), made.log("other")
    notes = one.grow(3), other.grow(5)
    leaves = [leaf_hash(log.entries(1, 2)[0]) for log in (one, other)]
    paths = [
        log.inclusion(leaf, log.newest().checkpoint.size)[1]
        for log, leaf in zip((one, other), leaves, strict=True)
    ]
    placed = [PlacedLeaf(leaf, tuple(path)) for leaf, path in zip(leaves, paths, strict=True)]
    proof = Misbehaviour(ORIGIN, TWO_ENTRIES, notes, TwoLeaves(1, placed[0], placed[1]))
    assert judged(made, parse_misbehaviour(format_misbehaviour(proof)))[0] == {
        "notes": "pass",
        "misbehaviour": "pass",
    }
    same = Misbehaviour(ORIGIN, TWO_ENTRIES, (notes[0], notes[0]), TwoLeaves(1, placed[0], placed[0]))
    assert "nothing_wrong" in judged(made, same)[1]


def test_an_anchor_that_nothing_backs_proves_nothing_yet(made: WitnessWorld) -> None:
    note = made.log().grow(3)
    anchor = AnchorRecord(
        7,
        "0x" + "ab" * 20,
        log_id(ORIGIN),
        3,
        bytes(32),
        bytes(32),
        bytes(32),
        "0x" + "11" * 32,
        5,
        "0x" + "22" * 32,
    )
    proof = Misbehaviour(ORIGIN, NOT_AS_ANCHORED, (note,), anchor)
    verdicts, reasons = judged(made, parse_misbehaviour(format_misbehaviour(proof)))
    assert verdicts["misbehaviour"] == "unknown"
    assert "anchor_not_backed" in reasons
    assert "anchor_elsewhere" in judged(made, replace(proof, material=replace(anchor, size=4)))[1]
    agreeing = replace(anchor, root=note.checkpoint.root, index_root=note.checkpoint.index_root)
    assert "nothing_wrong" in judged(made, replace(proof, material=agreeing))[1]


class Agreeing:
    """A node on whose chain the registry asked about holds whatever the anchor says."""

    def findings(self, anchor: AnchorRecord) -> list[Finding]:
        return [Finding(ANCHOR, PASS, "anchored_by_node")]


def test_a_registry_that_only_the_proof_names_backs_no_anchor(made: WitnessWorld) -> None:
    note, zeros = made.log().grow(3), bytes(32)
    hashes = "0x" + "11" * 32, 5, "0x" + "22" * 32
    anchor = AnchorRecord(7, "0x" + "ab" * 20, log_id(ORIGIN), 3, zeros, zeros, zeros, *hashes)
    proof, trust = Misbehaviour(ORIGIN, NOT_AS_ANCHORED, (note,), anchor), made.trust()
    for chain, outcome in ((None, UNKNOWN), (Chain(7, anchor.registry), PASS)):
        logs = {ORIGIN: replace(trust.logs[ORIGIN], chain=chain)}
        report = verify_misbehaviour(proof, replace(trust, logs=logs), Question(NOW, node=Agreeing()))
        assert report.verdicts["misbehaviour"] == outcome


def test_validators_of_before_the_trust_file_do_not_lead_on_from_its_own(made: WitnessWorld) -> None:
    four = tuple(validator_keys(4))
    changed = (*four[1:], *validator_keys(1, seed=9))
    note = made.log().grow(3)
    said = receipt(event(log_id=log_id(ORIGIN), size=3))
    trust = made.trust()
    logs = {ORIGIN: replace(trust.logs[ORIGIN], chain=Chain(4242, REGISTRY, addresses(four)))}
    trust = replace(trust, logs=logs, exported=replace(trust.exported, block=100))
    for number, outcome in ((50, UNKNOWN), (150, PASS)):
        change = Block(number=number, named=changed, sealers=four[1:])
        mine = Block(number=200, named=changed, sealers=changed[1:])
        anchor = replace(Anchored(mine, mine=said, changes=(change,)).anchor(), log_id=log_id(ORIGIN), size=3)
        proof = Misbehaviour(ORIGIN, NOT_AS_ANCHORED, (note,), anchor)
        assert verify_misbehaviour(proof, trust, Question(NOW)).verdicts["misbehaviour"] == outcome


def test_who_signed_is_by_the_trust_file_and_a_revocation_takes_nothing_away(made: WitnessWorld) -> None:
    proof = two_roots(made)
    trust = made.trust()
    log = trust.logs[ORIGIN]
    revoked = replace(log.keys[0], window=replace(log.keys[0].window, revoked=1))
    for changed, outcome, reason in (
        (replace(trust, logs={}), "unknown", "log_not_trusted"),
        (replace(trust, logs={ORIGIN: replace(log, keys=())}), "unknown", "log_key_unknown"),
        (replace(trust, logs={ORIGIN: replace(log, keys=(revoked,))}), "pass", "key_revoked"),
    ):
        report = verify_misbehaviour(proof, changed, Question(NOW))
        assert report.verdicts["notes"] == outcome
        assert reason in [found.reason for found in report.findings]
    (first, second) = proof.notes
    unsigned = replace(second, signatures=(replace(second.signatures[0], signature=bytes(64)),))
    assert judged(made, replace(proof, notes=(first, unsigned)))[0]["notes"] == "fail"
    assert judged(made, replace(proof, origin="a.example/b"))[0]["notes"] == "unknown"


def test_the_command_verifies_the_file(made: WitnessWorld, tmp_path: Path) -> None:
    from click.testing import CliRunner

    file, trust = tmp_path / "proof.json", tmp_path / "trust.json"
    file.write_bytes(format_misbehaviour(two_roots(made)))
    trust.write_bytes(format_trust(made.trust()))
    said = CliRunner().invoke(verify, [str(file), "--trust", str(trust), "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.output)["verdicts"] == {"notes": "pass", "misbehaviour": "pass"}
    shown = CliRunner().invoke(verify, [str(file), "--trust", str(trust)])
    assert "同一大小被签署了两个不同的根" in shown.output
    assert shown.output.endswith("已证明 proven\n")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "imagined"},
        {"notes": []},
        {"notes": ["x", "y"]},
        {"material": {}},
        {"more": 1},
        {"origin": "No Origin"},
        {"mediaType": "text/plain"},
    ],
)
def test_a_file_out_of_form_is_unusable(made: WitnessWorld, change: dict[str, object]) -> None:
    document = json.loads(format_misbehaviour(two_roots(made))) | change
    with pytest.raises(FormatError):
        parse_misbehaviour(json.dumps(document).encode())


def test_a_hidden_note_is_not_found(made: WitnessWorld) -> None:
    log = made.log()
    note: SignedNote = log.grow()
    assert log.published(1, note_hash(note.text)).text == note.text
    with pytest.raises(NotFound):
        log.published(1, bytes(32))
