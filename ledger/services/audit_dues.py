"""The services' part of an audit of what is due: what is marked as done must have been done.

Whoever marked a record's term as seen to, or a duty as done, could keep it from being stated to be over, or
from being told as overdue; so each mark is held against the statements themselves.
"""

from ledger.domain.case_state import case_state_of
from ledger.domain.cases import CaseInitiated
from ledger.errors import InputError
from ledger.log.audit import Projection
from ledger.log.audit_report import AuditReport
from ledger.log.credit_rules import DUTIES, EXPIRY, MATCHING, CreditRulebook
from ledger.log.facts import facts_at, find_fact, referring_facts
from ledger.services.duties import Duties
from ledger.services.terms import Terms, is_closed
from ledger.store.port import LogStore, StoredDue


def settled_dues(rulebook: CreditRulebook, today: str) -> Projection:
    """A projection of a credit log: `due_settled_early` for each mark that the statements do not bear out."""

    def audit(store: LogStore, report: AuditReport) -> None:
        judge = _Judge(store, rulebook, today)
        for kind in (EXPIRY, MATCHING, *DUTIES):
            for due in store.settled_due(kind, ""):
                report.count("settled_dues", 1)
                try:
                    done = judge.is_done(due)
                except InputError:
                    # What is wrong with the entry is named where the entries are audited.
                    continue
                if not done:
                    report.add("due_settled_early", due.index, kind)

    return audit


class _Judge:
    def __init__(self, store: LogStore, rulebook: CreditRulebook, today: str) -> None:
        self._store = store
        self._rulebook = rulebook
        self._today = today
        self._terms = Terms(store, rulebook.rules)
        self._duties = Duties(store, rulebook.rules)

    def is_done(self, due: StoredDue) -> bool:
        """Whether what is due was done, or never had to be."""
        if due.kind == EXPIRY:
            record = self._terms.record_of(due)
            if record is None or self._terms.is_looked_at_later(due, record):
                return True
            return is_closed(self._terms.state_of(record, self._today)[0])
        if due.kind == MATCHING:
            return self._has_ended(due)
        return not any(owed.is_open(self._today) for owed in self._duties.owed(due))

    def _has_ended(self, due: StoredDue) -> bool:
        reviewed = facts_at(self._store, [due.index])
        if not reviewed or len(reviewed[0].refers) != 1:
            return True
        reference = reviewed[0].refers[0]
        initiated = find_fact(self._store, reference)
        if initiated is None or not isinstance(initiated.body, CaseInitiated):
            return True
        rules = self._rulebook.rules(self._today)
        history = referring_facts(self._store, reference)
        return case_state_of(initiated, history, rules, self._today).state != "approved"
