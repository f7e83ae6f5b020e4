"""Whether the term of a record is over, as told by the record and all that was stated about it."""

from collections.abc import Callable

from ledger.domain.credit_state import RecordState, fold_credit
from ledger.domain.deadlines import own_end
from ledger.domain.facts import Fact
from ledger.domain.records import Record
from ledger.domain.rules import Rules
from ledger.domain.steps import Step
from ledger.formats.statement import Reference
from ledger.log.facts import facts_at, find_fact, referring_facts
from ledger.store.port import LogStore, StoredDue

_CLOSED = ("repaired", "withdrawn", "lifted", "replaced")


class Terms:
    """Looks at records in a credit log's primary data. `rules_at` gives the rules in force on a day."""

    def __init__(self, store: LogStore, rules_at: Callable[[str], Rules]) -> None:
        self._store = store
        self._rules_at = rules_at

    def record_of(self, due: StoredDue) -> Fact | None:
        """The record whose expiry is due: the entry itself, or what it refers to where it is a step."""
        found = facts_at(self._store, [due.index])
        if not found:
            return None
        fact = found[0]
        if isinstance(fact.body, Step) and len(fact.refers) == 1:
            record = find_fact(self._store, fact.refers[0])
            return record if record is not None and isinstance(record.body, Record) else None
        return fact if isinstance(fact.body, Record) else None

    def is_looked_at_later(self, due: StoredDue, record: Fact) -> bool:
        """Whether a step made this due before the record's own term ends, which is due by itself."""
        assert isinstance(record.body, Record)
        if due.index == record.index:
            return False
        end = own_end(record.body, self._rules_at(due.day))
        return end is not None and due.day < end

    def state_of(self, record: Fact, day: str) -> tuple[RecordState, str]:
        """The record's state on a day, and the day of its last step; empty where it has none."""
        reference = Reference(record.issuer, record.id)
        facts = [record, *referring_facts(self._store, reference)]
        state = fold_credit(facts, self._rules_at(day), day)
        days = [
            step.fact.body.day
            for step in state.steps
            if step.outcome == "applied" and isinstance(step.fact.body, Step)
        ]
        found = next(each for each in state.records if each.fact.index == record.index)
        return found, max(days, default="")


def is_closed(state: RecordState) -> bool:
    """Whether a record's life was ended by a statement, so that nothing is left to state."""
    return state.state in _CLOSED or (state.state == "expired" and state.changed_by is not None)
