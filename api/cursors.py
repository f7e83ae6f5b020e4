"""Opaque page cursors: base64url of a small JSON object that says where the next page begins.

A cursor carries no right and no secret: whoever forges one sees what the same request would have shown.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BinasciiError
from collections.abc import Mapping
from typing import Any

from ledger.errors import CursorInvalid, FormatError
from ledger.formats import strictjson

CURSOR_LIMIT = 512
_LARGEST = 2**53 - 1
_HASH = re.compile(r"[0-9a-f]{64}")


def format_cursor(position: Mapping[str, int | str]) -> str:
    """`position` (names to non-negative integers and hex hashes) as a cursor."""
    return urlsafe_b64encode(strictjson.dumps(dict(position))).rstrip(b"=").decode()


def parse_cursor(cursor: str | None, members: Mapping[str, type]) -> dict[str, Any] | None:
    """The position in `cursor`, whose members and types are `members`; None where there is no cursor.

    Raises `CursorInvalid` for anything that `format_cursor` did not make.
    """
    if cursor is None:
        return None
    if not cursor or len(cursor) > CURSOR_LIMIT:
        raise CursorInvalid
    try:
        position = strictjson.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (BinasciiError, ValueError, FormatError):
        raise CursorInvalid from None
    if not isinstance(position, dict) or tuple(position) != tuple(members):
        raise CursorInvalid
    if not all(_holds(position[name], kind) for name, kind in members.items()):
        raise CursorInvalid
    if format_cursor(position) != cursor:
        raise CursorInvalid
    return position


def _holds(value: object, kind: type) -> bool:
    if kind is int:
        return type(value) is int and 0 <= value <= _LARGEST
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
