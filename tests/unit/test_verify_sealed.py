"""Finality by a sealed block: who must have sealed it, what it must hold, how sets of validators follow."""

import json
import random
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak
from eth_keys import keys
from sealed_chain import (
    ORIGIN,
    REGISTRY,
    Anchored,
    Block,
    addresses,
    event,
    receipt,
    seal,
    sealed_bundle,
    validator_keys,
)

from ledger.errors import InputError, TrustUnusable
from ledger.formats.consensus import Consensus, ValidatorSet
from ledger.formats.finality import AnchorRecord, SealedBlock, format_anchor, parse_anchor
from ledger.formats.trust import Chain, TrustLog, format_trust, parse_trust
from ledger.verify import FAIL, PASS, UNKNOWN, Question, verify_bundle
from ledger.verify.checkpoint import finality_findings
from ledger.verify.sealed import more_than_two_thirds

ROOT = Path(__file__).resolve().parents[2]
FOUR = tuple(validator_keys(4))
BFT = ("qbft", "kaia")


def trusted(*sets: tuple[int, Sequence[keys.PrivateKey]], kind: str = "qbft", depth: int = 0) -> TrustLog:
    held = tuple(ValidatorSet(block, addresses(made)) for block, made in sets)
    consensus = Consensus(kind, held, depth)
    chain = Chain(4242, REGISTRY, held[-1].validators, consensus)
    return TrustLog(ORIGIN, ("subject",), {}, 1, (), None, chain)


def found(anchor: AnchorRecord, log: TrustLog | None) -> tuple[str, str]:
    """The one finding, after a trip through the bundle's form."""
    anchor = parse_anchor(format_anchor(anchor))
    (finding,) = finality_findings(anchor, log, Question(0), exported=0)
    assert finding.zh
    assert finding.en
    return finding.outcome, finding.reason


def block(sealers: Sequence[keys.PrivateKey], named: Sequence[keys.PrivateKey] = FOUR, **more: Any) -> Block:
    return Block(named=tuple(named), sealers=tuple(sealers), **more)


def sealed_with(anchor: AnchorRecord, **changes: Any) -> AnchorRecord:
    assert anchor.finality is not None
    assert anchor.finality.block is not None
    changed = replace(anchor.finality.block, **changes)
    return replace(anchor, finality=replace(anchor.finality, block=changed))


@pytest.mark.parametrize("kind", BFT)
def test_more_than_two_thirds_of_the_validators_trusted_make_it_final(kind: str) -> None:
    log = trusted((1, FOUR), kind=kind)
    for count, expected in ((4, PASS), (3, PASS), (2, UNKNOWN), (1, UNKNOWN), (0, UNKNOWN)):
        outcome, reason = found(Anchored(block(FOUR[:count], kind=kind)).anchor(), log)
        assert (outcome, reason) == (
            expected,
            "sealed_by_validators" if expected == PASS else "below_two_thirds",
        )


@pytest.mark.parametrize(("count", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5)])
def test_how_many_of_so_many_validators_are_needed(count: int, needed: int) -> None:
    made = validator_keys(count)
    log = trusted((1, made))
    assert found(Anchored(block(made[:needed], made)).anchor(), log)[0] == PASS
    assert found(Anchored(block(made[: needed - 1], made)).anchor(), log) == (UNKNOWN, "below_two_thirds")
    assert [more_than_two_thirds(part, count) for part in (needed - 1, needed)] == [False, True]


