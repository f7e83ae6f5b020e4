"""A witness follows an honest log, cosigns what it derived, and its quorum stands in every answer."""

from dataclasses import replace
from pathlib import Path

import pytest
from log_world import ORIGIN
from witness_world import NAMES, WitnessWorld

from ledger.errors import CosignatureRefused, CosigningRefused, NoteMalformed, NotFound
from ledger.formats.bundle import format_bundle
from ledger.formats.note import cosign, note_hash, parse_note, parse_signature_lines
from ledger.formats.trust import Window, Witnesses, format_trust
from ledger.log.witnessing import BEHIND
from ledger.verify.question import Question
from ledger.verify.verifier import verify_bundle
from ledger.witness.store import Cosigned


@pytest.fixture
def made(tmp_path: Path) -> WitnessWorld:
    return WitnessWorld.make(tmp_path)


def test_two_of_three_witnesses_make_a_quorum_that_the_offline_verifier_counts(made: WitnessWorld) -> None:
    log = made.log()
    log.grow(3, batch=5)
    now = log.clock()
    for number, quorum in ((0, False), (2, True)):
        made.follower(number, log).step()
        log.witnessing.advance()
        checkpoint = log.reader.answering()
        bundle = log.reader.bundle(checkpoint, [0])
        report = verify_bundle(
            format_bundle(bundle),
            format_trust(made.trust()),
            Question(now + 1000, require=frozenset({"witnesses"})),
        )
        assert report.verdicts["witnesses"] == ("pass" if quorum else "unknown")
        assert (log.witnessing.preferred() is not None) == quorum
    names = [line.name for line in parse_note(checkpoint.note).signatures]
    assert names == [ORIGIN, *sorted((NAMES[0], NAMES[2]))]


