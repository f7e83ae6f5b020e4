"""What a column and a form of sheet are, and how a header's cells are recognised.

A header cell may hold the column's code, the code followed by anything, or one of its Chinese titles, with
whatever width, spaces, stars and brackets. An amount's column says its unit: a header that names another one
is not taken for it.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

_IGNORED = re.compile(r"[\s_*:()\[\]{}<>【】〔〕《》「」、,，.。;；\"'“”‘’/\\|-]+")
_CODE = re.compile(r"[A-Z]{2}(?:_[A-Z]+)+")
_UNITS = ("万元", "元")
_LONGEST_TITLE = 1_000
"""Characters; what is longer is no title, and is not looked at."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its code, Chinese title, whether the sheet must have it and whether a cell must be filled.

    `other_titles` are further titles that it goes by; `unit` is that of an amount; `says` what stands in its
    cells, for whoever fills them in; `member` is the body's member that the cell becomes; `values` are those
    of a closed list, of which `several` may stand in one cell.
    """

    code: str
    title: str
    needed: bool = True
    filled: bool = False
    other_titles: tuple[str, ...] = ()
    unit: str = ""
    says: str = ""
    member: str = ""
    values: Mapping[str, str] | None = None
    several: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """The values to choose from: of several that mean the same, the first."""
        first: dict[str, str] = {}
        for text, code in (self.values or {}).items():
            first.setdefault(code, text)
        return tuple(first.values())

    @property
    def explained(self) -> str:
        """What stands in the cells: the values, and what is said besides."""
        parts = ["、".join(self.choices)] if self.values else []
        if self.several:
            parts.append("多项以分号隔开")
        return "；".join([*parts, self.says] if self.says else parts)


@dataclass(frozen=True)
class Form:
    """One form of sheet: `name` is `penalty`, `licence`, `list` and so on; `kind` what its rows become."""

    name: str
    zh: str
    kind: str
    prefix: str
    columns: tuple[Column, ...]
    by_header: dict[str, Column] = field(init=False, compare=False)
    by_code: dict[str, Column] = field(init=False, compare=False)
    by_member: dict[str, Column] = field(init=False, compare=False)
    filled: tuple[str, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        headers = {}
        for column in self.columns:
            for title in (column.code, column.title, *column.other_titles):
                headers[header_key(title)] = column
        object.__setattr__(self, "by_header", headers)
        object.__setattr__(self, "by_code", {column.code: column for column in self.columns})
        members = {column.member: column for column in self.columns if column.member}
        object.__setattr__(self, "by_member", members)
        object.__setattr__(self, "filled", tuple(each.code for each in self.columns if each.filled))

    @property
    def codes(self) -> tuple[str, ...]:
        """The column codes in the order of the template: a generator's header row."""
        return tuple(column.code for column in self.columns)

    def column(self, header: str, above: str = "") -> Column | None:
        """The column that a header cell stands for, if any; `above` is the cell over it in a header of two
        rows."""
        if len(header) > _LONGEST_TITLE or len(above) > _LONGEST_TITLE:
            return None
        plain = unicodedata.normalize("NFKC", header).upper()
        key = _IGNORED.sub("", plain)
        if not key:
            return None
        # What belongs to the cell above comes first: a code below 处罚机关 is not the subject's.
        found = self.by_header.get(header_key(above) + key) if above else None
        bare = header_key(plain.partition("(")[0])
        found = found or self.by_header.get(key) or self.by_header.get(header) or self.by_header.get(bare)
        if found is None and (code := _CODE.match(plain.lstrip("* "))):
            found = self.by_code.get(code[0])
        return found if found is not None and _unit_agrees(found, header_key(above) + key) else None


def header_key(title: str) -> str:
    """A title as it is compared: half-width, upper case, without spaces and punctuation."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", title).upper())


def _unit_agrees(column: Column, header: str) -> bool:
    if not column.unit:
        return True
    named = next((unit for unit in _UNITS if unit in header), column.unit)
    return named == column.unit
