"""The rulebook of credit statements: the catalogue's edition in force, over the pure rules of the domain."""

from collections.abc import Collection, Sequence

from ledger.catalog import Editions
from ledger.domain.access import AccessEvent
from ledger.domain.authorisation import AuthorisationRevoked
from ledger.domain.authorisation_state import check_revocation
from ledger.domain.cases import CaseReviewed
from ledger.domain.credit_state import check_step
from ledger.domain.deadlines import due_of
from ledger.domain.door import check_statement
from ledger.domain.facts import Fact
from ledger.domain.fields import Body
from ledger.domain.rules import Rules, rules_of
from ledger.formats.statement import Statement
from ledger.log.clock import china_day

EXPIRY, MATCHING = "expiry", "matching"
"""What the operator owes: to say that a term is over, and which records carry an approved case."""
DUTIES = ("objection", "acceptance", "decision", "feedback")
"""What members owe, by the catalogue's deadlines."""


class CreditRulebook:
    """The `Rulebook` of a deployment; thread-safe. `operator` is the USCC of who runs the log."""

    def __init__(self, editions: Editions, operator: str) -> None:
        self.editions = editions
        self.operator = operator
        self._made: dict[str, Rules] = {}
        self._latest: tuple[int, str, Rules] | None = None

    def rules(self, day: str) -> Rules:
        """The rules of the edition in force on a day (YYYY-MM-DD)."""
        catalogue = self.editions.at(day)
        made = self._made.get(catalogue.sm3)
        if made is None:
            earlier = self.editions.before(catalogue)
            made = self._made[catalogue.sm3] = rules_of(catalogue, self.operator, earlier)
        return made

    def check_statement(self, statement: Statement, body: Body, roles: Collection[str], now: int) -> None:
        day, rules = self._at(now)
        check_statement(statement, body, rules, roles, day)

    def due(self, statement: Statement, body: Body, now: int) -> tuple[tuple[str, str], ...]:
        if isinstance(body, AccessEvent):
            # They come by the thousand.
            return ()
        return dues_under(statement, body, self._at(now)[1])

    def check_step(self, record: Fact, history: Sequence[Fact], step: Fact, now: int) -> None:
        if isinstance(step.body, AuthorisationRevoked):
            check_revocation(record, step.body)
            return
        day, rules = self._at(now)
        check_step(record, history, step, rules, day)

    def _at(self, now: int) -> tuple[str, Rules]:
        # The entries of a batch are all asked about at one time.
        latest = self._latest
        if latest is None or latest[0] != now:
            day = china_day(now)
            latest = self._latest = now, day, self.rules(day)
        return latest[1], latest[2]


def dues_under(statement: Statement, body: Body, rules: Rules) -> tuple[tuple[str, str], ...]:
    """What is to be done about a statement by when, each as (kind, last day)."""
    if isinstance(body, CaseReviewed):
        return ((MATCHING, body.on),) if body.outcome == "approved" else ()
    return tuple([(due.kind, due.day) for due in due_of(statement, body, rules)])
