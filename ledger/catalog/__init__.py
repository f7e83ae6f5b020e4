"""Versioned tables as data: lists, measures, matters, rules, certificate types and roles.

An edition is a folder of JSON files, every row with its `source` and its `mark`: `V` read in the law or the
standard, `v` from a secondary source, `M` from memory, not verified. An operator replaces an edition by
another folder, never by changing code; the SM3 of an edition stands in every answer that used it.
"""

from ledger.catalog.loader import (
    Catalogue,
    ListRow,
    MatterRow,
    MeasureRow,
    NamedRow,
    RuleRow,
    Term,
    load_catalogue,
)

__all__ = [
    "Catalogue",
    "ListRow",
    "MatterRow",
    "MeasureRow",
    "NamedRow",
    "RuleRow",
    "Term",
    "load_catalogue",
]
