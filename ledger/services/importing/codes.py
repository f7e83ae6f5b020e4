"""The catalogue's codes that rows name, as the log knows them: from a catalogue, or from the service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.catalog import Catalogue
from ledger.errors import AnswerInvalid


@dataclass(frozen=True, slots=True)
class SheetCodes:
    """Lists and matters by code and by Chinese name, and the codes of measures, of one edition."""

    edition: str
    lists: Mapping[str, str]
    matters: Mapping[str, str]
    measures: frozenset[str]

    @classmethod
    def of(cls, catalogue: Catalogue) -> "SheetCodes":
        """The codes of a catalogue."""
        lists = {row.name: row.code for row in catalogue.lists.values()}
        matters = {row.name: row.code for row in catalogue.matters.values()}
        return cls(
            catalogue.edition,
            lists | {code: code for code in catalogue.lists},
            matters | {code: code for code in catalogue.matters},
            frozenset(catalogue.measures),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "edition": self.edition,
            "lists": dict(self.lists),
            "matters": dict(self.matters),
            "measures": sorted(self.measures),
        }

    @classmethod
    def from_json(cls, document: Any) -> "SheetCodes":
        """Raises `AnswerInvalid`."""
        try:
            return cls(
                str(document["edition"]),
                {str(name): str(code) for name, code in document["lists"].items()},
                {str(name): str(code) for name, code in document["matters"].items()},
                frozenset(map(str, document["measures"])),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise AnswerInvalid("the service's answer about the catalogue's codes is not in form") from error
