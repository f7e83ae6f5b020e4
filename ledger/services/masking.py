"""What each reader sees of a person's name and number: the one table, and the one function that applies it.

    show_person(details, "subject").name        # '张三'
    show_person(details, "auditor").name        # '张**'
    show_person(details, "auditor").number      # '3205**********1234'

Everything else that the services answer holds no name at all, and a number only masked (`ShownSubject`);
`subject` is the person's own view, at a window that identified the person.
"""

from dataclasses import dataclass
from typing import Literal

from ledger.domain import PersonDetails

Reader = Literal["subject", "auditor", "operator", "officer", "publisher", "partner"]
Sight = Literal["clear", "masked", "nothing"]

SIGHT: dict[Reader, Sight] = {
    "subject": "clear",
    "auditor": "masked",
    "operator": "masked",
    "officer": "masked",
    "publisher": "masked",
    "partner": "nothing",
}
_KEPT = 4


@dataclass(frozen=True, slots=True)
class ShownPerson:
    """A person as shown to a reader; None is what the reader does not see."""

    name: str | None
    document_type: str | None
    number: str | None


def show_person(details: PersonDetails, reader: Reader) -> ShownPerson:
    """A person's details as `reader` may see them."""
    sight = SIGHT[reader]
    number = details.document_number
    if sight == "nothing":
        return ShownPerson(None, None, None)
    if sight == "masked":
        return ShownPerson(
            mask_name(details.name), details.document_type, None if number is None else mask_number(number)
        )
    return ShownPerson(details.name, details.document_type, number)


def mask_name(name: str) -> str:
    """The first character and two stars, however long the name is."""
    return f"{name[:1]}**"


def mask_number(number: str) -> str:
    """All but the first and last four characters hidden; of a short number all."""
    hidden = len(number) - 2 * _KEPT
    if hidden < _KEPT:
        return "*" * len(number)
    return number[:_KEPT] + "*" * hidden + number[-_KEPT:]