def test_what_the_engines_vary_is_read() -> None:
    log = trusted((1, FOUR))
    vote = [b"\x99" * 20, b"\xff"]
    base_fee = (7, b"\x08" * 32)
    for varied in (
        block(FOUR[1:], round=3),
        block(FOUR[1:], round=2**32 - 1),
        block(FOUR[1:], vote=vote),
        block(FOUR[1:], vanity=b"\x51" * 32),
        block(FOUR[1:], forks=base_fee),
    ):
        assert found(Anchored(varied).anchor(), log) == (PASS, "sealed_by_validators")
    for mine in (
        receipt(event(), typed=2),
        receipt(event(size=39), event()),
        receipt(event(), event(size=41)),
    ):
        assert found(Anchored(block(FOUR), mine=mine).anchor(), log) == (PASS, "sealed_by_validators")
    for index, count in ((0, 2), (1, 2), (127, 129), (128, 129), (15, 16), (299, 300)):
        anchored = Anchored(block(FOUR), index=index, count=count)
        assert found(anchored.anchor(), log) == (PASS, "sealed_by_validators"), index


def test_a_block_of_another_hash_or_number_is_another_block() -> None:
    log, anchor = trusted((1, FOUR)), Anchored(block(FOUR)).anchor()
    other = Anchored(block(FOUR, number=8)).anchor()
    assert other.finality is not None
    assert found(replace(anchor, block_hash="0x" + "ab" * 32), log) == (FAIL, "block_hash_differs")
    assert found(replace(anchor, block_number=8), log) == (FAIL, "block_number_differs")
    assert found(replace(anchor, finality=other.finality), log) == (FAIL, "block_hash_differs")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"registry": "0x" + "60" * 20}, "event_registry"),
        ({"log_id": bytes(32)}, "event_log_id"),
        ({"size": 41}, "event_size"),
        ({"root": bytes(32)}, "event_root"),
        ({"index_root": bytes(32)}, "event_index_root"),
        ({"note_hash": bytes(32)}, "event_note_hash"),
    ],
)
def test_an_event_that_anchors_something_else_fails(change: dict[str, Any], reason: str) -> None:
    anchor = replace(Anchored(block(FOUR)).anchor(), **change)
    assert found(anchor, trusted((1, FOUR))) == (FAIL, reason)
    # Also where nobody is trusted: what contradicts itself needs no trust to be wrong.
    assert found(anchor, None) == (FAIL, reason)


@pytest.mark.parametrize(
    ("mine", "reason"),
    [
        (receipt(), "event_missing"),
        (receipt(event(topic=bytes(32))), "event_missing"),
        (receipt([event()[0], event()[1], event()[2] + b"\0"]), "event_missing"),
        (receipt([event()[0], event()[1][:2], event()[2]]), "event_missing"),
        (receipt(event(), status=b""), "receipt_failed"),
        (receipt(event(), status=b"\2"), "receipt_failed"),
        (receipt(event())[:-1], "rlp_malformed"),
        (rlp.encode([b"\1", 1, bytes(256)]), "rlp_malformed"),
        (rlp.encode([b"\1", 1, bytes(256), [[b"\1", [], b""]]]), "rlp_malformed"),
        (b"\x02", "rlp_malformed"),
    ],
)
def test_a_receipt_that_anchors_nothing_fails(mine: bytes, reason: str) -> None:
    assert found(Anchored(block(FOUR), mine=mine).anchor(), trusted((1, FOUR))) == (FAIL, reason)


def test_a_proof_that_does_not_lead_to_the_receipt_fails() -> None:
    log, anchored = trusted((1, FOUR)), Anchored(block(FOUR), index=5, count=200)
    anchor = anchored.anchor()
    proof = anchored.sealed()[1].receipt_proof
    assert len(proof) >= 3
    cut = proof[-1][:-1]
    for wrong in (
        proof[:-1],
        proof[1:],
        proof[:1],
        (*proof, proof[-1]),
        (*proof[:-1], cut),
        (*proof[:-1], proof[-1] + b"\0"),
        proof[::-1],
        (rlp.encode([b"", b""]),),
    ):
        assert found(sealed_with(anchor, receipt_proof=wrong), log) == (FAIL, "receipt_proof")
    for index in (4, 6, 200, 2**53 - 1):
        assert found(sealed_with(anchor, receipt_index=index), log)[0] == FAIL
    # The receipt of another transaction of the same block is really there, and anchors nothing.
    _, elsewhere = Anchored(block(FOUR), index=5, count=200, mine=receipt()).sealed()
    assert found(sealed_with(anchor, receipt_proof=elsewhere.receipt_proof), log) == (FAIL, "receipt_proof")


