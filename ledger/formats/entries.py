"""Entries in a row, as a log hands them to its witnesses: each its length (u32, big-endian) and its bytes."""

from ledger.errors import FormatError
from ledger.formats.envelope import MAX_ENTRY

MEDIA_TYPE = "application/vnd.xinzheng.entries"

MAX_PIECE = 4 << 20
"""Bytes after which no further entry follows in one answer."""
MAX_ANSWER = MAX_PIECE + MAX_ENTRY + 4
"""Most bytes of one answer."""

_LENGTH = 4


def format_entry(entry: bytes) -> bytes:
    """One entry with its length before it."""
    return len(entry).to_bytes(_LENGTH, "big") + entry


def parse_entries(data: bytes) -> list[bytes]:
    """The entries, at least one. Raises `FormatError` for any other bytes."""
    entries, at = [], 0
    while at < len(data):
        start = at + _LENGTH
        at = start + int.from_bytes(data[at:start], "big")
        if not start < at <= min(len(data), start + MAX_ENTRY):
            raise FormatError("an entry is cut off, empty, or longer than an entry may be")
        entries.append(data[start:at])
    if not entries:
        raise FormatError("at least one entry is expected")
    return entries
