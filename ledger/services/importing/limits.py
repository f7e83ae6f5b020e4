"""How much of a file is read, and what a row of it is before anybody knows the columns."""

from dataclasses import dataclass

from ledger.services.importing.cells import Cell

ROW_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """`rows` without the header; bytes of the file, of a ZIP's content, and of its strings (held in memory);
    columns of a row."""

    rows: int = ROW_LIMIT
    file_bytes: int = 256 << 20
    unpacked_bytes: int = 2 << 30
    strings_bytes: int = 128 << 20
    columns: int = 256


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row with its 1-based number, its cells from the first column on, and whether it is hidden.

    `torn`: the file ends within this row.
    """

    number: int
    values: list[Cell]
    hidden: bool = False
    torn: bool = False