@pytest.mark.parametrize("kind", BFT)
def test_forged_seals_fail(kind: str) -> None:
    log, stranger = trusted((1, FOUR), kind=kind), keys.PrivateKey(b"\x42" * 32)
    genuine = block(FOUR, kind=kind)

    def with_seals(*seals: bytes) -> tuple[str, str]:
        return found(Anchored(replace(genuine, seals=seals)).anchor(), log)

    digest = keccak(b"another block")
    three = [seal(digest, key) for key in FOUR[:3]]
    # Real seals of another block recover to keys that nobody knows.
    assert with_seals(*three) == (FAIL, "seal_of_stranger")
    strangers = replace(genuine, sealers=(*FOUR[:3], stranger))
    assert found(Anchored(strangers).anchor(), log) == (FAIL, "seal_of_stranger")
    twice = replace(genuine, sealers=(*FOUR[:2], FOUR[1]))
    assert found(Anchored(twice).anchor(), log) == (FAIL, "seal_repeated")
    n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    whole = three[0]
    for malformed in (
        b"",
        whole[:64],
        whole + b"\0",
        whole[:64] + b"\x02",
        whole[:64] + b"\x1b",
        bytes(32) + whole[32:],
        whole[:32] + bytes(33),
        n.to_bytes(32, "big") + whole[32:],
        whole[:32] + n.to_bytes(32, "big") + b"\0",
        (5).to_bytes(32, "big") + whole[32:],  # no point of the curve has this x
    ):
        assert with_seals(malformed) == (FAIL, "seal_malformed"), malformed.hex()


def test_a_seal_counts_once_however_it_is_written() -> None:
    """(r, n - s, other parity) is as good a signature by the same key."""
    genuine = block(FOUR[:2])
    root = Anchored(genuine).sealed()[0].receipts_root
    rooted = replace(genuine, receipts_root=root)
    parsed = rlp.decode(rlp.decode(rooted.header)[12])[4]
    n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored = [
        one[:32] + (n - int.from_bytes(one[32:64], "big")).to_bytes(32, "big") + bytes((one[64] ^ 1,))
        for one in parsed
    ]
    anchored = Anchored(replace(genuine, seals=(parsed[0], parsed[1], mirrored[0])))
    assert found(anchored.anchor(), trusted((1, FOUR))) == (FAIL, "seal_repeated")
    alone = Anchored(replace(genuine, seals=(mirrored[0], mirrored[1])))
    assert found(alone.anchor(), trusted((1, FOUR))) == (UNKNOWN, "below_two_thirds")


@pytest.mark.parametrize("kind", BFT)
def test_a_block_of_other_validators_is_not_final(kind: str) -> None:
    others = tuple(validator_keys(4, seed=2))
    log = trusted((1, FOUR), kind=kind)
    assert found(Anchored(block(others, others, kind=kind)).anchor(), log) == (UNKNOWN, "validators_differ")
    # Two of the trusted ones among them are not more than two thirds.
    mixed = (*FOUR[:2], *others[:2])
    assert found(Anchored(block(mixed, mixed, kind=kind)).anchor(), log) == (UNKNOWN, "validators_differ")


