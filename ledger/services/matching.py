"""Which of a subject's records carry a joint punishment case (匹配). Pure.

A case that names a list is carried by the subject's entries in that list. One that names none is carried by
the records of dishonesty that its proposer decided, and by those from which a rule of the catalogue leads to
one of the case's measures.
"""

from ledger.catalog import Catalogue, RuleRow
from ledger.domain.cases import MOST_MATCHED, CaseInitiated
from ledger.domain.credit_state import CreditState, RecordState
from ledger.domain.records import ListEntered, Record, identity_of
from ledger.domain.rules import KIND_NAMES


def carrying_records(case: CaseInitiated, state: CreditState, catalogue: Catalogue) -> list[RecordState]:
    """The records that count on the day of `state` and carry the case, in log order; the newest of very many.

    `state` may hold records of others, to whom the subject is related: those are not the subject's.
    """
    subject = identity_of(case.subject)
    found = []
    for record in state.counting:
        body = record.fact.body
        assert isinstance(body, Record)
        if identity_of(body.subject) == subject and _carries(case, record, body, catalogue):
            found.append(record)
    return found[-MOST_MATCHED:]


def _carries(case: CaseInitiated, record: RecordState, body: Record, catalogue: Catalogue) -> bool:
    if case.list_code is not None:
        return isinstance(body, ListEntered) and body.list_code == case.list_code
    if record.severity is None:
        return False
    if body.authority.uscc == case.proposer.uscc:
        return True
    return any(
        _applies(rule, record, body) and not set(case.measures).isdisjoint(rule.measures)
        for rule in catalogue.rules
    )


def _applies(rule: RuleRow, record: RecordState, body: Record) -> bool:
    if rule.severity is not None and rule.severity != record.severity:
        return False
    if isinstance(body, ListEntered):
        return rule.list == body.list_code
    return rule.record == KIND_NAMES[type(body)]
