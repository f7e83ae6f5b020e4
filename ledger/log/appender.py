"""Append: a submission goes in, the log's signed receipt comes out, and is never taken back.

    appender = Appender(store, origin, signer, admission, clock)
    receipt = appender.submit(envelope_bytes)

The calling thread checks the submission, waits for the group commit (`committer.py`) and signs its own
receipt, so that checking and signing of many submissions run side by side and only the transaction is one
at a time. A step waits for its turn besides (`gate.py`). The same (issuer, id) with the same bytes gets the
first receipt again; with other bytes it is `IdReused`.
"""

from collections.abc import Iterable, Sequence

from ledger.errors import BatchLineInvalid, IdReused, StoreBusy
from ledger.formats.envelope import BATCH_TYPE, parse_envelope
from ledger.formats.statement import Statement, parse_manifest
from ledger.gm import PublicKey, Signer
from ledger.log.admission import Admission, Admitted
from ledger.log.admission_batch import AdmittedBatch, admit_batch, admit_own_batch
from ledger.log.clock import Clock
from ledger.log.committer import Committer, GroupLimits
from ledger.log.gate import Gated, StepGate
from ledger.log.receipts import ReceiptDesk
from ledger.store.port import Accepted, KeyLost, LogStore, NewEntry, Reused, StoredEntry

_SEALINGS = 8
"""How often content is sealed before its submitter is asked to come again; twice is rare."""


class Appender:
    """The write side of one log; one per log and process, used by any number of threads.

    All methods raise what `Admission` and `Committer.append` raise. The store has one writer at a time over
    all processes, so several appenders are safe, but commit in turns.
    """

    def __init__(
        self,
        store: LogStore,
        origin: str,
        signer: Signer,
        admission: Admission,
        clock: Clock,
        *,
        former_keys: Sequence[PublicKey] = (),
        limits: GroupLimits | None = None,
        gate: StepGate | None = None,
    ) -> None:
        """`gate` checks steps against the state of what they refer to; without one they are not checked."""
        self.origin = origin
        self._store = store
        self._admission = admission
        self._receipts = ReceiptDesk(store, origin, signer, former_keys)
        self._committer = Committer(store, clock, limits, self._receipts.keep)
        self._gate = gate

    def submit(self, submission: bytes) -> bytes:
        """Append one submission; returns the receipt's envelope.

        Raises `IdReused` besides, and of a step what `StepGate.held` raises.
        """
        return self.append(self._admission.admit(submission))[0]

    def submit_batch(self, lines: Iterable[bytes]) -> bytes:
        """Append a batch, manifest line first; returns the receipt's envelope.

        All lines are accepted or none; a line that fails is named by `BatchLineInvalid`.
        """
        return self.append_batch(admit_batch(self._admission, lines))[0]

    def submit_own_batch(
        self, manifest: bytes, entries: Sequence[bytes], statements: Sequence[Statement]
    ) -> bytes:
        """Append a batch that this process just made from `statements`; see `admit_own_batch`."""
        return self.append_batch(admit_own_batch(self._admission, manifest, entries, statements))[0]

    def append(self, admitted: Admitted) -> tuple[bytes, Accepted]:
        """Append what was admitted; returns the receipt's envelope and where the entry stands."""
        answer = self._commit((admitted.entry,), _gated(admitted))
        if isinstance(answer, Reused):
            raise IdReused("this issuer used this id for another statement")
        return self._receipts.issue(admitted.entry, answer), answer

    def append_batch(self, batch: AdmittedBatch) -> tuple[bytes, Accepted]:
        """Append an admitted batch; returns the receipt's envelope and where its manifest stands."""
        answer = self._commit(batch.entries, batch.gated)
        if isinstance(answer, Reused):
            raise BatchLineInvalid(
                batch.line_of(answer.issuer, answer.id), IdReused("this issuer used this id before")
            )
        return self._receipts.issue(batch.entries[0], answer, batch.manifest), answer

    def receipt(self, stored: StoredEntry) -> bytes:
        """The receipt of an accepted entry, or of a batch by its manifest, as it was first given."""
        envelope = parse_envelope(stored.entry)
        manifest = parse_manifest(envelope.payload) if envelope.payload_type == BATCH_TYPE else None
        entry = NewEntry(stored.issuer, stored.id, stored.entry, stored.leaf_hash, stored.index_keys)
        accepted = Accepted(stored.index, stored.accepted_at, repeated=True)
        return self._receipts.issue(entry, accepted, manifest)

    def _commit(self, entries: Sequence[NewEntry], gated: Sequence[Gated]) -> Accepted | Reused:
        if self._gate is None or not gated:
            return self._append(entries)
        with self._gate.held(entries, gated):
            return self._append(entries)

    def _append(self, entries: Sequence[NewEntry]) -> Accepted | Reused:
        """Append; what was sealed under a key that another process was first to make is sealed again."""
        for _ in range(_SEALINGS):
            answer = self._committer.append(entries)
            if not isinstance(answer, KeyLost):
                return answer
            entries = self._admission.seal_again(entries, self._store)
        raise StoreBusy("the data keys of these subjects keep changing; send the same submission again")

    @property
    def failure(self) -> BaseException | None:
        """The broken invariant that stopped appending, if one did: the process should stop."""
        return self._committer.failure

    @property
    def waiting(self) -> int:
        """How many submissions wait for their commit."""
        return self._committer.waiting

    def close(self, timeout: float = 30.0) -> None:
        """Take no more submissions, commit those that wait, store what is still to be stored."""
        self._committer.close(timeout)
        self._receipts.keep(idle=True)


def _gated(admitted: Admitted) -> tuple[Gated, ...]:
    return (Gated(0, admitted.statement, admitted.body),) if admitted.gated else ()
