"""Newline-delimited JSON out of a stream, in bounded memory."""

from collections.abc import Iterable, Iterator

from ledger.errors import BatchLineInvalid, FormatError, TooLarge
from ledger.log.submission import SUBMISSION_LIMIT


def split_lines(chunks: Iterable[bytes], limit: int = SUBMISSION_LIMIT) -> Iterator[bytes]:
    """The lines of a body without their newlines; the last may lack its own.

    Raises `BatchLineInvalid` for a line over `limit` bytes and for an empty one, and whatever `chunks`
    raises, also at its end: who takes lines must take them all before believing any.
    """
    rest = b""
    number = 0
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            number += 1
            yield _checked(line, number, limit)
        if len(rest) > limit:
            raise BatchLineInvalid(number + 1, TooLarge(f"a line has at most {limit} bytes"))
    if rest:
        yield _checked(rest, number + 1, limit)


def _checked(line: bytes, number: int, limit: int) -> bytes:
    if len(line) > limit:
        raise BatchLineInvalid(number, TooLarge(f"a line has at most {limit} bytes"))
    if not line:
        raise BatchLineInvalid(number, FormatError("a line must not be empty"))
    return line
