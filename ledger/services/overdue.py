"""Overdue duties (逾期): for each authority what it should have done by a day and had not, by reference.

Duties are those of the catalogue's deadlines: to answer an objection, to accept and to decide an application
for repair, to give feedback on a matched case. The last day of each stands in the log's own table since the
step that started it was accepted, and is that of the edition in force then. A duty is overdue on a day when
its last day is before it and what was done, if anything, took effect after it. (Decisions that were published
late are counted by `quality.py`.) Nothing of this is about a person: records stand by reference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ledger.domain.rules import next_day
from ledger.errors import DateInvalid, RoleMissing
from ledger.log.clock import Clock, china_day
from ledger.log.credit_rules import DUTIES
from ledger.services.answers import EntryReference, Principal, reference_of
from ledger.services.duties import Duties, Owed
from ledger.store.port import LogStore, StoredDue

DutyKind = Literal["objection", "acceptance", "decision", "feedback"]
Position = tuple[str, int, str]
"""Last day, index of the entry that started it, and who owes it."""

_SEES_ALL = frozenset({"auditor", "operator"})
_PAGE = 500
_LAST_DAY = "2200-12-31"
"""The last day that a statement can name."""


@dataclass(frozen=True, slots=True)
class OverdueLine:
    """One duty: what, since which day at the latest, about which record (or case), started by which step."""

    kind: str
    due: str
    authority: str
    authority_name: str
    record: EntryReference
    started_by: EntryReference


@dataclass(frozen=True, slots=True)
class OverdueCount:
    """How many duties of a kind an authority left undone, and the last day of the oldest."""

    authority: str
    authority_name: str
    kind: str
    count: int
    oldest: str


@dataclass(frozen=True, slots=True)
class OverdueAnswer:
    """What was overdue on `day`: the counts of all, and a page of lines, the oldest first.

    `after` is where the next page begins, None on the last.
    """

    day: str
    total: int
    counts: tuple[OverdueCount, ...]
    lines: tuple[OverdueLine, ...]
    after: Position | None


class OverdueService:
    """`store` is the credit log's; what it holds counts from its acceptance on."""

    def __init__(self, store: LogStore, duties: Duties, clock: Clock) -> None:
        self._store = store
        self._duties = duties
        self._clock = clock

    def overdue(
        self,
        principal: Principal,
        day: str | None = None,
        authority: str | None = None,
        kind: DutyKind | None = None,
        after: Position | None = None,
        limit: int = 100,
    ) -> OverdueAnswer:
        """What was overdue on a day, by default today in China; auditors and the operator see everybody's.

        Another member sees its own: what it owes, and what is owed about records that it issued. Raises
        `RoleMissing` when it asks about another authority, `DateInvalid` for a day that no calendar reaches.
        """
        day = day or china_day(self._clock())
        if day > _LAST_DAY:
            raise DateInvalid(f"the day asked about must not be after {_LAST_DAY}")
        sees_all = not _SEES_ALL.isdisjoint(principal.roles)
        if not sees_all and authority not in (None, principal.member):
            raise RoleMissing("what another authority owes is for auditors and the operator to see")
        found: list[tuple[Position, str, Owed]] = []
        for due, owed in self._overdue(day, (kind,) if kind else DUTIES):
            if authority not in (None, owed.authority):
                continue
            if not sees_all and principal.member not in (owed.authority, owed.record.issuer):
                continue
            found.append(((due.day, due.index, owed.authority), due.kind, owed))
        found.sort(key=lambda each: each[0])
        rest = [each for each in found if after is None or each[0] > after]
        page = rest[:limit]
        return OverdueAnswer(
            day,
            len(found),
            _count(found),
            tuple(self._line(position, duty, owed) for position, duty, owed in page),
            page[-1][0] if len(rest) > limit else None,
        )

    def _overdue(self, day: str, kinds: tuple[str, ...]) -> Iterator[tuple[StoredDue, Owed]]:
        for kind in kinds:
            for due in self._candidates(kind, day):
                for owed in self._duties.owed(due):
                    if owed.is_open(day):
                        yield due, owed

    def _candidates(self, kind: str, day: str) -> Iterator[StoredDue]:
        """What is open and past, and what was settled only after that day."""
        after: StoredDue | None = None
        while page := self._store.due(kind, day, _PAGE, after):
            after = page[-1]
            yield from (due for due in page if due.day < day)
        yield from (due for due in self._store.settled_due(kind, next_day(day)) if due.day < day)

    def _line(self, position: Position, kind: str, owed: Owed) -> OverdueLine:
        due, _, authority = position
        record, step = (
            reference_of(fact, self._store.leaves(fact.index, fact.index + 1)[0][0].hex())
            for fact in (owed.record, owed.started_by)
        )
        return OverdueLine(kind, due, authority, owed.authority_name, record, step)


def _count(found: list[tuple[Position, str, Owed]]) -> tuple[OverdueCount, ...]:
    counts: dict[tuple[str, str], OverdueCount] = {}
    for (due, _, authority), kind, owed in found:
        known = counts.get((authority, kind))
        counts[authority, kind] = OverdueCount(
            authority,
            owed.authority_name,
            kind,
            known.count + 1 if known else 1,
            known.oldest if known else due,
        )
    return tuple(counts[key] for key in sorted(counts))
