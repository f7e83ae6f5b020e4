"""Verdicts that the conformance set leaves to the text: ages at their edges, finality of another
checkpoint, several log keys, and the verdict algebra."""

from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest

from ledger.formats.bundle import (
    Bundle,
    BundleBatch,
    BundleEntry,
    Completeness,
    ProvenEntry,
    format_bundle,
)
from ledger.formats.envelope import STATEMENT_TYPE, pae, parse_envelope, sign_batch, sign_envelope
from ledger.formats.finality import AnchorRecord, Finality, log_id, sign_finality
from ledger.formats.note import (
    LOG_IDENTIFIER,
    WITNESS_IDENTIFIER,
    Checkpoint,
    checkpoint_text,
    cosign,
    note_hash,
    parse_note,
    parse_signature_lines,
    sign_note,
    verification_key,
)
from ledger.formats.statement import Statement, format_statement, new_id
from ledger.formats.trust import (
    Chain,
    Exported,
    MemberKey,
    NamedKey,
    Trust,
    TrustLog,
    TrustMember,
    Window,
    Witnesses,
    format_trust,
    parse_trust,
)
from ledger.gm import PrivateKey, Signer, signer
from ledger.merkle import (
    EMPTY,
    Absent,
    BatchTree,
    batch_leaf_hash,
    grow_tiles,
    inclusion_proof,
    leaf_hash,
    root_hash,
)
from ledger.verify import FAIL, PASS, UNKNOWN, VERDICTS, Finding, Question, Report, verify_bundle
from ledger.verify.verdicts import SENTENCES, combine

ORIGIN = "yunling.example/credit"
ISSUER = "11320500MB0000001A"
REGISTRY = "0x" + "ab" * 20
T0 = 1_795_334_400  # the checkpoint's time, seconds
NOW = (T0 + 3600) * 1000
MEMBER, LOG, OLD_LOG, WITNESS, WITNESS_2 = (signer(PrivateKey.generate()) for _ in range(5))


ALWAYS = Window(0)


@dataclass
class World:
    """A log of one or more entries with its trust file; change a field, then ask."""

    at: int = T0 * 1000
    kind: str = "credit.penalty.published"
    roles: tuple[str, ...] = ("publisher:credit",)
    member_window: Window = ALWAYS
    log_windows: dict[Signer, Window] = field(default_factory=lambda: {LOG: Window(0)})
    note_signers: tuple[Signer, ...] = (LOG,)
    witness_windows: dict[Signer, Window] = field(
        default_factory=lambda: {WITNESS: Window(0), WITNESS_2: Window(0)}
    )
    cosigned: dict[Signer, int] = field(default_factory=dict)
    anchor_size: int | None = None
    final_at: dict[Signer, int] | None = None
    sections: tuple[Completeness, ...] | None = None
    batch: int = 0

    def trust(self) -> Trust:
        log_keys = [
            NamedKey(verification_key(ORIGIN, LOG_IDENTIFIER, key.public), window)
            for key, window in self.log_windows.items()
        ]
        witness_keys = [
            NamedKey(verification_key(_name(key), WITNESS_IDENTIFIER, key.public), window)
            for key, window in self.witness_windows.items()
        ]
        log = TrustLog(
            ORIGIN,
            ("subject", "authority", "case"),
            {},
            1,
            tuple(log_keys),
            Witnesses(tuple(witness_keys), 2) if witness_keys else None,
            Chain(4242, REGISTRY),
        )
        member = TrustMember(
            ISSUER, "云岭市示例局", self.roles, (MemberKey(MEMBER.public, self.member_window),)
        )
        trust = Trust(Exported(T0 * 1000, 4242, 7), {ORIGIN: log}, {ISSUER: member})
        assert parse_trust(format_trust(trust)) == trust
        return trust

    def statement(self, number: int) -> bytes:
        id_ = new_id(T0 * 1000, number.to_bytes(10, "big"))
        return format_statement(Statement(id_, self.kind, ORIGIN, ISSUER, self.at, {}, {}))

    def entries(self) -> list[bytes]:
        if not self.batch:
            return [sign_envelope(STATEMENT_TYPE, self.statement(1), MEMBER)]
        payloads = [self.statement(number) for number in range(self.batch)]
        manifest, entries = sign_batch(
            payloads, log=ORIGIN, issuer=ISSUER, id=new_id(1, b"\xff" * 10), at=self.at, signer=MEMBER
        )
        return [manifest, *entries]

    def bundle(self) -> Bundle:
        entries = self.entries()
        leaves = [leaf_hash(entry) for entry in entries]
        checkpoint = Checkpoint(ORIGIN, len(entries), root_hash(leaves), EMPTY, T0)
        text = checkpoint_text(checkpoint)
        lines = [sign_note(text, ORIGIN, key) for key in self.note_signers]
        lines += [cosign(text, _name(key), key, seconds) for key, seconds in self.cosigned.items()]
        note = parse_note(text.decode() + "\n" + "".join(lines))
        shown = tuple(_shown(entries, leaves, self.batch))
        bundle = Bundle(ORIGIN, note, shown, self.sections)
        return replace(bundle, anchor=self.anchor(bundle)) if self.anchor_size is not None else bundle

    def anchor(self, bundle: Bundle) -> AnchorRecord:
        checkpoint, some = bundle.note.checkpoint, "0x" + "cd" * 32
        anchor = AnchorRecord(
            4242,
            REGISTRY,
            log_id(ORIGIN),
            self.anchor_size or 0,
            checkpoint.root,
            checkpoint.index_root,
            note_hash(bundle.note.text),
            some,
            7,
            some,
        )
        if self.final_at is None:
            return anchor
        lines = "".join(
            sign_finality(anchor, _name(key), key, seconds) for key, seconds in self.final_at.items()
        )
        return replace(anchor, finality=Finality("witnessed", parse_signature_lines(lines)))

    def ask(self, question: Question | None = None) -> Report:
        return verify_bundle(
            format_bundle(self.bundle()), format_trust(self.trust()), question or Question(NOW)
        )


