"""SM3 (GB/T 32905-2016), from the fastest provider that is installed.

    >>> sm3(b"abc").hex()
    '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0'

`hashlib` has SM3 where Python is linked with an OpenSSL that has it; `cryptography` brings its own
OpenSSL; `gmssl` is pure Python and comes last. Contexts are copied, never made by name: looking SM3 up
again for each hash costs as much as hashing 64 bytes.
"""

import hashlib
from collections.abc import Callable
from typing import Protocol, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

DIGEST_SIZE = 32
_BLOCK_SIZE = 64
_INNER_PAD, _OUTER_PAD = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class _Context(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...
    def copy(self) -> "_Context": ...


class _CryptographyContext:
    """The hash of `cryptography`, whose `finalize` may be called once only."""

    def __init__(self, inner: hashes.Hash | None = None) -> None:
        self._inner = inner or hashes.Hash(hashes.SM3())

    def update(self, data: bytes) -> None:
        self._inner.update(data)

    def digest(self) -> bytes:
        return self._inner.copy().finalize()

    def copy(self) -> "_CryptographyContext":
        return _CryptographyContext(self._inner.copy())


class _GmsslContext:
    """gmssl hashes a whole list of bytes at once, so the data is kept until it is asked for."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data)

    def update(self, data: bytes) -> None:
        self._data += data

    def digest(self) -> bytes:
        from gmssl import sm3 as gmssl_sm3

        return bytes.fromhex(gmssl_sm3.sm3_hash(list(self._data)))

    def copy(self) -> "_GmsslContext":
        return _GmsslContext(bytes(self._data))


def _hashlib_context() -> _Context:
    return hashlib.new("sm3")


_PROVIDERS: dict[str, Callable[[], _Context]] = {
    "hashlib": _hashlib_context,
    "cryptography": _CryptographyContext,
    "gmssl": _GmsslContext,
}


def _fastest() -> tuple[str, _Context]:
    for name, make in _PROVIDERS.items():
        try:
            context = make()
            context.copy().digest()
        except (ValueError, UnsupportedAlgorithm, ImportError):
            continue
        return name, context
    raise ImportError("no SM3: hashlib, cryptography and gmssl all lack it")


PROVIDER, _EMPTY = _fastest()


def sm3(data: bytes) -> bytes:
    """Return the 32-byte SM3 digest of `data` (GB/T 32905-2016)."""
    context = _EMPTY.copy()
    context.update(data)
    return context.digest()


class Sm3:
    """SM3 of data that arrives in pieces; `digest` may be called at any time and changes nothing."""

    __slots__ = ("_context",)

    def __init__(self, data: bytes = b"") -> None:
        self._context = _EMPTY.copy()
        self._context.update(data)

    def update(self, data: bytes) -> None:
        """Append `data` to what is hashed."""
        self._context.update(data)

    def digest(self) -> bytes:
        """Return the 32-byte digest of everything appended so far."""
        return self._context.digest()

    def copy(self) -> Self:
        """Return an independent context in the same state."""
        other = type(self)()
        other._context = self._context.copy()
        return other


def sm3_prefixed(prefix: bytes) -> Callable[[bytes], bytes]:
    """Return a function that maps `data` to SM3(prefix || data), hashing the prefix once."""
    base = _EMPTY.copy()
    base.update(prefix)
    copy = base.copy

    def digest(data: bytes) -> bytes:
        context = copy()
        context.update(data)
        return context.digest()

    return digest


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """Return the 32-byte HMAC-SM3 of `data` (GB/T 15852.2, RFC 2104 with SM3)."""
    if len(key) > _BLOCK_SIZE:
        key = sm3(key)
    block = key.ljust(_BLOCK_SIZE, b"\0")
    return sm3(block.translate(_OUTER_PAD) + sm3(block.translate(_INNER_PAD) + data))
