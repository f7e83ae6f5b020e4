"""The middle of an audit: what the entries say, checked as the log should have checked them.

A log is cut into ranges that never split a batch (`batch_boundary`), so that each range can be judged on its
own: form, signatures, issuers, batches, kinds and tags, stored columns, sealed contents and receipts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.domain import Organisation, OrganisationCode, Person, subject_of, subject_tag, validate
from ledger.domain.fields import Body
from ledger.errors import LedgerError, SealedMismatch, SignatureInvalid
from ledger.formats.envelope import BATCH_TYPE, RECEIPT_TYPE, STATEMENT_TYPE, Envelope, pae, parse_envelope
from ledger.formats.receipt import Receipt, ReceiptBatch, format_receipt
from ledger.formats.sealed import sealed_digest
from ledger.formats.statement import Manifest, Statement, parse_manifest, parse_statement
from ledger.formats.trust import Trust
from ledger.gm import PublicKey, verify
from ledger.log.admission import EARLIEST_STATEMENT_MS, OLDEST_STATEMENT_MS, index_keys_of
from ledger.log.audit_report import Finding, finding
from ledger.log.audit_tables import DueRules, TableAuditor
from ledger.log.sealer import Sealer, is_erased, lacks_key
from ledger.merkle import batch_leaf_hash, batch_root, leaf_hash
from ledger.store.raw import RawEntry, RawLog, id_text

_QUEUE_GRACE_MS = 5 * 60 * 1000
"""How long a submission may have waited between its check and its acceptance."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an audit holds the entries against; everything optional that it need not have."""

    origin: str
    trust: Trust | None
    log_keys: tuple[PublicKey, ...]
    sealer: Sealer | None = None
    dues: DueRules | None = None


@dataclass(slots=True)
class AuditedRange:
    """What auditing some entries gave."""

    entries: int = 0
    findings: list[Finding] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    first_accepted: int | None = None
    last_accepted: int = 0

    def count(self, figure: str, by: int = 1) -> None:
        self.figures[figure] = self.figures.get(figure, 0) + by


@dataclass(slots=True)
class _OpenBatch:
    row: RawEntry
    manifest: Manifest
    keyid: str
    hashes: list[bytes] = field(default_factory=list)


def batch_boundary(log: RawLog, index: int) -> int:
    """The first index from `index` on that is not inside a batch which began before it."""
    entry = log.entry_bytes(index) if index else None
    if entry is None:
        return index
    try:
        place = parse_envelope(entry).batch
        if place is None or place.index >= index:
            return index
        opening = log.entry_bytes(index - 1 - place.index)
        envelope = parse_envelope(opening or b"")
        if envelope.payload_type != BATCH_TYPE:
            return index
        return max(index, index - place.index + parse_manifest(envelope.payload).size)
    except LedgerError:
        return index