def test_the_whole_log_is_derived_in_stretches_and_cosigned_at_each_candidate(
    made: WitnessWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.witness.follower.STRETCH", 3)
    log, sizes = made.log(), []
    follower = made.follower(0, log)
    for entries, batch in ((1, 0), (4, 7), (1, 0), (6, 0)):
        log.ahead += 31_000
        log.grow(entries, batch)
        log.witnessing.advance()
        sizes.append(follower.step().cosigned)
    assert sizes == [1, 13, 14, 20]
    assert follower.store.integrated() == log.store.integrated()


def test_the_candidate_stays_until_it_has_its_quorum(made: WitnessWorld) -> None:
    log = made.log()
    log.grow()
    asked = note_hash(log.candidate().text)
    made.follower(0, log).step()
    log.grow(2)
    assert note_hash(log.candidate().text) == asked
    made.follower(1, log).step()
    log.witnessing.advance()
    assert log.candidate().checkpoint.size == 3
    # Answers are given under what has the quorum, as long as nothing larger waits for it too long.
    assert log.reader.answering().size == 1
    assert log.reader.answering(holding=2).size == 3
    log.ahead += 31_000
    assert log.reader.answering().size == 3
    assert log.witnessing.advance() == ()
    log.ahead += 120_000
    assert log.witnessing.advance() == (BEHIND,)


def test_a_cosignature_counts_until_its_key_s_revocation_takes_effect_and_no_longer(
    made: WitnessWorld,
) -> None:
    log, plain = made.log(), made.trust()
    revoked = log.clock() + 60_000
    keys = tuple(made.named(number, Window(0, revoked=revoked)) for number in (0, 1))
    policy = replace(plain.logs[ORIGIN], witnesses=Witnesses(keys, 2))
    log.trust = lambda: replace(plain, logs={ORIGIN: policy})
    log = replace(log)
    log.grow()
    for number in (0, 1):
        made.follower(number, log).step()
    log.witnessing.advance()
    assert log.witnessing.preferred() is not None
    log.ahead = 60_001
    assert log.witnessing.preferred() is None


def test_index_pages_stay_readable_under_the_quorum_however_far_the_log_goes_on(made: WitnessWorld) -> None:
    log = made.log()
    log.grow(2)
    for number in (0, 1):
        made.follower(number, log).step()
    log.witnessing.advance()
    for _ in range(6):
        log.grow()
    checkpoint = log.reader.answering()
    assert checkpoint.size == 2
    assert log.reader.lookup(checkpoint, "resource", "00" * 32).count == 0


@pytest.mark.parametrize(
    "wrong",
    ["stranger", "other note", "future", "old", "revoked", "outside", "garbage", "empty", "flipped", "many"],
)
def test_a_cosignature_that_does_not_hold_is_refused_and_nothing_of_its_hand_in_is_kept(
    made: WitnessWorld, wrong: str
) -> None:
    log = made.log()
    note = log.grow()
    now = log.clock() // 1000
    good = cosign(note.text, NAMES[1], made.witnesses[1], now)
    bad = {
        "stranger": lambda: cosign(note.text, "stranger", made.world.stranger, now),
        "other note": lambda: cosign(note.text.replace(b"time", b"thyme"), NAMES[0], made.witnesses[0], now),
        "future": lambda: cosign(note.text, NAMES[0], made.witnesses[0], now + 400),
        "old": lambda: cosign(note.text, NAMES[0], made.witnesses[0], now - 400),
        "revoked": lambda: cosign(note.text, NAMES[0], made.witnesses[0], now),
        "outside": lambda: cosign(note.text, NAMES[0], made.witnesses[0], now),
        "garbage": lambda: "— x AAAA\n",
        "empty": lambda: "",
        "flipped": lambda: _flipped(cosign(note.text, NAMES[0], made.witnesses[0], now)),
        "many": lambda: "".join(cosign(note.text, f"w{i}", made.witnesses[0], now) for i in range(17)),
    }[wrong]()
    window = {"revoked": Window(0, None, 1), "outside": Window(0, 1)}.get(wrong)
    if window is not None:
        trust = made.trust()
        keys = (made.named(0, window), made.named(1))
        changed = replace(trust.logs[ORIGIN], witnesses=Witnesses(keys, 2))
        log.witnessing._trust = lambda: replace(trust, logs={ORIGIN: changed})
    lines = bad if wrong in ("empty", "many", "garbage") else good + bad
    with pytest.raises((CosignatureRefused, NoteMalformed)):
        log.witnessing.accept(1, None, lines)
    assert log.store.cosignatures(note_hash(note.text)) == []


def _flipped(line: str) -> str:
    (parsed,) = parse_signature_lines(line)
    last = parsed.signature[-1] ^ 1
    return replace(parsed, signature=parsed.signature[:-1] + bytes((last,))).format()


def test_a_cosignature_is_for_a_checkpoint_that_was_published(made: WitnessWorld) -> None:
    log = made.log()
    note = log.grow()
    line = cosign(note.text, NAMES[0], made.witnesses[0], log.clock() // 1000)
    with pytest.raises(NotFound):
        log.witnessing.accept(2, None, line)
    with pytest.raises(NotFound):
        log.witnessing.accept(1, bytes(32), line)
    assert log.witnessing.accept(1, note_hash(note.text), line).new == 1
    assert log.witnessing.accept(1, None, line).new == 0


def test_the_store_vouches_for_nothing_that_was_not_seen_and_derived(made: WitnessWorld) -> None:
    log = made.log()
    note = log.grow(2)
    store = made.follower(0, log).store
    checkpoint = note.checkpoint
    asked = Cosigned(note_hash(note.text), 2, checkpoint.root, checkpoint.index_root, 1, "line")
    with pytest.raises(CosigningRefused, match="not seen"):
        store.cosign(asked)
    store.add_seen(note, None)
    with pytest.raises(CosigningRefused, match="not derived"):
        store.cosign(asked)
    with pytest.raises(CosigningRefused, match="another note was seen"):
        store.add_seen(note, None)


def test_the_database_itself_refuses_a_second_history(made: WitnessWorld) -> None:
    """Whatever a program asks for: the trigger is the last word."""
    log = made.log()
    log.grow(2)
    follower = made.follower(0, log)
    follower.step()
    held = follower.store.newest_cosigned()
    assert held is not None
    for size, root in ((2, bytes(32)), (1, held.root)):
        with follower.store._file.writing() as writer:
            for table in ("seen", "derived"):
                writer.execute(f"DROP TRIGGER {table}_no_UPDATE")
            writer.execute("INSERT OR IGNORE INTO derived VALUES (?, ?, ?)", (size, root, held.index_root))
            writer.execute("UPDATE derived SET root = ? WHERE size = ?", (root, size))
            writer.execute("UPDATE seen SET size = ?, root = ?", (size, root))
        forged = replace(held, size=size, root=root)
        with pytest.raises(CosigningRefused):
            follower.store.cosign(forged)
        with follower.store._file.writing() as writer:
            for table in ("seen", "derived"):
                writer.execute(
                    f"CREATE TRIGGER {table}_no_UPDATE BEFORE UPDATE ON {table}"
                    " BEGIN SELECT RAISE(ABORT, 'no'); END"
                )
