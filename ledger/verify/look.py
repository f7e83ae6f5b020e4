"""The verdict `look`: that the operator logged this look, and with the digest of this very answer.

A bundle of the access log would prove it better, and cannot be had at once: the look is accepted, not yet
published. What there is: the operator's signature over the look's batch, and the log's signed receipt for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ledger.errors import InputError, ProofInvalid, SignatureInvalid
from ledger.formats.envelope import BATCH_TYPE, STATEMENT_TYPE, Envelope, pae, parse_envelope
from ledger.formats.look import LookProof
from ledger.formats.receipt import Receipt, parse_receipt
from ledger.formats.statement import Manifest, Statement, parse_manifest, parse_statement
from ledger.formats.times import format_time
from ledger.formats.trust import Trust
from ledger.gm import verify
from ledger.merkle import batch_leaf_hash, leaf_hash, verify_batch_path
from ledger.verify.answer_document import AnswerDocument
from ledger.verify.answer_words import LOOK, AnswerFinding
from ledger.verify.issuer import check_issuer
from ledger.verify.question import CLOCK_SKEW_MS
from ledger.verify.receipt_number import receipt_identifier
from ledger.verify.verdicts import FAIL, PASS, UNKNOWN, Outcome

EVENT_KIND = "access.event.recorded"
OPERATOR = "operator"

Found = tuple[Outcome, str]


@dataclass(frozen=True, slots=True)
class LookFacts:
    """What the logged look says, for whoever reads the report; times in milliseconds since 1970."""

    origin: str
    index: int
    issuer: str
    id: str
    accepted_at: int
    body: dict[str, Any]

    @property
    def receipt_number(self) -> str:
        """The e-certificate identifier of the receipt that the issuer gives for this look."""
        return str(receipt_identifier(self.issuer, self.id))

    def as_json(self) -> dict[str, Any]:
        """The facts that are shown; absent ones are left out."""
        actor = self.body.get("actor")
        shown = {
            "origin": self.origin,
            "index": self.index,
            "issuer": self.issuer,
            "id": self.id,
            "accepted_at": format_time(self.accepted_at),
            "member": actor.get("member") if isinstance(actor, dict) else None,
            "operator": actor.get("operator") if isinstance(actor, dict) else None,
        }
        shown |= {name: self.body.get(name) for name in ("purpose", "basis", "basis_code", "authorisation")}
        return {name: value for name, value in shown.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Opened:
    """A look's parts, parsed."""

    envelope: Envelope
    statement: Statement
    receipt: Receipt
    receipt_envelope: Envelope
    manifest: Manifest | None
    manifest_envelope: Envelope | None


def check_look(
    look: LookProof | None, answer: AnswerDocument, trust: Trust, now: int
) -> tuple[list[AnswerFinding], LookFacts | None]:
    """The `look` findings, and what the look says where it could be read."""
    if look is None:
        return [AnswerFinding(LOOK, UNKNOWN, "look_missing")], None
    opened = _open(look)
    if opened is None:
        return [AnswerFinding(LOOK, FAIL, "look_malformed")], None
    found = [
        *_placed(look, opened),
        *_signed(opened, trust),
        *_received(look, opened, trust, now),
        *_says(opened.statement, answer),
    ]
    statement = opened.statement
    facts = LookFacts(
        look.origin, look.index, statement.issuer, statement.id, opened.receipt.accepted_at, statement.body
    )
    reasons = dict.fromkeys(found or [(PASS, "answer_logged")])
    return [AnswerFinding(LOOK, outcome, reason) for outcome, reason in reasons], facts


def _open(look: LookProof) -> _Opened | None:
    try:
        envelope = parse_envelope(look.entry)
        receipt, receipt_envelope = parse_receipt(look.receipt)
        if envelope.payload_type != STATEMENT_TYPE or (envelope.batch is None) != (look.manifest is None):
            return None
        statement = parse_statement(envelope.payload)
        if look.manifest is None:
            return _Opened(envelope, statement, receipt, receipt_envelope, None, None)
        manifest = parse_envelope(look.manifest)
        if manifest.payload_type != BATCH_TYPE:
            return None
        announced = parse_manifest(manifest.payload)
    except InputError:
        return None
    return _Opened(envelope, statement, receipt, receipt_envelope, announced, manifest)


