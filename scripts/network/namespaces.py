"""A network namespace for each validator, on one bridge: real links, which can be cut. Linux, and root.

The machine itself has the bridge's first address, so that it reaches every validator; a partition only lies
between validators.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from scripts.network.engine import NetworkFault, Validator


def lacking() -> str | None:
    """Why namespaces cannot be used here, as a sentence; None when they can."""
    if os.name != "posix" or shutil.which("ip") is None:
        return "network namespaces need Linux with iproute2 (the command `ip`)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    probe = f"xzprobe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"this machine allows no network namespaces ({made.stderr.strip()})"
    subprocess.run(["ip", "netns", "delete", probe], capture_output=True, check=False)
    return None


class Namespaces:
    """The bridge and the namespaces of the network in `folder`. Two folders have two of everything."""

    def __init__(self, folder: Path) -> None:
        digest = hashlib.sha256(str(folder.resolve()).encode()).digest()
        self._id = digest[:3].hex()
        # 10.128.0.0/9, of which a folder takes one /24.
        self._prefix = f"10.{128 + digest[3] % 128}.{digest[4]}"

    def name(self, index: int) -> str:
        return f"xz{self._id}n{index}"

    def host(self, index: int) -> str:
        return f"{self._prefix}.{10 + index}"

    def make(self, count: int) -> None:
        """Bridge, namespaces and links; what is left of an earlier run is removed first."""
        self.remove(count)
        bridge = f"xz{self._id}"
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", f"{self._prefix}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for index in range(count):
            name, outer = self.name(index), f"xz{self._id}v{index}"
            _ip("netns", "add", name)
            _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", outer, "master", bridge, "up")
            _ip("-n", name, "address", "add", f"{self.host(index)}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")

    def present(self, count: int) -> bool:
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
        names = {line.split()[0] for line in listed.splitlines() if line.strip()}
        return all(self.name(index) in names for index in range(count))

    def remove(self, count: int) -> None:
        for index in range(count):
            _ip("netns", "delete", self.name(index), missing_ok=True)
        _ip("link", "delete", f"xz{self._id}", missing_ok=True)

    def partition(self, groups: Sequence[Iterable[Validator]]) -> None:
        """From now on nothing passes between validators of different groups."""
        for name, host in _across(groups):
            _ip("-n", name, "route", "replace", "blackhole", f"{host}/32")

    def heal(self, groups: Sequence[Iterable[Validator]]) -> None:
        for name, host in _across(groups):
            _ip("-n", name, "route", "delete", "blackhole", f"{host}/32", missing_ok=True)


def _across(groups: Sequence[Iterable[Validator]]) -> list[tuple[str, str]]:
    sides = [list(group) for group in groups]
    return [
        (one.namespace, other.host)
        for side in sides
        for one in side
        for another in sides
        if another is not side
        for other in another
    ]


def _ip(*arguments: str, missing_ok: bool = False) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0 and not missing_ok:
        raise NetworkFault(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
