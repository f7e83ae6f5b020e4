"""Finding the header of a sheet: below title rows, in one row or in two with merged cells.

Of the first rows the one counts whose cells name the most columns of a form; or it and the row below
together, where merged cells say in two rows what belongs to one (行政相对人 over 名称 and 代码). Rows below
it that name the same columns again, as templates with codes and titles do, belong to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ledger.errors import CellError, CellMangled, ColumnMissing, FormulaForbidden, SheetInvalid
from ledger.services.importing.cells import Cell, text_of
from ledger.services.importing.columns import Column, Form
from ledger.services.importing.limits import RawRow
from ledger.services.importing.sheet_rows import letters_of

HEADER_WITHIN = 30
"""Rows with something in them among which the header must be."""

Names = list[tuple[str, str]]
"""Of each cell of a header: its text, and that of the cell above it in a header of two rows."""


@dataclass(frozen=True)
class Header:
    """A header that was found: the form, (cell position, column code) of its columns, the position after its
    last cell, letters of columns that were not known, and its rows as they stand."""

    form: Form
    places: tuple[tuple[int, str], ...]
    width: int
    unknown: tuple[str, ...]
    rows: tuple[RawRow, ...]


@dataclass(frozen=True)
class Look:
    """What looking for a header came to: the header and the rows below it, or why there is none.

    `found` of `needed` columns were there, for the form that fits best.
    """

    header: Header | None
    rest: Iterator[RawRow]
    found: int
    needed: int
    refusal: SheetInvalid


@dataclass(frozen=True)
class _Match:
    form: Form
    columns: tuple[tuple[int, Column], ...]
    first: int
    last: int
    width: int
    unknown: tuple[str, ...]


def titles_in(cells: Sequence[object], forms: Sequence[Form]) -> int:
    """How many cells of a row are titles of one form's columns."""
    texts = [cell for cell in cells if isinstance(cell, str) and cell]
    return max((sum(form.column(text) is not None for text in texts) for form in forms), default=0)


def look_for_header(raw: Iterator[RawRow], forms: Sequence[Form]) -> Look:
    """Read the first rows and find the header among them."""
    rows: list[RawRow] = []
    best: _Match | None = None
    for row in raw:
        rows.append(row)
        at = len(rows) - 1
        texts = [_text(value) for value in row.values]
        names: list[tuple[Names, int]] = [([(text, "") for text in texts], at)]
        if at and rows[at - 1].number == row.number - 1:
            names.append((_stacked(rows[at - 1], texts), at - 1))
        for candidate, first in names:
            for form in forms:
                match = _match(form, candidate, first, at)
                if match.columns and (best is None or _better(match, best)):
                    best = match
        if len(rows) >= HEADER_WITHIN or (best is not None and at > best.last and _complete(best)):
            break
    if best is None:
        text = "no column of a known template is in the header row" if rows else "the sheet is empty"
        return Look(None, iter(()), 0, 1, ColumnMissing(text))
    return _decided(best, rows, raw)


def _better(match: _Match, best: _Match) -> bool:
    return _score(match) > _score(best)


def _score(match: _Match) -> tuple[int, int]:
    """More columns; then, of forms that share them, the one that lacks fewer."""
    return len({column.code for _, column in match.columns}), -len(_missing(match))


def _missing(match: _Match) -> list[Column]:
    present = {column.code for _, column in match.columns}
    return [column for column in match.form.columns if column.needed and column.code not in present]


def _complete(match: _Match) -> bool:
    return not _missing(match) and len(match.columns) > 1


def _match(form: Form, names: Names, first: int, last: int) -> _Match:
    columns, unknown, width = [], [], 0
    for position, (text, above) in enumerate(names):
        if not text and not above:
            continue
        width = position + 1
        column = form.column(text, above) or (form.column(above) if not text else None)
        if column is None:
            unknown.append(letters_of(position))
        else:
            columns.append((position, column))
    return _Match(form, tuple(columns), first, last, width, tuple(unknown))


def _stacked(upper: RawRow, texts: list[str]) -> Names:
    """Two rows as one header: a merged cell's text stands over all the cells below it."""
    tops = [_text(value) for value in upper.values]
    names: Names = []
    over = ""
    for position in range(max(len(tops), len(texts))):
        top = tops[position] if position < len(tops) else ""
        below = texts[position] if position < len(texts) else ""
        if top:
            over = top
        # A blank cell below belongs to what is merged downwards; a blank one above to what is merged across.
        names.append((below, over) if below else ("", top))
    return names


def _decided(best: _Match, rows: list[RawRow], raw: Iterator[RawRow]) -> Look:
    present = {column.code for _, column in best.columns}
    needed = sum(column.needed for column in best.form.columns)
    missing = _missing(best)
    rest: Iterator[RawRow] = iter(())
    header = None
    refusal: SheetInvalid = SheetInvalid("the header names a column twice")
    if missing:
        named = "、".join(f"{column.title} ({column.code})" for column in missing)
        refusal = ColumnMissing(f"the sheet of form {best.form.name} lacks {named}")
    elif len(present) == len(best.columns):
        last = best.last
        while last + 1 < len(rows) and _says_it_again(rows[last + 1], best):
            last += 1
        places = tuple((position, column.code) for position, column in best.columns)
        header = Header(best.form, places, best.width, best.unknown, tuple(rows[: last + 1]))
        rest = chain(rows[last + 1 :], raw)
    found = len({column.code for column in best.form.columns if column.needed} & present)
    return Look(header, rest, found, needed, refusal)


def _says_it_again(row: RawRow, match: _Match) -> bool:
    columns = dict(match.columns)
    texts = [(position, _text(value)) for position, value in enumerate(row.values)]
    filled = [(position, text) for position, text in texts if text]
    again = sum(
        match.form.column(text) is columns[position] for position, text in filled if position in columns
    )
    return again > 0 and 2 * again >= len(filled)


def _text(cell: Cell) -> str:
    try:
        return text_of(cell) if isinstance(cell, str) else ""
    except (FormulaForbidden, CellError, CellMangled):
        return ""
