"""What a form expects: as text, and as an empty workbook to be filled in.

In the workbook every column but amounts is text, so that the spreadsheet leaves codes and dates as they are
typed; closed lists of values are offered in their cells; a second sheet explains each column.
"""

from collections.abc import Iterator
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from ledger.services.importing.columns import Column, Form
from ledger.services.importing.forms import FORMS

_FILLED = PatternFill("solid", fgColor="FFF2A8")
_LONGEST_CHOICE = 250
_ROWS = 100_000


def need_of(column: Column) -> str:
    """Whether a cell must be filled, and whether the column may be missing."""
    return "必填" if column.filled else "列必备，可留空" if column.needed else "可无此列"


def described(form: Form) -> Iterator[str]:
    """The columns of a form, a line each: code, title, need, and what stands in them."""
    yield f"{form.name}  {form.zh}  {form.kind}"
    for column in form.columns:
        yield f"  {column.code:<14}{column.title}  [{need_of(column)}]  {column.explained}".rstrip()


def forms_described() -> Iterator[str]:
    """All forms, a line each."""
    for form in FORMS.values():
        yield f"{form.name:<13}{form.zh}  {form.kind}  {len(form.columns)} 列 columns"


def write_template(form: Form, path: Path) -> None:
    """Write an empty workbook of the form. Raises `OSError`."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = form.zh
    for position, column in enumerate(form.columns, 1):
        cell = sheet.cell(1, position, column.title)
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        if column.filled:
            cell.fill = _FILLED
        letter = get_column_letter(position)
        sheet.column_dimensions[letter].width = 18
        if not column.unit:
            sheet.column_dimensions[letter].number_format = "@"
        choice = ",".join(column.choices)
        if choice and len(choice) < _LONGEST_CHOICE:
            offered = DataValidation(type="list", formula1=f'"{choice}"', allow_blank=True)
            offered.showErrorMessage = not column.several
            offered.add(f"{letter}2:{letter}{_ROWS}")
            sheet.add_data_validation(offered)
    sheet.freeze_panes = "A2"
    told = book.create_sheet("填写说明")
    told.append(["列", "代码", "要求", "说明"])
    for column in form.columns:
        told.append([column.title, column.code, need_of(column), column.explained])
    for letter, width in zip("ABCD", (40, 14, 16, 90), strict=True):
        told.column_dimensions[letter].width = width
    book.save(path)