class _Tiles:
    def __init__(self, leaves: list[bytes]) -> None:
        self.held: dict[tuple[int, int], bytes] = {}
        self.held = grow_tiles(0, leaves, self)

    def tile(self, level: int, index: int) -> bytes | None:
        return self.held.get((level, index))


def _name(key: Signer) -> str:
    return f"witness.{key.public.keyid[:8]}.example"


def _shown(entries: list[bytes], leaves: list[bytes], batch: int) -> Any:
    tiles, size = _Tiles(leaves), len(entries)
    proven = [
        ProvenEntry(index, entry, tuple(inclusion_proof(index, size, tiles)))
        for index, entry in enumerate(entries)
    ]
    if not batch:
        return [BundleEntry(one) for one in proven]
    tree = BatchTree(
        [batch_leaf_hash(pae(STATEMENT_TYPE, parse_envelope(entry).payload)) for entry in entries[1:]]
    )
    return [
        BundleEntry(one, BundleBatch(proven[0], tuple(tree.path(place))))
        for place, one in enumerate(proven[1:])
    ]


FINAL = {WITNESS: T0 + 60, WITNESS_2: T0 + 60}
REVOKED_SINCE = {LOG: Window(0, revoked=(T0 + 1800) * 1000)}


def test_a_plain_answer_is_proven() -> None:
    report = World().ask()
    assert report.exit_status == 0
    assert report.verdicts == {
        "signature": PASS,
        "issuer": PASS,
        "checkpoint": PASS,
        "inclusion": PASS,
        "witnesses": UNKNOWN,
    }
    (entry,) = report.entry_results()
    assert entry["verdicts"] == {"signature": PASS, "issuer": PASS, "inclusion": PASS}


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_batch_is_proven_entry_by_entry(size: int) -> None:
    report = World(batch=size).ask()
    assert report.exit_status == 0
    assert len(report.entry_results()) == size


@pytest.mark.parametrize(("ms", "outcome"), [(300_000, PASS), (300_001, FAIL)])
def test_a_statement_is_signed_at_most_5_minutes_after_the_checkpoint(ms: int, outcome: str) -> None:
    assert World(at=T0 * 1000 + ms).ask().verdicts["issuer"] == outcome


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        (Window(T0 * 1000), "issuer_entitled"),
        (Window(T0 * 1000 + 1), "outside_key_window"),
        (Window(0, until=T0 * 1000 + 1), "issuer_entitled"),
        (Window(0, until=T0 * 1000), "outside_key_window"),
        (Window(0, revoked=T0 * 1000 + 1), "issuer_entitled"),
        (Window(0, revoked=T0 * 1000), "key_revoked"),
    ],
)
def test_a_members_key_counts_from_its_start_until_its_end(window: Window, reason: str) -> None:
    assert World(member_window=window).ask().reasons["issuer"] == [reason]


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (NOW - 3_900_000, PASS),
        (NOW - 3_900_001, FAIL),
        (T0 * 1000 + 86_400_000, PASS),
        (T0 * 1000 + 86_400_001, UNKNOWN),
    ],
)
def test_a_checkpoint_is_neither_from_the_future_nor_older_than_a_day(now: int, outcome: str) -> None:
    report = World().ask(Question(now))
    assert report.verdicts["checkpoint"] == outcome
    assert report.verdicts["inclusion"] == (UNKNOWN if outcome == FAIL else PASS)


def test_finality_rescues_a_revoked_log_key_only_for_the_checkpoint_that_it_covers() -> None:
    revoked = World(log_windows=REVOKED_SINCE)
    assert revoked.ask().reasons["checkpoint"] == ["log_key_revoked"]
    covered = World(log_windows=REVOKED_SINCE, anchor_size=1, final_at=FINAL).ask()
    assert covered.verdicts["checkpoint"] == PASS
    assert covered.exit_status == 0
    # The finality of an anchor of another size is real, and says nothing about this checkpoint.
    other = World(log_windows=REVOKED_SINCE, anchor_size=9, final_at=FINAL).ask()
    assert (other.verdicts["finality"], other.verdicts["anchor"]) == (PASS, FAIL)
    assert other.reasons["checkpoint"] == ["log_key_revoked"]


