"""The signed end of an audit: checkpoints as published, and anchors as recorded and as the chain has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.chain.port import AnchorPort
from ledger.errors import FormatError, SignatureInvalid
from ledger.formats.note import (
    LOG_IDENTIFIER,
    SignedNote,
    note_hash,
    parse_note,
    verification_key,
    verify_log_line,
)
from ledger.gm import sm3
from ledger.log.audit_entries import Rules
from ledger.log.audit_report import AuditReport
from ledger.store.port import LogStore, StoredAnchor, StoredCheckpoint
from ledger.store.raw import RawLog

_PAGE = 500


@dataclass(slots=True)
class SignedCheckpoints:
    """The checkpoints whose notes could be read, in order; `notes`: size -> hashes of its notes."""

    rows: list[StoredCheckpoint] = field(default_factory=list)
    notes: dict[int, set[bytes]] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        return [row.size for row in self.rows]

    @property
    def size(self) -> int:
        """The published size."""
        return self.rows[-1].size if self.rows else 0

    def newest_within(self, size: int) -> StoredCheckpoint | None:
        """The newest checkpoint of at most this size."""
        return next((row for row in reversed(self.rows) if row.size <= size), None)

    def compare_roots(self, roots: Mapping[int, bytes], entries: int, report: AuditReport) -> None:
        """Hold each signed root against the recomputed one; the first that differs is named."""
        beyond = [row for row in self.rows if row.size > entries]
        if beyond:
            report.add(
                "checkpoint_beyond_entries",
                None,
                f"size {beyond[0].size} is signed, {entries} entries are there",
            )
        differing = [row for row in self.rows if row.size <= entries and roots.get(row.size) != row.root]
        if differing:
            first = differing[0].size
            below = max((row.size for row in self.rows if row.size < first), default=0)
            report.add(
                "checkpoint_root_differs",
                None,
                f"first at size {first} ({len(differing)} in all), so it is about entries from {below} to "
                f"{first - 1}",
            )


def read_checkpoints(log: RawLog, rules: Rules, report: AuditReport) -> SignedCheckpoints:
    """Read and check every published note; the fields that count from here on are the signed ones."""
    read = SignedCheckpoints()
    previous = StoredCheckpoint(0, b"", b"", 0, b"")
    expected = 1
    for number, row in log.checkpoints():
        if number != expected:
            # A number is never used again while a later one stands, so a gap is a removal.
            report.add("checkpoint_missing", None, f"{number - expected} before the one of size {row.size}")
        expected = number + 1
        report.count("checkpoints")
        try:
            note = parse_note(row.note)
        except FormatError as error:
            report.add("checkpoint_signature", None, f"at size {row.size}: {error.code}")
            continue
        signed = note.checkpoint
        if (signed.size, signed.root, signed.index_root, signed.time) != (
            row.size,
            row.root,
            row.index_root,
            row.time,
        ):
            report.add("checkpoint_row_differs", None, f"at size {row.size}")
        if signed.origin != rules.origin or not _is_signed(note, rules):
            report.add("checkpoint_signature", None, f"at size {row.size}")
            continue
        if signed.size < previous.size or signed.time < previous.time:
            report.add("checkpoint_order", None, f"at size {signed.size}")
        previous = StoredCheckpoint(signed.size, signed.root, signed.index_root, signed.time, row.note)
        read.rows.append(previous)
        read.notes.setdefault(signed.size, set()).add(note_hash(note.text))
    return read


def _is_signed(note: SignedNote, rules: Rules) -> bool:
    """Whether the log's line, which is the first, is by one of its keys; without keys none can be checked."""
    if not rules.log_keys:
        return True
    line = note.signatures[0]
    for public in rules.log_keys:
        key = verification_key(rules.origin, LOG_IDENTIFIER, public)
        if key.key_hash != line.key_hash:
            continue
        try:
            verify_log_line(note.text, line, key)
        except SignatureInvalid:
            continue
        return True
    return False


def audit_anchors(
    store: LogStore,
    log: RawLog,
    rules: Rules,
    checkpoints: SignedCheckpoints,
    chain: AnchorPort | None,
    report: AuditReport,
) -> None:
    """Compare each recorded anchor with its checkpoint and, where given, with the chain."""
    log_id = sm3(rules.origin.encode("ascii"))
    by_size = {row.size: row for row in checkpoints.rows}
    # Asked before the rows are read: an anchor is recorded before it is sent.
    newest = chain.latest(log_id) if chain is not None else None
    after = -1
    while page := store.anchors(after, _PAGE):
        after = page[-1].size
        for anchor in page:
            report.count("anchors")
            checkpoint = by_size.get(anchor.size)
            if checkpoint is None or anchor.note_hash not in checkpoints.notes[anchor.size]:
                checkpoint = _published_since(anchor, log, rules)
            if checkpoint is None:
                report.add("anchor_orphan", None, f"at size {anchor.size}")
            elif anchor.state in ("pending", "sent"):
                continue
            elif anchor.state not in ("mined", "final"):
                report.add("anchor_differs", None, f"at size {anchor.size}, in no known state")
            elif None in (anchor.tx_hash, anchor.block_number, anchor.block_hash):
                report.add("anchor_differs", None, f"at size {anchor.size}, without its place on the chain")
            elif chain is not None:
                _compare_with_chain(anchor, checkpoint, log_id, chain, report)
    if newest is not None and store.anchor(newest.size) is None:
        report.add("anchor_unrecorded", None, f"at size {newest.size}")


def _published_since(anchor: StoredAnchor, log: RawLog, rules: Rules) -> StoredCheckpoint | None:
    """The signed checkpoint that an anchor names, if it was published since this audit began."""
    for text in log.notes(anchor.size):
        try:
            note = parse_note(text)
        except FormatError:
            continue
        signed = note.checkpoint
        if signed.size != anchor.size or note_hash(note.text) != anchor.note_hash:
            continue
        if signed.origin == rules.origin and _is_signed(note, rules):
            return StoredCheckpoint(signed.size, signed.root, signed.index_root, signed.time, text)
    return None


def _compare_with_chain(
    anchor: StoredAnchor, checkpoint: StoredCheckpoint, log_id: bytes, chain: AnchorPort, report: AuditReport
) -> None:
    held = chain.checkpoint(log_id, anchor.size)
    if held is None:
        report.add("anchor_missing", None, f"at size {anchor.size}")
        return
    block = chain.block(held.block_number)
    theirs = (
        (held.root, held.index_root, held.note_hash),
        (held.block_number, block.hash if block else None, chain.find_transaction(log_id, anchor.size)),
    )
    ours = (
        (checkpoint.root, checkpoint.index_root, anchor.note_hash),
        (anchor.block_number, anchor.block_hash, anchor.tx_hash),
    )
    if theirs != ours:
        report.add("anchor_differs", None, f"at size {anchor.size}")
    elif anchor.state == "final" and held.block_number > chain.finalized():
        report.add("anchor_differs", None, f"at size {anchor.size}, which is not final")
    report.count("anchors_on_chain")
