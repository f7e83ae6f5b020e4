"""What `DisputeRegistry` promises, on a real EVM, through its Python bindings."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from plain_tree import growth

from ledger.chain import changes
from ledger.chain.disputes import Disputes, SignedText, Standing
from ledger.errors import ChainRefused, ConfigurationError, InputError
from ledger.formats.note import (
    LOG_IDENTIFIER,
    Checkpoint,
    checkpoint_text,
    note_hash,
    parse_note,
    sign_note,
    verification_key,
)
from ledger.gm import PrivateKey, Signer, signer
from ledger.merkle import leaf_hash, root_hash

pytestmark = pytest.mark.chain
CREDIT = "yunling.example/credit"
LOG = changes.log_id(CREDIT)
A, B = "113501000099000133", "12350100009900021T"
DAY = 24 * 3600
INDEX = b"\x02" * 32
HONEST = [leaf_hash(b"%d" % i) for i in range(16)]
FORKED = [*HONEST[:4], leaf_hash(b"other"), *HONEST[5:]]


@contextmanager
def refused(*reasons: str) -> Iterator[None]:
    with pytest.raises(ChainRefused) as caught:
        yield
    assert caught.value.reason in reasons


def pass_time(url: str, seconds: int) -> None:
    for method, parameters in (("evm_increaseTime", [seconds]), ("evm_mine", [])):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": "application/json"})).read()


class World:
    """A log of member A with one key, and what members say about it."""

    def __init__(self, consortium: Any) -> None:
        self.consortium = consortium
        self.key: Signer = signer(PrivateKey.generate())
        self.public = self.key.public.raw
        consortium.agree(
            changes.define_log(CREDIT, A, ["subject"]),
            changes.add_log_key(CREDIT, self.public, 1_700_000_000),
        )
        self.operator, self.other, _ = (Disputes.of(chain) for chain in consortium.chains)

    def anchor(self, *sizes: int, leaves: list[bytes] = HONEST) -> None:
        chain = self.consortium.chains[0]
        for size in sizes:
            chain._nodes.wait_mined(chain.publish(LOG, size, root_hash(leaves[:size]), INDEX, b"\x03" * 32))

    def note(
        self,
        size: int,
        leaves: list[bytes] = HONEST,
        *,
        index: bytes = INDEX,
        time: int = 1_800_000_000,
        key: Signer | None = None,
        origin: str = CREDIT,
    ) -> SignedText:
        text = checkpoint_text(Checkpoint(origin, size, root_hash(leaves[:size]), index, time))
        return SignedText(text, (key or self.key).sign(text))


@pytest.fixture
def world(consortium: Any) -> World:
    return World(consortium)


class TestChallenges:
    def test_an_answer_that_proves_it_closes_a_challenge(self, world: World) -> None:
        world.anchor(3, 7, 13)
        asked = world.other.challenge(LOG, 3, 13)
        assert (asked.challenger, asked.first, asked.second, asked.state) == (B, 3, 13, "open")
        assert asked.deadline == asked.opened + DAY
        assert world.other.open_challenges(LOG) == [asked]
        assert world.other.standing(LOG) == Standing(False, 1, 0, 0, 0)
        answered = world.operator.answer(asked.id, growth(3, HONEST[:13]))
        assert answered.state == "answered"
        assert world.other.open_challenges(LOG) == []
        assert world.other.challenges(LOG) == [answered]
        assert world.other.standing(LOG) == Standing(False, 0, 0, 0, 0)
        with refused("AlreadyAnswered"):
            world.operator.answer(asked.id, growth(3, HONEST[:13]))

    @pytest.mark.parametrize("wrong", [[], growth(3, HONEST[:12]), growth(3, FORKED[:13])])
    def test_what_proves_something_else_is_no_answer(self, world: World, wrong: list[bytes]) -> None:
        world.anchor(3, 13)
        asked = world.other.challenge(LOG, 3, 13)
        with refused("ProofInvalid"):
            world.operator.answer(asked.id, wrong)

    def test_a_log_that_anchored_two_histories_stands_flagged(
        self, world: World, embedded_chain: Any
    ) -> None:
        world.anchor(6)
        world.anchor(13, leaves=FORKED)
        asked = world.other.challenge(LOG, 6, 13)
        for leaves in (HONEST, FORKED):
            with refused("ProofInvalid"):
                world.operator.answer(asked.id, growth(6, leaves[:13]))
        with refused("NotOverdue"):
            world.other.flag(asked.id)
        assert not world.other.flagged(LOG)
        pass_time(embedded_chain.url, DAY + 1)
        assert world.other.get(asked.id).state == "overdue"
        assert world.other.flagged(LOG)
        assert world.other.standing(LOG) == Standing(True, 1, 1, 0, 0)
        world.other.flag(asked.id)
        with refused("AlreadyFlagged"):
            world.other.flag(asked.id)

    def test_a_late_answer_lifts_the_flag_and_stays_on_record(
        self, world: World, embedded_chain: Any
    ) -> None:
        world.anchor(3, 13)
        asked = world.other.challenge(LOG, 3, 13)
        pass_time(embedded_chain.url, DAY + 1)
        assert world.other.flagged(LOG)
        assert world.other.answer(asked.id, growth(3, HONEST[:13])).state == "late"
        assert world.other.standing(LOG) == Standing(False, 0, 0, 1, 0)

    def test_only_members_challenge_and_only_what_is_anchored(self, world: World) -> None:
        world.anchor(3, 13)
        for first, second, reason in (
            (3, 12, "CheckpointUnknown"),
            (2, 13, "CheckpointUnknown"),
            (13, 3, "SizesInvalid"),
            (3, 3, "SizesInvalid"),
        ):
            with refused(reason):
                world.other.challenge(LOG, first, second)
        with refused("LogUnknown"):
            world.other.challenge(bytes(32), 3, 13)
        with refused("ChallengeUnknown"):
            world.other.get(99)
        world.consortium.agree(changes.suspend(B))
        with refused("NotActiveMember"):
            world.other.challenge(LOG, 3, 13)

    def test_the_same_demand_is_made_once_and_a_member_has_so_many(self, world: World) -> None:
        world.anchor(*range(1, 16))
        asked = world.other.challenge(LOG, 1, 2)
        with refused("AlreadyChallenged"):
            world.operator.challenge(LOG, 1, 2)
        world.operator.answer(asked.id, growth(1, HONEST[:2]))
        # An operator pays for a proof once, however often members ask.
        for member in (world.other, world.operator):
            with refused("AlreadyChallenged"):
                member.challenge(LOG, 1, 2)
        pairs = [(1, second) for second in range(3, 16)] + [(2, 3), (2, 4), (2, 5)]
        for first, second in pairs:
            world.other.challenge(LOG, first, second)
        with refused("TooManyChallenges"):
            world.other.challenge(LOG, 2, 6)
        world.operator.challenge(LOG, 2, 6)
        assert world.other.standing(LOG).open == 17


class TestMisbehaviour:
    def test_two_roots_of_one_size_are_recorded_for_ever(self, world: World) -> None:
        first, second = world.note(13), world.note(13, FORKED)
        recorded = world.other.report_two_roots(LOG, world.public, first, second)
        assert (recorded.kind, recorded.first_size, recorded.second_size) == ("two_roots", 13, 13)
        assert (recorded.first_root, recorded.second_root) == (
            root_hash(HONEST[:13]),
            root_hash(FORKED[:13]),
        )
        assert (recorded.first_note, recorded.second_note) == (note_hash(first.text), note_hash(second.text))
        assert recorded.public == world.public
        assert recorded.reporter == world.consortium.accounts[1].address
        assert world.operator.misbehaviours(LOG) == [recorded]
        assert world.operator.standing(LOG) == Standing(True, 0, 0, 0, 1)
        assert world.operator.flagged(LOG)
        for pair in ((first, second), (second, first)):
            with refused("AlreadyRecorded"):
                world.other.report_two_roots(LOG, world.public, *pair)

    def test_two_index_roots_of_one_size_are_two_histories_too(self, world: World) -> None:
        other = world.note(13, index=b"\x09" * 32)
        assert world.other.report_two_roots(LOG, world.public, world.note(13), other).kind == "two_roots"

    def test_notes_that_agree_prove_nothing(self, world: World) -> None:
        later = world.note(13, time=1_800_000_777)
        with refused("RootsAgree"):
            world.other.report_two_roots(LOG, world.public, world.note(13), later)
        with refused("SizesDiffer"):
            world.other.report_two_roots(LOG, world.public, world.note(12), later)
        assert not world.other.flagged(LOG)

    def test_a_beginning_that_the_later_tree_does_not_have_is_recorded(self, world: World) -> None:
        first, second = world.note(6), world.note(13, FORKED)
        root, proof = root_hash(FORKED[:6]), growth(6, FORKED[:13])
        with refused("ProofInvalid"):
            world.other.report_inconsistent(LOG, world.public, first, second, root, proof[1:])
        recorded = world.other.report_inconsistent(LOG, world.public, first, second, root, proof)
        assert (recorded.kind, recorded.first_size, recorded.second_size) == ("inconsistent", 6, 13)
        assert world.other.flagged(LOG)

    def test_a_consistent_pair_cannot_be_reported(self, world: World) -> None:
        first, second = world.note(6), world.note(13)
        root, proof = root_hash(HONEST[:6]), growth(6, HONEST[:13])
        with refused("RootsAgree"):
            world.other.report_inconsistent(LOG, world.public, first, second, root, proof)
        with refused("ProofInvalid"):
            world.other.report_inconsistent(LOG, world.public, first, second, bytes(32), proof)
        with refused("SizesInvalid"):
            world.other.report_inconsistent(LOG, world.public, second, first, bytes(32), proof)

    def test_a_signed_note_that_was_not_anchored_so_is_recorded(self, world: World) -> None:
        world.anchor(6, 13)
        with refused("RootsAgree"):
            world.other.report_not_as_anchored(LOG, world.public, world.note(13))
        with refused("CheckpointUnknown"):
            world.other.report_not_as_anchored(LOG, world.public, world.note(7))
        recorded = world.other.report_not_as_anchored(LOG, world.public, world.note(13, FORKED))
        assert (recorded.kind, recorded.second_root) == ("not_as_anchored", root_hash(HONEST[:13]))

    def test_only_what_the_logs_own_key_signed_counts(self, world: World) -> None:
        thief = signer(PrivateKey.generate())
        good, forged = world.note(13), world.note(13, FORKED, key=thief)
        with refused("SignatureInvalid"):
            world.other.report_two_roots(LOG, world.public, good, forged)
        with refused("KeyUnknown"):
            world.other.report_two_roots(LOG, thief.public.raw, good, forged)
        with refused("SignatureInvalid"):
            changed = replace(good, text=good.text.replace(b"\n13\n", b"\n14\n"))
            world.other.report_two_roots(LOG, world.public, changed, world.note(14, FORKED))
        with refused("OriginDiffers"):
            elsewhere = world.note(13, FORKED, origin="yunling.example/access")
            world.other.report_two_roots(LOG, world.public, good, elsewhere)
        with refused("LogUnknown"):
            world.other.report_two_roots(bytes(32), world.public, good, forged)

    def test_the_keys_window_is_tested_at_the_notes_time(self, world: World) -> None:
        world.consortium.agree(changes.set_log_key_until(CREDIT, world.public, 1_800_000_000))
        for time, inside in ((1_699_999_999, False), (1_800_000_000, False), (1_799_999_999, True)):
            notes = (world.note(13, time=time), world.note(13, FORKED, time=time))
            if inside:
                world.other.report_two_roots(LOG, world.public, *notes)
            else:
                with refused("KeyOutsideWindow"):
                    world.other.report_two_roots(LOG, world.public, *notes)

    def test_a_revoked_key_proves_nothing_any_more(self, world: World) -> None:
        world.consortium.agree(changes.revoke_log_key(CREDIT, world.public, 1_750_000_000))
        with refused("KeyRevoked"):
            world.other.report_two_roots(LOG, world.public, world.note(13), world.note(13, FORKED))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"\n13\n", b"\n013\n"),
            (b"\n13\n", b"\n\n"),
            (b"\n13\n", b"\n1x\n"),
            (b"\n13\n", b"\n9007199254740992\n"),
            (b"index ", b"Index "),
            (b"time ", b"time  "),
            (b"Z\n", b"Z"),
            (b"Z\n", b"Z\n\n"),
            (b"Z\n", b"z\n"),
            (b"-01-15", b"-02-29"),
            (b"-01-15", b"-13-15"),
            (b"-01-15", b"-01-00"),
            (b"T08:", b"T24:"),
            (b"2027-", b"1969-"),
            (b"=\n", b"\n"),
            (b"/credit\n", b"/credit"),
        ],
    )
    def test_a_text_in_any_other_form_is_no_note(self, world: World, old: bytes, new: bytes) -> None:
        good = world.note(13)
        assert old in good.text
        text = good.text.replace(old, new, 1)
        bad = SignedText(text, world.key.sign(text))
        with refused("NoteMalformed", "TextMalformed", "OriginDiffers"):
            world.other.report_two_roots(LOG, world.public, bad, world.note(13, FORKED))

    @pytest.mark.parametrize(
        "time", [1_709_164_800, 1_709_251_199, 1_735_689_599, 4_107_542_400, 253_402_300_798]
    )
    def test_the_contract_reads_a_notes_time_as_it_was_written(self, world: World, time: int) -> None:
        """Leap days, ends of years and the year 2100: the window that ends with the next second is no bar."""
        world.consortium.agree(changes.set_log_key_until(CREDIT, world.public, time + 1))
        notes = (world.note(13, time=time), world.note(13, FORKED, time=time))
        world.other.report_two_roots(LOG, world.public, *notes)
        with refused("KeyOutsideWindow"):
            world.other.report_two_roots(LOG, world.public, world.note(13, time=time + 1), notes[1])


def test_a_signature_is_taken_from_a_note(world: World) -> None:
    given = world.note(13)
    key = verification_key(CREDIT, LOG_IDENTIFIER, world.key.public)
    note = parse_note(given.text + b"\n" + sign_note(given.text, CREDIT, world.key).encode())
    taken = SignedText.of(note, key)
    assert taken.text == given.text
    other = SignedText.of(parse_note(_note_of(world.note(13, FORKED), world)), key)
    assert world.other.report_two_roots(LOG, world.public, taken, other).kind == "two_roots"
    with pytest.raises(InputError):
        SignedText.of(note, replace(key, name="yunling.example/access"))


def _note_of(signed: SignedText, world: World) -> bytes:
    return signed.text + b"\n" + sign_note(signed.text, CREDIT, world.key).encode()


def test_a_deployment_of_before_there_were_disputes_says_so(world: World) -> None:
    from ledger.chain.evm import EvmChain

    older = replace(world.consortium.deployment, sm2=None, evidence=None, disputes=None)
    chain = EvmChain(older, world.consortium.settings)
    assert chain.identity().chain_id == older.chain_id
    with pytest.raises(ConfigurationError):
        Disputes.of(chain)
