"""What the service believes about members and their keys: a trust file, looked up by keyid.

    directory = Directory.from_file(path, clock)
    directory.key(keyid).check_statement(origin, issuer, kind, at, now)

The snapshot is a trust file (DESIGN.md section 4.6) that the worker exports from the consortium registry and
replaces whole; every process reads it again when it changed, at most once a second, so that a revocation
reaches the door within seconds while the chain may be away. Readers always see one snapshot, never a mixture.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import (
    ConfigurationError,
    FormatError,
    IssuerMismatch,
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    RoleMissing,
)
from ledger.files import replace_file
from ledger.formats.trust import Trust, TrustMember, Window, parse_trust
from ledger.gm import PublicKey, Verifier
from ledger.log.clock import Clock

logger = logging.getLogger("xinzheng.directory")

REFRESH_MS = 1_000
"""How old a look at the snapshot file may be."""
MOST_WARMED = 16
"""Keys whose verification tables are built at start-up, some 0.1 s and 8 MB each."""


@dataclass(frozen=True, slots=True)
class DirectoryKey:
    """A member's registered key, and the snapshot that says so."""

    public: PublicKey
    window: Window
    member: TrustMember
    trust: Trust

    def check_statement(self, origin: str, issuer: str, kind: str, at: int, now: int) -> None:
        """Whether this key may sign that statement for a log; times in milliseconds.

        Raises `IssuerMismatch`, `KeyRevoked`, `KeyExpired`, `RoleMissing`.
        """
        self.check_manifest(issuer, at, now)
        self.check_role(origin, kind)

    def check_manifest(self, issuer: str, at: int, now: int) -> None:
        """Whether this key may sign for the issuer at that time.

        A key whose revocation has passed signs nothing more here, whatever time it claims: a stolen key
        would claim an earlier one.
        """
        if issuer != self.member.id:
            raise IssuerMismatch("the signing key is registered for another member than the issuer")
        window = self.window
        if window.revoked is not None and (window.revoked <= at or window.revoked <= now):
            raise KeyRevoked()
        if not window.holds(at):
            raise KeyExpired()

    def check_role(self, origin: str, kind: str) -> None:
        """Whether the member has the role that this kind needs in this log. Raises `RoleMissing`."""
        log = self.trust.logs.get(origin)
        role = log.role_for(kind) if log else "publisher:" + kind.partition(".")[0]
        if role not in self.member.roles:
            raise RoleMissing(f"this needs the role {role}")


class Directory:
    """The members' register of one deployment; thread-safe."""

    def __init__(
        self, trust: Trust, refresh: Callable[[], Trust | None] | None = None, clock: Clock | None = None
    ) -> None:
        """`refresh` gives a newer snapshot if there is one; it is asked at most once a second of `clock`."""
        self._trust = trust
        self._keys = _by_keyid(trust)
        self._refresh = refresh
        self._clock = clock
        self._asked = clock() if clock else 0
        self._lock = threading.Lock()

    @classmethod
    def from_file(cls, path: Path, clock: Clock) -> "Directory":
        """A directory that follows a snapshot file. Raises `ConfigurationError`, or `FormatError`."""
        snapshot = _SnapshotFile(path)
        trust = snapshot.read_if_changed()
        if trust is None:
            raise ConfigurationError(f"the members' snapshot {path.name} is missing")
        return cls(trust, snapshot.read_if_changed, clock)

    @property
    def trust(self) -> Trust:
        """The snapshot in force."""
        self._look()
        return self._trust

    def key(self, keyid: str) -> DirectoryKey:
        """A member's key by its keyid. Raises `KeyUnknown`; a log's or witness's key is none."""
        self._look()
        found = self._keys.get(keyid)
        if found is None:
            raise KeyUnknown()
        return found

    def replace(self, trust: Trust) -> None:
        """Take another snapshot, whole."""
        # One assignment makes it visible: readers take what they need from one mapping.
        self._keys = _by_keyid(trust)
        self._trust = trust

    def warm(self, verifier: Verifier, most: int = MOST_WARMED) -> int:
        """Build verification tables for the members' keys now valid, publishers first; returns how many."""
        now = self._clock() if self._clock else None
        usable = [key for key in self._keys.values() if now is None or key.window.holds(now)]
        usable.sort(key=lambda key: not any(role.startswith("publisher:") for role in key.member.roles))
        for key in usable[:most]:
            verifier.warm(key.public)
        return min(len(usable), most)

    def _look(self) -> None:
        if self._refresh is None or self._clock is None:
            return
        now = self._clock()
        if 0 <= now - self._asked < REFRESH_MS or not self._lock.acquire(blocking=False):
            return
        try:
            self._asked = now
            newer = self._refresh()
            if newer is not None:
                self.replace(newer)
        except FormatError as error:
            logger.error("the members' snapshot is not usable, the earlier one stays: %s", error.code)
        finally:
            self._lock.release()


class _SnapshotFile:
    """Notices that a file was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def read_if_changed(self) -> Trust | None:
        """The new content; nothing while the file is as before, or away for a moment."""
        try:
            state = self._path.stat()
        except OSError:
            return None
        seen = (state.st_ino, state.st_mtime_ns, state.st_size)
        if seen == self._seen:
            return None
        trust = parse_trust(self._path.read_bytes())
        self._seen = seen
        return trust


def write_snapshot(path: Path, trust: bytes) -> bool:
    """Replace the snapshot file, durably and whole; returns whether its content changed.

    Raises a `FormatError`, and leaves the old one, when these bytes are no trust file.
    """
    if path.exists() and path.read_bytes() == trust:
        return False
    parse_trust(trust)
    replace_file(path, trust)
    return True


def _by_keyid(trust: Trust) -> dict[str, DirectoryKey]:
    return {
        key.public.keyid: DirectoryKey(key.public, key.window, member, trust)
        for member in trust.members.values()
        for key in member.keys
    }
