"""Writing a sheet as XLSX, row by row, in bounded memory.

Every text is a text whatever it begins with: a cell that looks like a formula is marked as one that somebody
typed with a quote before it, so that no spreadsheet computes it, now or after it was edited.
"""

import os
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from ledger.services.importing.cells import Cell, Fault
from ledger.services.importing.sheet_rows import letters_of

_ILLEGAL = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_EPOCH = date(1899, 12, 30)
_NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PLAIN, _QUOTED, _DAY = 0, 1, 2
_MARKED = 3
"""Added to a style: the cell has a problem."""

_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>"
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f"<styleSheet {_NAMESPACE}>"
        '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
        '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill>'
        '<fill><patternFill patternType="solid"><fgColor rgb="FFFFF2A8"/></patternFill></fill></fills>'
        '<borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="6">'
        + "".join(
            f'<xf numFmtId="{form}" fontId="0" fillId="{fill}" borderId="0" xfId="0" applyNumberFormat="1"'
            f' applyFill="1"{quote}/>'
            for fill in (0, 2)
            for form, quote in ((0, ""), (49, ' quotePrefix="1"'), (164, ""))
        )
        + '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
        "</styleSheet>"
    ),
}


class SheetWriter:
    """Rows of one sheet, written as they come."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._row = 0

    def write(self, cells: Sequence[Cell], marked: Collection[int] = ()) -> None:
        """Add a row; `marked` are the positions of cells that have a problem."""
        self._row += 1
        parts = [f'<row r="{self._row}">']
        for position, cell in enumerate(cells):
            if cell is not None and cell != "":
                parts.append(self._cell(position, cell, _MARKED if position in marked else 0))
            elif position in marked:
                parts.append(f'<c r="{letters_of(position)}{self._row}" s="{_MARKED}"/>')
        parts.append("</row>")
        self._file.write("".join(parts).encode())

    def _cell(self, position: int, cell: Cell, mark: int) -> str:
        place = f'<c r="{letters_of(position)}{self._row}" s="'
        if isinstance(cell, Fault):
            # An error as well, where a formula stood: what is written must not pass for what was meant.
            return f'{place}{_PLAIN + mark}" t="e"><v>#N/A</v></c>'
        if isinstance(cell, bool):
            return f'{place}{_PLAIN + mark}" t="b"><v>{int(cell)}</v></c>'
        if isinstance(cell, int | float):
            return f'{place}{_PLAIN + mark}"><v>{cell!r}</v></c>'
        if isinstance(cell, date):
            day = cell.date() if isinstance(cell, datetime) else cell
            return f'{place}{_DAY + mark}"><v>{(day - _EPOCH).days}</v></c>'
        assert isinstance(cell, str)
        style = _QUOTED if looks_computed(cell) else _PLAIN
        text = f'<is><t xml:space="preserve">{_escaped(cell)}</t></is>'
        return f'{place}{style + mark}" t="inlineStr">{text}</c>'


def looks_computed(text: str) -> bool:
    """Whether a spreadsheet might compute what it reads as a text from a file without types."""
    return text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@contextmanager
def new_sheet(path: Path, name: str, frozen_rows: int, widths: Iterable[int]) -> Iterator[SheetWriter]:
    """Write a workbook with one sheet to `path`, whole or not at all, readable by its owner only.

    `frozen_rows` stay in sight; `widths` of the first columns in characters. Raises `OSError`.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for part, content in _PARTS.items():
                    archive.writestr(part, _HEAD + content)
                archive.writestr("xl/workbook.xml", _HEAD + _workbook(name))
                with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
                    sheet.write((_HEAD + _sheet_head(frozen_rows, widths)).encode())
                    yield SheetWriter(sheet)
                    sheet.write(b"</sheetData></worksheet>")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _workbook(name: str) -> str:
    return (
        f'<workbook {_NAMESPACE} xmlns:r="{_RELATIONS}"><sheets>'
        f'<sheet name={quoteattr(name)} sheetId="1" r:id="rId1"/></sheets></workbook>'
    )


def _sheet_head(frozen_rows: int, widths: Iterable[int]) -> str:
    columns = "".join(
        f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>' for at, width in enumerate(widths, 1)
    )
    pane = (
        f'<sheetViews><sheetView workbookViewId="0"><pane ySplit="{frozen_rows}"'
        f' topLeftCell="A{frozen_rows + 1}" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        if frozen_rows
        else ""
    )
    cols = f"<cols>{columns}</cols>" if columns else ""
    return f"<worksheet {_NAMESPACE}>{pane}{cols}<sheetData>"


def _escaped(text: str) -> str:
    text = _LOOKS_ESCAPED.sub("_x005F_", text)
    return escape(_ILLEGAL.sub(lambda match: f"_x{ord(match[0]):04X}_", text))
