"""The parts of a deployment that close the loop: cases, quality figures, subscriptions and their notices."""

import os
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ledger.catalog import Catalogue
from ledger.domain.rules import Rules, rules_of
from ledger.log.chores import Chore, Stopping
from ledger.services.evidence import today
from ledger.services.notices.book import Book
from ledger.services.notices.subscriptions import Subscriptions
from ledger.services.quality import QualityService, QualityTally
from ledger.services.register import CHUNK, Register

if TYPE_CHECKING:
    from ledger.deployment.deployment import Deployment

REGISTER_INTERVAL_MS = 2_000


class Loop:
    """Made when they are first asked for, and closed with the deployment."""

    def __init__(self, deployment: "Deployment") -> None:
        self._deployment = deployment
        self._rules_of = lru_cache(maxsize=16)(self._make_rules)

    def rules_at(self, day: str) -> Rules:
        """The rules of the edition in force on a day."""
        return self._rules_of(self._deployment.editions.at(day))

    def _make_rules(self, catalogue: Catalogue) -> Rules:
        return rules_of(catalogue, self._deployment.config.operator)

    @cached_property
    def register(self) -> Register:
        deployment = self._deployment
        return Register(
            deployment.folder / "register.db",
            deployment.logs["credit"].store,
            [QualityTally(self.rules_at)],
        )

    @cached_property
    def quality(self) -> QualityService:
        return QualityService(self.register, self._deployment.logs["credit"].reader)

    @cached_property
    def book(self) -> Book:
        return Book(self._deployment.folder / "notices.db")

    @cached_property
    def subscriptions(self) -> Subscriptions:
        deployment = self._deployment
        return Subscriptions(
            self.book,
            deployment.logs["credit"].reader,
            deployment.config.notices.allow,
            lambda: self._catalogue().lists,
            self._covers,
            deployment.clock,
            os.urandom,
        )

    def _catalogue(self) -> Catalogue:
        return self._deployment.editions.current(today(self._deployment.clock()).isoformat())

    def _covers(self, basis: str, matter: str, day: str) -> bool:
        row = self._deployment.editions.at(day).bases.get(basis)
        return row is not None and (not row.matters or matter in row.matters)

    def chores(self) -> Sequence[Chore]:
        """What the worker sees to: keeping the register from falling behind."""
        return [Chore("register", self._keep_up, REGISTER_INTERVAL_MS)]

    def _keep_up(self, stopping: Stopping) -> Sequence[str]:
        before = -1
        while not stopping():
            scanned = self.register.catch_up(10 * CHUNK, stopping)
            if scanned == before:
                break
            before = scanned
        return ()

    def close(self) -> None:
        """Close what was opened."""
        opened = self.__dict__
        if "register" in opened:
            self.register.close()
        if "book" in opened:
            self.book.close()
