"""What a log asks of the rules beyond form: may this be stated now, by this member, in this state.

The log is handed a `Rulebook`, so that it knows neither catalogues nor calendars; without one it takes
whatever is in form. A rulebook is thread-safe, and answers by the edition of the catalogue in force now.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from ledger.domain.facts import Fact
from ledger.domain.fields import Body
from ledger.formats.statement import Statement


class Rulebook(Protocol):
    """The rules of one log; times in milliseconds since 1970."""

    def check_statement(self, statement: Statement, body: Body, roles: Collection[str], now: int) -> None:
        """Refuse what its issuer, with these roles, may not state now, whatever else is in the log.

        Raises an `InputError` or an `AccessError`.
        """

    def due(self, statement: Statement, body: Body, now: int) -> tuple[tuple[str, str], ...]:
        """What is to be done about this statement, each as (kind, last day)."""

    def check_step(self, record: Fact, history: Sequence[Fact], step: Fact, now: int) -> None:
        """Refuse a step that the state of what it refers to does not allow.

        `history` are all accepted statements that refer to `record`, in log order. Raises `TransitionRefused`
        or `NotEntitled`.
        """
