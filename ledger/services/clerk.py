"""The clerk: what the operator states because a day has come, not because somebody asked.

    clerk.expire(today)       # records whose term of publication is over
    clerk.match(today)        # which records carry an approved case
    clerk.state_editions()    # editions of the catalogue that the log does not have

These are chores of the worker. Every statement goes through the door and the gate like anybody's, so nothing
is stated twice or too early, whoever else does the same; what is noted afterwards (`settle`) only spares
looking again. So a kill at any point loses nothing and repeats nothing.

Days are days in China, `YYYY-MM-DD`.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from ledger.domain.case_state import case_state_of
from ledger.domain.cases import CaseInitiated, CaseMatched, MatchedRecord
from ledger.domain.credit_state import CreditState, RecordState, fold_credit
from ledger.domain.facts import Fact
from ledger.domain.records import Record
from ledger.domain.rules import Rules, next_day
from ledger.domain.steps import RecordExpired
from ledger.domain.subjects import subject_tag
from ledger.errors import NotYetPublished, RoleMissing, Unavailable
from ledger.formats.statement import Reference
from ledger.log.backlog import work_off_backlog
from ledger.log.chores import Chore, Stopping
from ledger.log.clock import Clock, china_day
from ledger.log.credit_rules import DUTIES, EXPIRY, MATCHING, CreditRulebook
from ledger.log.facts import fact_of, facts_at, find_fact, referring_facts
from ledger.log.faults import point
from ledger.log.reader import LogReader
from ledger.services.duties import Duties
from ledger.services.editions import keep_shipped, state_editions
from ledger.services.matching import carrying_records
from ledger.services.pen import Draft, Pen
from ledger.services.terms import Terms, is_closed
from ledger.store.port import LogStore, StoredDue

_log = logging.getLogger("xinzheng.clerk")

ROLE_ALARM = "operator_role_missing"
"""The operator is not registered with `publisher:credit`, so that nothing of this can be stated."""
PAGE = 200
"""What is looked at, and stated under one manifest, at once."""
LONGEST_REST_SECONDS = 1.0
"""The rest after a full page is as long as the page took, and at most this."""
LOOK_AGAIN_MS = 3600 * 1000
"""How often what stays open although its day has passed is looked at again."""
_LATEST = "9999-12-31"


def _go_on() -> bool:
    return False


class Clerk:
    """The operator's clerk in a credit log. `reader` is the log's, `pen` the operator's hand in it."""

    def __init__(
        self,
        store: LogStore,
        reader: LogReader,
        pen: Pen,
        rulebook: CreditRulebook,
        clock: Clock,
        catalogue: Path,
    ) -> None:
        """`catalogue` is the folder of the deployment's own editions."""
        self._store = store
        self._reader = reader
        self._pen = pen
        self._rulebook = rulebook
        self._clock = clock
        self._catalogue = catalogue
        self._terms = Terms(store, rulebook.rules)
        self._duties = Duties(store, rulebook.rules)
        self._matched: dict[int, str] = {}
        self._looked = ("", 0)

    def state_editions(self) -> list[Reference]:
        """State the editions of the catalogue that the log does not have; returns what was stated."""
        return state_editions(self._rulebook.editions, self._pen, self._store)

    # What is over

    def expire(self, today: str, stopping: Stopping = _go_on) -> int:
        """State of every record whose term is over that it is; returns how many were stated.

        Records reported as uncorrected stay, and so does what is due about them. Raises what appending
        raises.
        """
        stated = 0
        yesterday = (date.fromisoformat(today) - timedelta(days=1)).isoformat()
        for page in self._pages(EXPIRY, yesterday, stopping):
            over: dict[Reference, tuple[Draft, list[StoredDue]]] = {}
            done: list[StoredDue] = []
            for due in page:
                record = self._terms.record_of(due)
                if record is None:
                    done.append(due)
                    continue
                reference = Reference(record.issuer, record.id)
                state, last_step = self._terms.state_of(record, today)
                if is_closed(state):
                    done.append(due)
                elif state.state == "expired":
                    draft = _expiry_of(record, reference, state, last_step)
                    over.setdefault(reference, (draft, []))[1].append(due)
                elif self._terms.is_looked_at_later(due, record):
                    # Corrected in time: nothing ends but by the term.
                    done.append(due)
            stated += self._state_expired(over, done)
            # A crash here leaves records that are stated to be over and still stand as due: they are found
            # closed, and settled, at the next look.
            point("clerk.expired")
            if done:
                self._store.settle(done, today)
        return stated

    def _state_expired(
        self, over: dict[Reference, tuple[Draft, list[StoredDue]]], done: list[StoredDue]
    ) -> int:
        if not over:
            return 0
        # A crash here leaves nothing; a crash within leaves a batch that is there as a whole or not at all.
        point("clerk.expiring")
        refused = self._pen.state_all([draft for draft, _ in over.values()])
        stated = 0
        for (reference, (_, dues)), error in zip(over.items(), refused, strict=True):
            if error is None:
                stated += 1
                done += dues
            else:
                # Somebody else changed it a moment ago; the next look sees how.
                _log.info("record %s is not stated as expired: %s", reference.id, error.code)
        return stated

    # What members owe

    def settle_duties(self, today: str, stopping: Stopping = _go_on) -> int:
        """Note of members' duties whose day has come that they were done; returns how many were.

        Before its day nobody asks after a duty, and in a large log there are hundreds of thousands of them.
        """
        settled = 0
        for kind in DUTIES:
            for page in self._pages(kind, today, stopping):
                done = [
                    due for due in page if not any(owed.is_open(today) for owed in self._duties.owed(due))
                ]
                if done:
                    self._store.settle(done, today)
                settled += len(done)
        return settled

    # Cases

    def match(self, today: str, stopping: Stopping = _go_on) -> int:
        """State which records carry each approved case, first and when that changed; returns how many were.

        A case that was matched is looked at again once a day, until it has ended.
        """
        stated = 0
        for page in self._pages(MATCHING, _LATEST, stopping):
            done: list[StoredDue] = []
            drafts: list[Draft] = []
            looked: list[int] = []
            for due in page:
                if self._matched.get(due.index) == today:
                    continue
                outcome = self._match_one(due, today)
                if outcome == "ended":
                    done.append(due)
                    self._matched.pop(due.index, None)
                elif outcome != "later":
                    looked.append(due.index)
                    if isinstance(outcome, Draft):
                        drafts.append(outcome)
            point("clerk.matching")
            if drafts:
                stated += sum(error is None for error in self._pen.state_all(drafts))
            # A crash here leaves matches stated, which the next look finds unchanged.
            point("clerk.matched")
            self._matched |= dict.fromkeys(looked, today)
            if done:
                self._store.settle(done, today)
        return stated

    def _match_one(self, due: StoredDue, today: str) -> "Draft | str":
        """The statement of a match, or `ended`, `unchanged`, `later`."""
        found = facts_at(self._store, [due.index])
        reference = found[0].refers[0] if found and len(found[0].refers) == 1 else None
        initiated = find_fact(self._store, reference) if reference is not None else None
        if reference is None or initiated is None or not isinstance(initiated.body, CaseInitiated):
            return "ended"
        rules = self._rulebook.rules(today)
        case = case_state_of(initiated, referring_facts(self._store, reference), rules, today)
        if case.state != "approved":
            return "ended"
        subject = self._subject_state(initiated.body, due.index, rules, today)
        if subject is None:
            return "later"
        carrying = carrying_records(initiated.body, subject, rules.catalogue)
        records = tuple(Reference(each.fact.issuer, each.fact.id) for each in carrying)
        if case.records is not None and set(case.records) == set(records):
            return "unchanged"
        return _match_of(initiated.body, reference, records, today)

    def _subject_state(self, case: CaseInitiated, index: int, rules: Rules, today: str) -> CreditState | None:
        """What is published about the subject; None while the review itself is not."""
        try:
            checkpoint = self._reader.checkpoint("published")
            if checkpoint.size <= index:
                return None
            history = self._reader.lookup(checkpoint, "subject", subject_tag(case.subject))
        except (NotYetPublished, Unavailable):
            return None
        facts = [fact_of(entry.index, entry.entry) for entry in history.entries]
        return fold_credit([fact for fact in facts if fact is not None], rules, today)

    # As chores

    def _pages(self, kind: str, until: str, stopping: Stopping) -> Iterator[list[StoredDue]]:
        after: StoredDue | None = None
        while not stopping():
            began = time.monotonic()
            page = self._store.due(kind, until, PAGE, after)
            if not page:
                return
            yield page
            after = page[-1]
            if len(page) == PAGE:
                # A backlog is worked off beside what people ask, not before it.
                time.sleep(min(LONGEST_REST_SECONDS, time.monotonic() - began))

    def run_editions(self, stopping: Stopping) -> Sequence[str]:
        """Keep the shipped edition, and state new ones."""
        keep_shipped(self._catalogue)
        for reference in self.state_editions():
            _log.info("an edition of the catalogue is stated in the log: %s", reference.id)
        return ()

    def run_expiry(self, stopping: Stopping) -> Sequence[str]:
        """State what is over, once a day and every hour after that, however often it is called."""
        now = self._clock()
        today = china_day(now)
        if self._looked[0] == today and 0 <= now - self._looked[1] < LOOK_AGAIN_MS:
            return ()
        work_off_backlog(self._store, self._rulebook, stopping)
        stated = self.expire(today, stopping)
        if stated:
            _log.info("%d records are stated as expired", stated)
        self.settle_duties(today, stopping)
        if not stopping():
            self._looked = today, now
        return ()

    def run_matching(self, stopping: Stopping) -> Sequence[str]:
        """Match approved cases."""
        self.match(china_day(self._clock()), stopping)
        return ()