def test_what_the_trust_file_does_not_say_leaves_it_open() -> None:
    anchor = Anchored(block(FOUR)).anchor()
    log = trusted((1, FOUR))
    assert found(anchor, None) == (UNKNOWN, "log_not_trusted")
    assert found(anchor, replace(log, chain=None)) == (UNKNOWN, "chain_not_trusted")
    assert found(anchor, replace(log, chain=Chain(4242, REGISTRY))) == (UNKNOWN, "validators_not_trusted")
    kaia = trusted((1, FOUR), kind="kaia")
    assert found(anchor, kaia) == (UNKNOWN, "consensus_differs")
    # A trust file of version 1 names validators, and no engine.
    assert found(anchor, replace(log, chain=Chain(4242, REGISTRY, addresses(FOUR)))) == (
        PASS,
        "sealed_by_validators",
    )


def test_headers_of_another_form_fail() -> None:
    log, anchor = trusted((1, FOUR)), Anchored(block(FOUR)).anchor()
    header = Anchored(block(FOUR)).sealed()[0].header
    fields = rlp.decode(header)

    def changed(place: int, value: Any) -> tuple[str, str]:
        return found(
            sealed_with(anchor, header=rlp.encode([*fields[:place], value, *fields[place + 1 :]])), log
        )

    extra = rlp.decode(fields[12])
    assert changed(13, bytes(32)) == (FAIL, "header_malformed")
    for wrong in (extra[:4], [*extra, b""], [extra[0] + b"\0", *extra[1:]], [*extra[:3], b"\0", extra[4]]):
        assert changed(12, rlp.encode(wrong)) == (FAIL, "rlp_malformed")
    twice = [extra[0], [extra[1][0], *extra[1]], *extra[2:]]
    assert changed(12, rlp.encode(twice)) == (FAIL, "header_malformed")
    for data in (b"", b"\x80", header[:-1], header + b"\0", rlp.encode(fields[:14])):
        assert found(sealed_with(anchor, header=data), log) == (FAIL, "rlp_malformed")


def test_seals_of_the_blocks_that_follow_count_if_they_follow_one_by_one() -> None:
    six = tuple(validator_keys(6))
    log = trusted((1, six))
    # QBFT stops at ceil(2 * 6 / 3) = 4 seals, which are two thirds and not more.
    anchored = Anchored(block(six[:4], six), following=(block(six[1:5], six),))
    assert found(Anchored(anchored.block).anchor(), log) == (UNKNOWN, "below_two_thirds")
    assert found(anchored.anchor(), log) == (PASS, "sealed_by_validators")
    same = Anchored(block(six[:4], six), following=(block(six[:4], six), block(six[:4], six)))
    assert found(same.anchor(), log) == (UNKNOWN, "below_two_thirds")
    loose = replace(block(six[1:5], six), number=8)
    assert found(sealed_with(anchored.anchor(), following=(loose.header,)), log) == (
        FAIL,
        "following_unlinked",
    )
    # A block after the change vouches for no count of the old set.
    after = Anchored(block(six[:4], six), following=(block(six[1:6], six[:5]),))
    assert found(after.anchor(), log) == (UNKNOWN, "below_two_thirds")


@pytest.mark.parametrize("kind", BFT)
def test_a_set_that_the_trusted_one_announces_is_trusted(kind: str) -> None:
    changed = (*FOUR[1:], keys.PrivateKey(b"\x55" * 32))
    log = trusted((100, FOUR), kind=kind)
    change = block(FOUR[1:], changed, number=150, kind=kind)
    mine = block(changed[1:], changed, number=200, kind=kind)
    assert found(Anchored(mine).anchor(), log) == (UNKNOWN, "validators_differ")
    assert found(Anchored(mine, changes=(change,)).anchor(), log) == (PASS, "sealed_by_validators")
    # It needs no header of its own where the block itself is sealed by enough of the old ones.
    own = block(FOUR[1:], changed, number=200, kind=kind)
    assert found(Anchored(own).anchor(), log) == (PASS, "sealed_by_validators")


