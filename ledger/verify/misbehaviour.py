"""Proofs of misbehaviour, verified offline: did a key of the log sign what the log may not sign?

The trust file says which keys are the log's. That a key has been revoked since, or was outside its window,
is said beside and takes nothing from the proof: otherwise a log that signed two histories would only have to
give up its key. It says what the key signed, and not who held it.

Exit status 0: proven; 1: not proven (the material does not show it, or the trust file does not know the log
or the key); 2, by an exception: unusable.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ledger.errors import InputError, ProofInvalid, SignatureInvalid
from ledger.formats.envelope import BATCH_TYPE, STATEMENT_TYPE, parse_envelope
from ledger.formats.finality import AnchorRecord, log_id
from ledger.formats.misbehaviour import (
    INCONSISTENT,
    NOT_AS_ANCHORED,
    REPEATED_ID,
    TWO_ENTRIES,
    TWO_ROOTS,
    WENT_BACK,
    Beginning,
    Misbehaviour,
    PlacedEntry,
    Repeated,
    TwoLeaves,
    parse_misbehaviour,
)
from ledger.formats.note import SignedNote, note_hash, verify_log_line
from ledger.formats.statement import parse_manifest, parse_statement
from ledger.formats.times import format_time
from ledger.formats.trust import NamedKey, Trust, TrustLog, parse_trust
from ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger.verify.checkpoint import finality_findings
from ledger.verify.question import Question
from ledger.verify.verdicts import FAIL, PASS, UNKNOWN, Outcome, combine

NOTES = "notes"
MISBEHAVIOUR = "misbehaviour"
PART_NAMES = {NOTES: ("签名", "signatures"), MISBEHAVIOUR: ("违规行为", "misbehaviour")}

SENTENCES: dict[str, tuple[str, str]] = {
    "log_signed": ("检查点均由该日志的密钥签署。", "A key of the log signed each of the checkpoints."),
    "log_not_trusted": ("信任文件中没有该日志。", "The trust file does not know the log."),
    "log_key_unknown": (
        "检查点没有信任文件所知的日志密钥的签名。",
        "No signature of a checkpoint is by a log key that the trust file knows.",
    ),
    "checkpoint_signature": (
        "日志签名与检查点不符。",
        "The log's signature does not match the checkpoint.",
    ),
    "origin_mismatch": ("检查点属于另一日志。", "A checkpoint is of another log."),
    "key_outside_window": (
        "检查点时间不在该密钥的有效期内（不影响证明）。",
        "The checkpoint's time is outside the key's window; the proof stands all the same.",
    ),
    "key_revoked": (
        "该密钥已被吊销（不影响证明；谁持有密钥不在证明之列）。",
        "The key is revoked; the proof stands all the same, and does not say who held the key.",
    ),
    TWO_ROOTS: (
        "同一大小被签署了两个不同的根。",
        "Two different roots were signed for one size.",
    ),
    WENT_BACK: (
        "较小的检查点签署于较大的之后：日志倒退。",
        "A smaller checkpoint was signed after a larger one: the log went back.",
    ),
    INCONSISTENT: (
        "较大的检查点所含的历史不是较小的检查点的延续。",
        "The larger checkpoint does not continue the history of the smaller one.",
    ),
    TWO_ENTRIES: (
        "两个检查点在同一位置收录了不同的条目。",
        "The two checkpoints hold different entries at the same index.",
    ),
    REPEATED_ID: (
        "同一签发单位的同一编号被收录两次。",
        "One issuer's id stands at two places.",
    ),
    NOT_AS_ANCHORED: (
        "链上锚定的根与所签署的检查点不同。",
        "The chain holds other roots for this size than the checkpoint that was signed.",
    ),
    "nothing_wrong": (
        "所附材料与检查点并不矛盾，不构成违规。",
        "The material does not contradict the checkpoints: no misbehaviour is shown.",
    ),
    "proof_invalid": (
        "所附证明不成立。",
        "A proof among the material does not hold.",
    ),
    "entry_malformed": ("所附条目不是规定的形式。", "An entry is not in the required form."),
    "anchor_elsewhere": (
        "锚定记录属于另一日志、另一大小或另一条链。",
        "The anchor is of another log, size or chain.",
    ),
    "anchor_not_backed": (
        "锚定记录没有终局证明，也没有自有节点佐证（--rpc）。",
        "Neither finality nor a node of one's own (--rpc) backs the anchor.",
    ),
    "anchor_backed": ("锚定记录有终局证明或自有节点佐证。", "Finality or one's own node backs the anchor."),
}


@dataclass(frozen=True, slots=True)
class Found:
    """One result of one check; `part` is `notes` or `misbehaviour`."""

    part: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class MisbehaviourReport:
    """What a proof of misbehaviour proves."""

    proof: Misbehaviour
    trust: Trust
    findings: tuple[Found, ...]

    @cached_property
    def verdicts(self) -> dict[str, Outcome]:
        """`notes` and `misbehaviour`."""
        return {
            part: combine(found.outcome for found in self.findings if found.part == part)
            for part in (NOTES, MISBEHAVIOUR)
        }

    @property
    def exit_status(self) -> int:
        return 0 if all(outcome == PASS for outcome in self.verdicts.values()) else 1

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON value."""
        reasons = {
            part: list(dict.fromkeys(found.reason for found in self.findings if found.part == part))
            for part in (NOTES, MISBEHAVIOUR)
        }
        return {
            "verdicts": self.verdicts,
            "reasons": reasons,
            "exit": self.exit_status,
            "origin": self.proof.origin,
            "kind": self.proof.kind,
            "notes": [_note_json(note) for note in self.proof.notes],
            "trust": {"exported": {"at": format_time(self.trust.exported.at)}},
            "sentences": {
                part: [
                    {"reason": reason, "zh": SENTENCES[reason][0], "en": SENTENCES[reason][1]}
                    for reason in given
                ]
                for part, given in reasons.items()
            },
        }


