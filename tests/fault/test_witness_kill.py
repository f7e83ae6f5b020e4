"""A witness killed at every step of check-and-save vouches for one history, and loses nothing it said."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from log_world import ORIGIN
from witness_world import WitnessedLog, WitnessWorld

from ledger.errors import MisbehaviourFound
from ledger.formats.note import note_hash, parse_note
from ledger.witness.store import LOG, Cosigned, WitnessStore

PROGRAM = Path(__file__).resolve().parents[1] / "support" / "witness_world.py"
POINTS = (
    "witness.seeing",
    "witness.seen",
    "witness.deriving",
    "witness.derived",
    "witness.cosigning",
    "witness.cosigned",
)
SHOWN_AFTER = ("witness.cosigned",)
"""Killed here, the cosignature is kept though nobody has it yet."""


def look(folder: Path, log: str = "log", fault: str = "") -> int:
    """One round of a witness in a process of its own; its exit status."""
    environment = {**os.environ, "XINZHENG_FAULT": fault}
    with (folder / "witness.log").open("ab") as out:
        return subprocess.run(
            [sys.executable, str(PROGRAM), "look", str(folder), log], env=environment, stderr=out, timeout=120
        ).returncode


def cosigned(folder: Path) -> list[Cosigned]:
    store = WitnessStore(folder / "witness0")
    kept = store._cosigned("ORDER BY seq", ())
    store.close()
    return kept


def shown(log: WitnessedLog) -> dict[bytes, str]:
    """The cosignatures that the log was handed, by note hash."""
    sizes = [each.size for each in log.store.checkpoints(-1, 100)]
    notes = [log.store.checkpoint(size) for size in sizes]
    hashes = [note_hash(parse_note(note.note).text) for note in notes if note is not None]
    return {hash_: line.line for hash_ in hashes for line in log.store.cosignatures(hash_)}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_step_it_goes_on_where_it_was(tmp_path: Path, point: str) -> None:
    made = WitnessWorld.make(tmp_path)
    log = made.log()
    log.grow(5)
    assert look(tmp_path, fault=point) == -signal.SIGKILL
    assert len(cosigned(tmp_path)) == int(point in SHOWN_AFTER)
    assert shown(log) == {}
    assert look(tmp_path) == 0
    (kept,) = cosigned(tmp_path)
    assert shown(log) == {kept.note_hash: kept.line}
    # The same line that was kept, and not another one of a later second.
    store = WitnessStore(tmp_path / "witness0")
    assert store.waiting(LOG) == []
    store.close()


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_step_and_then_shown_another_history_it_vouches_for_one_of_them(
    tmp_path: Path, point: str
) -> None:
    made = WitnessWorld.make(tmp_path)
    one, other = made.log("one"), made.log("other")
    one.grow(5)
    other.grow(5)
    assert look(tmp_path, "one", point) == -signal.SIGKILL
    after = look(tmp_path, "other")
    seen = point != "witness.seeing"
    # What was not kept before the kill was shown to nobody, and the second history is the first one seen.
    assert (after == 0) == (not seen)
    roots = {each.root for each in cosigned(tmp_path)}
    assert len(roots) <= 1
    assert roots <= {(one if seen else other).newest().checkpoint.root}
    if seen:
        follower = made.follower(0, other)
        with pytest.raises(MisbehaviourFound, match="two_roots"):
            follower.step()
        assert [each.reason for each in follower.store.refusals()] == ["two_roots"]


def test_killed_between_two_notes_it_keeps_to_the_first(tmp_path: Path) -> None:
    made = WitnessWorld.make(tmp_path)
    one, other = made.log("one"), made.log("other")
    one.grow(3)
    assert look(tmp_path, "one") == 0
    other.grow(9)
    for point in POINTS:
        assert look(tmp_path, "other", point) not in (0, -signal.SIGKILL)
    (kept,) = cosigned(tmp_path)
    assert kept.size == 3
    assert shown(other) == {}


def test_a_hand_in_that_was_not_answered_is_repeated_and_kept_once(tmp_path: Path) -> None:
    made = WitnessWorld.make(tmp_path)
    log = made.log()
    log.grow(2)
    assert look(tmp_path, fault="cosignature.kept") == -signal.SIGKILL
    store = WitnessStore(tmp_path / "witness0")
    assert len(store.waiting(LOG)) == 1
    store.close()
    before = shown(log)
    assert look(tmp_path) == 0
    assert shown(log) == before
    assert log.newest().checkpoint.origin == ORIGIN