def clerk_chores(clerk: Callable[[], Clerk]) -> list[Chore]:
    """The chores for the worker. `clerk` makes the clerk, or raises what keeps it from being made now."""
    return [
        Chore("editions", _WithRole(lambda stopping: clerk().run_editions(stopping)), 5_000),
        Chore("expiry", _WithRole(lambda stopping: clerk().run_expiry(stopping)), 15_000),
        Chore("matching", _WithRole(lambda stopping: clerk().run_matching(stopping)), 2_000),
    ]


class _WithRole:
    """A chore that says by an alarm that the operator lacks its role, and in the log file once."""

    def __init__(self, run: Callable[[Stopping], Sequence[str]]) -> None:
        self._run = run
        self._missing = False

    def __call__(self, stopping: Stopping) -> Sequence[str]:
        try:
            alarms = self._run(stopping)
        except RoleMissing as error:
            if not self._missing:
                _log.error("the operator may not state anything in the credit log: %s", error.detail)
            self._missing = True
            return (ROLE_ALARM,)
        self._missing = False
        return alarms


def _expiry_of(record: Fact, reference: Reference, state: RecordState, last_step: str) -> Draft:
    body = record.body
    assert isinstance(body, Record)
    assert state.publish_until is not None
    expired = RecordExpired(
        subject=body.subject,
        authority=body.authority,
        related=body.related,
        number=body.number,
        # An objection may have been answered after the end, and no step is dated before the one before it.
        expired_on=max(next_day(state.publish_until), last_step),
    )
    return Draft("credit.record.expired", expired, (reference,))


def _match_of(case: CaseInitiated, reference: Reference, records: Sequence[Reference], today: str) -> Draft:
    matched = CaseMatched(
        case=case.case,
        subject=case.subject,
        proposer=case.proposer,
        on=today,
        records=[MatchedRecord(issuer=record.issuer, id=record.id) for record in records],
    )
    return Draft("credit.case.matched", matched, (reference,))