def _note_json(note: SignedNote) -> dict[str, Any]:
    checkpoint = note.checkpoint
    return {
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "index_root": checkpoint.index_root.hex(),
        "time": format_time(checkpoint.time * 1000, millis=False),
        "note_hash": note_hash(note.text).hex(),
    }


def verify_misbehaviour(
    proof: bytes | Misbehaviour, trust: bytes | Trust, question: Question
) -> MisbehaviourReport:
    """Judge a proof of misbehaviour. Raises an `InputError` when one of the two is unusable."""
    if isinstance(trust, bytes):
        trust = parse_trust(trust)
    if isinstance(proof, bytes):
        proof = parse_misbehaviour(proof)
    log = trust.logs.get(proof.origin)
    material = _material(proof, log, question, trust.exported.block)
    return MisbehaviourReport(proof, trust, (*_note_findings(proof, log, question), *material))


def signing_key(note: SignedNote, log: TrustLog) -> NamedKey | None:
    """The key of the log that signed this note; None where the trust file knows none of those that did.

    Raises `SignatureInvalid` when a line of a key that it knows is wrong.
    """
    found = None
    for line in note.signatures:
        for key in log.keys:
            if (key.vkey.name, key.vkey.key_hash) == (line.name, line.key_hash):
                verify_log_line(note.text, line, key.vkey)
                found = found or key
    return found


def _note_findings(proof: Misbehaviour, log: TrustLog | None, question: Question) -> Iterator[Found]:
    if log is None:
        yield Found(NOTES, UNKNOWN, "log_not_trusted")
        return
    for note in proof.notes:
        if note.checkpoint.origin != proof.origin:
            yield Found(NOTES, FAIL, "origin_mismatch")
            continue
        try:
            key = signing_key(note, log)
        except SignatureInvalid:
            yield Found(NOTES, FAIL, "checkpoint_signature")
            continue
        if key is None:
            yield Found(NOTES, UNKNOWN, "log_key_unknown")
            continue
        yield Found(NOTES, PASS, "log_signed")
        if key.window.is_revoked(question.now):
            yield Found(NOTES, PASS, "key_revoked")
        elif not key.window.holds(note.checkpoint.time * 1000):
            yield Found(NOTES, PASS, "key_outside_window")


