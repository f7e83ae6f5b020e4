"""Verdicts about the log's state: `checkpoint`, `witnesses` and `finality` (DESIGN.md 4.6)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ledger.errors import SignatureInvalid
from ledger.ethereum.headers import KINDS
from ledger.formats.bundle import Bundle
from ledger.formats.finality import UNSEALED, WITNESSED, AnchorRecord, finality_text
from ledger.formats.note import (
    SignatureLine,
    cosigned_text,
    line_seconds,
    verify_log_line,
    verify_timed_line,
)
from ledger.formats.trust import NamedKey, TrustLog, Window, Witnesses
from ledger.merkle import EMPTY, EMPTY_ROOT
from ledger.verify.question import CLOCK_SKEW_MS, Question
from ledger.verify.sealed import sealed_findings
from ledger.verify.verdicts import (
    CHECKPOINT,
    FAIL,
    FINALITY,
    PASS,
    UNKNOWN,
    WITNESSES,
    Finding,
)


def checkpoint_findings(
    bundle: Bundle, log: TrustLog | None, question: Question, final: bool
) -> list[Finding]:
    """The `checkpoint` findings; `final` says whether finality covers this very checkpoint."""
    checkpoint = bundle.note.checkpoint
    findings = []
    if bundle.origin != checkpoint.origin:
        findings.append(Finding(CHECKPOINT, FAIL, "origin_mismatch"))
    if checkpoint.size == 0 and (checkpoint.root, checkpoint.index_root) != (EMPTY_ROOT, EMPTY):
        findings.append(Finding(CHECKPOINT, FAIL, "empty_tree_root"))
    age = question.now - checkpoint.time * 1000
    if age < -CLOCK_SKEW_MS:
        findings.append(Finding(CHECKPOINT, FAIL, "in_future"))
    elif age > question.checkpoint_age_ms:
        findings.append(Finding(CHECKPOINT, UNKNOWN, "stale"))
    if log is None:
        findings.append(Finding(CHECKPOINT, UNKNOWN, "log_not_trusted"))
    else:
        findings += _signed_by_log(bundle, log, question, final)
    return findings


def is_merely_stale(findings: Sequence[Finding]) -> bool:
    """Whether nothing but age speaks against the checkpoint."""
    return all(finding.outcome == PASS or finding.reason == "stale" for finding in findings)


def _keys_of(line: SignatureLine, keys: Sequence[NamedKey]) -> list[NamedKey]:
    return [key for key in keys if (key.vkey.name, key.vkey.key_hash) == (line.name, line.key_hash)]


def _signed_by_log(bundle: Bundle, log: TrustLog, question: Question, final: bool) -> list[Finding]:
    at = bundle.note.checkpoint.time * 1000
    reasons: dict[str, None] = {}
    for line in bundle.note.signatures:
        for key in _keys_of(line, log.keys):
            try:
                verify_log_line(bundle.note.text, line, key.vkey)
            except SignatureInvalid:
                return [Finding(CHECKPOINT, FAIL, "checkpoint_signature")]
            reasons[_standing(key.window, at, question.now, final)] = None
    if not reasons:
        return [Finding(CHECKPOINT, UNKNOWN, "log_key_unknown")]
    if "checkpoint_signed" in reasons:
        return [Finding(CHECKPOINT, PASS, "checkpoint_signed")]
    return [Finding(CHECKPOINT, FAIL, reason) for reason in reasons]


def _standing(window: Window, at: int, now: int, final: bool) -> str:
    if not window.holds(at):
        return "log_key_not_valid"
    if window.is_revoked(now) and not final:
        return "log_key_revoked"
    return "checkpoint_signed"


@dataclass(slots=True)
class Tally:
    """Distinct witness names that count, and what was found about lines that do not."""

    names: set[str] = field(default_factory=set)
    wrong: bool = False
    not_valid: bool = False
    in_future: bool = False


def count_witnesses(
    message: Callable[[int], bytes],
    lines: Sequence[SignatureLine],
    policy: Witnesses,
    now: int,
    revoked_count: bool,
) -> Tally:
    """Count the witness lines over `message(seconds)`.

    `revoked_count`: whether a key that has been revoked since counts for what it signed before.
    """
    tally = Tally()
    for line in lines:
        for key in _keys_of(line, policy.keys):
            try:
                seconds = line_seconds(line)
                verify_timed_line(message(seconds), line, key.vkey)
            except SignatureInvalid:
                tally.wrong = True
                continue
            at = seconds * 1000
            if at > now + CLOCK_SKEW_MS:
                tally.in_future = True
            elif not key.window.holds(at) or (key.window.is_revoked(now) and not revoked_count):
                tally.not_valid = True
            else:
                tally.names.add(line.name)
    return tally


def _tally_findings(verdict: str, tally: Tally, threshold: int) -> list[Finding]:
    counts = {"names": len(tally.names), "threshold": threshold}
    enough = len(tally.names) >= threshold
    findings = []
    if tally.wrong:
        findings.append(Finding(verdict, FAIL, "cosignature_invalid"))
    if enough:
        findings.append(Finding(verdict, PASS, "witness_quorum", counts=counts))
    else:
        findings.append(Finding(verdict, UNKNOWN, "below_threshold", counts=counts))
        # Named only where they could have made the difference.
        if tally.not_valid:
            findings.append(Finding(verdict, UNKNOWN, "witness_key_not_valid"))
        if tally.in_future:
            findings.append(Finding(verdict, UNKNOWN, "cosignature_in_future"))
    return findings


def witness_findings(
    bundle: Bundle, log: TrustLog | None, question: Question, final: bool
) -> tuple[list[Finding], bool]:
    """The `witnesses` findings, and whether a quorum vouches for the checkpoint."""
    if log is None:
        return [Finding(WITNESSES, UNKNOWN, "log_not_trusted")], False
    if log.witnesses is None:
        return [Finding(WITNESSES, UNKNOWN, "no_witnesses")], False
    tally = count_witnesses(
        lambda seconds: cosigned_text(bundle.note.text, seconds),
        bundle.note.signatures,
        log.witnesses,
        question.now,
        revoked_count=final,
    )
    quorum = len(tally.names) >= log.witnesses.threshold
    return _tally_findings(WITNESSES, tally, log.witnesses.threshold), quorum


def finality_findings(
    anchor: AnchorRecord, log: TrustLog | None, question: Question, exported: int = 0
) -> list[Finding]:
    """The `finality` findings of an anchor; `exported` is the block at which the trust file was exported."""
    finality = anchor.finality
    if finality is None:
        return [Finding(FINALITY, UNKNOWN, "no_finality")]
    if finality.block is not None:
        return sealed_findings(anchor, finality.kind, finality.block, log, exported)
    if finality.kind == UNSEALED:
        return [Finding(FINALITY, UNKNOWN, "chain_unsealed")]
    if finality.kind != WITNESSED:
        reason = "finality_form_unknown" if finality.kind in KINDS else "finality_kind_unknown"
        return [Finding(FINALITY, UNKNOWN, reason)]
    if log is None:
        return [Finding(FINALITY, UNKNOWN, "log_not_trusted")]
    if log.witnesses is None:
        return [Finding(FINALITY, UNKNOWN, "no_witnesses")]
    tally = count_witnesses(
        lambda seconds: finality_text(anchor, seconds),
        finality.signatures,
        log.witnesses,
        question.now,
        revoked_count=False,
    )
    return _tally_findings(FINALITY, tally, log.witnesses.threshold)
