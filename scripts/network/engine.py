"""What a network needs to know of the program its validators run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class NetworkFault(Exception):
    """The network cannot do what was asked; the text is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Validator:
    """One validator: its identity, its place on disk, and where it listens.

    `address` is lowercase hex with 0x, `public` the 64 bytes of its node key's public point in hex. `host` is
    loopback, or its own address where each has a network namespace (`namespace` is then its name).
    """

    index: int
    folder: Path
    address: str
    public: str
    host: str
    p2p: int
    rpc: int
    namespace: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.rpc}"


class Engine(Protocol):
    """A node program: makes the genesis, a validator's files, and the command that runs it."""

    name: str

    def genesis(self, chain_id: int, addresses: Sequence[str], now: int) -> dict[str, Any]:
        """The genesis for these validators: free gas, a block a second, final at once."""

    def prepare(self, validator: Validator, peers: Sequence[Validator], genesis: Path) -> None:
        """Write a validator's files, the chain's first block among them. Repeating it harms nothing."""

    def command(self, validator: Validator, peers: Sequence[Validator], chain_id: int) -> list[str]:
        """What runs the validator, in the foreground, until SIGTERM."""

    def reconnect(self, caller: Validator, called: Validator) -> None:
        """Have a running validator call another one now; raises `NoAnswer` of `rpc`."""

    def environment(self) -> dict[str, str]: ...