def _material(
    proof: Misbehaviour, log: TrustLog | None, question: Question, exported: int
) -> Iterator[Found]:
    """What the notes and the material show, whoever signed them; `exported` is the trust file's block."""
    material = proof.material
    try:
        if isinstance(material, AnchorRecord):
            yield from _anchored_otherwise(proof, material, log, question, exported)
            return
        shown = _shows(proof)
    except ProofInvalid:
        yield Found(MISBEHAVIOUR, FAIL, "proof_invalid")
    except InputError:
        yield Found(MISBEHAVIOUR, FAIL, "entry_malformed")
    else:
        yield Found(MISBEHAVIOUR, *((PASS, proof.kind) if shown else (FAIL, "nothing_wrong")))


def _shows(proof: Misbehaviour) -> bool:
    """Whether the misbehaviour is there. Raises `ProofInvalid`, or an `InputError` for a malformed entry."""
    first, second = proof.notes[0].checkpoint, proof.notes[-1].checkpoint
    match proof.material:
        case Beginning(root=root, consistency=consistency):
            if not 0 < first.size < second.size:
                raise ProofInvalid("proof_shape", "the first note is the smaller one, and not of size 0")
            verify_consistency(first.size, second.size, consistency, root, second.root)
            return root != first.root
        case TwoLeaves(index=index, first=one, second=other):
            verify_inclusion(one.leaf, index, first.size, one.inclusion, first.root)
            verify_inclusion(other.leaf, index, second.size, other.inclusion, second.root)
            return one.leaf != other.leaf
        case Repeated(first=one_entry, second=other_entry):
            for placed in (one_entry, other_entry):
                leaf = leaf_hash(placed.entry)
                verify_inclusion(leaf, placed.index, first.size, placed.inclusion, first.root)
            return one_entry.index != other_entry.index and _id_of(one_entry) == _id_of(other_entry)
    if proof.kind == TWO_ROOTS:
        roots = (first.root, first.index_root), (second.root, second.index_root)
        return first.size == second.size and roots[0] != roots[1]
    return first.size > second.size and first.time < second.time


def _id_of(placed: PlacedEntry) -> tuple[str, str]:
    envelope = parse_envelope(placed.entry)
    if envelope.payload_type == BATCH_TYPE:
        manifest = parse_manifest(envelope.payload)
        return manifest.issuer, manifest.id
    if envelope.payload_type != STATEMENT_TYPE:
        raise InputError("neither a statement nor a manifest")
    statement = parse_statement(envelope.payload)
    return statement.issuer, statement.id


def _anchored_otherwise(
    proof: Misbehaviour, anchor: AnchorRecord, log: TrustLog | None, question: Question, exported: int
) -> Iterator[Found]:
    """The anchor is of this log, size and chain, holds other roots, and something backs it."""
    checkpoint = proof.notes[0].checkpoint
    chain = log.chain if log is not None else None
    if (anchor.log_id, anchor.size) != (log_id(proof.origin), checkpoint.size) or (
        chain is not None and (anchor.chain_id, anchor.registry) != (chain.chain_id, chain.registry)
    ):
        yield Found(MISBEHAVIOUR, FAIL, "anchor_elsewhere")
        return
    if (anchor.root, anchor.index_root) == (checkpoint.root, checkpoint.index_root):
        yield Found(MISBEHAVIOUR, FAIL, "nothing_wrong")
        return
    yield Found(MISBEHAVIOUR, PASS, NOT_AS_ANCHORED)
    # Where no chain is trusted the proof names the registry itself: one made for it would say anything.
    backed = chain is not None and (
        combine(finding.outcome for finding in finality_findings(anchor, log, question, exported)) == PASS
    )
    if not backed and chain is not None and question.node is not None:
        backed = combine(finding.outcome for finding in question.node.findings(anchor)) == PASS
    yield Found(MISBEHAVIOUR, *((PASS, "anchor_backed") if backed else (UNKNOWN, "anchor_not_backed")))
