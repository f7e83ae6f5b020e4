"""Sheets of departments (双公示 penalties and licences, lists and the others) to signed statements.

Nothing of a row's cells is ever quoted in a report's sentences, an error or a log line.
"""

from ledger.services.importing.bodies import Wanted
from ledger.services.importing.cells import mask_name
from ledger.services.importing.codes import SheetCodes
from ledger.services.importing.columns import Column, Form
from ledger.services.importing.desk import Desk, LogDesk, Offered, Outcome
from ledger.services.importing.forms import FORMS, LICENCE, LIST, PENALTY
from ledger.services.importing.importer import ImportOptions, import_sheet, look_over
from ledger.services.importing.journal import ImportJournal
from ledger.services.importing.limits import SheetLimits
from ledger.services.importing.problem_sheet import write_problem_sheet
from ledger.services.importing.reading import Sheet, SheetRow, SheetSeen, open_sheet
from ledger.services.importing.report import ImportReport
from ledger.services.importing.row_reader import RowProblem
from ledger.services.importing.rows import FoundRecord, HalfRow, PreparedRow, RowBuilder
from ledger.services.importing.sending import ImportTarget
from ledger.services.importing.signing import SignedBatch, sign_rows
from ledger.services.importing.template import described, forms_described, write_template

__all__ = [
    "FORMS",
    "LICENCE",
    "LIST",
    "PENALTY",
    "Column",
    "Desk",
    "Form",
    "FoundRecord",
    "HalfRow",
    "ImportJournal",
    "ImportOptions",
    "ImportReport",
    "ImportTarget",
    "LogDesk",
    "Offered",
    "Outcome",
    "PreparedRow",
    "RowBuilder",
    "RowProblem",
    "Sheet",
    "SheetCodes",
    "SheetLimits",
    "SheetRow",
    "SheetSeen",
    "SignedBatch",
    "Wanted",
    "described",
    "forms_described",
    "import_sheet",
    "look_over",
    "mask_name",
    "open_sheet",
    "sign_rows",
    "write_problem_sheet",
    "write_template",
]
