"""SM2 by the system's OpenSSL 3 `libcrypto`, through ctypes.

Signing and verifying let go of the interpreter lock; the brief calls round them keep it, since getting it
back among busy threads costs more than they do.

It is maintained by the distribution and is the only native choice on 64-bit Arm Linux. Keys go in as DER
and the digest e = SM3(ZA || message) is computed here, so `EVP_PKEY_sign` and `EVP_PKEY_verify` are all
that is used: no struct layouts, and no dependence on how a release treats the signer ID.

A loaded key is only read and each thread signs in a context of its own, so a signer may be shared.
"""

import ctypes
import ctypes.util
import os
import sys
import threading
import weakref
from functools import lru_cache
from typing import Any

from ledger.errors import BackendMissing, KeyUnusable, SignatureInvalid
from ledger.gm.der import der_decode, der_encode
from ledger.gm.keys import PrivateKey, PublicKey
from ledger.gm.pem import private_der, public_der

ENVIRONMENT = "XINZHENG_LIBCRYPTO"
"""Names the library's file, where it stands in an unusual place."""
_NAMES = {
    "darwin": (
        "libcrypto.3.dylib",
        "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
        "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
    ),
    "win32": ("libcrypto-3-x64.dll", "libcrypto-3-arm64.dll", "libcrypto-3.dll"),
}
_UNIX_NAMES = ("libcrypto.so.3", "libcrypto.so.4")
_SIGNATURE_ROOM = 128
_CACHED_PUBLIC_KEYS = 512

_pointer = ctypes.c_void_p
_size = ctypes.c_size_t
_BRIEF: dict[str, tuple[object, list[object]]] = {
    "OpenSSL_version_num": (ctypes.c_ulong, []),
    "d2i_AutoPrivateKey": (_pointer, [_pointer, ctypes.POINTER(ctypes.c_char_p), ctypes.c_long]),
    "d2i_PUBKEY": (_pointer, [_pointer, ctypes.POINTER(ctypes.c_char_p), ctypes.c_long]),
    "EVP_PKEY_free": (None, [_pointer]),
    "EVP_PKEY_CTX_new": (_pointer, [_pointer, _pointer]),
    "EVP_PKEY_CTX_free": (None, [_pointer]),
    "EVP_PKEY_sign_init": (ctypes.c_int, [_pointer]),
    "EVP_PKEY_verify_init": (ctypes.c_int, [_pointer]),
    "ERR_clear_error": (None, []),
}
_LONG: dict[str, tuple[object, list[object]]] = {
    "EVP_PKEY_sign": (
        ctypes.c_int,
        [_pointer, ctypes.c_char_p, ctypes.POINTER(_size), ctypes.c_char_p, _size],
    ),
    "EVP_PKEY_verify": (ctypes.c_int, [_pointer, ctypes.c_char_p, _size, ctypes.c_char_p, _size]),
}


def _candidates() -> list[str]:
    configured = os.environ.get(ENVIRONMENT)
    if configured:
        return [configured]
    names = list(_NAMES.get(sys.platform, _UNIX_NAMES))
    # macOS kills a process that loads its own unversioned libcrypto.
    if sys.platform != "darwin":
        found = ctypes.util.find_library("crypto")
        if found:
            names.append(found)
    return names


class _Library:
    """The functions of one libcrypto; raises OSError or AttributeError where they are not to be had."""

    def __init__(self, name: str) -> None:
        for load, functions in ((ctypes.PyDLL, _BRIEF), (ctypes.CDLL, _LONG)):
            library = load(name)
            for function, (result, arguments) in functions.items():
                entry = getattr(library, function)
                entry.restype, entry.argtypes = result, arguments
                setattr(self, function, entry)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _load_library() -> _Library:
    reasons = []
    for name in _candidates():
        try:
            library = _Library(name)
        except (OSError, AttributeError) as error:
            reasons.append(str(error))
            continue
        # LibreSSL calls itself version 2, and OpenSSL 1.1 does SM2 another way.
        if library.OpenSSL_version_num() >> 28 < 3:
            reasons.append(f"{name} is older than OpenSSL 3")
            continue
        return library
    raise BackendMissing("; ".join(reasons) or "no libcrypto was found")