class EntryAuditor:
    """Judges entries in ascending order; `result` tells what it found.

    `tables` holds the tables beside the entries against them; without it they are not looked at.
    """

    def __init__(self, rules: Rules, tables: TableAuditor | None = None) -> None:
        self._rules = rules
        self._tables = tables
        self._batch: _OpenBatch | None = None
        self.result = AuditedRange()

    def run(self, rows: Iterable[RawEntry]) -> AuditedRange:
        for row in rows:
            self._judge(row)
        self._close_batch()
        return self.result

    def _add(self, code: str, row: RawEntry, detail: str = "") -> None:
        self.result.findings.append(finding(code, row.index, detail, row.issuer, id_text(row.id)))

    def _judge(self, row: RawEntry) -> None:
        result = self.result
        result.entries += 1
        if result.first_accepted is None:
            result.first_accepted = row.accepted_at
        if row.accepted_at < result.last_accepted:
            self._add("entry_time", row, "accepted before the entry before it")
        result.last_accepted = max(result.last_accepted, row.accepted_at)
        try:
            envelope = parse_envelope(row.entry)
            if envelope.payload_type == BATCH_TYPE:
                self._judge_manifest(row, envelope, parse_manifest(envelope.payload))
            elif envelope.payload_type == STATEMENT_TYPE:
                self._judge_statement(row, envelope, parse_statement(envelope.payload))
            else:
                self._add("entry_form", row, "neither a statement nor a manifest")
        except LedgerError as error:
            self._add("entry_form", row, error.code)

    # Manifests and batches

    def _judge_manifest(self, row: RawEntry, envelope: Envelope, manifest: Manifest) -> None:
        self._close_batch()
        self.result.count("manifests")
        self._compare_columns(row, manifest.issuer, manifest.id, manifest.at)
        if row.index_keys:
            self._add("index_keys_differ", row)
        if manifest.log != self._rules.origin:
            self._add("entry_refused", row, "for another log")
        self._check_signature(row, envelope, envelope.signature)
        self._check_issuer(row, envelope.keyid, manifest.issuer, manifest.at, None)
        batch = ReceiptBatch(row.index + 1, manifest.size, manifest.root)
        self._check_receipt(row, manifest.issuer, manifest.id, batch)
        self._check_tables(row, None, None)
        self._batch = _OpenBatch(row, manifest, envelope.keyid)

    def _judge_place(self, row: RawEntry, envelope: Envelope, issuer: str) -> None:
        place, batch = envelope.batch, self._batch
        if place is None:
            self._close_batch()
            self._check_signature(row, envelope, envelope.signature)
            return
        self.result.count("batch_entries")
        if batch is None or len(batch.hashes) >= batch.manifest.size:
            self._add("batch_differs", row, "a batch entry without its manifest before it")
            return
        manifest = batch.manifest
        if (place.root, place.size, place.index) != (manifest.root, manifest.size, len(batch.hashes)) or (
            envelope.keyid,
            issuer,
        ) != (batch.keyid, manifest.issuer):
            self._add("batch_differs", row, "place, key or issuer are not the manifest's")
        if row.accepted_at != batch.row.accepted_at:
            # The receipt of the batch, which signs this time, is checked at its manifest.
            self._add("entry_time", row, "accepted at another time than its batch")
        batch.hashes.append(batch_leaf_hash(envelope.pae))

    def _close_batch(self) -> None:
        batch, self._batch = self._batch, None
        if batch is None:
            return
        if len(batch.hashes) != batch.manifest.size:
            self._add("batch_differs", batch.row, "entries of this batch are missing")
        elif batch_root(batch.hashes) != batch.manifest.root:
            self._add("batch_differs", batch.row, "an entry of this batch was changed: its root differs")

    # Statements

    def _judge_statement(self, row: RawEntry, envelope: Envelope, statement: Statement) -> None:
        self.result.count("statements")
        self._compare_columns(row, statement.issuer, statement.id, statement.at)
        self._judge_place(row, envelope, statement.issuer)
        if statement.log != self._rules.origin:
            self._add("entry_refused", row, "for another log")
        self._check_issuer(row, envelope.keyid, statement.issuer, statement.at, statement.kind)
        body = None
        try:
            body = validate(statement)
        except LedgerError as error:
            self._add("entry_refused", row, error.code)
        if b"".join(index_keys_of(statement.keys)) != row.index_keys:
            self._add("index_keys_differ", row)
        self._check_sealed(row, statement, body)
        # An entry of a batch has a receipt of its own once somebody asked for one.
        self._check_receipt(row, statement.issuer, statement.id, None)
        self._check_tables(row, statement, body)

    def _check_tables(self, row: RawEntry, statement: Statement | None, body: Body | None) -> None:
        if self._tables is None:
            return
        if statement is not None and statement.refers:
            self.result.count("references", len(set(statement.refers)))
        for code, detail in self._tables.judge(row.index, statement, body, row.accepted_at):
            self._add(code, row, detail)

    def _compare_columns(self, row: RawEntry, issuer: str, id: str, at: int) -> None:
        if (issuer, id) != (row.issuer, id_text(row.id)):
            self._add("entry_row_differs", row)
        oldest = at - EARLIEST_STATEMENT_MS
        if not oldest <= row.accepted_at <= at + OLDEST_STATEMENT_MS + _QUEUE_GRACE_MS:
            self._add("entry_time", row, "signed too long before or after")

    def _check_signature(self, row: RawEntry, envelope: Envelope, signature: bytes | None) -> None:
        trust = self._rules.trust
        holder = trust.holders.get(envelope.keyid) if trust else None
        if holder is None or signature is None:
            return
        self.result.count("signatures")
        try:
            verify(holder.public, envelope.pae, signature)
        except SignatureInvalid:
            self._add("entry_signature", row)

    def _check_issuer(self, row: RawEntry, keyid: str, issuer: str, at: int, kind: str | None) -> None:
        trust = self._rules.trust
        if trust is None:
            return
        holder = trust.holders.get(keyid)
        if holder is None or holder.member is None or holder.member.id != issuer:
            self._add("entry_issuer", row, "the key is not registered for the issuer")
        elif not holder.window.holds(at):
            self._add("entry_issuer", row, "signed outside the key's window")
        elif kind is not None:
            log = trust.logs.get(self._rules.origin)
            if log is not None and log.role_for(kind) not in holder.member.roles:
                # The register keeps no history of roles, so this is no proof that the role was missing then.
                self.result.count("issuers_without_role_today")

    def _check_sealed(self, row: RawEntry, statement: Statement, body: Body | None) -> None:
        """Content that was erased is no damage where its record stands: the destroyed key's row, or what was
        put in the place of content that carried its own. Content or a key that is merely gone is."""
        sealed = row.sealed
        if sealed is None:
            if statement.sealed is not None:
                self._add("sealed_missing", row)
            return
        if statement.sealed is None:
            self._add("sealed_unannounced", row)
            return
        if is_erased(sealed):
            self.result.count("sealed_erased")
            return
        if lacks_key(sealed):
            self._add("sealed_key_missing", row)
            return
        subject = subject_of(body) if body is not None else None
        if self._rules.sealer is None or not isinstance(subject, Organisation | OrganisationCode | Person):
            self.result.count("sealed_unopened")
            return
        self.result.count("sealed_opened")
        tag, issuer, id = subject_tag(subject), statement.issuer, statement.id
        try:
            salt, content = self._rules.sealer.open(sealed, tag, issuer, id)
        except SealedMismatch:
            self._add("sealed_differs", row)
            return
        if sealed_digest(salt, issuer, id, content) != statement.sealed:
            self._add("sealed_differs", row)

    def _check_receipt(self, row: RawEntry, issuer: str, id: str, batch: ReceiptBatch | None) -> None:
        if row.receipt is None or not self._rules.log_keys:
            return
        self.result.count("receipts")
        leaf = leaf_hash(row.entry)
        receipt = Receipt(self._rules.origin, issuer, id, leaf, row.index, row.accepted_at, batch)
        message = pae(RECEIPT_TYPE, format_receipt(receipt))
        for key in self._rules.log_keys:
            try:
                verify(key, message, row.receipt)
            except SignatureInvalid:
                continue
            return
        self._add("receipt_signature", row)
