"""What a log adds to its signed notes costs its witness nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from log_world import ORIGIN
from witness_world import WitnessedLog, WitnessWorld

from ledger.errors import MisbehaviourFound
from ledger.formats.note import SignatureLine, SignedNote
from ledger.formats.trust import format_trust
from ledger.verify.misbehaviour import verify_misbehaviour
from ledger.verify.question import Question


@pytest.fixture
def made(tmp_path: Path) -> WitnessWorld:
    return WitnessWorld.make(tmp_path)


def test_lines_that_a_log_adds_to_its_notes_are_neither_kept_nor_part_of_a_proof(made: WitnessWorld) -> None:
    padding = tuple(SignatureLine(f"padding{i}", bytes(4), bytes(4_000)) for i in range(10))

    class Padded:
        def __init__(self, log: WitnessedLog) -> None:
            self.log = log

        def __getattr__(self, name: str) -> object:
            return getattr(self.log, name)

        def newest(self) -> SignedNote:
            note = self.log.newest()
            return replace(note, signatures=note.signatures + padding)

        candidate = newest

    one, other = made.log("one"), made.log("other")
    one.grow(3)
    other.grow(3)
    follower = made.follower(0, one)
    follower.source = Padded(one)  # type: ignore[assignment]
    follower.step()
    head = follower.store.head()
    assert head is not None
    assert [line.name for line in head.signatures] == [ORIGIN]
    follower.source = Padded(other)  # type: ignore[assignment]
    with pytest.raises(MisbehaviourFound, match="two_roots"):
        follower.step()
    refused = follower.store.proven()
    assert refused is not None
    assert len(refused.note) < 1000
    data = (made.folder / "witness0" / "evidence" / refused.proof).read_bytes()
    assert verify_misbehaviour(data, format_trust(made.trust()), Question(4_000_000_000_000)).exit_status == 0
