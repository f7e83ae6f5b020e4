"""One logged statement as the folds take it."""

from dataclasses import dataclass

from ledger.domain.fields import Body
from ledger.formats.statement import Reference


@dataclass(frozen=True, slots=True)
class Fact:
    """A logged statement, parsed: its log index, who issued it under which id, and what it says."""

    index: int
    issuer: str
    id: str
    refers: tuple[Reference, ...]
    body: Body
