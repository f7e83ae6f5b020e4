"""Sealed content at rest: SM4-GCM under one data key per subject, the data key wrapped by a master key.

A subject's content, of all its statements in one log, is encrypted under one data key, which stands wrapped
in the log's own database (`data_key`). Destroying that key erases the content, wherever copies of it are,
while every proof still verifies. The master keys (`masters.py`) are outside the database: neither it nor they
alone open anything.

    content blob     02 || 12 nonce || ciphertext and tag of (salt || content)
      authenticates  "xinzheng/content/v2" || 00 || key id || subject's tag || issuer || 00 || id
    wrapped key      12 nonce || 16 encrypted key || 16 tag
      authenticates  "xinzheng/data-key/v2" || 00 || key id || subject's tag

so that a blob moved to another entry or subject, and a key given to another subject, do not open. What is
authenticated stands in the same row or in the signed statement; the key's id and the tag as 16 and 32 bytes.

A new subject's key is made here, travels with the entry (`Sealed.data_key`) and is inserted in the append's
own transaction, so it costs no further commit. Where several make one for the same subject at once, the first
that is committed stands: the others' submissions come back as `KeyLost` and are sealed again (`seal_again`).
Nothing is ever stored under a key that does not stand; the database refuses it.

Content of the first version carries a data key of its own, wrapped in the blob; it stays readable:

    01 || 12 wrap nonce || 32 wrapped key || 12 content nonce || ciphertext and tag; both authenticate
    issuer || 00 || id
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakValueDictionary

from ledger.errors import ConfigurationError, DecryptionFailed, SealedErased, SealedMismatch, Unavailable
from ledger.files import create_file
from ledger.formats.sealed import SALT_SIZE
from ledger.gm import sm4_gcm_decrypt, sm4_gcm_encrypt
from ledger.log.masters import KEY_BYTES, MasterKeys, master_key_id, parse_master_keys
from ledger.store.port import DataKey, Sealed

__all__ = ["Sealer", "Sm4Sealer", "create_master_key_file", "master_key_id"]

_ERASED, _FIRST, _SECOND = b"\x00", b"\x01", b"\x02"
_NONCE_BYTES, _TAG_BYTES, _ID_BYTES = 12, 16, 16
_WRAPPED_BYTES = _NONCE_BYTES + KEY_BYTES + _TAG_BYTES
_WRAPPED_END = 1 + _WRAPPED_BYTES
_SHORTEST = 1 + _NONCE_BYTES + SALT_SIZE + _TAG_BYTES

Find = Callable[[str], DataKey | None]
"""The standing data key of a subject, by its tag."""


class Sealer(Protocol):
    """Encrypts the personal part of a submission for storage, and opens it again.

    Thread-safe. Sealing raises `Unavailable` when the subject's key cannot be used here. `open` raises
    `SealedErased` when the content was erased, and `SealedMismatch` when the blob was changed, was moved to
    another entry or subject, or its data key or master key is not there.
    """

    def seal(self, subject: str, issuer: str, id: str, salt: bytes, content: bytes) -> Sealed:
        """Seal under the key of `subject` (its tag), a new one where it has none."""

    def seal_again(self, sealed: Sealed, issuer: str, id: str, find: Find) -> Sealed:
        """Seal the same under the key that stands now, after its own was `KeyLost`."""

    def open(self, sealed: Sealed, subject: str, issuer: str, id: str) -> tuple[bytes, bytes]:
        """Salt and content."""


@dataclass(frozen=True, slots=True)
class _NewKey(DataKey):
    """A key on its way in, with the key itself, which nothing else ever holds for longer than a moment."""

    plain: bytes = field(repr=False)


class Sm4Sealer:
    """The sealer over SM4-GCM for one log; `keys` are the 16-byte master keys, the last one in force.

    `find` looks a subject's standing key up in the log's store; without one every statement comes with a key
    of its own, and is sealed again if the subject turns out to have one.
    """

    def __init__(
        self,
        keys: list[bytes] | MasterKeys,
        randomness: Callable[[int], bytes] = os.urandom,
        find: Find | None = None,
    ) -> None:
        self.masters = keys if isinstance(keys, MasterKeys) else MasterKeys(lambda: keys)
        self._randomness = randomness
        self._find = find
        # New keys whose statements are on their way in. They are forgotten with these, since what was not
        # stored must not be used again, and what was stored is found.
        self._candidates: WeakValueDictionary[str, _NewKey] = WeakValueDictionary()
        self._lock = threading.Lock()

    @classmethod
    def from_file(cls, path: Path) -> "Sm4Sealer":
        """Read the master keys; raises `ConfigurationError` when the file is missing or not in form."""
        try:
            return cls(parse_master_keys(path.read_bytes()))
        except OSError as error:
            raise ConfigurationError("the master key file must be readable") from error

    def __reduce__(self) -> Any:
        """For an audit's other processes, which only open: the keys as they are now, and nothing else."""
        return Sm4Sealer, ([self.masters.key(id) for id in self.masters.ids],)

    def seal(self, subject: str, issuer: str, id: str, salt: bytes, content: bytes) -> Sealed:
        key = self._find(subject) if self._find else None
        return self._seal(key or self._candidate(subject), issuer, id, salt + content)

    def seal_again(self, sealed: Sealed, issuer: str, id: str, find: Find) -> Sealed:
        lost = sealed.data_key
        if lost is None:
            return sealed
        key = find(lost.subject)
        if key is not None and key.id == lost.id:
            return sealed
        plain = self._open(sealed, lost, issuer, id)
        with self._lock:
            known = self._candidates.get(lost.subject)
            if known is not None and known.id == lost.id:
                del self._candidates[lost.subject]
        return self._seal(key or self._candidate(lost.subject), issuer, id, plain)

    def open(self, sealed: Sealed, subject: str, issuer: str, id: str) -> tuple[bytes, bytes]:
        if is_erased(sealed):
            raise SealedErased
        if sealed.ciphertext[:1] == _FIRST:
            plain = _open_first(self.masters, sealed, issuer, id)
        elif sealed.data_key is None:
            raise SealedMismatch("the data key of the stored sealed content is missing")
        elif sealed.data_key.subject != subject:
            raise SealedMismatch("the stored sealed content is under another subject's key")
        else:
            plain = self._open(sealed, sealed.data_key, issuer, id)
        return plain[:SALT_SIZE], plain[SALT_SIZE:]

    def rewrap(self, key: DataKey, master: str) -> bytes:
        """A data key wrapped by the master key of that name. Raises `SealedMismatch`."""
        return self._wrap(self._unwrap(key), _bound_to_subject(key.id, key.subject), master)

    def rewrap_first(self, sealed: Sealed, issuer: str, id: str, master: str) -> Sealed:
        """Content of the first version, its own key wrapped by the master key of that name."""
        bound = _bound_to_entry(issuer, id)
        wrapped = self._wrap(_unwrap_first(self.masters, sealed, bound), bound, master)
        return Sealed(_FIRST + wrapped + sealed.ciphertext[_WRAPPED_END:], master)

    def _candidate(self, subject: str) -> DataKey:
        with self._lock:
            candidate = self._candidates.get(subject)
            if candidate is None:
                id = self._randomness(_ID_BYTES).hex()
                master, _ = self.masters.current
                plain = self._randomness(KEY_BYTES)
                wrapped = self._wrap(plain, _bound_to_subject(id, subject), master)
                candidate = self._candidates[subject] = _NewKey(id, subject, wrapped, master, plain)
            return candidate

    def _wrap(self, plain: bytes, bound: bytes, master: str) -> bytes:
        nonce = self._randomness(_NONCE_BYTES)
        return nonce + sm4_gcm_encrypt(self.masters.key(master), nonce, plain, bound)

    def _unwrap(self, key: DataKey) -> bytes:
        if key.wrapped is None:
            raise SealedErased
        if len(key.wrapped) != _WRAPPED_BYTES:
            raise SealedMismatch("a stored data key is not in form")
        master = self.masters.key(key.master)
        nonce, wrapped = key.wrapped[:_NONCE_BYTES], key.wrapped[_NONCE_BYTES:]
        try:
            return sm4_gcm_decrypt(master, nonce, wrapped, _bound_to_subject(key.id, key.subject))
        except DecryptionFailed as error:
            raise SealedMismatch("a stored data key does not open") from error

    def _unwrapped_to_seal(self, key: DataKey) -> bytes:
        try:
            return self._unwrap(key)
        except SealedMismatch as error:
            # Not the submitter's fault: what he sends is fine, and will be taken once the key is there again.
            raise Unavailable(f"the key of this subject's content cannot be used: {error.detail}") from error

    def _seal(self, key: DataKey, issuer: str, id: str, plain: bytes) -> Sealed:
        nonce = self._randomness(_NONCE_BYTES)
        data_key = key.plain if isinstance(key, _NewKey) else self._unwrapped_to_seal(key)
        blob = sm4_gcm_encrypt(data_key, nonce, plain, _bound_to_both(key, issuer, id))
        return Sealed(_SECOND + nonce + blob, key.id, key)

    def _open(self, sealed: Sealed, key: DataKey, issuer: str, id: str) -> bytes:
        blob = sealed.ciphertext
        if len(blob) < _SHORTEST or blob[:1] != _SECOND or sealed.key_id != key.id:
            raise SealedMismatch("the stored sealed content is not in form")
        nonce, encrypted = blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :]
        try:
            return sm4_gcm_decrypt(self._unwrap(key), nonce, encrypted, _bound_to_both(key, issuer, id))
        except DecryptionFailed as error:
            raise SealedMismatch("the stored sealed content does not open") from error


