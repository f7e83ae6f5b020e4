"""One log of a deployment, opened: its store, its door and its reading side, made when first asked for."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

from ledger.errors import ConfigurationError
from ledger.formats.trust import Trust
from ledger.log.admission import Admission
from ledger.log.appender import Appender
from ledger.log.credit_rules import CreditRulebook
from ledger.log.gate import StepGate
from ledger.log.reader import ChainPlace, LogReader
from ledger.log.sealer import Sm4Sealer
from ledger.log.turns import Turns
from ledger.log.witnessing import Witnessing, WitnessingSettings
from ledger.store import SqliteStore

if TYPE_CHECKING:
    from ledger.deployment.deployment import Deployment


class LogHandle:
    """One log of a deployment: its store, and its two sides."""

    def __init__(self, deployment: "Deployment", short: str) -> None:
        self._deployment = deployment
        self.short = short
        self.origin = deployment.config.origin(short)

    @cached_property
    def store(self) -> SqliteStore:
        return SqliteStore(self._deployment.folder / "logs" / self.short)

    @cached_property
    def reader(self) -> LogReader:
        chain = self._deployment.config.chain
        place = None
        if chain.chain_id is not None and chain.registry is not None:
            place = ChainPlace(chain.chain_id, chain.registry, sealed=chain.mode == "external")
        return LogReader(self.store, self.origin, place, self.witnessing)

    @cached_property
    def witnessing(self) -> Witnessing:
        """What the witnesses of this log are asked, and what they said."""
        deployment = self._deployment
        patience = round(deployment.config.witnesses.patience_seconds * 1000)
        return Witnessing(
            self.store,
            self.origin,
            self._trust,
            deployment.clock,
            WitnessingSettings(patience=patience, alarm=4 * patience),
        )

    def _trust(self) -> Trust | None:
        """The trust file in force; None before the registry was exported."""
        try:
            return self._deployment.directory.trust
        except ConfigurationError:
            return None

    @cached_property
    def sealer(self) -> Sm4Sealer:
        return Sm4Sealer(self._deployment.masters, os.urandom, self.store.data_key)

    @cached_property
    def admission(self) -> Admission:
        deployment = self._deployment
        return Admission(
            self.origin,
            deployment.directory,
            deployment.clock,
            self.sealer,
            deployment.keyring.person_tag_keys(),
            self._holds,
            self._rulebook,
        )

    @cached_property
    def appender(self) -> Appender:
        deployment = self._deployment
        return Appender(
            self.store,
            self.origin,
            deployment.keyring.log_signer(self.short),
            self.admission,
            deployment.clock,
            gate=self._gate,
        )

    @property
    def _rulebook(self) -> CreditRulebook | None:
        """The rules of credit statements, and of authorisations; an e-certificate's are its form."""
        return None if self.short == "certificate" else self._deployment.rulebook

    @cached_property
    def _gate(self) -> StepGate | None:
        """Steps of records and cases, and withdrawals of authorisations, depend on what they refer to."""
        if self.short == "certificate":
            return None
        deployment = self._deployment
        turns = Turns(deployment.folder / "run" / "steps")
        return StepGate(self.store, deployment.rulebook, turns, deployment.clock)

    def _holds(self, issuer: str, id: str, entry: bytes) -> bool:
        found = self.store.find(issuer, id)
        return found is not None and found.entry == entry

    def close(self) -> None:
        """Commit what waits, close the databases; what was never opened stays so."""
        opened = self.__dict__
        if "appender" in opened:
            self.appender.close()
        if "store" in opened:
            self.store.close()
