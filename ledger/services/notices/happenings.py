"""What an entry means to subscribers: a record that counts from now, one that counts no more, or nothing.

The states are those of the one fold that everything uses (`ledger.domain.credit_state`), over the record and
what refers to it, as far as the entry in question; where the same decision may have been published and
repaired before, over that as well. A record whose publication begins on a later day is looked at again then.
A step to a record that was never published is nobody's news.
"""

from collections.abc import Callable, Sequence

from ledger.domain.credit_state import CreditState, RecordState, fold_credit
from ledger.domain.facts import Fact
from ledger.domain.kinds import KINDS, subject_of
from ledger.domain.records import Record, case_tag
from ledger.domain.rules import KIND_NAMES, Rules
from ledger.domain.subjects import Person, subject_tag
from ledger.formats.statement import Reference
from ledger.log.facts import fact_of, facts_at, find_fact
from ledger.log.reader import LogReader
from ledger.merkle import index_key, pages
from ledger.services.evidence import today
from ledger.services.notices.book import Book, Notice
from ledger.services.scan import fact_of_statement, scan
from ledger.store.port import LogStore, StoredEntry

CHUNK = 2_000
"""Entries scanned in one round."""
MOST_LATER = 500
_LIST = "credit.list.entered"
_STEPS = frozenset(
    kind.name
    for kind in KINDS.values()
    if kind.step and kind.log == "credit" and not kind.name.startswith("credit.case.")
)


class Happenings:
    """`rules_at` gives the rules in force on a day; `reader` and `store` are the credit log's."""

    def __init__(self, store: LogStore, reader: LogReader, rules_at: Callable[[str], Rules]) -> None:
        self._store = store
        self._reader = reader
        self._rules_at = rules_at

    def of(self, entry: StoredEntry, fact: Fact, day: str) -> tuple[list[Notice], str | None]:
        """The notices of one entry on `day`, and the later day on which it is to be looked at again."""
        ended = [
            self._ended(entry.index, found)
            for reference in fact.refers
            if (found := self._changed(reference, fact, day)) is not None
        ]
        if not isinstance(fact.body, Record):
            return ended, None
        begun, later = self.beginning(entry, fact, day)
        return ended + begun, later

    def beginning(self, entry: StoredEntry, fact: Fact, day: str) -> tuple[list[Notice], str | None]:
        """The notice that a record is published, if it is on `day`, or the later day on which it will be."""
        found = self._state(entry, fact, day, entry.index)
        if found is not None and found.state == "pending":
            return [], found.publish_from
        if found is None or not found.counts:
            return [], None
        return [_notice("listed" if _kind(fact) == _LIST else "published", entry.index, fact)], None

    def counts(self, entry: StoredEntry, now: int) -> bool:
        """Whether the record in an entry counts at a time (milliseconds), by all that is accepted."""
        fact = fact_of(entry.index, entry.entry)
        if fact is None or not isinstance(fact.body, Record):
            return True
        found = self._state(entry, fact, today(now).isoformat(), None)
        return found is not None and found.counts

    def _ended(self, index: int, found: RecordState) -> Notice:
        return _notice("ended", index, found.fact, found.state)

    def _changed(self, reference: Reference, fact: Fact, day: str) -> RecordState | None:
        """The record that `fact` ended, if it ended one that had been published."""
        record = find_fact(self._store, reference)
        if record is None or not isinstance(record.body, Record):
            return None
        state = self._fold([record, *self._referrers(record, fact.index)], day)
        found = _record_in(state, record)
        if found is None or found.changed_by is None or found.changed_by.index != fact.index:
            return None
        published = found.publish_from is not None and found.publish_from <= day
        return found if published else None

    def _state(self, entry: StoredEntry, fact: Fact, day: str, until: int | None) -> RecordState | None:
        facts = [fact, *self._referrers(fact, until)]
        for repeated in self._same_decision(entry, fact):
            facts += [repeated, *self._referrers(repeated, until)]
        return _record_in(self._fold(facts, day), fact)

    def _fold(self, facts: Sequence[Fact], day: str) -> CreditState:
        known = {fact.index: fact for fact in facts}
        return fold_credit(known.values(), self._rules_at(day), day)

    def _referrers(self, record: Fact, until: int | None) -> list[Fact]:
        indexes = self._store.referrers(record.issuer, record.id)
        return facts_at(self._store, [index for index in indexes if until is None or index <= until])

    def _same_decision(self, entry: StoredEntry, fact: Fact) -> list[Fact]:
        """Earlier records of the same subject under the same number; mostly there are none, and that is cheap
        to see: the entry is the first of its subject or of its number."""
        body = fact.body
        assert isinstance(body, Record)
        subject, number = subject_tag(body.subject), case_tag(body.number)
        links = self._store.links([entry.index])[0]
        if links is None:
            return []
        subject_key, number_key = _key("subject", subject), _key("case", number)
        for key in (subject_key, number_key):
            link = pages.find_link(links, key)
            if link is None or link.position == 1:
                return []
        history = self._reader.lookup(self._reader.checkpoint(), "subject", subject)
        earlier = [
            found.index
            for found in history.entries
            if found.index < entry.index and number_key in found.index_keys
        ]
        return [found for found in facts_at(self._store, earlier) if isinstance(found.body, Record)]


