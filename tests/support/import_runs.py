"""Imports into the small city's log, for the importer's tests."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from made_sheets import PENALTY_ROW, builder

from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.log.credit_rules import CreditRulebook
from ledger.services.importing import ImportOptions, ImportReport, ImportTarget, LogDesk, import_sheet

City = Any

BAD = PENALTY_ROW | {"CF_JDRQ": "never"}


def desk(city: City, roles: Iterable[str] = ("publisher:credit", "lister")) -> LogDesk:
    log = city.logs["credit"]
    rules = CreditRulebook(city.editions, city.operator)
    return LogDesk(log.store, log.reader, rules, city.bureau, frozenset(roles), city.clock)


def target(city: City, submit: Any = None, **members: Any) -> ImportTarget:
    made = ImportTarget(
        city.logs["credit"].origin,
        city.bureau,
        city.signers[city.bureau],
        submit or city.appender("credit").submit_batch,
        desk(city),
    )
    return replace(made, **members)


def run(
    city: City, path: Path, submit: Any = None, journal: Path | None = None, **options: Any
) -> ImportReport:
    to = target(city, submit)
    return import_sheet(
        path,
        builder(city.bureau),
        to,
        city.clock,
        os.urandom,
        journal=journal,
        options=ImportOptions(**options),
    )


def kinds(city: City) -> list[str]:
    """The kinds of the log's statements, in order; manifests left out."""
    store = city.logs["credit"].store
    payloads = [parse_envelope(stored.entry) for stored in store.entries(0, store.size())]
    return [parse_statement(each.payload).kind for each in payloads if "statement" in each.payload_type]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.accepted, report.already, report.refused, report.conflicting