def test_sets_are_followed_step_by_step_from_the_trusted_starting_point() -> None:
    made = tuple(validator_keys(9, seed=3))
    sets = [made[start : start + 4] for start in range(6)]
    steps = tuple(
        # More than two thirds of the old set and of the new one are the three that they share.
        block(new[:3], new, number=100 + 10 * place)
        for place, new in enumerate(sets[1:], 1)
    )
    mine = block(sets[5], sets[5], number=500)
    log = trusted((100, sets[0]))
    assert found(Anchored(mine, changes=steps).anchor(), log) == (PASS, "sealed_by_validators")
    for missing in range(5):
        fewer = steps[:missing] + steps[missing + 1 :]
        # The last step may be missing: the block itself is sealed by enough of the set before.
        expected = (PASS, "sealed_by_validators") if missing == 4 else (UNKNOWN, "validators_differ")
        assert found(Anchored(mine, changes=fewer).anchor(), log) == expected, missing
    # Steps before the starting point are passed over, so one list serves trust files of every age.
    later = trusted((100, sets[0]), (130, sets[3]))
    assert found(Anchored(mine, changes=steps).anchor(), later) == (PASS, "sealed_by_validators")
    swapped = (steps[1], steps[0], *steps[2:])
    assert found(Anchored(mine, changes=swapped).anchor(), log) == (FAIL, "changes_unordered")
    beyond = (*steps, block(sets[5], sets[5], number=500))
    assert found(Anchored(mine, changes=beyond).anchor(), log) == (FAIL, "changes_unordered")


def test_seals_of_several_headers_that_name_the_same_set_add_up() -> None:
    three = FOUR[:3]
    log = trusted((100, FOUR))
    mine = block(three, three, number=200)
    # One is removed of four: of the three left, two seal each block.
    first, second = block(three[:2], three, number=150), block(three[1:], three, number=151)
    one = Anchored(block(three[:2], three, number=200), changes=(first,))
    assert found(one.anchor(), log) == (UNKNOWN, "validators_differ")
    assert found(Anchored(mine, changes=(first, second)).anchor(), log) == (PASS, "sealed_by_validators")


def test_a_minority_of_the_old_set_announces_nothing() -> None:
    crowd = (*FOUR[:2], *validator_keys(5, seed=4))
    log = trusted((100, FOUR))
    change, mine = block(crowd, crowd, number=150), block(crowd, crowd, number=200)
    assert found(Anchored(mine, changes=(change,)).anchor(), log) == (UNKNOWN, "validators_differ")
    # Nor does the whole old set, where it is too few of the new one.
    alone = block(FOUR, (*FOUR, *validator_keys(3, seed=5)), number=150)
    whole = (*FOUR, *validator_keys(3, seed=5))
    after = block(FOUR, whole, number=200)
    assert found(Anchored(after, changes=(alone,)).anchor(), log) == (UNKNOWN, "validators_differ")


def test_each_height_has_the_set_that_the_trust_file_gives_it() -> None:
    others = tuple(validator_keys(4, seed=6))
    log = trusted((100, FOUR), (200, others))
    for number, made, expected in (
        (50, FOUR, PASS),
        (100, FOUR, PASS),
        (199, FOUR, PASS),
        (200, others, PASS),
        (200, FOUR, UNKNOWN),
        (199, others, UNKNOWN),
    ):
        assert found(Anchored(block(made, made, number=number)).anchor(), log)[0] == expected, number


def test_where_headers_name_nobody_the_trust_file_alone_counts() -> None:
    """QBFT with a contract that names the validators leaves the list in the header empty."""
    log, strangers = trusted((1, FOUR)), tuple(validator_keys(4, seed=7))
    assert found(Anchored(block(FOUR[:3], ())).anchor(), log) == (PASS, "sealed_by_validators")
    assert found(Anchored(block(strangers, ())).anchor(), log) == (UNKNOWN, "below_two_thirds")
    assert found(Anchored(block((*FOUR[:2], *strangers), ())).anchor(), log) == (UNKNOWN, "below_two_thirds")


