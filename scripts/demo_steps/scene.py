"""What the parts of the demo share: the folder, the city, the members, and who runs."""

import socket
from dataclasses import dataclass, field
from pathlib import Path

from ledger.client import Client
from ledger.deployment import Deployment
from ledger.gm import Signer
from scripts.demo_steps.processes import Processes
from scripts.demo_steps.story import Story
from scripts.samples import Organisation, World

DOMAIN = "yunling.example"
PREFERRED_PORT = 8750
MARK = ".xinzheng-demo"


class DemoFailed(Exception):
    """The demo cannot go on; the text says why, for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation of the consortium with its key."""

    organisation: Organisation
    roles: tuple[str, ...]
    signer: Signer

    @property
    def uscc(self) -> str:
        return self.organisation.uscc


@dataclass(slots=True)
class Scene:
    """Everything on stage. `bureau` runs the deployment and the data exchange, `approval` issues certificates
    and asks for checks, `market` publishes credit records.
    """

    folder: Path
    world: World
    story: Story
    processes: Processes
    deployment: Deployment
    bureau: Member
    approval: Member
    market: Member
    reserved: socket.socket
    bundles: list[Path] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the service answers."""
        api = self.deployment.config.api
        return f"http://{api.host}:{api.port}"

    @property
    def trust(self) -> Path:
        """The trust file that the bundles are verified with, kept beside them."""
        return self.folder / "bundles" / "trust.json"

    @property
    def members(self) -> tuple[Member, Member, Member]:
        return self.bureau, self.approval, self.market

    def client(self, member: Member) -> Client:
        """The member's client, which checks receipts with the trust file."""
        trust = self.deployment.trust_document()
        return Client(self.url, member.signer, member.uscc, trust=trust, domain=DOMAIN)


def reserve_port(preferred: int = PREFERRED_PORT) -> socket.socket:
    """A socket bound to `preferred` if that is free, else to any free port.

    Held until the service starts, so that another demo on the same machine takes another port.
    """
    for port in (preferred, 0):
        reserved = socket.socket()
        # A port that an earlier run left in TIME_WAIT is free.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            reserved.bind(("127.0.0.1", port))
            reserved.listen(1)
        except OSError:
            reserved.close()
            continue
        return reserved
    raise DemoFailed("no free port on 127.0.0.1")
