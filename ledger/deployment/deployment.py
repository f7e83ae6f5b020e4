"""A deployment opened: the only place where stores, keys, services and the chain meet.

    folder/
      deployment.toml            the configuration
      passphrase                 where nobody types it (see `keyring`)
      keys/                      see `keyring`
      logs/<short>/              a log's databases
      chain/                     the embedded chain's state
      catalogue/<edition>/       editions of the catalogue that came after the shipped one
      trust.json                 the registry's snapshot in force
      notices.db, register.db    subscriptions; what the log says about cases and quality, derived
      run/                       status.json of the worker, its lock, used-up nonces, process ids

Parts are made when they are first asked for, so that a process opens what it needs and nothing else: the
command line can show a status without any key, and the verifier's base install never gets here.
"""

import os
import secrets
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.catalog import Editions
from ledger.deployment.config import LOGS, ChainConfig, Config, format_config, read_config
from ledger.deployment.governance import GovernanceReader
from ledger.deployment.keyring import Keyring, find_passphrase, write_secret
from ledger.deployment.log_handle import LogHandle
from ledger.deployment.loop import Loop
from ledger.deployment.privacy import make_erasure, make_own
from ledger.errors import ConfigurationError, LedgerError, NotFound
from ledger.files import replace_file
from ledger.gm import default_verifier
from ledger.log.clock import Clock, system_clock
from ledger.log.credit_rules import CreditRulebook
from ledger.log.directory import Directory
from ledger.log.masters import MasterKeys
from ledger.log.sealer import Sm4Sealer
from ledger.log.status import read_status
from ledger.log.turns import Turns
from ledger.services.access import AccessService
from ledger.services.authorisation import Authoriser
from ledger.services.certificate import CertificateService
from ledger.services.checking.finder import Finder
from ledger.services.checking.finding_processes import FindingProcesses
from ledger.services.clerk import Clerk
from ledger.services.credit import CreditService
from ledger.services.duties import Duties
from ledger.services.erasure import ErasureService
from ledger.services.overdue import OverdueService
from ledger.services.own import OwnService
from ledger.services.pen import Pen
from ledger.services.recorder import AccessRecorder

if TYPE_CHECKING:
    from ledger.chain.account import ChainAccount
    from ledger.chain.embedded import EmbeddedChain
    from ledger.chain.evm import EvmChain
    from ledger.chain.nodes import NodeSettings
    from ledger.services.receipts import ReceiptService


MOST_HELPERS = 8
"""Processes that help with one large batch, at most; else one for each processor."""