class TestClique:
    LOG = trusted((1, FOUR), kind="clique", depth=3)

    def signed(self, *signers: int, mine: int = 0, epoch: bool = False) -> Anchored:
        named = FOUR if epoch else ()
        following = tuple(block((FOUR[place],), named, kind="clique") for place in signers)
        return Anchored(block((FOUR[mine],), named, kind="clique"), following=following)

    def test_enough_signers_and_enough_blocks_make_it_final_and_say_that_it_is_weaker(self) -> None:
        anchor = self.signed(1, 2, 3).anchor()
        assert found(anchor, self.LOG) == (PASS, "signed_by_signers")
        (finding,) = finality_findings(anchor, self.LOG, Question(0))
        assert "弱于" in finding.zh
        assert "weaker" in finding.en
        assert found(self.signed(1, 2, 3, epoch=True).anchor(), self.LOG) == (PASS, "signed_by_signers")

    def test_fewer_blocks_or_signers_leave_it_open(self) -> None:
        assert found(self.signed(1, 2).anchor(), self.LOG) == (UNKNOWN, "depth_missing")
        assert found(self.signed(1, 0, 1).anchor(), self.LOG) == (UNKNOWN, "below_two_thirds")
        assert found(self.signed(1, 0, 2).anchor(), self.LOG)[0] == PASS
        strangers = tuple(validator_keys(4, seed=8))
        theirs = tuple(block((key,), (), kind="clique") for key in strangers)
        anchored = Anchored(block((FOUR[0],), (), kind="clique"), following=theirs)
        assert found(anchored.anchor(), self.LOG) == (UNKNOWN, "below_two_thirds")

    def test_blocks_that_do_not_follow_fail(self) -> None:
        anchored = self.signed(1, 2, 3)
        sealed: SealedBlock = anchored.sealed()[1]
        loose = replace(sealed, following=sealed.following[1:])
        assert found(sealed_with(anchored.anchor(), following=loose.following), self.LOG) == (
            FAIL,
            "following_unlinked",
        )

    def test_a_trust_file_for_another_engine_does_not_take_it(self) -> None:
        assert found(self.signed(1, 2, 3).anchor(), trusted((1, FOUR))) == (UNKNOWN, "consensus_differs")


NOW = 1_795_334_400
STRANGER = """
import sys
for name in ("web3", "eth_keys", "eth_utils", "eth_hash", "rlp", "pydantic", "cytoolz", "gmpy2", "requests"):
    sys.modules[name] = None
from ledger.verify.command import main
main()
"""


@pytest.mark.parametrize("kind", BFT)
def test_the_base_install_verifies_it_without_node_or_network(kind: str, tmp_path: Path) -> None:
    bundle, trust = sealed_bundle(block(FOUR[:3], kind=kind), trusted=FOUR, now=NOW)
    (tmp_path / "bundle.json").write_bytes(bundle)
    (tmp_path / "trust.json").write_bytes(trust)
    command = [sys.executable, "-c", STRANGER, str(tmp_path / "bundle.json")]
    command += ["--trust", str(tmp_path / "trust.json"), "--json", "--now", "2026-11-22T08:00:00Z"]
    command += ["--require", "anchor,finality"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True)
    answer = json.loads(done.stdout)
    assert answer["verdicts"]["finality"] == PASS, done.stderr.decode()
    assert answer["verdicts"]["anchor"] == PASS
    assert answer["reasons"]["finality"] == ["sealed_by_validators"]


def test_finality_of_a_block_backs_the_anchor_and_a_key_revoked_since() -> None:
    bundle, trust = sealed_bundle(block(FOUR[:3]), trusted=FOUR, now=NOW)
    revoked = trust.replace(b'"revoked":null', b'"revoked":"2026-11-22T08:10:00Z"')
    assert revoked != trust
    later = Question((NOW + 1200) * 1000)
    report = verify_bundle(bundle, revoked, later)
    assert (report.verdicts["checkpoint"], report.verdicts["anchor"]) == (PASS, PASS)
    few, _ = sealed_bundle(block(FOUR[:2]), trusted=FOUR, now=NOW)
    report = verify_bundle(few, revoked, later)
    assert (report.verdicts["checkpoint"], report.verdicts["anchor"]) == (FAIL, UNKNOWN)