def is_erased(sealed: Sealed) -> bool:
    """Whether content was destroyed on purpose: its data key was, or what carried its own key."""
    key = sealed.data_key
    return sealed.ciphertext[:1] == _ERASED or (key is not None and key.wrapped is None)


def lacks_key(sealed: Sealed) -> bool:
    """Whether the data key of this content is gone without a record that it was destroyed: damage."""
    return sealed.ciphertext[:1] == _SECOND and sealed.data_key is None


def create_master_key_file(path: Path, randomness: Callable[[int], bytes] = os.urandom) -> None:
    """Write a new master key file readable by its owner only; refuses to replace one."""
    create_file(path, f"{randomness(KEY_BYTES).hex()}\n".encode("ascii"))


def _unwrap_first(masters: MasterKeys, sealed: Sealed, bound: bytes) -> bytes:
    blob = sealed.ciphertext
    master = masters.key(sealed.key_id)
    if len(blob) < _WRAPPED_END + _NONCE_BYTES + SALT_SIZE + _TAG_BYTES:
        raise SealedMismatch("the stored sealed content is not in form")
    try:
        return sm4_gcm_decrypt(
            master, blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES : _WRAPPED_END], bound
        )
    except DecryptionFailed as error:
        raise SealedMismatch("the stored sealed content does not open") from error


def _open_first(masters: MasterKeys, sealed: Sealed, issuer: str, id: str) -> bytes:
    bound = _bound_to_entry(issuer, id)
    data_key = _unwrap_first(masters, sealed, bound)
    rest = sealed.ciphertext[_WRAPPED_END:]
    try:
        return sm4_gcm_decrypt(data_key, rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], bound)
    except DecryptionFailed as error:
        raise SealedMismatch("the stored sealed content does not open") from error


def _bound_to_entry(issuer: str, id: str) -> bytes:
    return f"{issuer}\0{id}".encode("ascii")


def _bound_to_subject(id: str, subject: str) -> bytes:
    return b"xinzheng/data-key/v2\0" + bytes.fromhex(id) + bytes.fromhex(subject)


def _bound_to_both(key: DataKey, issuer: str, id: str) -> bytes:
    names = bytes.fromhex(key.id) + bytes.fromhex(key.subject)
    return b"xinzheng/content/v2\0" + names + _bound_to_entry(issuer, id)
