"""Sheets of departments (双公示 penalties and licences, lists) to signed statements.

Nothing of a row's cells is ever quoted in a report, an error or a log line.
"""

from ledger.services.importing.cells import mask_name
from ledger.services.importing.columns import FORMS, LICENCE, LIST, PENALTY, Column, Form
from ledger.services.importing.importer import (
    ImportReport,
    ImportTarget,
    import_sheet,
    prepare_sheet,
)
from ledger.services.importing.journal import ImportJournal
from ledger.services.importing.reading import Sheet, SheetLimits, SheetRow, open_sheet
from ledger.services.importing.rows import PreparedRow, RowBuilder, RowProblem
from ledger.services.importing.signing import SignedBatch, sign_rows

__all__ = [
    "FORMS",
    "LICENCE",
    "LIST",
    "PENALTY",
    "Column",
    "Form",
    "ImportJournal",
    "ImportReport",
    "ImportTarget",
    "PreparedRow",
    "RowBuilder",
    "RowProblem",
    "Sheet",
    "SheetLimits",
    "SheetRow",
    "SignedBatch",
    "import_sheet",
    "mask_name",
    "open_sheet",
    "prepare_sheet",
    "sign_rows",
]