def _placed(look: LookProof, opened: _Opened) -> Iterator[Found]:
    """The entry in its batch, and both at the places that the receipt names."""
    receipt, place, manifest = opened.receipt, opened.envelope.batch, opened.manifest
    expected = look.entry if look.manifest is None else look.manifest
    if receipt.log != look.origin or receipt.leaf_hash != leaf_hash(expected):
        yield FAIL, "look_place"
    if place is None or manifest is None or opened.manifest_envelope is None:
        if receipt.batch is not None or receipt.leaf_index != look.index:
            yield FAIL, "look_place"
        return
    batch = receipt.batch
    if (
        batch is None
        or batch.first_index != receipt.leaf_index + 1
        or batch.first_index + place.index != look.index
        or (batch.root, batch.size) != (place.root, place.size)
    ):
        yield FAIL, "look_place"
    if (manifest.root, manifest.size, opened.manifest_envelope.keyid) != (
        place.root,
        place.size,
        opened.envelope.keyid,
    ):
        yield FAIL, "batch_disagrees"
    if look.path is None:
        yield UNKNOWN, "look_path_missing"
        return
    try:
        verify_batch_path(
            batch_leaf_hash(opened.envelope.pae), place.index, place.size, look.path, place.root
        )
    except ProofInvalid:
        yield FAIL, "batch_path"


def _signed(opened: _Opened, trust: Trust) -> Iterator[Found]:
    """By whom the look was signed: a member that may, and that is the operator."""
    signed = opened.envelope if opened.manifest_envelope is None else opened.manifest_envelope
    holder = trust.holders.get(signed.keyid)
    if holder is None:
        yield UNKNOWN, "key_unknown"
    elif signed.signature is not None:
        try:
            verify(holder.public, signed.pae, signed.signature)
        except SignatureInvalid:
            yield FAIL, "signature_invalid"
    origin = opened.receipt.log
    contents: list[Statement | Manifest] = [opened.statement]
    if opened.manifest is not None:
        contents.append(opened.manifest)
        if opened.manifest.issuer != opened.statement.issuer:
            yield FAIL, "manifest_issuer"
    for content in contents:
        for finding in check_issuer(trust, origin, content, signed.keyid):
            yield finding.outcome, finding.reason
    member = trust.members.get(opened.statement.issuer)
    if member is not None and OPERATOR not in member.roles:
        yield FAIL, "look_not_by_operator"


def _received(look: LookProof, opened: _Opened, trust: Trust, now: int) -> Iterator[Found]:
    """The log's own signature over its receipt."""
    receipt, envelope = opened.receipt, opened.receipt_envelope
    first = opened.statement if opened.manifest is None else opened.manifest
    if (receipt.issuer, receipt.id) != (first.issuer, first.id):
        yield FAIL, "look_place"
    if max(receipt.accepted_at, opened.statement.at) > now + CLOCK_SKEW_MS:
        yield FAIL, "look_in_future"
    log = trust.logs.get(look.origin)
    if log is None:
        yield UNKNOWN, "log_not_trusted"
        return
    keys = [key for key in log.keys if key.vkey.public.keyid == envelope.keyid]
    if not keys or envelope.signature is None:
        yield UNKNOWN, "log_key_unknown"
        return
    try:
        verify(keys[0].vkey.public, pae(envelope.payload_type, envelope.payload), envelope.signature)
    except SignatureInvalid:
        yield FAIL, "look_receipt_signature"
    if not any(key.window.holds(receipt.accepted_at) and not key.window.is_revoked(now) for key in keys):
        yield FAIL, "look_receipt_key_not_valid"


def _says(statement: Statement, answer: AnswerDocument) -> Iterator[Found]:
    """That it is the look of this answer."""
    body = statement.body
    if (
        statement.kind != EVENT_KIND
        or body.get("action") != "check"
        or body.get("outcome") not in ("done", "none")
    ):
        yield FAIL, "look_not_a_check"
        return
    if body.get("resource") != f"check/{answer.matter}":
        yield FAIL, "look_other_matter"
    if not _same_subject(body.get("subject"), answer):
        yield FAIL, "look_other_subject"
    named = body.get("answer")
    if named is None:
        yield FAIL, "answer_not_named"
    elif named != answer.sm3:
        yield FAIL, "answer_differs"


def _same_subject(subject: object, answer: AnswerDocument) -> bool:
    if not isinstance(subject, dict) or subject.get("type") != answer.subject_type:
        return False
    if answer.subject_type == "organisation":
        return subject.get("uscc") == answer.subject_code
    return subject.get("person_tag") in answer.subject_tags
