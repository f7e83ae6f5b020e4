"""The verifier: from a bundle, a trust file and a question to a report."""

from collections.abc import Sequence

from ledger.formats.bundle import Bundle, parse_bundle
from ledger.formats.trust import Trust, TrustLog, parse_trust
from ledger.verify.anchor import anchor_findings, disagreements
from ledger.verify.checkpoint import (
    checkpoint_findings,
    finality_findings,
    is_merely_stale,
    witness_findings,
)
from ledger.verify.completeness import check_index_names, completeness_findings
from ledger.verify.entries import (
    SignatureCheck,
    disclosure_findings,
    inclusion_findings,
    issuer_findings,
)
from ledger.verify.question import Question
from ledger.verify.report import Report
from ledger.verify.shown import ShownEntry, open_entries
from ledger.verify.verdicts import (
    CHECKPOINT,
    COMPLETENESS,
    DISCLOSURE,
    FAIL,
    INCLUSION,
    ISSUER,
    PASS,
    SIGNATURE,
    UNKNOWN,
    VERDICTS,
    Finding,
    combine,
)


def verify_bundle(bundle: bytes | Bundle, trust: bytes | Trust, question: Question) -> Report:
    """Answer a question from a bundle and a trust file, given as bytes or already parsed.

    Raises an `InputError` (most often a `FormatError`) when one of them is unusable; a bundle that proves
    nothing or something false is no error but a report.
    """
    if isinstance(trust, bytes):
        trust = parse_trust(trust)
    if isinstance(bundle, bytes):
        bundle = parse_bundle(bundle)
    log = trust.logs.get(bundle.origin)
    check_index_names(bundle, log)
    shown = open_entries(bundle)
    findings = _state_findings(bundle, shown, log, trust.exported.block, question)
    findings += _entry_findings(bundle, shown, trust, question)
    required = _required(bundle, question)
    given = {finding.verdict for finding in findings}
    findings += [
        Finding(verdict, UNKNOWN, "not_in_bundle") for verdict in VERDICTS if verdict in required - given
    ]
    return Report(bundle, trust, tuple(shown), tuple(findings), required)


def _state_findings(
    bundle: Bundle, shown: Sequence[ShownEntry], log: TrustLog | None, exported: int, question: Question
) -> list[Finding]:
    """Findings about checkpoint, witnesses, anchor, finality, and what hangs on the checkpoint."""
    anchor, final = bundle.anchor, False
    findings: list[Finding] = []
    if anchor is not None:
        finality = finality_findings(anchor, log, question, exported)
        differences = disagreements(bundle, anchor, log)
        # Finality covers this checkpoint only if the anchor that it is about is this checkpoint's.
        final = combine(finding.outcome for finding in finality) == PASS and not any(
            finding.outcome == FAIL for finding in differences
        )
        findings += anchor_findings(anchor, differences, finality, question) + finality
    checkpoint = checkpoint_findings(bundle, log, question, final)
    witnesses, quorum = witness_findings(bundle, log, question, final)
    included = inclusion_findings(shown, bundle.note.checkpoint)
    complete = completeness_findings(bundle, shown, log, question, quorum)
    if not is_merely_stale(checkpoint):
        for verdict, proofs in ((INCLUSION, included), (COMPLETENESS, complete)):
            if proofs:
                proofs.append(Finding(verdict, UNKNOWN, "checkpoint_not_proven"))
    return findings + checkpoint + witnesses + included + complete


def _entry_findings(
    bundle: Bundle, shown: Sequence[ShownEntry], trust: Trust, question: Question
) -> list[Finding]:
    """Findings about what the entries say and who signed them."""
    signatures = SignatureCheck(trust)
    findings = [finding for item in shown for finding in signatures.findings(item)]
    findings += issuer_findings(shown, bundle.origin, bundle.note.checkpoint, trust, question)
    return findings + disclosure_findings(shown)


def _required(bundle: Bundle, question: Question) -> frozenset[str]:
    """The verdicts that must pass for exit status 0."""
    required = {CHECKPOINT} | question.require
    if bundle.entries:
        required |= {SIGNATURE, ISSUER, INCLUSION}
    if bundle.completeness or question.expect:
        required.add(COMPLETENESS)
    if any(entry.disclosure is not None for entry in bundle.entries):
        required.add(DISCLOSURE)
    return frozenset(required)