@pytest.mark.parametrize(("seconds", "outcome"), [(NOW // 1000 + 300, PASS), (NOW // 1000 + 301, UNKNOWN)])
def test_lines_more_than_5_minutes_ahead_do_not_count(seconds: int, outcome: str) -> None:
    lines = {WITNESS: T0 + 60, WITNESS_2: seconds}
    report = World(cosigned=lines, anchor_size=1, final_at=lines).ask()
    assert report.verdicts["witnesses"] == outcome
    assert report.verdicts["finality"] == outcome
    assert report.verdicts["anchor"] == outcome
    if outcome == UNKNOWN:
        assert "cosignature_in_future" in report.reasons["witnesses"]


def test_a_revoked_witness_counts_under_finality_but_not_towards_it() -> None:
    third = signer(PrivateKey.generate())
    windows = {WITNESS: Window(0), WITNESS_2: Window(0, revoked=(T0 + 1800) * 1000), third: Window(0)}
    cosigned = {WITNESS: T0, WITNESS_2: T0}
    without = World(witness_windows=windows, cosigned=cosigned).ask()
    assert "witness_key_not_valid" in without.reasons["witnesses"]
    by_two = World(
        witness_windows=windows, cosigned=cosigned, anchor_size=1, final_at={WITNESS: T0, third: T0}
    ).ask()
    assert (by_two.verdicts["witnesses"], by_two.verdicts["finality"]) == (PASS, PASS)
    by_itself = World(witness_windows=windows, cosigned=cosigned, anchor_size=1, final_at=cosigned).ask()
    assert (by_itself.verdicts["witnesses"], by_itself.verdicts["finality"]) == (UNKNOWN, UNKNOWN)


def test_one_good_log_key_among_several_is_enough() -> None:
    windows = {OLD_LOG: Window(0, until=T0 * 1000), LOG: Window(0)}
    assert World(log_windows=windows, note_signers=(OLD_LOG, LOG)).ask().verdicts["checkpoint"] == PASS
    assert World(log_windows=windows, note_signers=(OLD_LOG,)).ask().verdicts["checkpoint"] == FAIL
    unknown = World(log_windows={OLD_LOG: Window(0)}, note_signers=(LOG,)).ask()
    assert unknown.reasons["checkpoint"] == ["log_key_unknown"]


def test_a_role_is_that_of_the_kinds_first_segment() -> None:
    assert World(kind="access.event.recorded").ask().reasons["issuer"] == ["role_missing"]
    assert World(kind="access.event.recorded", roles=("publisher:access",)).ask().verdicts["issuer"] == PASS


def test_none_is_proven_under_an_empty_index_and_only_for_the_keys_there() -> None:
    tag, other = "ab" * 32, "cd" * 32
    world = World(
        sections=(Completeness("subject", tag, (), (), Absent()),), cosigned={WITNESS: T0, WITNESS_2: T0}
    )
    assert world.ask(Question(NOW, expect=(("subject", tag),))).exit_status == 0
    asked = world.ask(Question(NOW, expect=(("subject", tag), ("subject", other))))
    assert asked.exit_status == 1
    assert [key["completeness"] for key in asked.key_results()] == [PASS, UNKNOWN]
    alone = replace(world, cosigned={}).ask()
    assert alone.reasons["completeness"] == ["complete", "complete_by_operator_only"]
    assert (alone.verdicts["completeness"], alone.exit_status) == (UNKNOWN, 1)
    nobody = replace(world, cosigned={}, witness_windows={}).ask()
    assert (nobody.verdicts["completeness"], nobody.exit_status) == (PASS, 0)


@pytest.mark.parametrize("outcomes", list(product((PASS, FAIL, UNKNOWN), repeat=3)))
def test_any_fail_fails_all_pass_passes_and_else_is_unknown(outcomes: tuple[Any, ...]) -> None:
    expected = FAIL if FAIL in outcomes else PASS if set(outcomes) == {PASS} else UNKNOWN
    assert combine(outcomes) == expected


def test_of_nothing_nothing_is_known() -> None:
    assert combine([]) == UNKNOWN


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_reason_that_the_verifier_gives_has_its_sentences(verdict: str) -> None:
    counts = {"shown": 1, "total": 2, "names": 1, "threshold": 2}
    counts |= {"seals": 3, "validators": 4, "blocks": 1, "depth": 2}
    for reason in SENTENCES:
        finding = Finding(verdict, PASS, reason, counts=counts)
        assert finding.zh.endswith("。")
        assert finding.en.endswith(".")
        assert "{" not in finding.zh + finding.en
