"""The services' own part of a full audit: is what they answer from what the entries say?

The services keep no tables of their own: a check folds the entries that the index gives for a subject. So
the comparison is between two ways to the same state: the entries streamed from the log and grouped by tag
here, and the entries that a lookup finds. `audit` takes these as `projections`.
"""

from collections.abc import Callable
from typing import Any

from ledger.catalog import Editions
from ledger.domain import parse_body
from ledger.domain.case_state import fold_cases
from ledger.domain.certificate_state import fold_certificate
from ledger.domain.credit_state import fold_credit
from ledger.domain.facts import Fact
from ledger.domain.kinds import kind_of
from ledger.domain.rules import Rules, rules_of
from ledger.errors import InputError, IntegrityError, NotYetPublished
from ledger.formats.envelope import BATCH_TYPE, parse_envelope
from ledger.formats.statement import parse_statement
from ledger.log.audit import Projection
from ledger.log.audit_report import AuditReport
from ledger.log.reader import LogReader
from ledger.services.evidence import FactCache
from ledger.store.port import LogStore, StoredCheckpoint

MOST_TAGS = 1_000
"""Subjects or certificates whose state is compared; the index itself is audited whole."""

_Fold = Callable[[list[Fact], str], Any]


def projections_of(
    short: str, reader: LogReader, day: str, operator: str = "", editions: Editions | None = None
) -> list[Projection]:
    """The projections of a log, by its short name; states are compared as of `day` (YYYY-MM-DD) under the
    rules of the edition then in force, `operator` being the USCC of who runs the log."""
    editions = editions or Editions()
    catalogue = editions.at(day)
    rules = rules_of(catalogue, operator, editions.before(catalogue))
    folds: dict[str, tuple[str, _Fold]] = {
        "credit": ("subject", lambda facts, day: _credit_state(facts, rules, day)),
        "access": ("subject", lambda facts, day: [(fact.index, fact.body) for fact in facts]),
        "certificate": ("certificate", _certificate_state),
    }
    name, fold = folds[short]
    return [lambda store, report: _compare(store, report, reader, name, fold, day)]


def _compare(
    store: LogStore, report: AuditReport, reader: LogReader, name: str, fold: _Fold, day: str
) -> None:
    try:
        checkpoint = reader.checkpoint("published")
        grouped = _group(store, checkpoint, name)
    except NotYetPublished:
        return
    except IntegrityError as error:
        # What is broken is named by the audit itself; of the services it shows that they would not answer.
        report.add("projection_differs", None, f"the services cannot answer: {error.code}")
        return
    facts = FactCache()
    for tag, rebuilt in grouped.items():
        try:
            # A fresh checkpoint each time: a busy log soon drops the index pages of an older one.
            history = reader.lookup(reader.checkpoint("published"), name, tag)
            answered = [facts.fact(entry) for entry in history.entries if entry.index < checkpoint.size]
        except (IntegrityError, InputError) as error:
            report.add("projection_differs", None, f"{name} {tag[:16]}: {error.code}")
            continue
        if fold(answered, day) != fold(rebuilt, day):
            report.add("projection_differs", None, f"the state of {name} {tag[:16]}")
    report.count("projected_states", len(grouped))


def _group(store: LogStore, checkpoint: StoredCheckpoint, name: str) -> dict[str, list[Fact]]:
    """All statements of the first `MOST_TAGS` tags of an index, streamed from the entries."""
    grouped: dict[str, list[Fact]] = {}
    for entry in store.entries(0, checkpoint.size):
        try:
            envelope = parse_envelope(entry.entry)
            if envelope.payload_type == BATCH_TYPE:
                continue
            statement = parse_statement(envelope.payload)
            tags = statement.keys.get(name, ())
            body = None
            for tag in tags:
                if tag not in grouped and len(grouped) >= MOST_TAGS:
                    continue
                body = body or parse_body(kind_of(statement.kind), statement.body)
                fact = Fact(entry.index, statement.issuer, statement.id, statement.refers, body)
                grouped.setdefault(tag, []).append(fact)
        except InputError:
            # The audit of entries names what is wrong with this one.
            continue
    return grouped


def _credit_state(facts: list[Fact], rules: Rules, day: str) -> Any:
    """The records and the joint punishment cases."""
    state = fold_credit(facts, rules, day)
    return state, fold_cases(state.others, rules, day) if state.others else None


def _certificate_state(facts: list[Fact], day: str) -> Any:
    identifiers = {getattr(fact.body, "identifier", "") for fact in facts}
    return {identifier: fold_certificate(identifier, facts, day) for identifier in sorted(identifiers)}
