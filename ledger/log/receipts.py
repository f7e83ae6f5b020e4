"""The log's promises: signing receipts, and giving the same one again to whoever asks again.

SM2 signatures are random, so the first receipt of an entry can be given again only if its signature was
kept. Keeping it is write-behind: the signature of a fresh receipt waits in memory until the committing
thread has time to store it. A crash in between loses signatures, never promises: the next request for that
entry signs the same content anew, and both receipts hold.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from ledger.errors import SignatureInvalid, StoreBusy
from ledger.formats.envelope import RECEIPT_TYPE, Envelope, format_envelope, pae
from ledger.formats.receipt import Receipt, ReceiptBatch, format_receipt
from ledger.formats.statement import Manifest
from ledger.gm import PublicKey, Signer, verify
from ledger.log.faults import point
from ledger.store.port import Accepted, LogStore, NewEntry

_REMEMBERED = 8_192
"""Signatures that stay in memory after they were stored, for those who ask again at once."""
_STORED_AT_ONCE = 256
"""How many wait before the committing thread stores them although it has other work."""
_MOST_WAITING = 65_536
"""Beyond this, with a store that refuses, the oldest are let go: they can be signed again."""


class ReceiptDesk:
    """Signs receipts of one log and keeps their signatures; thread-safe.

    `former` are the log's earlier public keys, whose kept signatures are still given out.
    """

    def __init__(
        self, store: LogStore, origin: str, signer: Signer, former: Sequence[PublicKey] = ()
    ) -> None:
        self._store = store
        self._origin = origin
        self._signer = signer
        self._keys = (signer.public, *former)
        self._lock = threading.Lock()
        self._waiting: OrderedDict[int, bytes] = OrderedDict()
        self._remembered: OrderedDict[int, bytes] = OrderedDict()

    def issue(self, entry: NewEntry, accepted: Accepted, manifest: Manifest | None = None) -> bytes:
        """The receipt's envelope for an accepted entry, or for a batch by its manifest's entry."""
        index = accepted.first_index
        batch = ReceiptBatch(index + 1, manifest.size, manifest.root) if manifest else None
        payload = format_receipt(
            Receipt(self._origin, entry.issuer, entry.id, entry.leaf_hash, index, accepted.accepted_at, batch)
        )
        if accepted.repeated:
            kept = self._kept(index)
            key = self._key_of(payload, kept) if kept else None
            if kept and key:
                return _envelope(payload, key, kept)
        signature = self._signer.sign(pae(RECEIPT_TYPE, payload))
        # A crash here leaves an accepted entry whose first receipt nobody has.
        point("receipt.signed")
        with self._lock:
            first = self._remembered.get(index) or self._waiting.setdefault(index, signature)
        if first is signature:
            return _envelope(payload, self._signer.public, signature)
        return _envelope(payload, self._key_of(payload, first) or self._signer.public, first)

    def keep(self, idle: bool) -> None:
        """Store signatures that wait: all of them when the committing thread is `idle`, else if many do."""
        with self._lock:
            if not self._waiting or (not idle and len(self._waiting) < _STORED_AT_ONCE):
                return
            batch = list(self._waiting.items())
        try:
            self._store.keep_receipt_signatures(batch)
        except StoreBusy:
            # They stay in memory and are stored in a later round.
            with self._lock:
                while len(self._waiting) > _MOST_WAITING:
                    self._waiting.popitem(last=False)
            return
        # A crash before this lost the signatures of these receipts, not the receipts themselves.
        point("receipts.kept")
        with self._lock:
            for index, signature in batch:
                self._waiting.pop(index, None)
                self._remembered[index] = signature
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)

    @property
    def waiting(self) -> int:
        """Signatures not yet stored."""
        return len(self._waiting)

    def _kept(self, index: int) -> bytes | None:
        with self._lock:
            kept = self._waiting.get(index) or self._remembered.get(index)
        return kept or self._store.receipt_signature(index)

    def _key_of(self, payload: bytes, signature: bytes) -> PublicKey | None:
        """The key of ours that made this signature; a stored one that none made is not given out."""
        message = pae(RECEIPT_TYPE, payload)
        for key in self._keys:
            try:
                verify(key, message, signature)
            except SignatureInvalid:
                continue
            return key
        return None


def _envelope(payload: bytes, key: PublicKey, signature: bytes) -> bytes:
    return format_envelope(Envelope(RECEIPT_TYPE, payload, key.keyid, signature, None))