class Scanner:
    """Turns newly published entries into notices for the book."""

    def __init__(self, store: LogStore, book: Book, happenings: Happenings) -> None:
        self._store = store
        self._book = book
        self._happenings = happenings

    def scan(self, now: int) -> bool:
        """Look at up to `CHUNK` more entries; returns whether more are waiting.

        Without subscriptions nothing is read, and a first one begins where it says, not at the cursor.
        """
        subscriptions = self._book.all()
        latest = self._store.latest_checkpoint()
        if not subscriptions or latest is None:
            return False
        day = today(now).isoformat()
        scanned = self._book.scanned()
        start = max(scanned, min(each.from_index for each in subscriptions))
        stop = min(latest.size, start + CHUNK)
        kinds = frozenset(kind for each in subscriptions for kind in each.wanted.kinds)
        notices, later = self._look(start, stop, kinds, day)
        arrived = self._book.later(day, MOST_LATER)
        for due in arrived:
            notices += self._begun(due[1], kinds, day)
        if notices or later or arrived or stop > scanned:
            self._book.keep(notices, max(stop, scanned), later, arrived)
        return stop < latest.size or len(arrived) == MOST_LATER

    def _look(
        self, start: int, stop: int, kinds: frozenset[str], day: str
    ) -> tuple[list[Notice], list[tuple[str, int]]]:
        notices: list[Notice] = []
        later: list[tuple[str, int]] = []
        for entry, statement in scan(self._store, start, stop, kinds | _STEPS):
            fact = fact_of_statement(entry.index, statement)
            found, again_on = self._happenings.of(entry, fact, day)
            notices += [notice for notice in found if notice.kind in kinds]
            if again_on is not None:
                later.append((again_on, entry.index))
        return notices, later

    def _begun(self, index: int, kinds: frozenset[str], day: str) -> list[Notice]:
        entry = self._store.entry(index)
        fact = fact_of(index, entry.entry) if entry is not None else None
        if entry is None or fact is None:
            return []
        found, _ = self._happenings.beginning(entry, fact, day)
        return [notice for notice in found if notice.kind in kinds]


def _record_in(state: CreditState, fact: Fact) -> RecordState | None:
    return next((found for found in state.records if found.fact.index == fact.index), None)


def _kind(fact: Fact) -> str:
    return KIND_NAMES[type(fact.body)]


def _notice(event: str, index: int, record: Fact, reason: str | None = None) -> Notice:
    return Notice(
        event=event,
        index=index,
        kind=_kind(record),
        list_code=getattr(record.body, "list_code", None),
        person=isinstance(subject_of(record.body), Person),
        record_issuer=record.issuer,
        record_id=record.id,
        reason=reason,
    )


def _key(name: str, tag: str) -> bytes:
    return index_key(name, bytes.fromhex(tag))
