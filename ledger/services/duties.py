"""What members owe by a day, told from what the log keeps as due and from what was done since.

The log's table says what started when and until when it is to be done (`LogStore.due`); whether it was done
is read from the statements themselves, which the primary data has from their acceptance on.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ledger.domain.case_state import case_state_of
from ledger.domain.cases import CaseInitiated, CaseMatched
from ledger.domain.deadlines import duties_of
from ledger.domain.facts import Fact
from ledger.domain.records import Record
from ledger.domain.rules import Rules
from ledger.formats.statement import Reference
from ledger.log.facts import facts_at, find_fact
from ledger.store.port import LogStore, StoredDue

_REMEMBERED = 50_000
_LATEST = "9999-12-31"


@dataclass(frozen=True, slots=True)
class Owed:
    """What one member owes, or did.

    `started_by` is the step, `record` what it is about (a record, or a case's initiation); `done_on` is the
    effective day of what was done, None while nothing was.
    """

    authority: str
    authority_name: str
    record: Fact
    started_by: Fact
    done_on: str | None

    def is_open(self, day: str) -> bool:
        """Whether it was still to be done at the end of a day."""
        return self.done_on is None or self.done_on > day


class Duties:
    """Judges what is due in a credit log; thread-safe. `rules_at` gives the rules in force on a day."""

    def __init__(self, store: LogStore, rules_at: Callable[[str], Rules]) -> None:
        self._store = store
        self._rules_at = rules_at
        self._judged: OrderedDict[tuple[int, tuple[int, ...]], tuple[Owed, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def owed(self, due: StoredDue) -> tuple[Owed, ...]:
        """Who owes what is due, one for each executor of a case; none where the step had no effect."""
        found = facts_at(self._store, [due.index])
        if not found or len(found[0].refers) != 1:
            return ()
        return self._owed(found[0], found[0].refers[0], due.day)

    def _owed(self, started_by: Fact, reference: Reference, day: str) -> tuple[Owed, ...]:
        history = self._store.referrers(reference.issuer, reference.id)
        key = started_by.index, tuple(history)
        with self._lock:
            known = self._judged.get(key)
            if known is not None:
                self._judged.move_to_end(key)
                return known
        record = find_fact(self._store, reference)
        judged: tuple[Owed, ...] = ()
        if record is not None:
            judged = _judge(record, facts_at(self._store, history), started_by, self._rules_at(day))
        with self._lock:
            self._judged[key] = judged
            if len(self._judged) > _REMEMBERED:
                self._judged.popitem(last=False)
        return judged


def _judge(record: Fact, history: list[Fact], started_by: Fact, rules: Rules) -> tuple[Owed, ...]:
    body = record.body
    if isinstance(body, CaseInitiated):
        return _feedback(record, body, history, started_by, rules)
    if not isinstance(body, Record):
        return ()
    name = body.authority.name
    return tuple(
        Owed(duty.authority, name, record, started_by, duty.done_on)
        for duty in duties_of([record, *history], rules)
        if duty.started_by.index == started_by.index
    )


def _feedback(
    record: Fact, body: CaseInitiated, history: list[Fact], started_by: Fact, rules: Rules
) -> tuple[Owed, ...]:
    """A case's first match starts the time for feedback; a later one starts nothing."""
    state = case_state_of(record, history, rules, _LATEST)
    matches = [fact.index for fact in history if isinstance(fact.body, CaseMatched)]
    if state.matched_on is None or min(matches, default=None) != started_by.index:
        return ()
    first: dict[str, str] = {}
    for answer in state.answers:
        first.setdefault(answer.issuer, answer.body.on)  # type: ignore[attr-defined]
    return tuple(
        Owed(executor.uscc, executor.name, record, started_by, first.get(executor.uscc))
        for executor in body.executors
    )