class _Key:
    """An EVP_PKEY, freed with its last user."""

    def __init__(self, library: _Library, load: str, der: bytes) -> None:
        start = ctypes.c_char_p(der)
        self.handle: int | None = getattr(library, load)(None, ctypes.byref(start), len(der))
        if not self.handle:
            library.ERR_clear_error()
            raise KeyUnusable("OpenSSL does not take the SM2 key")
        # Not at exit: a daemon thread may still be signing then.
        weakref.finalize(self, library.EVP_PKEY_free, self.handle).atexit = False


class _Context:
    """An EVP_PKEY_CTX, ready to sign or to verify, for one thread at a time; freed with its last user."""

    def __init__(self, library: _Library, key: _Key, start: str) -> None:
        self.handle: int | None = library.EVP_PKEY_CTX_new(key.handle, None)
        if not self.handle:
            raise MemoryError("EVP_PKEY_CTX_new")
        weakref.finalize(self, library.EVP_PKEY_CTX_free, self.handle).atexit = False
        if getattr(library, start)(self.handle) != 1:
            library.ERR_clear_error()
            raise BackendMissing("this OpenSSL was built without SM2")


class OpensslSigner:
    """One private key in OpenSSL's hands."""

    def __init__(self, library: _Library, key: PrivateKey) -> None:
        self.public: PublicKey = key.public
        self._library = library
        self._key = _Key(library, "d2i_AutoPrivateKey", private_der(key.secret_bytes(), key.public.raw))
        self._threads = threading.local()

    def _context(self) -> _Context:
        """This thread's context: making one takes a tenth of the time of a signature."""
        context: _Context | None = getattr(self._threads, "context", None)
        if context is None:
            context = self._threads.context = _Context(self._library, self._key, "EVP_PKEY_sign_init")
        return context

    def sign(self, message: bytes) -> bytes:
        """Return raw r || s, 64 bytes; raises BackendMissing if OpenSSL fails."""
        digest = self.public.digest(message)
        room = ctypes.create_string_buffer(_SIGNATURE_ROOM)
        size = _size(_SIGNATURE_ROOM)
        handle = self._context().handle
        if self._library.EVP_PKEY_sign(handle, room, ctypes.byref(size), digest, len(digest)) != 1:
            self._library.ERR_clear_error()
            raise BackendMissing("OpenSSL could not sign")
        try:
            return der_decode(room.raw[: size.value])
        except SignatureInvalid as error:
            raise BackendMissing("OpenSSL made a malformed signature") from error


class OpensslBackend:
    """The system's libcrypto; raises BackendMissing where there is none with SM2."""

    name = "openssl"

    def __init__(self) -> None:
        self._library = _load_library()
        self._public_key = lru_cache(maxsize=_CACHED_PUBLIC_KEYS)(self._load_public)
        probe = PrivateKey(bytes(31) + b"\x02")
        try:
            works = self.verify(probe.public, b"probe", self.signer(probe).sign(b"probe"))
        except KeyUnusable as error:
            raise BackendMissing("this OpenSSL was built without SM2") from error
        if not works:
            raise BackendMissing("this OpenSSL does not verify its own SM2 signature")

    def signer(self, key: PrivateKey) -> OpensslSigner:
        """Load `key`; raises KeyUnusable if this OpenSSL was built without SM2."""
        return OpensslSigner(self._library, key)

    def verify(self, public: PublicKey, message: bytes, signature: bytes) -> bool:
        """Tell whether the raw signature, already range-checked, verifies."""
        key = self._public_key(public)
        digest = public.digest(message)
        der = der_encode(signature)
        context = _Context(self._library, key, "EVP_PKEY_verify_init")
        verdict: int = self._library.EVP_PKEY_verify(context.handle, der, len(der), digest, len(digest))
        self._library.ERR_clear_error()
        return verdict == 1

    def _load_public(self, public: PublicKey) -> _Key:
        return _Key(self._library, "d2i_PUBKEY", public_der(public.raw))
