"""The parts of a deployment that close the loop: cases, quality figures, subscriptions and their notices."""

import os
import random
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ledger.catalog import Catalogue
from ledger.domain.rules import Rules
from ledger.log.chores import Chore, Stopping
from ledger.services.case_register import CaseTally
from ledger.services.cases import CaseService
from ledger.services.evidence import today
from ledger.services.notices.book import Book
from ledger.services.notices.delivery import Lane, RetrySettings
from ledger.services.notices.documents import NoticeDocuments
from ledger.services.notices.happenings import Happenings, Scanner
from ledger.services.notices.notifier import Notifier
from ledger.services.notices.subscriptions import Subscriptions, still_entitled
from ledger.services.notices.webhook import Webhooks
from ledger.services.quality import QualityService, QualityTally
from ledger.services.records import RecordService
from ledger.services.register import CHUNK, Register, Tally

if TYPE_CHECKING:
    from ledger.deployment.deployment import Deployment

REGISTER_INTERVAL_MS = 2_000
NOTICES_INTERVAL_MS = 500
DEAD_LETTERS = "dead_letters"
"""The alarm that stands while a notice that was given up waits for its subscriber."""


class Loop:
    """Its parts are made when they are first asked for, and closed with the deployment."""

    def __init__(self, deployment: "Deployment") -> None:
        self._deployment = deployment

    def rules_at(self, day: str) -> Rules:
        """The rules of the edition in force on a day."""
        return self._deployment.rulebook.rules(day)

    @cached_property
    def register(self) -> Register:
        store = self._deployment.logs["credit"].store
        tallies: list[Tally] = [CaseTally(store, self.rules_at), QualityTally(self.rules_at)]
        return Register(self._deployment.folder / "register.db", store, tallies)

    @cached_property
    def cases(self) -> CaseService:
        deployment = self._deployment
        reader = deployment.logs["credit"].reader
        return CaseService(reader, self.register, deployment.recorder, self.rules_at, deployment.clock)

    @cached_property
    def records(self) -> RecordService:
        deployment = self._deployment
        reader = deployment.logs["credit"].reader
        return RecordService(reader, deployment.recorder, self.rules_at, deployment.clock)

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

    @cached_property
    def notifier(self) -> Notifier:
        """Tells subscribers; for the worker's process alone."""
        deployment, settings = self._deployment, self._deployment.config.notices
        credit = deployment.logs["credit"]
        happenings = Happenings(credit.store, credit.reader, self.rules_at)
        lane = Lane(
            self.book,
            NoticeDocuments(credit.reader, deployment.recorder, happenings.counts, self._covers),
            Webhooks(frozenset(settings.allow), settings.timeout_seconds),
            deployment.keyring.operator_signer(),
            deployment.clock,
            RetrySettings(settings.attempts, round(settings.first_pause_seconds * 1000)),
            os.urandom,
            random.random,
        )
        entitled = still_entitled(deployment.directory, deployment.clock)
        return Notifier(self.book, Scanner(credit.store, self.book, happenings), lane, entitled)

    def prepare(self) -> None:
        """Make what serving needs now, in one thread; see `Deployment.prepare`."""
        assert self.cases
        assert self.records
        assert self.quality
        assert self.subscriptions

    def chores(self) -> Sequence[Chore]:
        """What the worker sees to: keeping the register from falling behind, and telling subscribers."""
        return [
            Chore("register", self._keep_up, REGISTER_INTERVAL_MS),
            Chore("notices", self._notify, NOTICES_INTERVAL_MS),
        ]

    def _notify(self, stopping: Stopping) -> Sequence[str]:
        while not stopping() and self.notifier.run_once(self._deployment.clock()):
            pass
        return (DEAD_LETTERS,) if self.book.has_dead() else ()

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
        if "notifier" in opened:
            self.notifier.close()
        if "register" in opened:
            self.register.close()
        if "book" in opened:
            self.book.close()
