"""A deployment with its worker and its service as processes, on a network whose every node has a relay."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.client import Client
from ledger.deployment import ApiConfig, ChainConfig, Config, Deployment, WorkerConfig
from ledger.deployment.consortium import deploy_contracts, operator_founder, propose_logs, sync_trust
from ledger.errors import LedgerError, ServiceUnreachable
from ledger.log.status import WorkerStatus, read_status
from scripts.demo_steps.processes import Processes
from scripts.demo_steps.scene import reserve_port
from scripts.environment import ROOT, environment
from scripts.network.consortium import Network
from scripts.soaking.relay import Relay
from scripts.soaking.waiting import Waited

DOMAIN = "yunling.example"
OPERATOR = "11990100MB0000019L"
ROLES = ("operator", "auditor", "publisher:access", "publisher:credit", "publisher:certificate")
LOGS = ("credit", "access")
_PASSPHRASE = "for a soak on loopback only"  # noqa: S105  # of keys that are thrown away


class SiteFault(Exception):
    """The site did not come to where it must; the text says what was waited for."""


class Site:
    """See the module. `network` is up already and remains its owner's."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.network = network
        self.relays = [Relay(url) for url in network.urls]
        self._environment = environment() | {"XINZHENG_PASSPHRASE": _PASSPHRASE}
        os.environ["XINZHENG_PASSPHRASE"] = _PASSPHRASE
        self.processes = Processes(folder / "run")
        self._reserved = reserve_port()
        port = int(self._reserved.getsockname()[1])
        config = Config(
            DOMAIN,
            OPERATOR,
            ApiConfig(port=port, processes=1, threads=8),
            ChainConfig(mode="external", rpc=tuple(relay.url for relay in self.relays)),
            WorkerConfig(publish_seconds=0.5, anchor_seconds=1.0, registry_seconds=30.0),
        )
        self.deployment = Deployment.create(folder / "deployment", config)
        self.url = f"http://127.0.0.1:{port}"

    def found(self) -> None:
        """Deploy the contracts, define the logs, start worker and service, and wait until they answer."""
        deploy_contracts(self.deployment, [operator_founder(self.deployment, "云岭市信用中心", ROLES)], 1)
        chain = self.deployment.open_chain()
        propose_logs(self.deployment, chain)
        sync_trust(self.deployment, chain)
        self._reserved.close()
        self.start_worker()
        self._start("server", [sys.executable, "-m", "ledger.cli", "serve", "--dir", self._folder])
        self.until("the service answers", self._ready, 90)

    # The worker

    def start_worker(self, wrong_by: float = 0.0) -> None:
        """`wrong_by`: seconds by which its clock goes ahead."""
        self.processes.stop("worker")
        if wrong_by:
            program = ["-m", "scripts.soaking.worker", self._folder, str(wrong_by)]
        else:
            program = ["-m", "ledger.cli", "worker", "--dir", self._folder]
        self._start("worker", [sys.executable, *program])

    def kill_worker(self) -> None:
        self.processes.kill("worker")

    def status(self) -> WorkerStatus | None:
        return read_status(self.deployment.status_path)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `xinzheng` to its end upon this deployment."""
        command = [sys.executable, "-m", "ledger.cli", *arguments, "--dir", self._folder]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )

    # What it holds

    def sizes(self) -> dict[str, int]:
        """How many entries each log accepted until now."""
        return {short: self.deployment.log(short).store.size() for short in LOGS}

    def final(self, sizes: dict[str, int]) -> bool:
        """Whether each log is final on the chain as far as told."""
        status = self.status()
        if status is None:
            return False
        logs = status.logs
        return all(
            f"{DOMAIN}/{short}" in logs and logs[f"{DOMAIN}/{short}"].final >= size
            for short, size in sizes.items()
        )

    def client(self, **more: Any) -> Client:
        signer = self.deployment.keyring.operator_signer()
        trust = self.deployment.trust_document()
        return Client(self.url, signer, OPERATOR, trust=trust, domain=DOMAIN, **more)

    def until(self, what: str, condition: Callable[[], bool], seconds: float) -> float:
        """Wait for it; the seconds it took. Raises `SiteFault`."""
        waited = Waited()
        while not condition():
            if waited.seconds > seconds:
                said = "\n".join(self.processes.tail(name, 6) for name in ("worker", "server"))
                raise SiteFault(f"after {seconds:g} s still not: {what}; {self.status()}\n{said}")
            waited.rest()
        return waited.seconds

    def close(self) -> None:
        self.processes.stop_all()
        for relay in self.relays:
            relay.close()
        self.deployment.close()

    @property
    def _folder(self) -> str:
        return str(self.deployment.folder)

    def _start(self, name: str, command: list[str]) -> None:
        self.processes.start(name, command, env=self._environment, cwd=ROOT)

    def _ready(self) -> bool:
        try:
            with Client(self.url, attempts=1) as client:
                return bool(client.ready()["worker"]["alive"])
        except (ServiceUnreachable, LedgerError):
            return False
