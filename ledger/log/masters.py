"""Master keys: they wrap the data keys of sealed content, and stand outside the database.

    masters = MasterKeys(load)
    id, key = masters.current            # wraps what is new
    key = masters.key(id)                # unwraps what is old

The last one is in force; a rotation adds one (`xinzheng privacy rotate-master`). A process that runs through
a rotation meets the new one's id in the database, or notices that its source changed, and loads again.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from ledger.errors import ConfigurationError, SealedMismatch
from ledger.gm import hmac_sm3

KEY_BYTES = 16
RELOAD_SECONDS = 1.0
"""How often, at most, the source is looked at."""

Load = Callable[[], Sequence[bytes]]
Stamp = Callable[[], object]


def master_key_id(key: bytes) -> str:
    """The name of a master key, which says nothing about it: 16 hex digits."""
    return hmac_sm3(key, b"xinzheng/master/v1").hex()[:16]


def parse_master_keys(text: bytes) -> list[bytes]:
    """The keys of 32 hex digits a line; raises `ConfigurationError`, which quotes nothing."""
    try:
        keys = [bytes.fromhex(line) for line in text.decode("ascii").split()]
    except ValueError:
        keys = []
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise ConfigurationError("the master keys must be 32 hex digits a line, one line at least")
    return keys


class MasterKeys:
    """The master keys of a deployment; thread-safe.

    `load` gives the keys, the last one in force; `stamp` something that differs when they may have changed.
    """

    def __init__(self, load: Load, stamp: Stamp = lambda: None, monotonic: Stamp = time.monotonic) -> None:
        self._load = load
        self._stamp = stamp
        self._monotonic: Any = monotonic
        self._lock = threading.Lock()
        self._seen = stamp()
        self._take(load())
        self._looked = self._searched = self._monotonic()

    @property
    def current(self) -> tuple[str, bytes]:
        """The name of the key in force, and the key."""
        self._follow()
        return self._current, self._keys[self._current]

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of all keys, the one in force last."""
        self._follow()
        return (*(id for id in self._keys if id != self._current), self._current)

    def key(self, id: str) -> bytes:
        """The key of that name; raises `SealedMismatch` when the source does not have it."""
        found = self._keys.get(id)
        if found is None:
            self._search()
            found = self._keys.get(id)
        if found is None:
            raise SealedMismatch("the master key that wraps this content is not at its source")
        return found

    def _follow(self) -> None:
        """Load again when the source changed; looked at so often at most."""
        if self._monotonic() - self._looked < RELOAD_SECONDS:
            return
        with self._lock:
            if self._monotonic() - self._looked < RELOAD_SECONDS:
                return
            self._looked = self._monotonic()
            stamp = self._stamp()
            if stamp != self._seen:
                self._take(self._load())
                self._seen = stamp

    def _search(self) -> None:
        """Load again for a name that is not known, whatever the source says of itself; so often at most."""
        with self._lock:
            if self._monotonic() - self._searched < RELOAD_SECONDS:
                return
            self._searched = self._monotonic()
            self._take(self._load())

    def _take(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ConfigurationError("a sealer needs at least one master key of 16 bytes")
        # One assignment makes each visible; the keys first, so that the one in force is among them.
        self._keys = {master_key_id(key): key for key in keys}
        self._current = master_key_id(keys[-1])
