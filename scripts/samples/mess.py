"""What real sheets look like: several forms of one date, full-width digits, stray spaces."""

import random
from datetime import date, datetime

_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")

Cell = str | int | float | datetime | None


def date_cell(random_: random.Random, day: date | None, *, excel: bool) -> Cell:
    """The day in one of the forms that departments send; `excel` allows an Excel date."""
    if day is None:
        return None
    forms: list[Cell] = [
        f"{day:%Y-%m-%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day:%Y%m%d}",
        datetime(day.year, day.month, day.day) if excel else f"{day:%Y-%m-%d}",
    ]
    return random_.choices(forms, weights=(6, 5, 3, 4))[0]


def code_cell(random_: random.Random, code: str) -> str:
    """A code as somebody typed it: mostly right, sometimes in full-width digits or with spaces round it."""
    draw = random_.random()
    if draw < 0.01:
        return code.translate(_FULL_WIDTH)
    if draw < 0.03:
        return f" {code} "
    return f"{code}　" if draw < 0.035 else code


def text_cell(random_: random.Random, text: str) -> str:
    """A text as somebody pasted it: sometimes with a space or a line end that does not belong there."""
    draw = random_.random()
    if draw < 0.02:
        return f" {text}"
    return f"{text} " if draw < 0.04 else text
