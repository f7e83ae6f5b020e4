"""Statements that select by a list of values: a few lengths of list, filled up with NULL, so that each is
prepared once whatever the length."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

_LENGTHS = (1, 4, 16, 64, 500)
_MOST = _LENGTHS[-1]
_NONE = (None,) * _MOST

LIST = "LIST"
"""What stands in a statement for the marks of the list."""


class ListStatement:
    """A statement with `LIST` in it; further parameters, if any, come after the list's."""

    def __init__(self, text: str) -> None:
        self._texts = {length: text.replace(LIST, ", ".join("?" * length)) for length in _LENGTHS}

    def pieces(self, values: Sequence[Any], *further: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Statements and parameters that together cover the values."""
        for at in range(0, len(values), _MOST):
            piece = values[at : at + _MOST]
            length = _LENGTHS[bisect_left(_LENGTHS, len(piece))]
            yield self._texts[length], (*piece, *_NONE[: length - len(piece)], *further)
