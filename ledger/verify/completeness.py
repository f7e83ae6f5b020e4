"""The verdict `completeness`: an answer holds all entries of a key, "none" included (DESIGN.md 4.5, 4.6)."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from ledger.errors import BundleUnusable, ProofInvalid
from ledger.formats.bundle import Bundle, Completeness
from ledger.formats.note import Checkpoint
from ledger.formats.trust import TrustLog
from ledger.merkle import Present, index_key, verify_index_proof
from ledger.verify.question import Question
from ledger.verify.shown import Shown, ShownEntry
from ledger.verify.verdicts import COMPLETENESS, FAIL, PASS, UNKNOWN, Finding, Outcome


def check_index_names(bundle: Bundle, log: TrustLog | None) -> None:
    """Raise `BundleUnusable` when a section is about an index that the log does not have."""
    if log is not None:
        for section in bundle.completeness or ():
            if section.name not in log.indexes:
                raise BundleUnusable("a completeness section is about an index name that the log lacks")


def completeness_findings(
    bundle: Bundle,
    shown: Sequence[ShownEntry],
    log: TrustLog | None,
    question: Question,
    quorum: bool,
) -> list[Finding]:
    """The findings of every section and every key asked about, before the checkpoint's own verdict."""
    sections = bundle.completeness or ()
    at: dict[int, list[Shown]] = {}
    for item in shown:
        for one in (item.entry, item.manifest):
            if one is not None:
                at.setdefault(one.index, []).append(one)
    findings = []
    for section in sections:
        checked = list(_check_section(section, bundle.note.checkpoint, at, question))
        key = (section.name, section.tag)
        findings += [Finding(COMPLETENESS, outcome, reason, key=key) for outcome, reason in checked]
        if not checked:
            findings += _proven(section, shown, log, quorum)
    proven = {(section.name, section.tag) for section in sections}
    findings += [
        Finding(COMPLETENESS, UNKNOWN, "not_in_bundle", key=key)
        for key in dict.fromkeys(question.expect)
        if key not in proven
    ]
    return findings


def _check_section(
    section: Completeness, checkpoint: Checkpoint, at: Mapping[int, Sequence[Shown]], question: Question
) -> Iterator[tuple[Outcome, str]]:
    """What speaks against one section."""
    after = section.after
    if after is not None and question.after.get((section.name, section.tag)) != after:
        yield UNKNOWN, "after_not_given"
    indexes = [link.index for link in section.chain]
    line = [after.last, *indexes] if after else indexes
    if any(second <= first for first, second in itertools.pairwise(line)) or (
        line and line[-1] >= checkpoint.size
    ):
        yield FAIL, "chain_order"
    if isinstance(section.end, Present) != bool(line):
        yield FAIL, "end_disagrees"
    try:
        key = index_key(section.name, bytes.fromhex(section.tag))
        verify_index_proof(checkpoint.index_root, key, section.siblings, section.end)
    except ProofInvalid as error:
        yield FAIL, error.reason
    yield from dict.fromkeys(_check_shown(section, at))


def _check_shown(section: Completeness, at: Mapping[int, Sequence[Shown]]) -> Iterator[tuple[Outcome, str]]:
    """Compare the chain with the entries shown."""
    for link in section.chain:
        for shown in at.get(link.index, ()):
            if shown.leaf != link.leaf:
                yield FAIL, "leaf_disagrees"
            if not shown.carries(section.name, section.tag):
                yield FAIL, "entry_lacks_tag"
    listed = {link.index for link in section.chain}
    last = section.after.last if section.after else -1
    for index, several in at.items():
        if index > last and index not in listed:
            for shown in several:
                if shown.carries(section.name, section.tag):
                    yield FAIL, "entry_not_in_chain"


def _proven(
    section: Completeness, shown: Sequence[ShownEntry], log: TrustLog | None, quorum: bool
) -> list[Finding]:
    """What a section proves that nothing speaks against."""
    key = (section.name, section.tag)
    entries = {item.entry.index for item in shown}
    counts = {
        "shown": sum(link.index in entries for link in section.chain),
        "total": len(section.chain),
    }
    reason = "complete" if counts["shown"] == counts["total"] else "some_undisclosed"
    findings = [Finding(COMPLETENESS, PASS, reason, key=key, counts=counts)]
    if log is not None and not quorum:
        outcome = PASS if log.witnesses is None else UNKNOWN
        findings.append(Finding(COMPLETENESS, outcome, "complete_by_operator_only", key=key))
    return findings