def test_whatever_is_done_to_a_sealed_bundle_it_is_answered_or_unusable() -> None:
    bundle, trust = sealed_bundle(block(FOUR), trusted=FOUR, now=NOW)
    genuine, random_ = json.loads(bundle), random.Random(5)
    block_ = genuine["anchor"]["finality"]
    odd: list[Any] = [None, 0, -1, 2**53 - 1, "", "AA==", "AB==", "wA==", [], {}, ["wA=="], [[]], True]
    for name in (*block_, "following", "changes", "more"):
        for value in odd:
            changed = json.loads(bundle)
            changed["anchor"]["finality"][name] = value
            verdict = _verdict(json.dumps(changed).encode(), trust)
            assert verdict != PASS or changed == genuine, (name, value)
    header = b64decode(block_["header"])
    for _ in range(300):
        at = random_.randrange(len(header))
        changed = json.loads(bundle)
        bytes_ = header[:at] + bytes((random_.randrange(256),)) + header[at + random_.randrange(2) :]
        changed["anchor"]["finality"]["header"] = b64encode(bytes_).decode()
        # A changed seal may leave the others: three of four are enough.
        assert _verdict(json.dumps(changed).encode(), trust) in (PASS, FAIL)


def _verdict(bundle: bytes, trust: bytes) -> str | None:
    try:
        report = verify_bundle(bundle, trust, Question(NOW * 1000))
    except InputError:
        return None
    json.dumps(report.as_json())
    return report.verdicts.get("finality")


def test_trust_files_of_both_versions_read_what_they_wrote() -> None:
    _, sealed = sealed_bundle(block(FOUR), trusted=FOUR, now=NOW)
    assert b"trust+json;v=2" in sealed
    assert format_trust(parse_trust(sealed)) == sealed
    document = json.loads(sealed)
    chain = document["logs"][ORIGIN]["chain"]
    consensus = chain.pop("consensus")
    with pytest.raises(TrustUnusable, match="version"):
        parse_trust(json.dumps(document).encode())
    document["mediaType"] = document["mediaType"].replace("v=2", "v=1")
    plain = parse_trust(json.dumps(document).encode())
    assert parse_trust(format_trust(plain)) == plain
    assert b"trust+json;v=1" in format_trust(plain)
    chain["consensus"] = consensus
    with pytest.raises(TrustUnusable, match="version"):
        parse_trust(json.dumps(document).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "poa"},
        {"kind": 1},
        {"sets": []},
        {"sets": [{"block": 1, "validators": []}]},
        {"sets": [{"block": 1, "validators": ["0x" + "AB" * 20]}]},
        {"sets": [{"block": 1, "validators": ["0x" + "ab" * 20] * 2}]},
        {"sets": [{"block": 2, "validators": ["0x" + "ab" * 20]}] * 2},
        {"sets": [{"block": -1, "validators": ["0x" + "ab" * 20]}]},
        {"depth": 1},
        {"kind": "clique"},
        {"kind": "clique", "depth": 0},
        {"kind": "clique", "depth": 2**20},
        {"more": 1},
    ],
)
def test_a_consensus_that_is_not_in_form_makes_the_trust_file_unusable(change: dict[str, Any]) -> None:
    _, sealed = sealed_bundle(block(FOUR), trusted=FOUR, now=NOW)
    document = json.loads(sealed)
    document["logs"][ORIGIN]["chain"]["consensus"] |= change
    with pytest.raises(TrustUnusable):
        parse_trust(json.dumps(document).encode())
