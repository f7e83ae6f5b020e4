"""Versioned tables as data: lists, measures, matters, rules, terms, deadlines, the calendar and more.

An edition is a folder of JSON files, every row with its `source` and its `mark`: `V` read in the law or the
standard, `v` from a secondary source, `M` from memory, not verified. An operator adds an edition by
another folder, never by changing code; the SM3 of an edition stands in every answer that used it.
"""

from ledger.catalog.calendar import Calendar, CalendarYear
from ledger.catalog.editions import Editions
from ledger.catalog.loader import Catalogue, FileRow, load_catalogue
from ledger.catalog.rows import (
    ITSELF,
    ROLES,
    SEVERITIES,
    BasisRow,
    ClassRow,
    DeadlineRow,
    ListRow,
    MatterRow,
    MeasureRow,
    NamedRow,
    RuleRow,
    Term,
    TermRow,
)

__all__ = [
    "ITSELF",
    "ROLES",
    "SEVERITIES",
    "BasisRow",
    "Calendar",
    "CalendarYear",
    "Catalogue",
    "ClassRow",
    "DeadlineRow",
    "Editions",
    "FileRow",
    "ListRow",
    "MatterRow",
    "MeasureRow",
    "NamedRow",
    "RuleRow",
    "Term",
    "TermRow",
    "load_catalogue",
]
