"""The sheet as it came, with a column that says in each bad row what is wrong with it.

What the sheet held stands where it stood, so that the clerk corrects it there and imports the file again;
the added column is then no column of the form, and is passed over.
"""

from collections import defaultdict
from pathlib import Path

from ledger.services.importing.cells import Cell
from ledger.services.importing.columns import Form
from ledger.services.importing.header import Header
from ledger.services.importing.importer import DEFAULTS, ImportOptions
from ledger.services.importing.reading import open_raw
from ledger.services.importing.report import ImportReport
from ledger.services.importing.row_reader import RowProblem
from ledger.services.importing.xlsx_out import new_sheet

TITLE = "错误说明"
_WIDEST = 60
_COLUMN, _TEXT = 14, 60


def write_problem_sheet(
    source: Path,
    target: Path,
    report: ImportReport,
    options: ImportOptions = DEFAULTS,
    *,
    bad_only: bool = False,
) -> int:
    """Write `source` again as XLSX with the problems of `report`; returns the number of rows written.

    `bad_only` leaves the good rows out. Raises what `open_sheet` raises, and `OSError` for `target`.
    """
    problems: dict[int, list[RowProblem]] = defaultdict(list)
    for problem in report.problems:
        problems[problem.row].append(problem)
    written = 0
    with open_raw(source, options.form, options.limits, name=options.sheet) as (header, rows):
        place = _place(header)
        positions = {code: position for position, code in header.places}
        widths = [_COLUMN] * place + [_TEXT]
        with new_sheet(target, "导入结果", len(header.rows), widths) as sheet:
            for row in header.rows[:-1]:
                sheet.write(row.values)
            sheet.write(_with(header.rows[-1].values, place, TITLE))
            for row in rows:
                found = problems.get(row.number, [])
                if not found and bad_only:
                    continue
                marked = {positions[each.column] for each in found if each.column in positions}
                sheet.write(_with(row.values, place, explained(found, header.form)), marked)
                written += 1
    return written


def explained(problems: list[RowProblem], form: Form) -> str:
    """The problems of one row for whoever corrects it, Chinese first."""
    lines = []
    for each in problems:
        column = form.by_code.get(each.column)
        title = f"【{column.title}】" if column else ""
        lines.append(f"{title}{each.zh} {each.en} [{each.code}]")
    return "\n".join(lines)


def _place(header: Header) -> int:
    """The position of the added column: where the last import put it, or after all others."""
    for position, value in enumerate(header.rows[-1].values):
        if value == TITLE:
            return position
    return max(len(row.values) for row in header.rows)


def _with(values: list[Cell], place: int, text: str) -> list[Cell]:
    cells = list(values) + [None] * (place + 1 - len(values))
    cells[place] = text
    return cells
