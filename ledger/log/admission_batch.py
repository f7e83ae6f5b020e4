"""Batches at the door: one signature for thousands of entries, all of them accepted or none.

The manifest comes first and its signature is checked once. Each of its `size` entries must then stand in
its own place: index ascending from 0, the manifest's root, size and key, the manifest's issuer; and be
what a single submission would have to be, but for the signature. The root over all PAEs, recomputed here,
is what ties the entries to the manifest's signature, so nothing is admitted before the last line is read.

A line that fails refuses the whole batch and is named (`BatchLineInvalid`, 1-based, the manifest being line
1). Memory is bounded by `BATCH_BYTES_LIMIT`; this path is budgeted at 60 us per entry, so its loop avoids
what a single submission can afford.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ledger.domain import kind_of, parse_body
from ledger.errors import (
    OURS,
    BatchInvalid,
    BatchLineInvalid,
    FormatError,
    IdReused,
    LedgerError,
    LogMismatch,
    TooLarge,
)
from ledger.formats.envelope import BATCH_TYPE, STATEMENT_TYPE, Envelope, parse_envelope
from ledger.formats.statement import Manifest, Statement, parse_manifest, parse_statement
from ledger.gm import verify
from ledger.log.admission import Admission, Admitted, check_time, index_keys_of
from ledger.log.directory import DirectoryKey
from ledger.log.gate import Gated
from ledger.log.submission import BATCH_BYTES_LIMIT, split_submission
from ledger.merkle import batch_leaf_hash, batch_root, leaf_hash
from ledger.store.port import NewEntry


@dataclass(frozen=True, slots=True)
class AdmittedBatch:
    """A whole batch that may be appended: the manifest's entry, then its entries in order."""

    entries: list[NewEntry]
    manifest: Manifest
    gated: tuple[Gated, ...] = ()

    def line_of(self, issuer: str, id: str) -> int:
        """The 1-based line on which an entry of this batch stood; 0 when it has none such."""
        for line, entry in enumerate(self.entries, 1):
            if entry.id == id and entry.issuer == issuer:
                return line
        return 0


def admit_batch(admission: Admission, lines: Iterable[bytes]) -> AdmittedBatch:
    """Check a batch whole, reading its lines as they come; a line may end in a newline.

    Raises `BatchLineInvalid`; `BatchInvalid` when lines are missing or the root differs; `TooLarge`; and as
    it is what is `OURS`.
    """
    numbered = enumerate(_bounded(lines), 1)
    line, first = next(numbered, (1, b""))
    try:
        opening = _Opening(admission, first)
    except OURS:
        raise
    except LedgerError as error:
        raise BatchLineInvalid(line, error) from error
    entries = [opening.entry]
    hashes: list[bytes] = []
    gated: list[Gated] = []
    seen = {opening.manifest.id}
    for line, data in numbered:
        try:
            admitted, pae_hash = opening.admit_next(data, len(hashes))
            if admitted.entry.id in seen:
                raise IdReused("the batch uses this id twice")
        except OURS:
            raise
        except LedgerError as error:
            raise BatchLineInvalid(line, error) from error
        seen.add(admitted.entry.id)
        if admitted.gated:
            gated.append(Gated(len(entries), admitted.statement, admitted.body))
        entries.append(admitted.entry)
        hashes.append(pae_hash)
    manifest = opening.manifest
    if len(hashes) != manifest.size:
        raise BatchInvalid(f"the manifest announces {manifest.size} entries, but {len(hashes)} came")
    if batch_root(hashes) != manifest.root:
        raise BatchInvalid("the manifest's root is not that of the entries")
    return AdmittedBatch(entries, manifest, tuple(gated))