class Deployment:
    """See the module. `clock` gives milliseconds since 1970."""

    def __init__(self, folder: Path, config: Config, clock: Clock = system_clock) -> None:
        self.folder = folder
        self.config = config
        self.clock = clock
        self.keyring = Keyring(folder / "keys", lambda: find_passphrase(folder))
        self.logs = {short: LogHandle(self, short) for short in LOGS}

    @classmethod
    def create(
        cls, folder: Path, config: Config, *, clock: Clock = system_clock, iterations: int | None = None
    ) -> "Deployment":
        """Make the folder, the keys and the configuration; refuses a folder that has a deployment.

        `iterations` lowers the cost of guessing the passphrase, for tests. Raises `ConfigurationError`.
        """
        if (folder / "deployment.toml").exists():
            raise ConfigurationError(f"{folder.name} already holds a deployment")
        for part in ("", "logs", "run", "chain"):
            (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            find_passphrase(folder)
        except ConfigurationError:
            write_secret(folder / "passphrase", f"{secrets.token_urlsafe(32)}\n".encode())
        deployment = cls(folder, config, clock)
        deployment.keyring.create(LOGS, iterations)
        # Last, so that a deployment that was cut off while being made is not taken for one.
        deployment.save_config(config)
        return deployment

    @classmethod
    def open(cls, folder: Path, clock: Clock = system_clock) -> "Deployment":
        """Open the deployment in a folder; raises `ConfigurationError`."""
        return cls(folder, read_config(folder / "deployment.toml"), clock)

    def save_config(self, config: Config) -> None:
        """Replace `deployment.toml`, durably and whole."""
        replace_file(self.folder / "deployment.toml", format_config(config).encode("utf-8"))
        self.config = config

    # Where things are

    @property
    def trust_path(self) -> Path:
        return self.folder / "trust.json"

    @property
    def status_path(self) -> Path:
        return self.folder / "run" / "status.json"

    @property
    def lock_path(self) -> Path:
        return self.folder / "run" / "worker.lock"

    @property
    def catalogue_path(self) -> Path:
        """The folder of the catalogue's further editions, one folder each; it need not be there."""
        return self.folder / "catalogue"

    @property
    def nonce_path(self) -> Path:
        return self.folder / "run" / "nonces"

    def trust_document(self) -> bytes | None:
        """The trust file in force, byte for byte; None before the registry was exported."""
        try:
            return self.trust_path.read_bytes()
        except FileNotFoundError:
            return None

    # What is wired

    @cached_property
    def directory(self) -> Directory:
        return Directory.from_file(self.trust_path, self.clock)

    @cached_property
    def governance(self) -> GovernanceReader:
        """The consortium's decisions as the worker keeps them."""
        return GovernanceReader(self.folder)

    @cached_property
    def editions(self) -> Editions:
        """All editions of the catalogue; a new one is in force from its day on without a restart."""
        return Editions(self.catalogue_path)

    @cached_property
    def rulebook(self) -> CreditRulebook:
        """The rules of credit statements, by the edition in force."""
        return CreditRulebook(self.editions, self.config.operator)

    @cached_property
    def masters(self) -> MasterKeys:
        """The master keys of sealed content."""
        return self.keyring.master_keys(self.config.sealing)

    @cached_property
    def sealer(self) -> Sm4Sealer:
        """What opens sealed content of any log; a log's own handle seals."""
        return Sm4Sealer(self.masters)

    @cached_property
    def turns(self) -> Turns:
        """Turns over all processes of this deployment."""
        return Turns(self.folder / "run" / "turns")

    @cached_property
    def authoriser(self) -> Authoriser:
        return Authoriser(self.logs["access"].store, self.recorder, self._covers, self.turns)

    def _covers(self, basis_code: str, matter: str, day: str) -> bool:
        basis = self.editions.at(day).bases.get(basis_code)
        return basis is not None and (not basis.matters or matter in basis.matters)

    @cached_property
    def recorder(self) -> AccessRecorder:
        log = self.logs["access"]
        return AccessRecorder(
            log.appender,
            log.origin,
            self.config.operator,
            self.keyring.operator_signer(),
            self.clock,
            os.urandom,
        )

    @cached_property
    def pen(self) -> Pen:
        """The operator's hand in the credit log."""
        signer = self.keyring.operator_signer()
        return Pen(self.logs["credit"].appender, self.config.operator, signer, self.clock, os.urandom)

    @cached_property
    def clerk(self) -> Clerk:
        """What the operator states because a day has come; for the worker's process alone."""
        log = self.logs["credit"]
        return Clerk(log.store, log.reader, self.pen, self.rulebook, self.clock, self.catalogue_path)

    @cached_property
    def overdue(self) -> OverdueService:
        """What members should have done by a day."""
        store = self.logs["credit"].store
        return OverdueService(store, Duties(store, self.rulebook.rules), self.clock)

    @cached_property
    def credit(self) -> CreditService:
        tags = self.keyring.person_tag_keys()
        return CreditService(
            self.finder, self.recorder, tags, self.clock, authoriser=self.authoriser, helpers=self.helpers
        )

    @cached_property
    def finder(self) -> Finder:
        """What finds the answers of checks."""
        return Finder(self.logs["credit"].reader, self.editions, self.config.operator)

    @cached_property
    def helpers(self) -> FindingProcesses:
        """Processes that find the answers of large batches; none run before there is one."""
        command = [sys.executable, "-m", "ledger.deployment.finding", str(self.folder)]
        return FindingProcesses(command, min(MOST_HELPERS, os.cpu_count() or 1))

    @cached_property
    def access(self) -> AccessService:
        tags = self.keyring.person_tag_keys()
        return AccessService(self.logs["access"].reader, self.recorder, tags, self.clock, self.authoriser)

    @cached_property
    def own(self) -> OwnService:
        """The subjects' own view."""
        return make_own(self)

    @cached_property
    def erasure(self) -> ErasureService:
        """Erasure of sealed content, in all logs."""
        return make_erasure(self)

    @cached_property
    def certificate(self) -> CertificateService:
        return CertificateService(self.logs["certificate"].reader, self.clock)

    @cached_property
    def receipts(self) -> "ReceiptService":
        """Check receipts: PDFs that are e-certificates of the operator."""
        # Imported here: drawing is what the service does, and no other process.
        from ledger.deployment.receipts import make_receipts

        return make_receipts(self)

    @cached_property
    def loop(self) -> Loop:
        """Cases, quality figures, subscriptions."""
        return Loop(self)

    def log(self, short: str) -> LogHandle:
        """A log by its short name; raises `NotFound`."""
        if short not in self.logs:
            raise NotFound(f"this deployment has the logs {', '.join(self.logs)}")
        return self.logs[short]

    def prepare(self) -> None:
        """Make everything that serving needs now, in one thread, so that a failure stops the start."""
        for log in self.logs.values():
            assert log.appender
            assert log.reader
        assert self.credit
        assert self.access
        assert self.own
        assert self.certificate
        assert self.receipts
        self.loop.prepare()

    def warm(self) -> None:
        """Build the verifier's tables of the members' keys, a tenth of a second each; read what most of the
        logs' proofs need."""
        self.directory.warm(default_verifier())
        for log in self.logs.values():
            log.reader.warm()

    # The chain

    @cached_property
    def embedded(self) -> "EmbeddedChain":
        """The embedded chain; raises `ConfigurationError` in another mode."""
        from ledger.chain.embedded import EmbeddedChain

        if self.config.chain.mode != "embedded":
            raise ConfigurationError(
                f"chain.mode is {self.config.chain.mode}: there is no embedded chain here"
            )
        return EmbeddedChain(self.folder / "chain")

    def node_settings(self) -> "NodeSettings":
        """How the chain's nodes are reached; raises `ChainUnavailable` if the embedded one never ran.

        It need not run now: whoever asks it waits, and everything else goes on.
        """
        from ledger.chain.nodes import NodeSettings
        from ledger.chain.port import FinalityPolicy

        chain = self._chain_config()
        urls = (self.embedded.last_url,) if chain.mode == "embedded" else chain.rpc
        return NodeSettings(urls, gas_price=chain.gas_price, finality=FinalityPolicy.parse(chain.finality))

    def chain_account(self) -> "ChainAccount":
        """The operator's account on the chain; made if there is none yet."""
        from ledger.chain.account import ChainAccount

        path = self.keyring.chain_account_path
        if not path.exists():
            ChainAccount.generate().save(path, self.keyring.passphrase)
        return ChainAccount.load(path, self.keyring.passphrase)

    def open_chain(self, *, writing: bool = True) -> "EvmChain":
        """The chain and the contracts that are pinned; raises `ConfigurationError` before deployment."""
        from ledger.chain.evm import EvmChain
        from ledger.deployment.pinned import pinned_deployment

        pinned = pinned_deployment(self._chain_config())
        return EvmChain(pinned, self.node_settings(), self.chain_account() if writing else None)

    def _chain_config(self) -> ChainConfig:
        if self.config.chain.mode == "none":
            raise ConfigurationError("this deployment has no chain (chain.mode is none)")
        return self.config.chain

    # How it does

    def readiness(self) -> dict[str, Any]:
        """What `/readyz` says: whether every log can be appended to, and how far each has come.

        The worker and the chain may lag: that is reported, and leaves it ready.
        """
        status = read_status(self.status_path)
        alive = status is not None and status.alive(self.clock())
        logs: dict[str, dict[str, Any]] = {}
        ready = True
        for log in self.logs.values():
            line, writable = self._log_status(log)
            ready = ready and writable
            if status is not None and log.origin in status.logs:
                reported = status.logs[log.origin]
                line |= {
                    "integrated": reported.integrated,
                    "published": reported.published,
                    "anchored": reported.anchored,
                    "final": reported.final,
                    "alarms": reported.alarms,
                }
                line["lag"] = max(0, line.get("accepted", 0) - reported.anchored)
            logs[log.origin] = line
        alarms = status.alarms if status is not None else []
        chain = status.chain if status is not None else "unknown"
        # By its code alone: this is shown to anybody who asks.
        failing = {
            name: chore.error.partition(":")[0]
            for name, chore in (status.chores if status is not None else {}).items()
            if chore.error is not None
        }
        worker = {"alive": alive, "failing": failing}
        return {"ready": ready, "worker": worker, "chain": chain, "alarms": alarms, "logs": logs}

    def _log_status(self, log: LogHandle) -> tuple[dict[str, Any], bool]:
        try:
            accepted = log.store.size()
        except LedgerError as error:
            return {"error": error.code}, False
        broken = "appender" in log.__dict__ and log.appender.failure is not None
        return {"accepted": accepted}, not broken

    def close(self) -> None:
        """Commit what waits and close everything."""
        if "helpers" in self.__dict__:
            self.helpers.close()
        if "recorder" in self.__dict__:
            self.recorder.close()
        if "loop" in self.__dict__:
            self.loop.close()
        for log in self.logs.values():
            log.close()
