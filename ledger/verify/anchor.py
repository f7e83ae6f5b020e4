"""The verdict `anchor`: the checkpoint stands on the chain that the trust file names (DESIGN.md 4.6)."""

from collections.abc import Iterator

from ledger.formats.bundle import Bundle
from ledger.formats.finality import AnchorRecord, log_id
from ledger.formats.note import note_hash
from ledger.formats.trust import TrustLog
from ledger.verify.question import Question
from ledger.verify.verdicts import ANCHOR, FAIL, PASS, UNKNOWN, Finding, Outcome, combine


def disagreements(bundle: Bundle, anchor: AnchorRecord, log: TrustLog | None) -> list[Finding]:
    """What in the anchor differs from the checkpoint and from the trust file, or is not known there."""
    return [Finding(ANCHOR, outcome, reason) for outcome, reason in _differences(bundle, anchor, log)]


def _differences(bundle: Bundle, anchor: AnchorRecord, log: TrustLog | None) -> Iterator[tuple[Outcome, str]]:
    checkpoint = bundle.note.checkpoint
    if log is None:
        yield UNKNOWN, "log_not_trusted"
    elif log.chain is None:
        yield UNKNOWN, "chain_not_trusted"
    elif (anchor.chain_id, anchor.registry) != (log.chain.chain_id, log.chain.registry):
        yield FAIL, "anchor_chain"
    if anchor.log_id != log_id(bundle.origin):
        yield FAIL, "anchor_log_id"
    if anchor.size != checkpoint.size:
        yield FAIL, "anchor_size"
    if anchor.root != checkpoint.root:
        yield FAIL, "anchor_root"
    if anchor.index_root != checkpoint.index_root:
        yield FAIL, "anchor_index_root"
    if anchor.note_hash != note_hash(bundle.note.text):
        yield FAIL, "anchor_note_hash"


def anchor_findings(
    anchor: AnchorRecord, differences: list[Finding], finality: list[Finding], question: Question
) -> list[Finding]:
    """The `anchor` findings: agreement, and what backs it."""
    if any(finding.outcome == FAIL for finding in differences):
        return differences
    final = combine(finding.outcome for finding in finality) == PASS
    backing = [Finding(ANCHOR, PASS, "anchored")] if final else []
    if question.node is not None:
        answers = question.node.findings(anchor)
        # Finality needs no node: one that cannot be reached takes nothing away from it.
        backing += [finding for finding in answers if not final or finding.outcome != UNKNOWN]
    return differences + (backing or [Finding(ANCHOR, UNKNOWN, "not_backed")])
