"""Sealed content at rest: SM4-GCM under a data key per entry, the data key wrapped by a master key.

The master keys live in a file outside the database, one key of 32 hex digits a line, the last line being
the one in force; a rotation adds a line. The data key stands, wrapped, in the very blob that it opens, so
that destroying the blob (`erase_sealed`) destroys the key with it: what a backup of the master key alone
can open is nothing.

The blob, all lengths fixed but the last:

    01 || 12 wrap nonce || 32 wrapped data key and tag || 12 content nonce || ciphertext and tag

Both encryptions authenticate `issuer || 00 || id`, so that a blob moved to another entry does not open.
The plaintext is `salt (32) || content`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ledger.errors import ConfigurationError, DecryptionFailed, SealedMismatch
from ledger.files import create_file
from ledger.formats.sealed import SALT_SIZE
from ledger.gm import hmac_sm3, sm4_gcm_decrypt, sm4_gcm_encrypt
from ledger.store.port import Sealed

_VERSION = b"\x01"
_KEY_BYTES = 16
_NONCE_BYTES = 12
_TAG_BYTES = 16
_WRAPPED_END = 1 + _NONCE_BYTES + _KEY_BYTES + _TAG_BYTES
_CONTENT_AT = _WRAPPED_END + _NONCE_BYTES
_SHORTEST = _CONTENT_AT + SALT_SIZE + _TAG_BYTES


class Sealer(Protocol):
    """Encrypts the personal part of a submission for storage, and opens it again.

    Thread-safe. `open` raises `SealedMismatch` when the blob was changed, was moved to another entry, or
    its master key is not there.
    """

    def seal(self, issuer: str, id: str, salt: bytes, content: bytes) -> Sealed: ...

    def open(self, sealed: Sealed, issuer: str, id: str) -> tuple[bytes, bytes]:
        """Salt and content."""


class Sm4Sealer:
    """The sealer over SM4-GCM; `keys` are the 16-byte master keys, the last one in force."""

    def __init__(self, keys: list[bytes], randomness: Callable[[int], bytes] = os.urandom) -> None:
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise ConfigurationError("a sealer needs at least one master key of 16 bytes")
        self._keys = {master_key_id(key): key for key in keys}
        self._current = master_key_id(keys[-1])
        self._randomness = randomness

    @classmethod
    def from_file(cls, path: Path) -> "Sm4Sealer":
        """Read the master keys; raises `ConfigurationError` when the file is missing or not in form."""
        try:
            keys = [bytes.fromhex(line) for line in path.read_text("ascii").split()]
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                "the master key file must be readable and hold 32 hex digits a line"
            ) from error
        return cls(keys)

    def seal(self, issuer: str, id: str, salt: bytes, content: bytes) -> Sealed:
        data_key = self._randomness(_KEY_BYTES)
        nonces = self._randomness(2 * _NONCE_BYTES)
        bound = _bound_to(issuer, id)
        wrap_nonce, nonce = nonces[:_NONCE_BYTES], nonces[_NONCE_BYTES:]
        wrapped = sm4_gcm_encrypt(self._keys[self._current], wrap_nonce, data_key, bound)
        sealed = sm4_gcm_encrypt(data_key, nonce, salt + content, bound)
        return Sealed(_VERSION + wrap_nonce + wrapped + nonce + sealed, self._current)

    def open(self, sealed: Sealed, issuer: str, id: str) -> tuple[bytes, bytes]:
        blob = sealed.ciphertext
        master = self._keys.get(sealed.key_id)
        if master is None:
            raise SealedMismatch("the master key that wraps this content is not in the key file")
        if len(blob) < _SHORTEST or blob[:1] != _VERSION:
            raise SealedMismatch("the stored sealed content is not in form")
        bound = _bound_to(issuer, id)
        try:
            data_key = sm4_gcm_decrypt(master, blob[1 : 1 + _NONCE_BYTES], _wrapped(blob), bound)
            plain = sm4_gcm_decrypt(data_key, blob[_WRAPPED_END:_CONTENT_AT], blob[_CONTENT_AT:], bound)
        except DecryptionFailed as error:
            raise SealedMismatch("the stored sealed content does not open") from error
        return plain[:SALT_SIZE], plain[SALT_SIZE:]


def create_master_key_file(path: Path, randomness: Callable[[int], bytes] = os.urandom) -> None:
    """Write a new master key file readable by its owner only; refuses to replace one."""
    create_file(path, f"{randomness(_KEY_BYTES).hex()}\n".encode("ascii"))


def master_key_id(key: bytes) -> str:
    """The name of a master key, which says nothing about it: 16 hex digits."""
    return hmac_sm3(key, b"xinzheng/master/v1").hex()[:16]


def _wrapped(blob: bytes) -> bytes:
    return blob[1 + _NONCE_BYTES : _WRAPPED_END]


def _bound_to(issuer: str, id: str) -> bytes:
    return f"{issuer}\0{id}".encode("ascii")
