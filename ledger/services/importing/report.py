"""What became of a sheet, row by row."""

from dataclasses import dataclass, field

from ledger.services.importing.reading import SheetSeen
from ledger.services.importing.row_reader import RowProblem

KEPT_PROBLEMS = 200_000
"""Problems that are kept: beyond, rows are only counted."""


@dataclass(slots=True)
class ImportReport:
    """What became of a sheet, or in a dry run would.

    `accepted`: rows the log took; `already`: rows it had before; `conflicting`: rows that contradict a record
    in the log; `refused`: all others that were not taken. Every row that was not taken is in `problems`, with
    one line per problem. `sent` is False for a dry run, and where nothing was sent because of a bad row.
    """

    form: str = ""
    rows: int = 0
    accepted: int = 0
    already: int = 0
    refused: int = 0
    conflicting: int = 0
    corrected: int = 0
    sent: bool = False
    seen: SheetSeen = field(default_factory=SheetSeen)
    problems: list[RowProblem] = field(default_factory=list)
    unlisted: int = 0
    receipts: list[bytes] = field(default_factory=list)

    def refuse(self, problems: list[RowProblem], conflicting: bool = False) -> None:
        """Note a row that is not taken, with its problems."""
        if conflicting:
            self.conflicting += 1
        else:
            self.refused += 1
        room = max(0, KEPT_PROBLEMS - len(self.problems))
        self.problems.extend(problems[:room])
        self.unlisted += len(problems[room:])

    @property
    def bad(self) -> int:
        """How many rows were not taken."""
        return self.refused + self.conflicting