def admit_own_batch(
    admission: Admission, manifest: bytes, entries: Sequence[bytes], statements: Sequence[Statement]
) -> AdmittedBatch:
    """A batch that this process made itself, with `sign_batch` from statements whose bodies it validated.

    Rights are checked as everybody's; form, signature, root and tags hold by construction, the statements
    seal nothing, and none of them is a step. Raises `KeyUnknown`, `IssuerMismatch`, `KeyRevoked`,
    `KeyExpired` or `RoleMissing`.
    """
    envelope = parse_envelope(manifest)
    parsed = parse_manifest(envelope.payload)
    key, now = admission.directory.key(envelope.keyid), admission.clock()
    key.check_manifest(parsed.issuer, parsed.at, now)
    for statement in statements:
        assert statement.log == admission.origin
        assert statement.sealed is None
        key.check_statement(statement.log, statement.issuer, statement.kind, statement.at, now)
    made = [NewEntry(parsed.issuer, parsed.id, manifest, leaf_hash(manifest), ())]
    made += [
        NewEntry(
            statement.issuer,
            statement.id,
            entry,
            leaf_hash(entry),
            index_keys_of(statement.keys),
            None,
            statement.refers,
            _due_of_own(admission, statement, now),
        )
        for statement, entry in zip(statements, entries, strict=True)
    ]
    return AdmittedBatch(made, parsed)


def _due_of_own(admission: Admission, statement: Statement, now: int) -> tuple[tuple[str, str], ...]:
    kind = kind_of(statement.kind)
    # Looks come by the thousand, and nothing is ever due about one.
    if admission.rulebook is None or kind.log != "credit":
        return ()
    return admission.rulebook.due(statement, parse_body(kind, statement.body), now)


class _Opening:
    """A manifest that was admitted, and what its entries have in common with it."""

    def __init__(self, admission: Admission, data: bytes) -> None:
        envelope = parse_envelope(data)
        if envelope.payload_type != BATCH_TYPE or envelope.signature is None:
            raise FormatError("a batch begins with its signed manifest")
        manifest = parse_manifest(envelope.payload)
        if manifest.log != admission.origin:
            raise LogMismatch(f"the manifest is for another log than {admission.origin}")
        self._admission = admission
        self._now = admission.clock()
        self._repeated = admission.known(manifest.issuer, manifest.id, data)
        self._key: DirectoryKey = admission.directory.key(envelope.keyid)
        if not self._repeated:
            self._key.check_manifest(manifest.issuer, manifest.at, self._now)
        verify(self._key.public, envelope.pae, envelope.signature)
        if not self._repeated:
            check_time(manifest.at, self._now)
        self._keyid = envelope.keyid
        self.manifest = manifest
        self.entry = NewEntry(manifest.issuer, manifest.id, data, leaf_hash(data), ())

    def admit_next(self, line: bytes, index: int) -> tuple[Admitted, bytes]:
        """What the next line says, which must stand at `index`, and its batch leaf hash."""
        manifest = self.manifest
        data, disclosure = split_submission(line)
        envelope = parse_envelope(data)
        self._check_place(envelope, index)
        statement = parse_statement(envelope.payload)
        if statement.log != manifest.log:
            raise LogMismatch(f"the statement is for another log than {manifest.log}")
        if not self._repeated:
            self._key.check_statement(manifest.log, statement.issuer, statement.kind, statement.at, self._now)
            check_time(statement.at, self._now)
        admitted = self._admission.examine(data, statement, disclosure, self._key, self._now)
        return admitted, batch_leaf_hash(envelope.pae)

    def _check_place(self, envelope: Envelope, index: int) -> None:
        place, manifest = envelope.batch, self.manifest
        if place is None or envelope.payload_type != STATEMENT_TYPE:
            raise BatchInvalid("a line of a batch must be a statement in batch form")
        if index >= manifest.size:
            raise BatchInvalid(f"the manifest announces {manifest.size} entries only")
        if place.index != index:
            raise BatchInvalid(f"this line must have batch index {index}, it has {place.index}")
        if place.root != manifest.root or place.size != manifest.size or envelope.keyid != self._keyid:
            raise BatchInvalid("root, size and keyid must be those of the manifest")


def _bounded(lines: Iterable[bytes]) -> Iterator[bytes]:
    total = 0
    for line in lines:
        total += len(line)
        if total > BATCH_BYTES_LIMIT:
            raise TooLarge(f"a batch has at most {BATCH_BYTES_LIMIT} bytes")
        yield line[:-1] if line.endswith(b"\n") else line
