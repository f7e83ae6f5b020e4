"""Who signs: native libraries behind one interface, in order of preference.

`openssl` (the system's libcrypto 3, which gets security updates), `tongsuopy` (bundled native code, last
released in 2023), `gmssl` (pure Python, slow, hardened here). The environment variable
XINZHENG_GM_BACKEND, or an argument, names one instead.
"""

import os
from functools import cache
from typing import Protocol

from ledger.errors import BackendMissing
from ledger.gm.keys import PrivateKey, PublicKey

ORDER = ("openssl", "tongsuopy", "gmssl")
ENVIRONMENT = "XINZHENG_GM_BACKEND"


class Signer(Protocol):
    """Signs with one private key that stays loaded; may be used from many threads at once."""

    @property
    def public(self) -> PublicKey:
        """The key under which the signatures verify."""

    def sign(self, message: bytes) -> bytes:
        """Return raw r || s, 64 bytes: SM2 with SM3 and the default signer ID over `message`."""


class Backend(Protocol):
    """One library that knows SM2; stateless to its users and safe in many threads."""

    name: str

    def signer(self, key: PrivateKey) -> Signer:
        """Load `key`; raises KeyUnusable if the library refuses it."""

    def verify(self, public: PublicKey, message: bytes, signature: bytes) -> bool:
        """Tell whether a raw signature verifies; the caller has range-checked it (`der.split_raw`)."""


@cache
def _load(name: str) -> Backend | str:
    """Return the backend, or the sentence that says why it is missing."""
    try:
        if name == "openssl":
            from ledger.gm import openssl

            return openssl.OpensslBackend()
        if name == "tongsuopy":
            from ledger.gm import tongsuo

            return tongsuo.TongsuopyBackend()
        if name == "gmssl":
            from ledger.gm import gmssl_backend

            return gmssl_backend.GmsslBackend()
    except (ImportError, OSError) as error:
        return f"{name}: {error}"
    except BackendMissing as error:
        return f"{name}: {error.detail}"
    return f"{name!r} is none of {', '.join(ORDER)}"


def _named(name: str) -> Backend:
    """Return the backend of that name; raises BackendMissing, saying why."""
    loaded = _load(name)
    if isinstance(loaded, str):
        raise BackendMissing(loaded)
    return loaded


# `signer` has an argument of this name.
backend = _named


def installed() -> list[Backend]:
    """Return the backends that work here, the preferred one first."""
    loaded = (_load(name) for name in ORDER)
    return [found for found in loaded if not isinstance(found, str)]


def signer(key: PrivateKey, backend: str | None = None) -> Signer:
    """Return a signer for `key`, by the named, the configured or the first installed backend.

    Raises BackendMissing if the one named is not there, or none is.
    """
    wanted = backend or os.environ.get(ENVIRONMENT)
    if wanted:
        return _named(wanted).signer(key)
    found = installed()
    if not found:
        raise BackendMissing("no library for SM2 signatures: install OpenSSL 3, tongsuopy or gmssl")
    return found[0].signer(key)
