"""SM2 verification for a service: tables for the signers it meets often, a native library for the rest.

    >>> from ledger.gm.backends import signer
    >>> from ledger.gm.keys import PrivateKey
    >>> key = PrivateKey.generate()
    >>> verify(key.public, b"message", signer(key).sign(b"message"))

A table costs some 300 native verifications to build, so it is built in the background, one at a time, for
a signer who has been seen that often, or at once by `warm`. When all places are taken, a newcomer needs
twice the uses of the table that is used least: many equally busy signers do not push each other out.
Counts are halved now and then, so that yesterday's signer makes room.
"""

import threading
from collections.abc import Iterable
from functools import cache

from ledger.errors import SignatureInvalid
from ledger.gm.backends import Backend, installed
from ledger.gm.curve import NATIVE_NUMBERS, is_signature
from ledger.gm.der import split_raw
from ledger.gm.keys import PublicKey
from ledger.gm.tables import Table, base_table, build_table, is_signature_by_tables

DEFAULT_CAPACITY = 16
"""Tables kept, of about 8 MB each."""
_USES_WITH_NATIVE = 256
_USES_WITHOUT_NATIVE = 8
_COUNTED_SIGNERS = 4096
_COUNTS_BETWEEN_HALVINGS = 16_384


class _Signer:
    """What is known of one signer; `uses` is a heuristic and may lose an increment to a race."""

    __slots__ = ("public", "table", "uses")

    def __init__(self, public: PublicKey) -> None:
        self.public = public
        self.table: Table | None = None
        self.uses = 0


def _native_backend() -> Backend | None:
    return next((found for found in installed() if found.name != "gmssl"), None)


class Verifier:
    """Verifies SM2 signatures; safe in many threads."""

    def __init__(
        self,
        *,
        capacity: int = DEFAULT_CAPACITY,
        uses_before_table: int | None = None,
        native: bool = True,
    ) -> None:
        """Keep at most `capacity` tables, each built after `uses_before_table` valid signatures.

        The default is 256 beside a native library and 8 without one. `native=False` keeps to our own
        arithmetic.
        """
        self._native = _native_backend() if native else None
        # Tables of Python's own integers are slower than a native library.
        self._capacity = capacity if NATIVE_NUMBERS or self._native is None else 0
        default = _USES_WITHOUT_NATIVE if self._native is None else _USES_WITH_NATIVE
        self._uses_before_table = default if uses_before_table is None else uses_before_table
        self._signers: dict[bytes, _Signer] = {}
        self._with_tables: list[_Signer] = []
        self._lock = threading.Lock()
        self._building = False
        self._counts = 0

    def verify(self, public: PublicKey, message: bytes, signature: bytes) -> None:
        """Return nothing if raw r || s (64 bytes) is `public`'s signature of `message`.

        SM2 with SM3 and the default signer ID (GB/T 32918.2, GM/T 0009). Raises SignatureInvalid.
        """
        r, s = split_raw(signature)
        known = self._signers.get(public.raw)
        table = None if known is None else known.table
        if known is not None and table is not None:
            known.uses += 1
            e = int.from_bytes(public.digest(message), "big")
            if not is_signature_by_tables(e, r, s, public.point, table):
                raise SignatureInvalid
            return
        if self._native is not None:
            valid = self._native.verify(public, message, signature)
        else:
            e = int.from_bytes(public.digest(message), "big")
            valid = is_signature(e, r, s, public.point)
        if not valid:
            raise SignatureInvalid
        self._count(public)

    def verify_many(self, items: Iterable[tuple[PublicKey, bytes, bytes]]) -> None:
        """Verify (public, message, raw signature) each; raises SignatureInvalid naming the first bad one."""
        for position, (public, message, signature) in enumerate(items):
            try:
                self.verify(public, message, signature)
            except SignatureInvalid as error:
                raise SignatureInvalid(f"item {position}: {error.detail or error.en}") from error

    def warm(self, public: PublicKey) -> None:
        """Build the signer's table now, in this thread, displacing the least used one if need be."""
        if not self._capacity:
            return
        with self._lock:
            known = self._signers.setdefault(public.raw, _Signer(public))
            known.uses = max(known.uses, self._uses_before_table)
        if known.table is None:
            self._install(known)

    def has_table(self, public: PublicKey) -> bool:
        """Tell whether this signer's signatures are verified by table."""
        known = self._signers.get(public.raw)
        return known is not None and known.table is not None

    def _count(self, public: PublicKey) -> None:
        """Count a valid signature, and start building the signer's table when it is worth it."""
        if not self._capacity:
            return
        with self._lock:
            self._counts += 1
            if self._counts >= _COUNTS_BETWEEN_HALVINGS or len(self._signers) >= _COUNTED_SIGNERS:
                self._halve()
            known = self._signers.get(public.raw)
            if known is None:
                known = self._signers[public.raw] = _Signer(public)
            known.uses += 1
            if self._building or known.table is not None or not self._deserves_table(known):
                return
            self._building = True
        try:
            threading.Thread(target=self._build, args=(known,), name="sm2-table", daemon=True).start()
        except RuntimeError:  # no more threads, or the interpreter is shutting down
            self._building = False

    def _halve(self) -> None:
        """Halve all counts and forget signers without table who come to nothing; the lock is held."""
        self._counts = 0
        for known in self._signers.values():
            known.uses //= 2
        kept = {raw: known for raw, known in self._signers.items() if known.table or known.uses}
        if len(kept) >= _COUNTED_SIGNERS:
            kept = {raw: known for raw, known in kept.items() if known.table}
        self._signers = kept

    def _deserves_table(self, known: _Signer) -> bool:
        if known.uses < self._uses_before_table:
            return False
        if len(self._with_tables) < self._capacity:
            return True
        least = min(other.uses for other in self._with_tables)
        return known.uses >= 2 * least + self._uses_before_table

    def _build(self, known: _Signer) -> None:
        try:
            self._install(known)
        finally:
            self._building = False

    def _install(self, known: _Signer) -> None:
        base_table()
        table = build_table(known.public.point)
        with self._lock:
            # Halving may have forgotten the signer meanwhile, and another thread made a new one.
            known = self._signers.setdefault(known.public.raw, known)
            if known.table is not None:
                return
            if len(self._with_tables) >= self._capacity:
                least = min(self._with_tables, key=lambda other: other.uses)
                self._with_tables.remove(least)
                least.table = None
            known.table = table
            self._with_tables.append(known)


@cache
def default_verifier() -> Verifier:
    """Return the process's own verifier, made on first use."""
    return Verifier()


def verify(public: PublicKey, message: bytes, signature: bytes) -> None:
    """Verify a raw signature with the process's own verifier: returns nothing or raises SignatureInvalid."""
    default_verifier().verify(public, message, signature)
