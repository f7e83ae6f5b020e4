"""Verdicts about entries: `signature`, `issuer`, `inclusion`, `disclosure` (DESIGN.md 4.6)."""

from collections.abc import Iterator, Sequence

from ledger.errors import ProofInvalid, SignatureInvalid
from ledger.formats.note import Checkpoint
from ledger.formats.sealed import sealed_digest
from ledger.formats.statement import Manifest, Statement
from ledger.formats.trust import Trust
from ledger.gm import verify
from ledger.merkle import batch_leaf_hash, verify_batch_path, verify_inclusion
from ledger.verify.issuer import check_issuer
from ledger.verify.question import CLOCK_SKEW_MS, Question
from ledger.verify.shown import Shown, ShownEntry
from ledger.verify.verdicts import (
    DISCLOSURE,
    FAIL,
    INCLUSION,
    ISSUER,
    PASS,
    SIGNATURE,
    UNKNOWN,
    Finding,
    Outcome,
)


class SignatureCheck:
    """Checks signatures against a trust file, each distinct one once."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._known: dict[tuple[str, bytes, bytes], tuple[Outcome, str]] = {}

    def findings(self, shown: ShownEntry) -> list[Finding]:
        """The `signature` findings of one entry, its batch included."""
        found = list(self._entry(shown)) or [(PASS, "signed")]
        return [Finding(SIGNATURE, outcome, reason, shown.entry.index) for outcome, reason in found]

    def _entry(self, shown: ShownEntry) -> Iterator[tuple[Outcome, str]]:
        entry = shown.entry
        if entry.envelope is None or entry.content is None:
            yield FAIL, "entry_malformed"
            return
        if isinstance(entry.content, Statement) and not self._has_indexes(entry.content):
            yield FAIL, "index_name_unknown"
        if shown.manifest is None:
            yield from self._signed(entry)
        else:
            yield from self._batched(shown, shown.manifest)

    def _has_indexes(self, statement: Statement) -> bool:
        """Whether the statement's index names are its log's, as far as the trust file knows that log."""
        log = self._trust.logs.get(statement.log)
        return log is None or statement.keys.keys() <= set(log.indexes)

    def _signed(self, shown: Shown) -> Iterator[tuple[Outcome, str]]:
        envelope = shown.envelope
        if envelope is None or envelope.signature is None:
            yield FAIL, "entry_malformed"
            return
        pae = envelope.pae
        known = (envelope.keyid, pae, envelope.signature)
        if known not in self._known:
            self._known[known] = self._verify(envelope.keyid, pae, envelope.signature)
        outcome, reason = self._known[known]
        if outcome != PASS:
            yield outcome, reason

    def _verify(self, keyid: str, pae: bytes, signature: bytes) -> tuple[Outcome, str]:
        holder = self._trust.holders.get(keyid)
        if holder is None:
            return UNKNOWN, "key_unknown"
        try:
            verify(holder.public, pae, signature)
        except SignatureInvalid:
            return FAIL, "signature_invalid"
        return PASS, "signed"

    def _batched(self, shown: ShownEntry, manifest: Shown) -> Iterator[tuple[Outcome, str]]:
        envelope, batch = shown.entry.envelope, shown.source.batch
        if envelope is None or envelope.batch is None or batch is None:
            yield FAIL, "entry_malformed"
            return
        place = envelope.batch
        leaf = batch_leaf_hash(envelope.pae)
        try:
            verify_batch_path(leaf, place.index, place.size, batch.path, place.root)
        except ProofInvalid:
            yield FAIL, "batch_path"
        if manifest.envelope is None or manifest.content is None:
            yield FAIL, "manifest_malformed"
            return
        announced = manifest.content
        if not isinstance(announced, Manifest):
            yield FAIL, "not_a_manifest"
            return
        if (announced.root, announced.size, manifest.envelope.keyid) != (
            place.root,
            place.size,
            envelope.keyid,
        ):
            yield FAIL, "batch_disagrees"
        yield from self._signed(manifest)


def issuer_findings(
    shown: Sequence[ShownEntry], origin: str, checkpoint: Checkpoint, trust: Trust, question: Question
) -> list[Finding]:
    """The `issuer` findings of all entries."""
    findings: list[Finding] = []
    for item in shown:
        index = item.entry.index
        found = list(_entry_issuer(item, origin, checkpoint, trust))
        findings += [Finding(ISSUER, outcome, reason, index) for outcome, reason in found or [_ENTITLED]]
    findings += _repeated(shown)
    age = question.trust_age_ms
    if age is not None and question.now - trust.exported.at > age:
        findings.append(Finding(ISSUER, UNKNOWN, "trust_stale"))
    return findings


_ENTITLED: tuple[Outcome, str] = (PASS, "issuer_entitled")


def _entry_issuer(
    item: ShownEntry, origin: str, checkpoint: Checkpoint, trust: Trust
) -> Iterator[tuple[Outcome, str]]:
    latest = checkpoint.time * 1000 + CLOCK_SKEW_MS
    seen: set[str] = set()
    for shown in (item.entry, item.manifest):
        if shown is None:
            continue
        if shown.content is None or shown.envelope is None:
            yield UNKNOWN, "entry_malformed"
            continue
        found = [
            (finding.outcome, finding.reason)
            for finding in check_issuer(trust, origin, shown.content, shown.envelope.keyid)
        ]
        if shown.content.at > latest:
            found.append((FAIL, "signed_after_checkpoint"))
        for outcome, reason in found:
            if reason not in seen:
                seen.add(reason)
                yield outcome, reason
    entry, manifest = item.entry.content, item.manifest.content if item.manifest else None
    if entry is not None and manifest is not None and entry.issuer != manifest.issuer:
        yield FAIL, "manifest_issuer"


def _repeated(shown: Sequence[ShownEntry]) -> list[Finding]:
    """One finding for each place at which an (issuer, id) stands again.

    The manifest of several entries is one place, wherever it is shown.
    """
    places: dict[tuple[str, str], set[tuple[int, bytes]]] = {}
    findings = []
    for item in shown:
        for one in (item.entry, item.manifest):
            if one is None or one.content is None:
                continue
            at = places.setdefault((one.content.issuer, one.content.id), set())
            if (one.index, one.leaf) not in at:
                at.add((one.index, one.leaf))
                if len(at) > 1:
                    findings.append(Finding(ISSUER, FAIL, "repeated", item.entry.index))
    return findings


def inclusion_findings(shown: Sequence[ShownEntry], checkpoint: Checkpoint) -> list[Finding]:
    """The `inclusion` findings of all entries and manifests, before the checkpoint's own verdict."""
    findings: list[Finding] = []
    for item in shown:
        found: list[str] = []
        for one in (item.entry, item.manifest):
            if one is None:
                continue
            try:
                verify_inclusion(one.leaf, one.index, checkpoint.size, one.proven.inclusion, checkpoint.root)
            except ProofInvalid as error:
                found.append(error.reason)
        if not _follows_manifest(item):
            found.append("batch_position")
        index = item.entry.index
        findings += [Finding(INCLUSION, FAIL, reason, index) for reason in dict.fromkeys(found)]
        if not found:
            findings.append(Finding(INCLUSION, PASS, "included", index))
    return findings


def _follows_manifest(item: ShownEntry) -> bool:
    """Whether a batch entry stands at its place; true where there is no place to compare."""
    envelope = item.entry.envelope
    if item.manifest is None or envelope is None or envelope.batch is None:
        return True
    return item.entry.index == item.manifest.index + 1 + envelope.batch.index


def disclosure_findings(shown: Sequence[ShownEntry]) -> list[Finding]:
    """The `disclosure` findings of the entries that disclose something."""
    findings = []
    for item in shown:
        disclosure, content = item.source.disclosure, item.entry.content
        if disclosure is None:
            continue
        outcome, reason = PASS, "disclosed"
        if content is None:
            outcome, reason = UNKNOWN, "entry_malformed"
        elif not isinstance(content, Statement) or content.sealed is None:
            outcome, reason = FAIL, "nothing_sealed"
        elif content.sealed != sealed_digest(disclosure.salt, content.issuer, content.id, disclosure.content):
            outcome, reason = FAIL, "sealed_digest"
        findings.append(Finding(DISCLOSURE, outcome, reason, item.entry.index))
    return findings
